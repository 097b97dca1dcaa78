/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - what a store publishes: another task subscribes and is told. */
#include "kit.h"

#define NEEDS PTN_STORE_EVENTS

struct watch {
  struct ptn_task *task;
  struct ptn_subscription *subscription;
};

static struct watch
watch (struct fixture *f, const char *account, const struct ptn_id *mailbox) {
  struct watch watch = { harness_task_new (f->harness), NULL };
  must_do (f->host->subscribe (watch.task, account, mailbox, UINT32_MAX, &watch.subscription),
           "subscribe to the events of %s", account);
  return watch;
}

static void
unwatch (struct fixture *f, struct watch *watch) {
  f->host->unsubscribe (watch->subscription);
  harness_task_free (&watch->task);
}

/* The kinds that were told of a mailbox (NULL: of the account as a whole) since the last look, and
 * the modseq. */
static uint32_t
told (struct fixture *f, struct watch *watch, const struct ptn_id *mailbox, uint64_t *modseq) {
  static const struct ptn_id zero;
  struct ptn_happening rows[16];
  size_t count = 0;
  uint32_t kinds = 0;
  while (f->host->occurred (watch->subscription, rows, G_N_ELEMENTS (rows), &count) == PTN_OK)
    for (size_t i = 0; i < count; i++)
      if (same_id (&rows[i].mailbox, mailbox ? mailbox : &zero)) {
        kinds |= rows[i].kinds;
        if (modseq)
          *modseq = rows[i].modseq;
      }
  return kinds;
}

/* After the call that made the change has returned, the event must be there. */
static void
must_tell (struct fixture *f, struct watch *watch, const struct ptn_id *mailbox, uint32_t wanted,
           const char *what) {
  uint32_t kinds = told (f, watch, mailbox, NULL);
  must ((kinds & wanted) == wanted,
        "%s was acknowledged, and no event of its kind was published: told were the kinds 0x%x of "
        "%s, must be 0x%x (event.h)",
        what, kinds, mailbox ? "the mailbox" : "the account", wanted);
}

RULE (new_message, "event.message",
      "Deliveries, appends, copies, flags and expunges are told, with the "
      "modseq",
      "event.h; store.h, PTN_STORE_EVENTS", NEEDS, 0) {
  uint64_t modseq = 0;
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_id id = id_of (f, "INBOX"), to = id_of (f, "to");
  struct watch w = watch (f, ANN, NULL);
  deliver (f, ANN, "INBOX", "y\r\n");
  uint32_t kinds = told (f, &w, &id, &modseq);
  must (kinds & PTN_MESSAGE_NEW,
        "a delivery was not told as PTN_MESSAGE_NEW: told were the kinds "
        "0x%x",
        kinds);
  must (modseq == 0 || modseq == status_of (f, "INBOX").highest_modseq,
        "the modseq in the event of a delivery is %llu, the mailbox has %llu",
        (unsigned long long)modseq, (unsigned long long)status_of (f, "INBOX").highest_modseq);
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "z\r\n");
  commit (f, change);
  f->store->end (change);
  must_tell (f, &w, &id, PTN_MESSAGE_APPEND, "an append");
  copy_to (f, "INBOX", UID (1), "to", 0);
  must_tell (f, &w, &to, PTN_MESSAGE_APPEND, "a copy");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  must_tell (f, &w, &id, PTN_FLAGS_CHANGE, "a change of flags");
  expunge (f, "INBOX", UID (1));
  must_tell (f, &w, &id, PTN_MESSAGE_EXPUNGE, "an expunge");
  copy_to (f, "INBOX", UID (2), "to", 1);
  must_tell (f, &w, &id, PTN_MESSAGE_EXPUNGE, "a move, where it left");
  unwatch (f, &w);
}

RULE (moved_event, "event.move", "A move is told where it went", "event.h, PTN_MESSAGE_APPEND",
      NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_id to = id_of (f, "to");
  struct watch w = watch (f, ANN, NULL);
  copy_to (f, "INBOX", UID (1), "to", 1);
  must_tell (f, &w, &to, PTN_MESSAGE_APPEND, "a move, where it went");
  unwatch (f, &w);
}

