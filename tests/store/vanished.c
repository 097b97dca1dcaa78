/* SPDX-License-Identifier: Apache-2.0 */
/* vanished.c - the UIDs that left a mailbox since a modseq (RFC 7162), or that it is not known. */
#include "fixture.h"

/* "1:3,5", or "EXPIRED". */
static char *
gone (struct fixture *f, const char *path, uint64_t since, const struct ptn_uid_set *uids) {
  struct ptn_id id = id_of (f, path);
  struct ptn_uid_set set = { NULL, 0 };
  struct ptn_call held = { .task = f->task };
  ptn_status status =
      HARNESS_AWAIT (f->task, f->store->vanished (f->account, &held, &id, since, uids, &set));
  if (status != PTN_E_EXPIRED)
    assert_ok (status);
  for (size_t i = 0; i < set.count && status == PTN_OK; i++) { /* ascending, without overlap */
    assert_true (set.ranges[i].first <= set.ranges[i].last);
    assert_true (i == 0 || set.ranges[i].first > set.ranges[i - 1].last);
  }
  char *text = status == PTN_OK ? set_text (set) : g_strdup ("EXPIRED");
  f->host->call_end (&held);
  return text;
}

#define assert_gone(f, path, since, uids, expected)      \
  do {                                                   \
    g_autofree char *set_ = gone (f, path, since, uids); \
    assert_string_equal (set_, expected);                \
  } while (0)

static void
fill (struct fixture *f, int count) {
  for (int i = 0; i < count; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
}

static uint64_t
modseq (struct fixture *f, const char *path) {
  return status_of (f, path).highest_modseq;
}

static void
since_a_modseq (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_QRESYNC, vanished, return );
  fill (f, 8);
  uint64_t full = modseq (f, "INBOX");
  assert_gone (f, "INBOX", 0, NULL, "");
  expunge (f, "INBOX", UIDS ({ 7, 7 }));
  uint64_t once = modseq (f, "INBOX");
  assert_true (once > full);
  expunge (f, "INBOX", UIDS ({ 2, 3 }, { 5, 5 }));
  uint64_t twice = modseq (f, "INBOX");
  assert_gone (f, "INBOX", 0, NULL, "2:3,5,7");
  assert_gone (f, "INBOX", full, NULL, "2:3,5,7");
  assert_gone (f, "INBOX", once, NULL, "2:3,5");
  assert_gone (f, "INBOX", twice, NULL, "");
  assert_gone (f, "INBOX", twice + 1000, NULL, "");
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN); /* that is no vanishing */
  assert_gone (f, "INBOX", once, NULL, "2:3,5");
  struct ptn_uid_set some = UIDS ({ 1, 2 }, { 6, 9 });
  assert_gone (f, "INBOX", 0, &some, "2,7");
  struct ptn_uid_set none = { NULL, 0 };
  assert_gone (f, "INBOX", 0, &none, "");
}

static void
one_modseq_a_change (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_QRESYNC, vanished, return );
  fill (f, 6);
  uint64_t before = modseq (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->expunge (change, &call, &id, UIDS ({ 4, 4 }), 0));
  if (status == PTN_OK)
    status = DO (f, f->store->set_flags (change, &call, &id, UIDS ({ 1, 1 }), PTN_FLAGS_ADD,
                                         PTN_SEEN, UINT64_MAX));
  if (status == PTN_OK)
    status = DO (f, f->store->expunge (change, &call, &id, UIDS ({ 2, 2 }), 0));
  assert_ok (finish (f, change, status));
  uint64_t after = modseq (f, "INBOX");
  assert_gone (f, "INBOX", before, NULL, "2,4");
  assert_gone (f, "INBOX", after, NULL, "");
}

static void
moved_messages_vanish (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_QRESYNC, vanished, return );
  fill (f, 4);
  make (f, "a");
  struct ptn_id from = id_of (f, "INBOX"), to = id_of (f, "a");
  assert_ok (try_copy (f, f->account, &from, UIDS ({ 2, 3 }), &to, 1));
  assert_gone (f, "INBOX", 0, NULL, "2:3");
  assert_gone (f, "a", 0, NULL, "");
  assert_ok (try_copy (f, f->account, &from, UIDS ({ 1, 1 }), &to, 0)); /* a copy does not */
  assert_gone (f, "INBOX", 0, NULL, "2:3");
  uint64_t before = modseq (f, "INBOX");
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("INBOX"), NAME ("old"))));
  assert_gone (f, "INBOX", before, NULL, "1,4");
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("a"), NAME ("b"))));
  assert_gone (f, "b", 0, NULL, "");
}

static void
only_of_a_mailbox_that_is_there (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_QRESYNC, vanished, return );
  deliver (f, ANN, "a", "x\r\n");
  struct ptn_id old = id_of (f, "a");
  expunge (f, "a", ALL_UIDS);
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("a"))));
  struct ptn_uid_set set;
  assert_int_equal (DO (f, f->store->vanished (f->account, &call, &old, 0, NULL, &set)),
                    PTN_E_NOT_FOUND);
  make (f, "a");
  assert_gone (f, "a", 0, NULL, "");
}

/* Whatever the store has forgotten: it never says too little. */
static void
right_or_expired (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_QRESYNC, vanished, return );
  fill (f, 1);
  struct ptn_id id = id_of (f, "INBOX");
  for (int i = 0; i < 8; i++) /* 256 messages */
    assert_ok (try_copy (f, f->account, &id, ALL_UIDS, &id, 0));
  uint64_t full = modseq (f, "INBOX"), late = 0;
  for (uint32_t uid = 1; uid <= 240; uid += 8) {
    expunge (f, "INBOX", UIDS ({ uid, uid + 7 }));
    if (uid == 225)
      late = modseq (f, "INBOX");
  }
  g_autofree char *all = gone (f, "INBOX", full, NULL);
  if (strcmp (all, "EXPIRED") != 0)
    assert_string_equal (all, "1:240");
  g_autofree char *last = gone (f, "INBOX", late, NULL);
  if (strcmp (last, "EXPIRED") != 0)
    assert_string_equal (last, "233:240");
  assert_gone (f, "INBOX", modseq (f, "INBOX"), NULL, "");
}

static void
survives_a_restart (void **state) {
  struct fixture *f = *state;
  if (!DECLARES (f, PTN_STORE_QRESYNC))
    return;
  fill (f, 4);
  uint64_t before = modseq (f, "INBOX");
  expunge (f, "INBOX", UIDS ({ 2, 3 }));
  uint64_t after = modseq (f, "INBOX");
  if (!store_restarts (f))
    return;
  assert_int_equal (modseq (f, "INBOX"), after);
  assert_gone (f, "INBOX", before, NULL, "2:3");
  assert_gone (f, "INBOX", after, NULL, "");
  fill (f, 1);
  expunge (f, "INBOX", UIDS ({ 1, 1 }));
  assert_gone (f, "INBOX", after, NULL, "1");
}

STORE_GROUP (vanished, STORE_TEST (since_a_modseq), STORE_TEST (one_modseq_a_change),
             STORE_TEST (moved_messages_vanish), STORE_TEST (only_of_a_mailbox_that_is_there),
             STORE_TEST (right_or_expired), STORE_TEST (survives_a_restart));
