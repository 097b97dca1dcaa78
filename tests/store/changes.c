/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - append, copy, move, expunge; all or nothing; tokens. */
#include "fixture.h"

#define assert_set(set, expected)            \
  do {                                       \
    g_autofree char *text_ = set_text (set); \
    assert_string_equal (text_, expected);   \
  } while (0)
#define assert_uids(f, path, expected)          \
  do {                                          \
    g_autofree char *text_ = uids_of (f, path); \
    assert_string_equal (text_, expected);      \
  } while (0)

static ptn_status
copy (struct fixture *f, struct ptn_change *change, const char *from, struct ptn_uid_set uids,
      const char *to, int move) {
  struct ptn_id from_id = id_of (f, from), to_id = id_of (f, to);
  return DO (f, f->store->copy (change, &call, &from_id, uids, &to_id, move));
}

static void
appends (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 3; i++) {
    struct ptn_source *source = harness_source_new ("x\r\n", 3, 1, true);
    struct ptn_append append = {
      .size = sizeof append, .flags = PTN_DRAFT, .internal_date = 77 + i, .source = source
    };
    assert_ok (DO (f, f->store->append (change, &call, &id, &append)));
    source->ops->close (source);
  }
  assert_int_equal (status_of (f, "INBOX").messages, 0); /* not before commit */
  commit (f, change);
  for (uint32_t i = 0; i < 3; i++) {
    const struct ptn_outcome *result = outcome (f, change, i);
    g_autofree char *uid = g_strdup_printf ("%u", i + 1);
    assert_set (result->uids, uid);
    assert_int_equal (result->uidvalidity, status_of (f, "INBOX").uidvalidity);
  }
  const struct ptn_outcome *none = NULL;
  assert_int_not_equal (f->store->outcome (change, 3, &none), PTN_OK);
  f->store->end (change);
  g_autoptr (GArray) rows = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, 0);
  assert_int_equal (g_array_index (rows, struct ptn_message, 2).internal_date, 79);
  assert_int_equal (g_array_index (rows, struct ptn_message, 2).flags, PTN_DRAFT);
}

static void
ended_without_commit (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_mailbox before = status_of (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  assert_ok (DO (f, f->store->expunge (change, &call, &id, ALL_UIDS, 0)));
  f->store->end (change);
  struct ptn_mailbox after = status_of (f, "INBOX");
  assert_int_equal (after.messages, 1);
  assert_int_equal (after.highest_modseq, before.highest_modseq);
  assert_int_equal (quota_of (f, f->account).messages_used, 1);
}

static void
failing_source_of_an_append (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = harness_source_failing ("half", 4, PTN_E_DISCONNECTED);
  struct ptn_append append = { .size = sizeof append, .source = source };
  assert_int_equal (DO (f, f->store->append (change, &call, &id, &append)), PTN_E_DISCONNECTED);
  source->ops->close (source);
  f->store->end (change);
  assert_int_equal (status_of (f, "INBOX").messages, 0);
}

static void
copies (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++) {
    g_autofree char *text = g_strdup_printf ("mail %d\r\n", i + 1);
    deliver (f, ANN, "INBOX", text);
  }
  deliver (f, ANN, "to", "was here\r\n");
  set_flags (f, "INBOX", UIDS ({ 3, 3 }), PTN_FLAGS_ADD, PTN_FLAGGED);
  struct ptn_change *change = begin (f, NULL);
  assert_ok (copy (f, change, "INBOX", UIDS ({ 1, 1 }, { 3, 9 }), "to", 0));
  commit (f, change);
  const struct ptn_outcome *result = outcome (f, change, 0);
  assert_set (result->source_uids, "1,3:4");
  assert_set (result->uids, "2:4");
  assert_int_equal (result->uidvalidity, status_of (f, "to").uidvalidity);
  f->store->end (change);
  assert_uids (f, "INBOX", "1 2 3 4");
  g_autofree char *text = text_of (f, "to", 3);
  assert_string_equal (text, "mail 3\r\n");
  g_autoptr (GArray) rows = fetch_rows (f, "to", UIDS ({ 3, 3 }), 0);
  assert_int_equal (g_array_index (rows, struct ptn_message, 0).flags, PTN_FLAGGED);
  assert_int_equal (g_array_index (rows, struct ptn_message, 0).internal_date, 1000000000);
  expunge (f, "INBOX", ALL_UIDS); /* the copy lives by itself */
  g_autofree char *still = text_of (f, "to", 4);
  assert_string_equal (still, "mail 4\r\n");
}

static void
moves (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  uint64_t before = quota_of (f, f->account).storage_used;
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  struct ptn_change *change = begin (f, NULL);
  assert_ok (copy (f, change, "INBOX", UIDS ({ 2, 3 }, { 77, 77 }), "to", 1));
  commit (f, change);
  assert_set (outcome (f, change, 0)->source_uids, "2:3");
  assert_set (outcome (f, change, 0)->uids, "1:2");
  f->store->end (change);
  assert_uids (f, "INBOX", "1 4");
  assert_uids (f, "to", "1 2");
  assert_true (status_of (f, "INBOX").highest_modseq > modseq);
  assert_int_equal (quota_of (f, f->account).storage_used, before);
}

static void
keywords_follow_a_copy (void **state) {
  struct fixture *f = *state;
  uint32_t bit = 0, other = 0;
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_id from = id_of (f, "INBOX"), to = id_of (f, "to");
  assert_ok (DO (f, f->store->keyword (f->account, &call, &to, "Other", 1, &other)));
  assert_ok (DO (f, f->store->keyword (f->account, &call, &from, "Mine", 1, &bit)));
  set_flags (f, "INBOX", ALL_UIDS, PTN_FLAGS_ADD, UINT64_C (1) << bit);
  struct ptn_change *change = begin (f, NULL);
  assert_ok (copy (f, change, "INBOX", ALL_UIDS, "to", 0));
  commit (f, change);
  f->store->end (change);
  assert_ok (DO (f, f->store->keyword (f->account, &call, &to, "Mine", 0, &bit)));
  assert_int_not_equal (bit, other);
  const struct ptn_view *view = view_of (f, "to");
  assert_int_equal (view->flags[0], UINT64_C (1) << bit);
  f->store->release_view (view);
}

