/* SPDX-License-Identifier: Apache-2.0 */
/* recent.c - RFC 3501 \Recent: each message is new to one session only. */
#include "fixture.h"

static uint32_t
claim (struct fixture *f, const char *path) {
  struct ptn_id id = id_of (f, path);
  uint32_t first = 0;
  assert_ok (DO (f, f->store->claim_recent (f->account, &call, &id, &first)));
  return first;
}

/* How many of the messages that are there the caller is the first to be told of. */
static uint32_t
claim_count (struct fixture *f, const char *path) {
  const struct ptn_view *view = view_of (f, path);
  uint32_t first = claim (f, path), count = 0;
  for (uint32_t i = 0; i < view->count; i++)
    count += view->uid[i] >= first;
  f->store->release_view (view);
  return count;
}

static void
each_is_new_once (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_RECENT, claim_recent, return );
  make (f, "INBOX");
  assert_int_equal (claim (f, "INBOX"), 1); /* UIDNEXT */
  deliver (f, ANN, "INBOX", "a\r\n");
  deliver (f, ANN, "INBOX", "b\r\n");
  assert_int_equal (claim (f, "INBOX"), 1);
  assert_int_equal (claim (f, "INBOX"), 3); /* none, which is UIDNEXT */
  deliver (f, ANN, "INBOX", "c\r\n");
  assert_int_equal (claim (f, "INBOX"), 3);
  assert_int_equal (claim_count (f, "INBOX"), 0);
}

static void
looking_does_not_claim (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_RECENT, claim_recent, return );
  deliver (f, ANN, "INBOX", "a\r\n");
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN);
  g_autofree char *text = text_of (f, "INBOX", 1);
  assert_string_equal (text, "a\r\n");
  assert_int_equal (claim_count (f, "INBOX"), 1);
}

static void
all_ways_in (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_RECENT, claim_recent, return );
  deliver (f, ANN, "INBOX", "a\r\n");
  make (f, "a");
  struct ptn_id inbox = id_of (f, "INBOX"), to = id_of (f, "a");
  assert_int_equal (claim_count (f, "a"), 0);
  assert_ok (try_copy (f, f->account, &inbox, ALL_UIDS, &to, 0));
  assert_ok (try_append (f, f->account, &to, 0));
  assert_int_equal (claim_count (f, "a"), 2);
  assert_int_equal (claim_count (f, "INBOX"), 1); /* each mailbox for itself */
  assert_ok (try_copy (f, f->account, &inbox, ALL_UIDS, &to, 1));
  assert_int_equal (claim_count (f, "a"), 1);
  assert_int_equal (claim_count (f, "INBOX"), 0);
}

static void
expunged_before_anybody_came (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_RECENT, claim_recent, return );
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "a\r\n");
  expunge (f, "INBOX", UIDS ({ 1, 1 }, { 3, 3 }));
  assert_int_equal (claim_count (f, "INBOX"), 1);
  deliver (f, ANN, "INBOX", "a\r\n");
  expunge (f, "INBOX", UIDS ({ 4, 4 }));
  assert_int_equal (claim_count (f, "INBOX"), 0);
  deliver (f, ANN, "INBOX", "a\r\n");
  assert_int_equal (claim_count (f, "INBOX"), 1);
}

static void
kept (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_RECENT, claim_recent, return );
  deliver (f, ANN, "INBOX", "a\r\n");
  assert_int_equal (claim_count (f, "INBOX"), 1);
  deliver (f, ANN, "INBOX", "b\r\n");
  if (store_restarts (f))
    assert_int_equal (claim (f, "INBOX"), 2);
  assert_ok (DO (f, f->store->rename (f->account, &call, NAME ("INBOX"), NAME ("a"))));
  struct ptn_id nobody = { { 9, 9, 9 } };
  uint32_t first;
  assert_int_equal (DO (f, f->store->claim_recent (f->account, &call, &nobody, &first)),
                    PTN_E_NOT_FOUND);
}

STORE_GROUP (recent, STORE_TEST (each_is_new_once), STORE_TEST (looking_does_not_claim),
             STORE_TEST (all_ways_in), STORE_TEST (expunged_before_anybody_came),
             STORE_TEST (kept));
