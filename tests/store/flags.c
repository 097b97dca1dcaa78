/* SPDX-License-Identifier: Apache-2.0 */
/* flags.c - set_flags, UNCHANGEDSINCE, modseq, keywords. */
#include "fixture.h"

static ptn_flag_bits
flags_of (struct fixture *f, const char *path, uint32_t index) {
  const struct ptn_view *view = view_of (f, path);
  ptn_flag_bits flags = view->flags[index];
  f->store->release_view (view);
  return flags;
}

static void
add_remove_replace (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_ADD, PTN_SEEN | PTN_FLAGGED);
  assert_int_equal (flags_of (f, "INBOX", 0), PTN_SEEN | PTN_FLAGGED);
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_REMOVE, PTN_FLAGGED | PTN_DRAFT);
  assert_int_equal (flags_of (f, "INBOX", 0), PTN_SEEN);
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_REPLACE, PTN_ANSWERED | PTN_DELETED);
  assert_int_equal (flags_of (f, "INBOX", 0), PTN_ANSWERED | PTN_DELETED);
  assert_int_equal (status_of (f, "INBOX").deleted, 1);
  assert_int_equal (status_of (f, "INBOX").unseen, 1);
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_REPLACE, PTN_SEEN);
  assert_int_equal (status_of (f, "INBOX").deleted, 0);
  assert_int_equal (status_of (f, "INBOX").unseen, 0);
}

static void
missing_uids_are_passed_over (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 5; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  expunge (f, "INBOX", UIDS ({ 3, 3 }));
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->set_flags (change, &call, &id, UIDS ({ 2, 4 }, { 90, 99 }),
                                         PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX)));
  commit (f, change);
  g_autofree char *changed = set_text (outcome (f, change, 0)->uids);
  /* 3 is gone: a range over it may be told as one or as two */
  assert_true (strcmp (changed, "2,4") == 0 || strcmp (changed, "2:4") == 0);
  assert_int_equal (outcome (f, change, 0)->conflicts.count, 0);
  f->store->end (change);
  assert_int_equal (status_of (f, "INBOX").unseen, 2);
}

static void
a_change_has_one_modseq (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->set_flags (change, &call, &id, UIDS ({ 1, 2 }), PTN_FLAGS_ADD,
                                         PTN_SEEN, UINT64_MAX)));
  commit (f, change);
  uint64_t modseq = outcome (f, change, 0)->modseq;
  f->store->end (change);
  const struct ptn_view *view = view_of (f, "INBOX");
  assert_true (modseq > before);
  assert_int_equal (view->modseq, modseq);
  assert_int_equal (view->message_modseq[0], modseq);
  assert_int_equal (view->message_modseq[1], modseq);
  assert_true (view->message_modseq[2] <= before);
  f->store->release_view (view);
}

static void
unchanged_since (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  set_flags (f, "INBOX", UIDS ({ 2, 2 }), PTN_FLAGS_ADD, PTN_FLAGGED);
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (
      DO (f, f->store->set_flags (change, &call, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN, before)));
  commit (f, change);
  g_autofree char *changed = set_text (outcome (f, change, 0)->uids);
  g_autofree char *conflicts = set_text (outcome (f, change, 0)->conflicts);
  assert_string_equal (changed, "1,3:4");
  assert_string_equal (conflicts, "2");
  f->store->end (change);
  assert_int_equal (flags_of (f, "INBOX", 1), PTN_FLAGGED);
  assert_int_equal (flags_of (f, "INBOX", 0), PTN_SEEN);
  change = begin (f, NULL);
  assert_ok (
      DO (f, f->store->set_flags (change, &call, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_DRAFT, 0)));
  commit (f, change);
  g_autofree char *all = set_text (outcome (f, change, 0)->conflicts);
  assert_string_equal (all, "1:4");
  f->store->end (change);
}

static void
expunge_raises_modseq (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t before = status_of (f, "INBOX").highest_modseq;
  expunge (f, "INBOX", UIDS ({ 1, 1 }));
  assert_true (status_of (f, "INBOX").highest_modseq > before);
}

static ptn_status
keyword (struct fixture *f, const char *path, const char *word, int make_it, uint32_t *bit) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->keyword (f->account, &call, &id, word, make_it, bit));
}

static void
keywords (void **state) {
  struct fixture *f = *state;
  uint32_t bit = 0, again = 0;
  deliver (f, ANN, "INBOX", "x\r\n");
  assert_int_equal (keyword (f, "INBOX", "$Junk", 0, &bit), PTN_E_NOT_FOUND);
  assert_ok (keyword (f, "INBOX", "$Junk", 1, &bit));
  assert_in_range (bit, 16, 63);
  assert_ok (keyword (f, "INBOX", "$junk", 0, &again)); /* in any case, RFC 9051 */
  assert_int_equal (again, bit);
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_ADD, UINT64_C (1) << bit);
  const struct ptn_view *view = view_of (f, "INBOX");
  assert_int_equal (view->flags[0], UINT64_C (1) << bit);
  assert_true (view->keywords.count > bit - 16);
  assert_string_equal (view->keywords.items[bit - 16], "$Junk");
  f->store->release_view (view);
  make (f, "other");
  assert_int_equal (keyword (f, "other", "$Junk", 0, &bit), PTN_E_NOT_FOUND);
}

static void
keywords_have_an_end (void **state) {
  struct fixture *f = *state;
  uint64_t seen = 0;
  uint32_t bit = 0;
  make (f, "a");
  for (int i = 0; i < 48; i++) {
    g_autofree char *word = g_strdup_printf ("word%d", i);
    assert_ok (keyword (f, "a", word, 1, &bit));
    assert_in_range (bit, 16, 63);
    assert_false (seen >> bit & 1);
    seen |= UINT64_C (1) << bit;
  }
  assert_int_equal (keyword (f, "a", "more", 1, &bit), PTN_E_LIMIT);
  assert_ok (keyword (f, "a", "word7", 1, &bit));
}

STORE_GROUP (flag, STORE_TEST (add_remove_replace), STORE_TEST (missing_uids_are_passed_over),
             STORE_TEST (a_change_has_one_modseq), STORE_TEST (unchanged_since),
             STORE_TEST (expunge_raises_modseq), STORE_TEST (keywords),
             STORE_TEST (keywords_have_an_end));
