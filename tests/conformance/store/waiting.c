/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - PENDING: calls repeated, woken too often, given up, closed meanwhile. */
#include "kit.h"

/* Calls `expression` (which names `held`) `waits` times at most, then ends it, PENDING or not. */
#define GIVE_UP(f, waits, expression)                                 \
  ({                                                                  \
    struct ptn_call held = CALL (f);                                  \
    ptn_status give_up_ = PTN_PENDING;                                \
    fixture_call ((f), #expression, __FILE__, __LINE__);              \
    for (int i_ = 0; i_ < (waits) && give_up_ == PTN_PENDING; i_++) { \
      if (i_)                                                         \
        harness_wait ((f)->task);                                     \
      give_up_ = (expression);                                        \
    }                                                                 \
    END (f, held);                                                    \
    give_up_;                                                         \
  })

static struct ptn_source *
slow_source (void) {
  return harness_source_new ("0123456789\r\n", 12, 3, true); /* PENDING before each piece */
}

RULE (slow_sources, "pending.source",
      "A source that is PENDING before each piece is pulled to its "
      "end",
      "stream.h: read may be PTN_PENDING; base.h, Waiting", 0, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  struct ptn_delivered result = { 0 };
  must_do (deliver_many (f, slow_source (), 0, &target, 1, &result), "deliver");
  must_do (result.status, "the result of deliver");
  must_have_text (f, "INBOX", result.uid, "0123456789\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = slow_source ();
  struct ptn_append append = { .size = sizeof append, .source = source };
  must_do (DO (f, f->store->append (change, &call, &id, &append)), "append");
  source_close (source);
  commit (f, change);
  f->store->end (change);
  must_have_text (f, "INBOX", 2, "0123456789\r\n");
}

RULE (called_too_often, "pending.called-too-often",
      "A call that is PENDING may be made again at any "
      "time: nothing happens twice",
      "base.h: \"Any wake may call a step once too often\"", 0, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  for (unsigned i = 0; i < 3; i++) {
    struct ptn_source *source = i ? source_of (f, "x\r\n", 3) : slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_delivered result = { 0 };
    struct ptn_call held = CALL (f);
    ptn_status status;
    check_call ("deliver, again and again without waiting", __FILE__, __LINE__);
    do
      status = f->store->deliver (f->instance, &held, &append, &target, 1, &result);
    while (status == PTN_PENDING);
    END (f, held);
    source_close (source);
    must_do (status, "deliver, called again and again");
    must_do (result.status, "its result");
    must_be (status_of (f, "INBOX").messages, i + 1, "messages");
  }
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  must_do (DO (f, f->store->expunge (change, &call, &id, UID (1), 0)), "expunge");
  append_text (f, change, "INBOX", "y\r\n");
  struct ptn_call held = CALL (f);
  ptn_status status;
  check_call ("commit, again and again without waiting", __FILE__, __LINE__);
  while ((status = f->store->commit (change, &held)) == PTN_PENDING)
    ;
  END (f, held);
  must_do (status, "commit, called again and again");
  f->store->end (change);
  must_have_uids (f, "INBOX", "2 3 4");
}

RULE (woken_too_often, "pending.woken-too-often", "Wakes for another reason do no harm",
      "base.h: \"Any wake may call a step once too often\"; host.h, waker", 0, 0) {
  for (unsigned i = 1; i <= 5; i++) {
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    const struct ptn_target target = TARGET (ANN, "INBOX");
    struct ptn_delivered result = { 0 };
    struct ptn_call held = CALL (f);
    ptn_status status;
    check_call ("deliver, woken before each wait", __FILE__, __LINE__);
    while ((status = f->store->deliver (f->instance, &held, &append, &target, 1, &result))
           == PTN_PENDING) {
      f->host->wake (f->host->waker (f->task)); /* of whoever */
      harness_wait (f->task);
    }
    END (f, held);
    source_close (source);
    must_do (status, "deliver");
    must_do (result.status, "its result");
    must_be (status_of (f, "INBOX").messages, i, "messages");
  }
}

RULE (no_wake_lost, "pending.wake", "Whoever returns PENDING wakes the task: no wake is lost",
      "base.h: \"Whoever returns PENDING has armed the task\"", 0, 0) {
  make (f, "to");
  for (uint32_t i = 1; i <= 50; i++) {
    uint32_t uid = deliver (f, ANN, "INBOX", "x\r\n");
    set_flags (f, "INBOX", UID (uid), PTN_FLAGS_ADD, PTN_SEEN);
    must_have_text (f, "INBOX", uid, "x\r\n");
    copy_to (f, "INBOX", UID (uid), "to", i % 2);
    quota_of (f);
    must_list (f, "*", "INBOX to");
  }
  must_be (status_of (f, "to").messages, 50, "messages of the destination");
}

RULE (
    cancel_set, "pending.cancel-is-set",
    "A callee that keeps state and returns PENDING sets cancel, "
    "and clears it when it is done",
    "base.h, struct ptn_call: \"a callee sets `cancel` when it returns PENDING and clears it when "
    "it is done\"",
    0, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  for (int i = 0; i < 10; i++) {
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_delivered result = { 0 };
    struct ptn_call held = CALL (f);
    ptn_status status;
    check_call ("deliver of a slow source", __FILE__, __LINE__);
    while ((status = f->store->deliver (f->instance, &held, &append, &target, 1, &result))
           == PTN_PENDING) {
      must (!held.state || held.cancel, "deliver returned PENDING with call->state set and "
                                        "call->cancel NULL: given up now, the state would be lost");
      must (held.task == f->task, "deliver changed call->task");
      harness_wait (f->task);
    }
    must_do (status, "deliver");
    must (!held.cancel, "deliver is done and has left call->cancel set: call_end would cancel what "
                        "has happened");
    END (f, held);
    source_close (source);
  }
}

RULE (deliver_given_up, "cancel.deliver",
      "A delivery given up at any wait happens whole or not at all",
      "base.h: \"A commit that is cancelled while PENDING may happen or not, never half\"", 0, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  for (int waits = 1; waits < 8; waits++) {
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    struct ptn_delivered result = { 0 };
    GIVE_UP (f, waits, f->store->deliver (f->instance, &held, &append, &target, 1, &result));
    source_close (source);
  }
  deliver (f, ANN, "INBOX", "whole\r\n"); /* behind those that may still happen */
  uint32_t before = status_of (f, "INBOX").messages;
  deliver (f, ANN, "INBOX", "whole\r\n");
  must_be (status_of (f, "INBOX").messages, before + 1, "messages after one more delivery");
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", NO_UIDS, 0);
  for (guint i = 0; i < rows->len; i++) {
    g_autofree char *text = text_of (f, "INBOX", ROW (rows, i)->uid);
    must (strcmp (text, "0123456789\r\n") == 0 || strcmp (text, "whole\r\n") == 0,
          "a delivery that was given up left the message \"%s\", which is half of it", text);
  }
}

RULE (append_given_up, "cancel.append",
      "An append given up at any wait leaves nothing, when its change "
      "is ended",
      "base.h, Closing; store.h, end", 0, 0) {
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  for (int waits = 1; waits < 6; waits++) {
    struct ptn_change *change = begin (f, NULL);
    struct ptn_source *source = slow_source ();
    struct ptn_append append = { .size = sizeof append, .source = source };
    GIVE_UP (f, waits, f->store->append (change, &held, &id, &append));
    source_close (source);
    f->store->end (change);
  }
  must_be (status_of (f, "INBOX").messages, 0, "messages after appends that were given up");
  must_be (quota_of (f).storage_used, 0, "storage_used after appends that were given up");
}

RULE (commit_given_up, "cancel.commit",
      "A commit given up while PENDING happens whole or not at all",
      "base.h: \"may happen or not, never half\"", 0, 0) {
  make (f, "INBOX");
  for (int i = 0; i < 20; i++) {
    struct ptn_change *change = begin (f, NULL);
    append_text (f, change, "INBOX", "a\r\n");
    append_text (f, change, "INBOX", "b\r\n");
    ptn_status status = GIVE_UP (f, 1 + i % 3, f->store->commit (change, &held));
    must (status == PTN_OK || status == PTN_PENDING, "commit gives %s", status_name (status));
    f->store->end (change);
  }
  deliver (f, ANN, "INBOX", "c\r\n"); /* behind all of them */
  must (status_of (f, "INBOX").messages % 2 == 1,
        "of commits with two appends each, one has happened half");
}

RULE (closed_after_commit, "cancel.close-account",
      "An account may be closed right after a commit was "
      "given up",
      "base.h: \"close, end and finish are legal at any time, also while PENDING\"", 0, 0) {
  make (f, "INBOX");
  for (int i = 0; i < 10; i++) {
    struct ptn_account *before = account_switch (f, ANN);
    struct ptn_change *change = begin (f, NULL);
    append_text (f, change, "INBOX", "a\r\n");
    GIVE_UP (f, 1, f->store->commit (change, &held));
    f->store->end (change);
    account_back (f, before);
  }
  deliver (f, ANN, "INBOX", "c\r\n");
  must (status_of (f, "INBOX").messages >= 1, "the delivery after that is missing");
}

RULE (others_given_up, "cancel.reads", "status, view, quota, list, fetch and read may be given up",
      "base.h, Closing", 0, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  for (int i = 0; i < 20; i++) {
    const struct ptn_mailbox *row;
    const struct ptn_view *view = NULL;
    const struct ptn_quota *quota;
    struct ptn_cursor *cursor = NULL;
    struct ptn_source *source = NULL;
    GIVE_UP (f, 1, f->store->status (f->account, &held, NAME ("INBOX"), &row));
    if (GIVE_UP (f, 1, f->store->view (f->account, &held, &id, &view)) == PTN_OK)
      f->store->release_view (view);
    GIVE_UP (f, 1, f->store->quota (f->account, &held, &quota));
    if (GIVE_UP (f, 1, f->store->list (f->account, &held, "*", &cursor)) == PTN_OK)
      f->store->close_cursor (cursor);
    if (GIVE_UP (f, 1, f->store->read (f->account, &held, &id, 1, 0, UINT64_MAX, &source))
        == PTN_OK) {
      struct ptn_chunk chunk = { .fd = -1 };
      if (source->ops->read (source, f->task, 10, &chunk) == PTN_OK && chunk.release)
        chunk.release (chunk.owner);
      source_close (source); /* perhaps while PENDING */
    }
  }
  must_have_text (f, "INBOX", 1, "x\r\n");
}

RULE (cursor_given_up, "cancel.cursor", "A cursor may be closed while next is PENDING",
      "store.h: \"A cursor may be closed early; that also cancels a pending read\"", 0, 0) {
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
  for (int i = 0; i < 10; i++) {
    struct ptn_cursor *cursor = NULL;
    const struct ptn_message *rows[2];
    size_t count;
    must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch");
    struct ptn_call held = CALL (f);
    f->store->next_messages (cursor, &held, rows, 2, &count);
    if (i % 2)
      f->store->close_cursor (cursor); /* both orders are legal */
    END (f, held);
    if (i % 2 == 0)
      f->store->close_cursor (cursor);
  }
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", NO_UIDS, 0);
  must_be (rows->len, 5, "the rows of a fetch after that");
}

RULE (mailboxes_given_up, "cancel.mailboxes",
      "create, rename, remove and set_quota given up happen "
      "whole or not at all",
      "base.h, Closing", 0, 0) {
  for (int i = 0; i < 6; i++) {
    g_autofree char *old = g_strdup_printf ("a%d/b", i), *new = g_strdup_printf ("x%d", i);
    g_autofree char *parent = g_strdup_printf ("a%d", i), *child = g_strdup_printf ("x%d/b", i);
    const struct ptn_quota limits = { .size = sizeof limits,
                                      .storage_limit = 100000,
                                      .messages_limit = 1000 };
    GIVE_UP (f, 1, f->store->create (f->account, &held, NAME (old), 0));
    ptn_status status = create (f, old);
    must (status == PTN_OK || status == PTN_E_EXISTS, "create after one that was given up gives %s",
          status_name (status));
    GIVE_UP (f, 1, f->store->rename (f->account, &held, NAME (parent), NAME (new)));
    make (f, i % 2 ? "order1" : "order2"); /* behind it */
    must (exists (f, old) != exists (f, child),
          "a rename that was given up: \"%s\" and \"%s\" are "
          "both there, or both gone",
          old, child);
    GIVE_UP (f, 1, f->store->set_quota (f->account, &held, &limits));
    must_do (drop (f, i % 2 ? "order1" : "order2"), "remove");
  }
}

/* Each as far as the store has it. */
RULE (later_given_up, "cancel.sharing",
      "Calls about rights, special uses, recents and what vanished may be given up",
      "base.h, Closing", PTN_STORE_ACL, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "y\r\n");
  expunge (f, "INBOX", UID (1));
  struct ptn_id id = id_of (f, "INBOX");
  for (int i = 0; i < 20; i++) {
    const struct ptn_rights *rows;
    struct ptn_uid_set gone;
    struct ptn_cursor *cursor = NULL;
    uint32_t first;
    size_t count;
    if (CAN (f, rights))
      GIVE_UP (f, 1, f->store->rights (f->account, &held, &id, &rows, &count));
    if (CAN (f, set_rights))
      GIVE_UP (f, 1, f->store->set_rights (f->account, &held, &id, BOB, i % 2 ? "lr" : ""));
    if (CAN (f, set_attributes))
      GIVE_UP (f, 1,
               f->store->set_attributes (f->account, &held, &id, i % 2 ? PTN_MAILBOX_SENT : 0));
    if (CAN (f, vanished))
      GIVE_UP (f, 1, f->store->vanished (f->account, &held, &id, 0, NULL, &gone));
    if (CAN (f, claim_recent))
      GIVE_UP (f, 1, f->store->claim_recent (f->account, &held, &id, &first));
    if (CAN (f, list_others)
        && GIVE_UP (f, 1, f->store->list_others (f->account, &held, NULL, "*", &cursor)) == PTN_OK)
      f->store->close_cursor (cursor);
  }
  must_have_text (f, "INBOX", 2, "y\r\n");
}

RULE (call_again, "cancel.call-reused",
      "A ptn_call may be used again after call_end, given up or not",
      "host.h, call_end: \"so that the ptn_call may be used again\"", 0, 0) {
  const struct ptn_mailbox *row = NULL;
  struct ptn_call held = CALL (f);
  make (f, "a");
  for (int i = 0; i < 20; i++) {
    f->store->status (f->account, &held, NAME ("a"), &row);
    END (f, held);
    must_do (HELD (f, f->store->status (f->account, &held, NAME ("a"), &row)), "status");
    must_read (row->name.path, "a", "the path");
    END (f, held);
    END (f, held); /* harmless when unused */
  }
}

RULE (task_cancelled, "cancel.task",
      "In a cancelled task calls come to an end, with PTN_E_CANCELLED or "
      "as always",
      "host.h, cancelled; base.h, PTN_E_CANCELLED", 0, 0) {
  const struct ptn_target target = TARGET (ANN, "INBOX");
  deliver (f, ANN, "INBOX", "x\r\n");
  harness_cancel (f->task);
  for (int i = 0; i < 5; i++) {
    struct ptn_delivered result = { 0 };
    struct ptn_mailbox row;
    ptn_status status = deliver_many (f, slow_source (), 0, &target, 1, &result);
    must (status == PTN_OK || status == PTN_E_CANCELLED, "deliver in a cancelled task gives %s",
          status_name (status));
    status = status_try (f, NAME ("INBOX"), &row);
    must (status == PTN_OK || status == PTN_E_CANCELLED, "status in a cancelled task gives %s",
          status_name (status));
  }
}

RULES (pending, &slow_sources_rule, &called_too_often_rule, &woken_too_often_rule,
       &no_wake_lost_rule, &cancel_set_rule);
RULES (cancel, &deliver_given_up_rule, &append_given_up_rule, &commit_given_up_rule,
       &closed_after_commit_rule, &others_given_up_rule, &cursor_given_up_rule,
       &mailboxes_given_up_rule, &later_given_up_rule, &call_again_rule, &task_cancelled_rule);
