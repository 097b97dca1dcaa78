/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - views, rows of fetch, read. */
#include "fixture.h"

static void
views_are_immutable (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "one\r\n");
  deliver (f, ANN, "INBOX", "two\r\n");
  const struct ptn_view *before = view_of (f, "INBOX"), *same = view_of (f, "INBOX");
  deliver (f, ANN, "INBOX", "three\r\n");
  set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_ADD, PTN_SEEN);
  expunge (f, "INBOX", UIDS ({ 2, 2 }));
  const struct ptn_view *after = view_of (f, "INBOX");
  assert_int_equal (before->count, 2);
  assert_int_equal (before->uid[1], 2);
  assert_int_equal (before->flags[0], 0);
  assert_int_equal (after->count, 2);
  assert_int_equal (after->uid[1], 3);
  assert_int_equal (after->flags[0], PTN_SEEN);
  assert_true (after->modseq > before->modseq);
  assert_true (after->message_modseq[0] > before->message_modseq[0]);
  f->store->release_view (before);
  assert_int_equal (same->uid[1], 2);
  f->store->release_view (same);
  f->store->release_view (after);
}

static void
view_outlives_its_mailbox (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "a", "one\r\n");
  const struct ptn_view *view = view_of (f, "a");
  assert_ok (DO (f, f->store->remove (f->account, &call, NAME ("a"))));
  assert_int_equal (view->count, 1);
  assert_int_equal (view->uid[0], 1);
  f->store->release_view (view);
}

static void
uids_only_grow (void **state) {
  struct fixture *f = *state;
  for (uint32_t i = 1; i <= 5; i++)
    assert_int_equal (deliver (f, ANN, "INBOX", "x\r\n"), i);
  uint32_t uidvalidity = status_of (f, "INBOX").uidvalidity;
  expunge (f, "INBOX", UIDS ({ 4, 5 }));
  assert_int_equal (status_of (f, "INBOX").uidnext, 6);
  assert_int_equal (deliver (f, ANN, "INBOX", "x\r\n"), 6);
  expunge (f, "INBOX", ALL_UIDS);
  assert_int_equal (deliver (f, ANN, "INBOX", "x\r\n"), 7);
  assert_int_equal (status_of (f, "INBOX").uidvalidity, uidvalidity);
  g_autofree char *uids = uids_of (f, "INBOX");
  assert_string_equal (uids, "7");
}

static void
rows_of_fetch (void **state) {
  struct fixture *f = *state;
  static const char *const texts[] = { "one\r\n", "", "bare\n", "no end", "cr\r" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    deliver (f, ANN, "INBOX", texts[i]);
  g_autoptr (GArray) all = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, 0);
  assert_int_equal (all->len, 5);
  for (guint i = 0; i < all->len; i++) {
    struct ptn_message *row = &g_array_index (all, struct ptn_message, i);
    assert_int_equal (row->uid, i + 1);
    assert_int_equal (row->octets, strlen (texts[i]));
    assert_int_equal (row->unterminated, i != 0);
    assert_int_equal (row->flags, 0);
    assert_int_equal (row->internal_date, 1000000000);
    assert_true (row->save_date > 1600000000);
    assert_true (row->modseq > 0);
  }
  g_autoptr (GArray) some = fetch_rows (f, "INBOX", UIDS ({ 2, 3 }, { 5, UINT32_MAX }), 0);
  assert_int_equal (some->len, 3);
  assert_int_equal (g_array_index (some, struct ptn_message, 2).uid, 5);
  g_autoptr (GArray) none = fetch_rows (f, "INBOX", UIDS ({ 6, 900 }), 0);
  assert_int_equal (none->len, 0);
  assert_int_equal (status_of (f, "INBOX").octets, 5 + 5 + 6 + 3);
}

static void
rows_changed_since (void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 4; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  g_autoptr (GArray) none = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, modseq);
  assert_int_equal (none->len, 0);
  set_flags (f, "INBOX", UIDS ({ 2, 3 }), PTN_FLAGS_ADD, PTN_FLAGGED);
  g_autoptr (GArray) two = fetch_rows (f, "INBOX", (struct ptn_uid_set){ 0 }, modseq);
  assert_int_equal (two->len, 2);
  assert_int_equal (g_array_index (two, struct ptn_message, 0).uid, 2);
  assert_int_equal (g_array_index (two, struct ptn_message, 0).modseq,
                    status_of (f, "INBOX").highest_modseq);
  g_autoptr (GArray) one = fetch_rows (f, "INBOX", UIDS ({ 3, 4 }), modseq);
  assert_int_equal (one->len, 1);
}

