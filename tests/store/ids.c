/* SPDX-License-Identifier: Apache-2.0 */
/* ids.c - EMAILID and THREADID (RFC 8474): stable, shared by copies, threads by references. */
#include "fixture.h"

static struct ptn_message
ids_of (struct fixture *f, const char *path, uint32_t uid) {
  struct ptn_id id = id_of (f, path);
  struct ptn_message row = message_of (f, f->account, &id, uid, PTN_FETCH_IDS);
  assert_true (row.items & PTN_FETCH_IDS);
  return row;
}

static bool
same (const struct ptn_id *a, const struct ptn_id *b) {
  return memcmp (a, b, sizeof *a) == 0;
}

static const struct ptn_id none;

static void
each_message_has_its_own (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_OBJECT_IDS))
    return;
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id seen[5];
  for (uint32_t i = 0; i < 5; i++) {
    seen[i] = ids_of (f, "INBOX", i + 1).email_id;
    assert_false (same (&seen[i], &none));
    for (uint32_t before = 0; before < i; before++)
      assert_false (same (&seen[before], &seen[i]));
  }
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN);
  expunge (f, "INBOX", UIDS ({ 1, 1 }));
  store_restarts (f);
  for (uint32_t i = 1; i < 5; i++) {
    struct ptn_id now = ids_of (f, "INBOX", i + 1).email_id;
    assert_true (same (&seen[i], &now));
  }
}

static void
copies_share_it (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_OBJECT_IDS))
    return;
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "a");
  make (f, "b");
  struct ptn_message original = ids_of (f, "INBOX", 1);
  struct ptn_id inbox = id_of (f, "INBOX"), a = id_of (f, "a"), b = id_of (f, "b");
  assert_ok (try_copy (f, f->account, &inbox, ALL_UIDS, &a, 0));
  assert_ok (try_copy (f, f->account, &a, ALL_UIDS, &b, 1));
  assert_ok (try_copy (f, f->account, &inbox, ALL_UIDS, &inbox, 0));
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("INBOX"), NAME ("old"))));
  store_restarts (f);
  struct ptn_message copies[] = { ids_of (f, "b", 1), ids_of (f, "old", 1), ids_of (f, "old", 2) };
  for (size_t i = 0; i < G_N_ELEMENTS (copies); i++) {
    assert_true (same (&copies[i].email_id, &original.email_id));
    if (DECLARES (f, PTN_STORE_THREADS))
      assert_true (same (&copies[i].thread_id, &original.thread_id));
  }
}

/* --- threads --------------------------------------------------------------------------------- */

static struct ptn_id
thread_of (struct fixture *f, const char *path, struct telling *telling) {
  uint32_t uid = 0;
  assert_ok (deliver_telling (f, ANN, path, "mail\r\n", telling, &uid));
  assert_int_equal (telling->calls, 1);
  struct ptn_id thread = ids_of (f, path, uid).thread_id;
  assert_false (same (&thread, &none));
  return thread;
}

#define THREAD(f, path, ...) thread_of (f, path, &(struct telling){ .references = { __VA_ARGS__ } })

static void
replies_join (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  struct ptn_id first = THREAD (f, "INBOX", "1@x");
  struct ptn_id reply = THREAD (f, "INBOX", "2@x", "1@x");
  struct ptn_id deep = THREAD (f, "a", "3@x", "2@x", "1@x"); /* in another mailbox */
  struct ptn_id other = THREAD (f, "INBOX", "9@x");
  struct ptn_id again = THREAD (f, "INBOX", "1@x"); /* the same message once more */
  assert_true (same (&first, &reply));
  assert_true (same (&first, &deep));
  assert_true (same (&first, &again));
  assert_false (same (&first, &other));
  if (store_restarts (f)) {
    struct ptn_id late = THREAD (f, "INBOX", "4@x", "3@x");
    assert_true (same (&first, &late));
  }
}

/* Two replies to a message that never came; and the one they answer comes last. */
static void
references_are_known_before_their_message (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  struct ptn_id one = THREAD (f, "INBOX", "a@x", "root@x");
  struct ptn_id two = THREAD (f, "INBOX", "b@x", "root@x");
  struct ptn_id root = THREAD (f, "INBOX", "root@x");
  assert_true (same (&one, &two));
  assert_true (same (&one, &root));
}

static void
the_nearest_decides (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  struct ptn_id near = THREAD (f, "INBOX", "near@x"), far = THREAD (f, "INBOX", "far@x");
  struct ptn_id both = THREAD (f, "INBOX", "c@x", "near@x", "far@x");
  struct ptn_id turned = THREAD (f, "INBOX", "d@x", "unknown@x", "far@x", "near@x");
  assert_true (same (&both, &near));
  assert_true (same (&turned, &far));
}

static void
without_a_message_id (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  struct ptn_id one = THREAD (f, "INBOX", ""), two = THREAD (f, "INBOX", "");
  assert_false (same (&one, &two)); /* having none is nothing in common */
  struct ptn_id root = THREAD (f, "INBOX", "root@x");
  struct ptn_id reply = THREAD (f, "INBOX", "", "root@x");
  assert_true (same (&root, &reply));
  deliver (f, ANN, "INBOX", "nothing was told of it\r\n");
  struct ptn_id silent = ids_of (f, "INBOX", 5).thread_id;
  assert_false (same (&silent, &none));
  assert_false (same (&silent, &one));
}

static void
accounts_are_apart (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  struct telling telling = { .references = { "only-bob@x" } };
  assert_ok (deliver_telling (f, BOB, "INBOX", "x\r\n", &telling, NULL));
  struct ptn_account *bob = account_open (f, BOB);
  struct ptn_mailbox row;
  assert_ok (look_at (f, bob, NAME ("INBOX"), &row));
  struct ptn_id his = message_of (f, bob, &row.id, 1, PTN_FETCH_IDS).thread_id;
  f->store->close (bob);
  struct ptn_id ours = THREAD (f, "INBOX", "b@x", "only-bob@x");
  assert_false (same (&his, &ours));
}

static void
many_references (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_THREADS))
    return;
  char names[39][16];
  struct telling telling = { 0 };
  for (int i = 0; i < 39; i++) {
    g_snprintf (names[i], sizeof names[i], "%d@x", i);
    telling.references[i] = names[i];
  }
  struct ptn_id thread = thread_of (f, "INBOX", &telling);
  struct ptn_id near = THREAD (f, "INBOX", "near@x", "8@x"); /* the last that must be remembered */
  assert_true (same (&thread, &near));
  struct ptn_id root = THREAD (f, "INBOX", "root@x");
  for (int i = 0; i < 31; i++)
    g_snprintf (names[i], sizeof names[i], "new%d@x", i);
  g_snprintf (names[31], sizeof names[31], "root@x"); /* the last that is looked at */
  telling.calls = 0;
  struct ptn_id far = thread_of (f, "INBOX", &telling);
  assert_true (same (&root, &far));
}

STORE_GROUP (ids, STORE_TEST (each_message_has_its_own), STORE_TEST (copies_share_it),
             STORE_TEST (replies_join), STORE_TEST (references_are_known_before_their_message),
             STORE_TEST (the_nearest_decides), STORE_TEST (without_a_message_id),
             STORE_TEST (accounts_are_apart), STORE_TEST (many_references));