static void
copy_within_a_mailbox (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "y\r\n");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (copy (f, change, "INBOX", ALL_UIDS, "INBOX", 0));
  commit (f, change);
  assert_set (outcome (f, change, 0)->uids, "3:4");
  f->store->end (change);
  assert_uids (f, "INBOX", "1 2 3 4");
}

static void
expunges (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 6; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  set_flags (f, "INBOX", UIDS ({ 2, 4 }), PTN_FLAGS_ADD, PTN_DELETED);
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->expunge (change, &call, &id, UIDS ({ 1, 3 }), 1)));
  commit (f, change);
  assert_set (outcome (f, change, 0)->uids, "2:3");
  f->store->end (change);
  assert_uids (f, "INBOX", "1 4 5 6");
  expunge (f, "INBOX", UIDS ({ 1, 2 }, { 6, 100 }));
  assert_uids (f, "INBOX", "4 5");
  char *data = NULL;
  size_t size;
  assert_int_equal (read_message (f, "INBOX", 2, 0, 1, &data, &size), PTN_E_EXPUNGED);
  assert_int_equal (status_of (f, "INBOX").deleted, 1);
}

static void
empty_set_is_nothing (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->expunge (change, &call, &id, (struct ptn_uid_set){ 0 }, 0)));
  commit (f, change);
  assert_set (outcome (f, change, 0)->uids, "");
  f->store->end (change);
  change = begin (f, NULL);
  commit (f, change); /* no steps at all */
  f->store->end (change);
  assert_uids (f, "INBOX", "1");
}

static void
all_or_nothing (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "gone");
  struct ptn_id id = id_of (f, "INBOX"), gone = id_of (f, "gone");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  assert_ok (DO (f, f->store->set_flags (change, &call, &id, ALL_UIDS, PTN_FLAGS_ADD, PTN_SEEN,
                                         UINT64_MAX)));
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("gone"))));
  ptn_status status = DO (f, f->store->copy (change, &call, &id, ALL_UIDS, &gone, 1));
  if (status == PTN_OK) /* a store may look then or at the commit */
    status = DO (f, f->store->commit (change, &call));
  assert_int_equal (status, PTN_E_NOT_FOUND);
  f->store->end (change);
  assert_uids (f, "INBOX", "1");
  assert_int_equal (status_of (f, "INBOX").unseen, 1);
}

static void
steps_see_each_other (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 3; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "to");
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->set_flags (change, &call, &id, UIDS ({ 1, 2 }), PTN_FLAGS_ADD,
                                         PTN_DELETED, UINT64_MAX)));
  assert_ok (copy (f, change, "INBOX", UIDS ({ 2, 2 }), "to", 0));
  assert_ok (DO (f, f->store->expunge (change, &call, &id, ALL_UIDS, 1)));
  commit (f, change);
  assert_set (outcome (f, change, 2)->uids, "1:2");
  f->store->end (change);
  assert_uids (f, "INBOX", "3");
  const struct ptn_view *view = view_of (f, "to");
  assert_int_equal (view->flags[0], PTN_DELETED);
  f->store->release_view (view);
}

static void
a_token_is_applied_once (void **state) {
  struct fixture *f = *state;
  struct ptn_id token = { "0123456789abcde" };
  make (f, "INBOX");
  for (int i = 0; i < 3; i++) {
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "once\r\n");
    commit (f, change);
    assert_set (outcome (f, change, 0)->uids, "1");
    f->store->end (change);
  }
  assert_uids (f, "INBOX", "1");
  token.octets[0] ^= 1;
  struct ptn_change *change = begin (f, &token);
  append_text (f, change, "INBOX", "twice\r\n");
  commit (f, change);
  f->store->end (change);
  assert_uids (f, "INBOX", "1 2");
}

static void
many_uids (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  make (f, "to");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 2000; i++)
    append_text (f, change, "INBOX", "x\r\n");
  commit (f, change);
  f->store->end (change);
  g_autoptr (GArray) odd = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  for (uint32_t uid = 1; uid <= 2000; uid += 2) {
    struct ptn_uid_range range = { uid, uid };
    g_array_append_val (odd, range);
  }
  struct ptn_uid_set set = { (const struct ptn_uid_range *)(void *)odd->data, odd->len };
  change = begin (f, NULL);
  assert_ok (copy (f, change, "INBOX", set, "to", 1));
  commit (f, change);
  assert_set (outcome (f, change, 0)->uids, "1:1000");
  f->store->end (change);
  assert_int_equal (status_of (f, "INBOX").messages, 1000);
  expunge (f, "INBOX", set); /* all gone already */
  assert_int_equal (status_of (f, "INBOX").messages, 1000);
}

STORE_GROUP (change, STORE_TEST (appends), STORE_TEST (ended_without_commit),
             STORE_TEST (failing_source_of_an_append), STORE_TEST (copies), STORE_TEST (moves),
             STORE_TEST (keywords_follow_a_copy), STORE_TEST (copy_within_a_mailbox),
             STORE_TEST (expunges), STORE_TEST (empty_set_is_nothing), STORE_TEST (all_or_nothing),
             STORE_TEST (steps_see_each_other), STORE_TEST (a_token_is_applied_once),
             STORE_TEST (many_uids));
