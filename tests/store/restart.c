/* SPDX-License-Identifier: Apache-2.0 */
/* restart.c - what a durable store has after it was stopped and started; others skip it. */
#include "fixture.h"

static bool
durable (struct fixture *f) {
  return f->store->capabilities & PTN_STORE_DURABLE;
}

static void
restart (struct fixture *f) {
  store_unload (f);
  store_load (f);
}

static void
everything_is_there (void **state) {
  struct fixture *f = *state;
  uint32_t bit = 0, again = 0;
  if (!durable (f))
    skip ();
  g_autofree char *big = g_strnfill (3000000, 'b');
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  deliver (f, ANN, "INBOX", big);
  make (f, "a/b");
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a/b"), NAME ("c/d"))));
  assert_ok (DO (f, f->store->subscribe (f->account, &call, NAME ("c/d"), 1)));
  struct ptn_id id = id_of (f, "INBOX"), to = id_of (f, "c/d");
  assert_ok (DO (f, f->store->keyword (f->account, &call, &id, "Work", 1, &bit)));
  set_flags (f, "INBOX", UIDS ({ 2, 2 }), PTN_FLAGS_ADD, PTN_SEEN | UINT64_C (1) << bit);
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->copy (change, &call, &id, UIDS ({ 2, 3 }), &to, 0)));
  assert_ok (DO (f, f->store->annotate (change, &call, &id, UIDS ({ 2, 2 }), "/x",
                                        (struct ptn_bytes){ "note", 4 })));
  assert_ok (DO (f, f->store->expunge (change, &call, &id, UIDS ({ 1, 1 }), 0)));
  commit (f, change);
  f->store->end (change);
  struct ptn_quota limits = { .size = sizeof limits,
                              .storage_limit = 100000000,
                              .messages_limit = 50 };
  assert_ok (DO (f, f->store->set_quota (f->account, &call, &limits)));
  struct ptn_mailbox inbox = status_of (f, "INBOX"), copy = status_of (f, "c/d");
  struct ptn_quota quota = quota_of (f, f->account);
  for (int i = 0; i < 3; i++) {
    restart (f);
    struct ptn_mailbox inbox_now = status_of (f, "INBOX"), copy_now = status_of (f, "c/d");
    struct ptn_quota quota_now = quota_of (f, f->account);
    assert_memory_equal (&inbox_now, &inbox, sizeof inbox);
    assert_memory_equal (&copy_now, &copy, sizeof copy);
    assert_memory_equal (&quota_now, &quota, sizeof quota);
    g_autofree char *names = listed (f, "*"), *uids = uids_of (f, "INBOX");
    assert_string_equal (names, "INBOX a c c/d");
    assert_string_equal (uids, "2 3");
    g_autofree char *text = text_of (f, "INBOX", 2), *copied = text_of (f, "c/d", 2);
    assert_string_equal (text, "two\r\n");
    assert_string_equal (copied, big);
    assert_ok (DO (f, f->store->keyword (f->account, &call, &id, "Work", 0, &again)));
    assert_int_equal (again, bit);
    const struct ptn_view *view = view_of (f, "INBOX");
    assert_int_equal (view->flags[0], PTN_SEEN | UINT64_C (1) << bit);
    f->store->release_view (view);
    struct ptn_cursor *cursor = NULL;
    const struct ptn_annotation *row = NULL;
    assert_ok (DO (f, f->store->annotations (f->account, &call, &id, (struct ptn_uid_set){ 0 }, 1,
                                             NULL, &cursor)));
    struct ptn_call held = { .task = f->task };
    assert_ok (HARNESS_AWAIT (f->task, f->store->next_annotation (cursor, &held, &row)));
    assert_int_equal (row->uid, 2);
    assert_memory_equal (row->value.data, "note", 4);
    f->host->call_end (&held);
    f->store->close_cursor (cursor);
  }
  assert_int_equal (deliver (f, ANN, "INBOX", "next\r\n"), 4);
}

static void
removed_stays_removed (void **state) {
  struct fixture *f = *state;
  if (!durable (f))
    skip ();
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "a", "x\r\n");
  deliver (f, BOB, "INBOX", "x\r\n");
  uint32_t uidvalidity = status_of (f, "a").uidvalidity;
  expunge (f, "INBOX", ALL_UIDS);
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("a"))));
  assert_ok (DO (f, f->store->remove_account (f->instance, &call, BOB)));
  restart (f);
  assert_int_equal (status_of (f, "INBOX").messages, 0);
  assert_int_equal (status_of (f, "INBOX").uidnext, 2);
  assert_false (exists (f, "a"));
  make (f, "a");
  assert_true (status_of (f, "a").uidvalidity > uidvalidity);
  struct ptn_strings accounts;
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->list_accounts (f->instance, &held, "", &accounts)));
  assert_int_equal (accounts.count, 1);
  assert_string_equal (accounts.items[0], ANN);
  f->host->call_end (&held);
}

static void
many_messages (void **state) {
  struct fixture *f = *state;
  if (!durable (f))
    skip ();
  for (int i = 0; i < 500; i++) {
    g_autofree char *text = g_strdup_printf ("message %d\r\n", i + 1);
    deliver (f, ANN, "INBOX", text);
  }
  restart (f);
  assert_int_equal (status_of (f, "INBOX").messages, 500);
  for (uint32_t uid = 1; uid <= 500; uid += 37) {
    g_autofree char *text = text_of (f, "INBOX", uid);
    g_autofree char *expected = g_strdup_printf ("message %u\r\n", uid);
    assert_string_equal (text, expected);
  }
}

STORE_GROUP (restart, STORE_TEST (everything_is_there), STORE_TEST (removed_stays_removed),
             STORE_TEST (many_messages));
