/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - what a store tells: each change once it can be read, nothing where nothing changed. */
#include "fixture.h"

struct ear {
  struct fixture *f;
  struct ptn_task *task; /* another session's */
  struct ptn_subscription *subscription;
};

static struct ear
listen_to (struct fixture *f, const char *account) {
  struct ear ear = { .f = f, .task = harness_task_new (f->harness) };
  assert_ok (f->host->subscribe (ear.task, account, NULL, UINT32_MAX, &ear.subscription));
  return ear;
}

static void
ear_close (struct ear *ear) {
  ear->f->host->unsubscribe (ear->subscription);
  harness_task_free (&ear->task);
}

/* All that is there now; the call that changed it has returned, so it was published. */
static GArray *
hear (struct ear *ear) {
  GArray *all = g_array_new (FALSE, FALSE, sizeof (struct ptn_happening));
  struct ptn_happening rows[4];
  size_t count;
  while (ear->f->host->occurred (ear->subscription, rows, 4, &count) == PTN_OK)
    g_array_append_vals (all, rows, (guint)count);
  return all;
}

static uint32_t
kinds_of (const GArray *all, const struct ptn_id *mailbox, uint64_t *modseq) {
  uint32_t kinds = 0;
  for (guint i = 0; i < all->len; i++) {
    const struct ptn_happening *row = &g_array_index (all, struct ptn_happening, i);
    if (memcmp (&row->mailbox, mailbox, sizeof *mailbox) != 0)
      continue;
    kinds |= row->kinds;
    if (modseq)
      *modseq = MAX (*modseq, row->modseq);
  }
  return kinds;
}

static void
assert_silence (struct ear *ear) {
  g_autoptr (GArray) all = hear (ear);
  assert_int_equal (all->len, 0);
}

/* Exactly these kinds of one mailbox, and of nothing else. */
static void
assert_heard (struct ear *ear, const struct ptn_id *mailbox, uint32_t kinds) {
  g_autoptr (GArray) all = hear (ear);
  assert_int_equal (kinds_of (all, mailbox, NULL), kinds);
  for (guint i = 0; i < all->len; i++)
    assert_memory_equal (&g_array_index (all, struct ptn_happening, i).mailbox, mailbox,
                         sizeof *mailbox);
}

static const struct ptn_id whole;

static void
changes_of_messages (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_account *other = account_open (f, ANN);
  struct ear ear = listen_to (f, ANN);
  deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t modseq = 0;
  g_autoptr (GArray) all = hear (&ear);
  assert_int_equal (kinds_of (all, &id, &modseq), PTN_MESSAGE_NEW);
  assert_true (modseq == 0 || modseq == status_of (f, "INBOX").highest_modseq);
  assert_true (harness_poll (ear.task)); /* it was woken */
  assert_ok (try_append (f, other, &id, PTN_SEEN));
  assert_heard (&ear, &id, PTN_MESSAGE_APPEND);
  assert_ok (try_flags (f, other, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_FLAGGED));
  assert_heard (&ear, &id, PTN_FLAGS_CHANGE);
  assert_ok (try_annotate (f, other, &id, UIDS ({ 1, 1 }), "/a", "b"));
  assert_heard (&ear, &id, PTN_ANNOTATION_CHANGE);
  assert_ok (try_copy (f, other, &id, UIDS ({ 1, 1 }), &id, 0));
  assert_heard (&ear, &id, PTN_MESSAGE_APPEND);
  assert_ok (try_expunge (f, other, &id, UIDS ({ 1, 2 })));
  assert_heard (&ear, &id, PTN_MESSAGE_EXPUNGE);
  ear_close (&ear);
  f->store->close (other);
}

static void
moves_are_two_events (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "a");
  struct ptn_id from = id_of (f, "INBOX"), to = id_of (f, "a");
  struct ear ear = listen_to (f, ANN);
  assert_ok (try_copy (f, f->account, &from, ALL_UIDS, &to, 1));
  g_autoptr (GArray) all = hear (&ear);
  assert_int_equal (kinds_of (all, &from, NULL), PTN_MESSAGE_EXPUNGE);
  assert_int_equal (kinds_of (all, &to, NULL), PTN_MESSAGE_APPEND);
  ear_close (&ear);
}

static void
changes_of_mailboxes (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  struct ear ear = listen_to (f, ANN);
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  assert_heard (&ear, &id, PTN_MAILBOX_CREATE);
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("a"), 1)));
  assert_heard (&ear, &id, PTN_MAILBOX_SUBSCRIBE);
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a"), NAME ("b"))));
  assert_heard (&ear, &id, PTN_MAILBOX_RENAME);
  assert_ok (try_annotate (f, f->account, &id, (struct ptn_uid_set){ 0 }, "/a", "b"));
  assert_heard (&ear, &id, PTN_ANNOTATION_CHANGE);
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("b"))));
  assert_heard (&ear, &id, PTN_MAILBOX_DELETE);
  deliver (f, ANN, "new/one", "x\r\n"); /* makes two */
  struct ptn_id above = id_of (f, "new"), made = id_of (f, "new/one");
  g_autoptr (GArray) all = hear (&ear);
  assert_int_equal (kinds_of (all, &above, NULL), PTN_MAILBOX_CREATE);
  assert_int_equal (kinds_of (all, &made, NULL), PTN_MAILBOX_CREATE | PTN_MESSAGE_NEW);
  ear_close (&ear);
}