static void
a_part_of_a_message (void **state) {
  struct fixture *f = *state;
  g_autofree char *text = g_malloc0 (200001);
  for (int i = 0; i < 200000; i++)
    text[i] = (char)('a' + i % 23);
  deliver (f, ANN, "INBOX", text);
  static const struct {
    uint64_t offset, length;
  } parts[] = { { 0, 0 },       { 0, 1 },      { 5, 10 },         { 0, UINT64_MAX },
                { 199999, 5 },  { 200000, 5 }, { 900000, 5 },     { UINT64_MAX, UINT64_MAX },
                { 65530, 100 }, { 1, 131073 }, { 131072, 65536 }, { 7, UINT64_MAX } };
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *data = NULL;
    size_t size = 0;
    uint64_t start = MIN (parts[i].offset, 200000);
    uint64_t wanted = MIN (parts[i].length, 200000 - start);
    assert_ok (read_message (f, "INBOX", 1, parts[i].offset, parts[i].length, &data, &size));
    assert_int_equal (size, wanted);
    assert_memory_equal (data, text + start, wanted);
  }
}

static void
a_read_tells_its_length (void **state) {
  struct fixture *f = *state;
  struct ptn_source *source = NULL;
  deliver (f, ANN, "INBOX", "0123456789\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  assert_ok (DO (f, f->store->read (f->account, &call, &id, 1, 4, UINT64_MAX, &source)));
  assert_true (source->length == 8 || source->length == -1);
  source->ops->close (source); /* unread */
  assert_int_equal (DO (f, f->store->read (f->account, &call, &id, 2, 0, 1, &source)),
                    PTN_E_EXPUNGED);
}

static void
readers_survive_an_expunge (void **state) {
  struct fixture *f = *state;
  static const size_t sizes[] = { 20, 100000, 2000000 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree char *text = g_strnfill (sizes[i], (char)('a' + i)), *read = NULL;
    size_t size = 0;
    uint32_t uid = deliver (f, ANN, "INBOX", text);
    struct ptn_id id = id_of (f, "INBOX");
    struct ptn_source *source = NULL;
    assert_ok (DO (f, f->store->read (f->account, &call, &id, uid, 0, UINT64_MAX, &source)));
    expunge (f, "INBOX", UIDS ({ uid, uid }));
    deliver (f, ANN, "other", "something in between\r\n");
    assert_ok (harness_source_slurp (source, f->task, &read, &size));
    assert_int_equal (size, sizes[i]);
    assert_string_equal (read, text);
  }
}

static void
small_pieces (void **state) {
  struct fixture *f = *state;
  struct ptn_source *source = NULL;
  g_autofree char *text = g_strnfill (5000, 'q');
  deliver (f, ANN, "INBOX", text);
  struct ptn_id id = id_of (f, "INBOX");
  assert_ok (DO (f, f->store->read (f->account, &call, &id, 1, 0, UINT64_MAX, &source)));
  size_t total = 0;
  for (;;) {
    struct ptn_chunk chunk = { 0 };
    ptn_status status = HARNESS_AWAIT (f->task, source->ops->read (source, f->task, 7, &chunk));
    if (status == PTN_END)
      break;
    assert_ok (status);
    assert_in_range (chunk.size, 1, 7);
    total += chunk.size;
    if (chunk.release)
      chunk.release (chunk.owner);
  }
  source->ops->close (source);
  assert_int_equal (total, 5000);
}

STORE_GROUP (message, STORE_TEST (views_are_immutable), STORE_TEST (view_outlives_its_mailbox),
             STORE_TEST (uids_only_grow), STORE_TEST (rows_of_fetch),
             STORE_TEST (rows_changed_since), STORE_TEST (a_part_of_a_message),
             STORE_TEST (a_read_tells_its_length), STORE_TEST (readers_survive_an_expunge),
             STORE_TEST (small_pieces));