RULE (mailbox_events, "event.mailbox", "create, rename, remove and subscribe are told",
      "event.h, PTN_MAILBOX_*", NEEDS, 0) {
  struct watch w = watch (f, ANN, NULL);
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  must_tell (f, &w, &id, PTN_MAILBOX_CREATE, "create");
  must_do (subscribe (f, "a", 1), "subscribe");
  must_tell (f, &w, &id, PTN_MAILBOX_SUBSCRIBE, "subscribe");
  must_do (rename_to (f, "a", "b"), "rename");
  must_tell (f, &w, &id, PTN_MAILBOX_RENAME, "rename");
  must_do (drop (f, "b"), "remove");
  must_tell (f, &w, &id, PTN_MAILBOX_DELETE, "remove");
  deliver (f, ANN, "c", "x\r\n");
  struct ptn_id made = id_of (f, "c");
  must_tell (f, &w, &made, PTN_MAILBOX_CREATE, "a delivery that made its mailbox");
  unwatch (f, &w);
}

RULE (quota_event, "event.quota", "set_quota is told of the account", "event.h, PTN_QUOTA_CHANGE",
      NEEDS | PTN_STORE_QUOTA, 0) {
  struct watch w = watch (f, ANN, NULL);
  must_do (set_quota (f, 1000, 10), "set_quota");
  must_tell (f, &w, NULL, PTN_QUOTA_CHANGE, "set_quota");
  unwatch (f, &w);
}

RULE (rights_event, "event.rights", "set_rights is told of the mailbox", "event.h, PTN_ACL_CHANGE",
      NEEDS | PTN_STORE_ACL, 0) {
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  struct watch w = watch (f, ANN, NULL);
  allow (f, "a", BOB, "lr");
  must_tell (f, &w, &id, PTN_ACL_CHANGE, "set_rights");
  unwatch (f, &w);
}

RULE (annotation_event, "event.annotation", "Annotations of messages, mailbox and account are told",
      "event.h, PTN_ANNOTATION_CHANGE", NEEDS | PTN_STORE_ANNOTATIONS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct watch w = watch (f, ANN, NULL);
  annotate (f, "INBOX", UID (1), "/a", "x");
  must_tell (f, &w, &id, PTN_ANNOTATION_CHANGE, "an annotation of a message");
  annotate (f, "INBOX", NO_UIDS, "/a", "x");
  must_tell (f, &w, &id, PTN_ANNOTATION_CHANGE, "an annotation of a mailbox");
  annotate (f, NULL, NO_UIDS, "/a", "x");
  must_tell (f, &w, NULL, PTN_ANNOTATION_CHANGE, "an annotation of the account");
  unwatch (f, &w);
}

RULE (special_event, "event.special-use", "A change of special uses is told",
      "event.h, PTN_ANNOTATION_CHANGE: \"a mailbox (special uses too)\"",
      NEEDS | PTN_STORE_SPECIAL_USE, 0) {
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  struct watch w = watch (f, ANN, NULL);
  must_do (DO (f, f->store->set_attributes (f->account, &call, &id, PTN_MAILBOX_SENT)),
           "set_attributes");
  must_tell (f, &w, &id, PTN_ANNOTATION_CHANGE, "set_attributes");
  unwatch (f, &w);
}

RULE (account_event, "event.account", "remove_account is told to the sessions of the account",
      "event.h, PTN_ACCOUNT_CLOSE", NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct watch w = watch (f, ANN, NULL);
  must_do (DO (f, f->store->remove_account (f->instance, &call, ANN)), "remove_account");
  must_tell (f, &w, NULL, PTN_ACCOUNT_CLOSE, "remove_account");
  unwatch (f, &w);
}

RULE (event_readable, "event.readable", "When an event is told, the change can be read",
      "event.h: \"publishes an event when the change is durable and can be read\"", NEEDS, 0) {
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct watch w = watch (f, ANN, &id);
  for (uint32_t i = 1; i <= 20; i++) {
    uint64_t modseq = 0;
    deliver (f, BOB, "INBOX", "x\r\n");
    deliver (f, ANN, "INBOX", "x\r\n");
    while (!(told (f, &w, &id, &modseq) & PTN_MESSAGE_NEW))
      harness_wait (w.task);
    must (status_of (f, "INBOX").highest_modseq >= modseq,
          "the event says modseq %llu, the mailbox "
          "has %llu",
          (unsigned long long)modseq, (unsigned long long)status_of (f, "INBOX").highest_modseq);
    must_be (status_of (f, "INBOX").messages, i, "messages after the event of delivery %u", i);
  }
  unwatch (f, &w);
}