static void
rename_of_inbox (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id inbox = id_of (f, "INBOX");
  struct ear ear = listen_to (f, ANN);
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("INBOX"), NAME ("old"))));
  struct ptn_id old = id_of (f, "old");
  g_autoptr (GArray) all = hear (&ear);
  assert_int_equal (kinds_of (all, &inbox, NULL) & ~(uint32_t)PTN_MAILBOX_RENAME,
                    PTN_MESSAGE_EXPUNGE);
  assert_int_equal (kinds_of (all, &old, NULL) & ~(uint32_t)PTN_MESSAGE_APPEND, PTN_MAILBOX_CREATE);
  ear_close (&ear);
}

static void
changes_of_the_account (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ear ear = listen_to (f, ANN);
  struct ptn_quota limits = { .size = sizeof limits,
                              .storage_limit = 1000,
                              .messages_limit = UINT64_MAX };
  assert_ok (DO (f, f->store->set_quota (f->account, &call, &limits)));
  assert_heard (&ear, &whole, PTN_QUOTA_CHANGE);
  assert_ok (try_annotate (f, f->account, NULL, (struct ptn_uid_set){ 0 }, "/a", "b"));
  assert_heard (&ear, &whole, PTN_ANNOTATION_CHANGE);
  assert_ok (DO (f, f->store->remove_account (f->instance, &call, ANN)));
  g_autoptr (GArray) all = hear (&ear);
  assert_int_equal (kinds_of (all, &whole, NULL), PTN_ACCOUNT_CLOSE);
  ear_close (&ear);
}

static void
rights_and_uses (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  make (f, "a");
  struct ptn_id id = id_of (f, "a");
  struct ear ear = listen_to (f, ANN);
  if (PTN_CAN (f->store, set_rights)) {
    assert_ok (try_rights (f, f->account, &id, BOB, "lr"));
    assert_heard (&ear, &id, PTN_ACL_CHANGE);
  }
  if (PTN_CAN (f->store, set_attributes)) {
    assert_ok (DO (f, f->store->set_attributes (f->account, &call, &id, PTN_MAILBOX_SENT)));
    assert_heard (&ear, &id, PTN_ANNOTATION_CHANGE);
  }
  ear_close (&ear);
}

static void
nothing_changed_nothing_told (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN);
  struct ptn_id id = id_of (f, "INBOX"), nobody = { { 9, 9 } };
  struct ear ear = listen_to (f, ANN);
  assert_ok (try_flags (f, f->account, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN));
  assert_ok (try_flags (f, f->account, &id, UIDS ({ 7, 9 }), PTN_FLAGS_ADD, PTN_SEEN));
  assert_ok (try_expunge (f, f->account, &id, UIDS ({ 7, 9 })));
  assert_int_equal (try_append (f, f->account, &nobody, 0), PTN_E_NOT_FOUND);
  assert_int_equal (DO (f, f->store->create (f->account, &call, NAME ("INBOX"), 0)), PTN_E_EXISTS);
  assert_int_equal (DO (f, f->store->remove (f->account, &call, NAME ("no"))), PTN_E_NOT_FOUND);
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "never committed\r\n");
  f->store->end (change);
  deliver (f, BOB, "INBOX", "for another\r\n");
  assert_silence (&ear);
  g_autofree char *text = text_of (f, "INBOX", 1); /* reading is no change */
  assert_silence (&ear);
  ear_close (&ear);
}

/* Who makes a change knows of it. */
static void
its_own_maker_is_not_told (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ear other = listen_to (f, ANN), own = { .f = f, .task = f->task };
  assert_ok (f->host->subscribe (f->task, ANN, &id, UINT32_MAX, &own.subscription));
  assert_ok (try_flags (f, f->account, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN));
  assert_silence (&own);
  assert_heard (&other, &id, PTN_FLAGS_CHANGE);
  f->host->unsubscribe (own.subscription);
  ear_close (&other);
}

static void
a_repeated_token_is_told_once (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_EVENTS))
    return;
  const struct ptn_id token = { { 4, 5, 6 } };
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ear ear = listen_to (f, ANN);
  for (int i = 0; i < 2; i++) {
    struct ptn_change *change = begin (f, &token);
    ptn_status status = DO (f, f->store->set_flags (change, &call, &id, ALL_UIDS, PTN_FLAGS_ADD,
                                                    PTN_FLAGGED, UINT64_MAX));
    assert_ok (finish (f, change, status));
    if (i == 0)
      assert_heard (&ear, &id, PTN_FLAGS_CHANGE);
  }
  assert_silence (&ear);
  ear_close (&ear);
}

STORE_GROUP (events, STORE_TEST (changes_of_messages), STORE_TEST (moves_are_two_events),
             STORE_TEST (changes_of_mailboxes), STORE_TEST (rename_of_inbox),
             STORE_TEST (changes_of_the_account), STORE_TEST (rights_and_uses),
             STORE_TEST (nothing_changed_nothing_told), STORE_TEST (its_own_maker_is_not_told),
             STORE_TEST (a_repeated_token_is_told_once));