RULE (inbox_renamed, "event.rename-inbox",
      "A rename of INBOX is told where messages left and where they "
      "went",
      "event.h; store.h, rename: \"of INBOX: its messages move\"", NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id inbox = id_of (f, "INBOX");
  struct watch w = watch (f, ANN, NULL);
  must_do (rename_to (f, "INBOX", "old"), "rename of INBOX");
  struct ptn_id old = id_of (f, "old");
  struct ptn_happening rows[16];
  size_t count = 0;
  uint32_t kinds[2] = { 0 };
  while (f->host->occurred (w.subscription, rows, G_N_ELEMENTS (rows), &count) == PTN_OK)
    for (size_t i = 0; i < count; i++)
      for (int which = 0; which < 2; which++)
        if (same_id (&rows[i].mailbox, which ? &old : &inbox))
          kinds[which] |= rows[i].kinds;
  must (kinds[0] & PTN_MESSAGE_EXPUNGE,
        "told of INBOX were the kinds 0x%x, PTN_MESSAGE_EXPUNGE is "
        "missing",
        kinds[0]);
  must (kinds[1] & PTN_MAILBOX_CREATE,
        "told of the new mailbox were the kinds 0x%x, "
        "PTN_MAILBOX_CREATE is missing",
        kinds[1]);
  unwatch (f, &w);
}

RULE (token_told_once, "event.token", "A change that is repeated with its token is told once",
      "store.h, token: \"it is applied once\"; event.h: \"something changed\"", NEEDS, 0) {
  const struct ptn_id token = { { 4, 5, 6 } };
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct watch w = watch (f, ANN, NULL);
  for (int i = 0; i < 2; i++) {
    struct ptn_change *change = begin (f, &token);
    must_do (flags_step (f, change, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_FLAGGED, UINT64_MAX),
             "set_flags");
    commit (f, change);
    f->store->end (change);
    if (!i)
      must_tell (f, &w, &id, PTN_FLAGS_CHANGE, "set_flags");
  }
  must_be (told (f, &w, &id, NULL), 0, "the kinds told after a change was repeated");
  unwatch (f, &w);
}

RULE (origin, "event.origin", "The task that makes a change is its origin, and is not told",
      "event.h, struct ptn_event: origin", NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct watch own = { f->task, NULL }, other = watch (f, ANN, NULL);
  must_do (f->host->subscribe (f->task, ANN, &id, UINT32_MAX, &own.subscription), "subscribe");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  must_be (told (f, &own, &id, NULL), 0, "the kinds that the task was told of its own change");
  must_tell (f, &other, &id, PTN_FLAGS_CHANGE, "set_flags");
  f->host->unsubscribe (own.subscription);
  unwatch (f, &other);
}

RULE (no_event, "event.only-changes",
      "What did not change is not told: reads, refused changes, other "
      "accounts",
      "event.h: \"something changed\"", NEEDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct watch w = watch (f, ANN, NULL);
  must_list (f, "*", "INBOX");
  must_have_text (f, "INBOX", 1, "x\r\n");
  must_give (create (f, "INBOX"), PTN_E_EXISTS, "create of what is there");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  f->store->end (change);
  deliver (f, BOB, "INBOX", "x\r\n");
  uint32_t kinds = told (f, &w, &id, NULL) | told (f, &w, NULL, NULL);
  must_be (kinds, 0, "the kinds told after nothing has changed");
  unwatch (f, &w);
}

RULES (event, &new_message_rule, &moved_event_rule, &mailbox_events_rule, &quota_event_rule,
       &rights_event_rule, &annotation_event_rule, &special_event_rule, &account_event_rule,
       &event_readable_rule, &inbox_renamed_rule, &token_told_once_rule, &origin_rule,
       &no_event_rule);
