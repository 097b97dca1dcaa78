/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compact_test.c - compaction gives space back, and nothing else changes: not the rows, not a body,
 * not what a rebuild finds; wherever it is killed, and whatever call fails. */
#include "support.h"

#include "../base.h"
#include "../compact.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

static const struct compact_how all_of_it = { .percent = 0, .seal = true, .hurry = true };

/* The text of mail number `n`, of 100 to 3000 octets. */
static char *
mail_text (unsigned n) {
  GString *text = g_string_new (NULL);

  g_string_printf (text, "Subject: mail %u\r\n\r\n", n);
  for (unsigned i = 0; i < n * 37 % 50 + 1; i++)
    g_string_append_printf (text, "This is line %u of mail %u, and it is like the others.\r\n", i,
                            n);
  return g_string_free (text, FALSE);
}

/* Copies messages of INBOX to INBOX: they share their bodies. */
static void
copy (struct fixture *f, const char *name, uint32_t first, uint32_t last) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_uid_range range = { first, last };
  struct ptn_change *change;
  struct ptn_id id;

  assert_true (find_mailbox (f, name, "INBOX", &id));
  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  assert_ok (DO (f, change_copy (change, &call, &id, (struct ptn_uid_set){ &range, 1 }, &id, 0)));
  assert_ok (DO (f, change_commit (change, &call)));
  change_end (change);
  account_close (account);
}

/* Mails for two accounts, many of them expunged, some shared. */
static void
fill (struct fixture *f, unsigned mails) {
  for (unsigned i = 0; i < mails; i++) {
    g_autofree char *text = mail_text (i);

    deliver (f, i % 2 ? "ann@example.test" : "bob@example.test", text);
  }
  copy (f, "ann@example.test", 3, 6); /* the new ones stay, the old ones go */
  for (unsigned uid = 1; uid < mails / 2; uid++)
    if (uid % 5) {
      assert_ok (expunge (f, "ann@example.test", uid, uid));
      assert_ok (expunge (f, "bob@example.test", uid, uid));
    }
}

/* The dump without the places of bodies, and the octets of every message behind it. */
static char *
content (struct fixture *f, unsigned mails) {
  static const char *const names[] = { "ann@example.test", "bob@example.test" };
  g_autofree char *rows = dump (f->store);
  g_auto (GStrv) lines = g_strsplit (rows, "\n", -1);
  GString *text = g_string_new (NULL);

  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix (*line, "05") && !g_str_has_prefix (*line, "09"))
      g_string_append_printf (text, "%s\n", *line);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    for (uint32_t uid = 1; uid < mails; uid++) {
      ptn_status status;
      g_autofree char *body = read_text (f, names[i], "INBOX", uid, &status);

      assert_true (body || status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND);
      if (body)
        g_string_append_printf (text, "%s %u %s", names[i], uid, body);
    }
  return g_string_free (text, FALSE);
}

static void
lose_index (struct fixture *f) {
  static const char *const names[] = { "CURRENT", "idx.A.kct", "idx.B.kct" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = g_build_filename (f->path, "s00", names[i], NULL);

    g_unlink (name);
  }
}

static void
compact (struct fixture *f, struct compact_result *result) {
  assert_ok (shard_compact (&f->store->shards[0], &all_of_it, result));
}

static uint64_t
live_octets (struct store *store) {
  struct index *index = &store->shards[0].index;
  uint64_t live = 0;

  for (uint32_t number = 1; number < 1000; number++) {
    struct segment_row row;
    struct value value;
    struct key key;

    key_segment (&key, number);
    value_init (&value);
    if (index_get (index, NULL, &key, &value) == PTN_OK) {
      assert_true (segment_row_get (VALUE_READER (&value), &row));
      live += row.live;
    }
    value_clear (&value);
  }
  return live;
}

static void
gives_back (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL, *rows = NULL, *rebuilt = NULL, *again = NULL;
  struct compact_result result;
  enum { MAILS = 120 };

  f->settings.segment_size = 16384;
  fixture_open (f);
  fill (f, MAILS);
  before = content (f, MAILS);
  compact (f, &result);
  after = content (f, MAILS);
  assert_string_equal (before, after);
  assert_sound (f->store);
  assert_true (result.removed > 5);
  assert_true (result.after < result.before / 2);
  assert_true (result.moved > 0);
  assert_in_range (result.moved, 1, live_octets (f->store)); /* what is shared was moved once */
  /* Nothing more to do. */
  compact (f, &result);
  assert_int_equal (result.removed, 0);
  assert_int_equal (result.moved, 0);
  /* The log and the base alone give the same rows, places and all. */
  rows = dump (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  again = dump (f->store);
  assert_string_equal (rows, again);
  fixture_close (f);
  lose_index (f);
  fixture_open (f);
  rebuilt = dump (f->store);
  assert_string_equal (rows, rebuilt);
  assert_sound (f->store);
  g_free (after);
  after = content (f, MAILS);
  assert_string_equal (before, after);
}

/* Everything gone: no octet is moved, and all segments but the newest go. */
static void
empty_segments (void **state) {
  struct fixture *f = *state;
  g_autoptr (GArray) segments = NULL;
  g_autofree char *rows = NULL, *rebuilt = NULL;
  struct compact_result result;
  struct compact_how how = { .percent = 50, .base_gain = 0 };

  f->settings.segment_size = 8192;
  fixture_open (f);
  fill (f, 60);
  assert_ok (expunge (f, "ann@example.test", 1, 1000));
  assert_ok (expunge (f, "bob@example.test", 1, 1000));
  assert_ok (shard_compact (&f->store->shards[0], &how, &result));
  assert_int_equal (result.moved, 0);
  assert_true (result.removed > 5);
  segments = log_segments (&f->store->shards[0]);
  assert_int_equal (segments->len, 1);
  rows = dump (f->store);
  fixture_close (f);
  lose_index (f);
  fixture_open (f);
  rebuilt = dump (f->store);
  assert_string_equal (rows, rebuilt);
  deliver (f, "ann@example.test", "new\r\n");
  assert_sound (f->store);
}

/* What is not wasteful stays, and a base is not written for a trifle. */
static void
not_for_a_trifle (void **state) {
  struct fixture *f = *state;
  struct compact_result result;
  struct compact_how how = { .percent = 50, .base_gain = 100 };

  f->settings.segment_size = 16384;
  fixture_open (f);
  fill (f, 30);
  assert_ok (shard_compact (&f->store->shards[0], &how, &result));
  assert_int_equal (base_newest (&f->store->shards[0]), 0);
  assert_int_equal (result.removed, 0);
}

/* Many rounds of everything, with compaction in between; then a rebuild. */
static void
many_rounds (void **state) {
  struct fixture *f = *state;
  struct compact_result result;

  f->settings.segment_size = 8192;
  fixture_open (f);
  for (int round = 0; round < 8; round++) {
    g_autofree char *before = NULL, *after = NULL, *rebuilt = NULL, *rows = NULL;

    populate (f);
    fill (f, 20);
    before = content (f, 150);
    compact (f, &result);
    after = content (f, 150);
    assert_string_equal (before, after);
    if (round % 3 == 2) {
      rows = dump (f->store);
      fixture_close (f);
      lose_index (f);
      fixture_open (f);
      rebuilt = dump (f->store);
      assert_string_equal (rows, rebuilt);
    } else if (round % 3 == 1)
      fixture_move_to (f, fixture_copy (f, round % 2 ? "killed" : "killed2"));
    if (!f->store)
      fixture_open (f);
    assert_sound (f->store);
  }
}

/* A body that is damaged cannot be moved: its segment stays, everything else goes on. */
static void
damaged_body (void **state) {
  struct fixture *f = *state;
  g_autofree char *log = NULL;
  char name[16], *where = NULL;
  struct compact_result result;
  ptn_status status;
  size_t size;

  f->settings.segment_size = 8192;
  fixture_open (f);
  fill (f, 60);
  fixture_close (f);
  for (unsigned number = 1; !where; number++) {
    g_snprintf (name, sizeof name, "log.%08u", number);
    g_free (log);
    log = file_of (f, name, &size);
    where = memmem (log, size, "of mail 9,", 10); /* ann's fifth, which stays */
  }
  where[3] ^= 1;
  set_file (f, name, log, size);
  fixture_open (f);
  compact (f, &result);
  assert_true (result.removed > 3);
  g_free (log);
  log = file_of (f, name, &size); /* it is there */
  g_free (read_text (f, "ann@example.test", "INBOX", 5, &status));
  assert_int_equal (status, PTN_E_CORRUPT);
  g_free (read_text (f, "ann@example.test", "INBOX", 10, &status));
  assert_ok (status);
}

/* Calls are counted; at the one whose turn it is, a copy of the store is made, or it fails. */
static struct fixture *snapped;
static _Atomic int calls, turn, error;

static bool
is_turn (void) {
  if (!snapped || atomic_fetch_add (&calls, 1) + 1 != atomic_load (&turn))
    return false;
  if (atomic_load (&error)) {
    errno = atomic_load (&error);
    return true;
  }
  g_free (fixture_copy (snapped, "snapshot"));
  return false;
}

static ssize_t
counted_pwritev (int fd, const struct iovec *vectors, int count, off_t offset) {
  return is_turn () ? -1 : pwritev (fd, vectors, count, offset);
}

static int
counted_fdatasync (int fd) {
  return is_turn () ? -1 : fdatasync (fd);
}

static int
counted_fsync (int fd) {
  return is_turn () ? -1 : fsync (fd);
}

static int
counted_fallocate (int fd, int mode, off_t offset, off_t length) {
  return is_turn () ? -1 : fallocate (fd, mode, offset, length);
}

static int
counted_ftruncate (int fd, off_t length) {
  return is_turn () ? -1 : ftruncate (fd, length);
}

static int
counted_rename (const char *from, const char *to) {
  return is_turn () ? -1 : rename (from, to);
}

static int
counted_unlink (const char *path) {
  return is_turn () ? -1 : unlink (path);
}

static const struct io counted = {
  .pwritev = counted_pwritev,
  .fdatasync = counted_fdatasync,
  .fsync = counted_fsync,
  .fallocate = counted_fallocate,
  .ftruncate = counted_ftruncate,
  .rename = counted_rename,
  .unlink = counted_unlink,
};

/* The store to begin each attempt with: something to compact, and a base from a round before. */
static char *
prepare (struct fixture *f) {
  struct compact_result result;

  f->settings.segment_size = 4096;
  f->settings.sync = true;
  fixture_open (f);
  fill (f, 16);
  compact (f, &result);
  fill (f, 24);
  fixture_close (f);
  return fixture_copy (f, "prepared");
}

static void
begin_attempt (struct fixture *f, const char *prepared, int number, int with_error) {
  g_free (f->path);
  f->path = g_strdup (prepared);
  fixture_move_to (f, fixture_copy (f, "attempt"));
  assert_ok (fixture_try_open (f, &counted));
  atomic_store (&calls, 0);
  atomic_store (&turn, number);
  atomic_store (&error, with_error);
  snapped = f;
}

/* Opens what is left, twice: the second time without the index. */
static void
assert_same (struct fixture *f, const char *expected) {
  for (int i = 0; i < 2; i++) {
    g_autofree char *found = NULL;

    fixture_open (f);
    found = content (f, 60);
    assert_string_equal (expected, found);
    assert_sound (f->store);
    fixture_close (f);
    lose_index (f);
  }
}

static void
killed_at_every_call (void **state) {
  struct fixture *f = *state;
  g_autofree char *prepared = prepare (f), *expected = NULL;

  fixture_open (f);
  expected = content (f, 60);
  fixture_close (f);
  for (int number = 1;; number++) {
    struct compact_result result;
    bool reached;

    begin_attempt (f, prepared, number, 0);
    compact (f, &result);
    snapped = NULL;
    reached = atomic_load (&calls) >= number;
    fixture_close (f);
    if (!reached) {
      assert_true (number > 15);
      return;
    }
    g_free (f->path);
    f->path = g_build_filename (f->folder, "snapshot", NULL);
    f->settings.take_over = true;
    assert_same (f, expected);
  }
}

static void
fails_at_every_call (struct fixture *f, int with_error) {
  g_autofree char *prepared = prepare (f), *expected = NULL;

  fixture_open (f);
  expected = content (f, 60);
  fixture_close (f);
  for (int number = 1;; number++) {
    struct compact_result result;
    g_autofree char *found = NULL;
    bool reached;

    begin_attempt (f, prepared, number, with_error);
    shard_compact (&f->store->shards[0], &all_of_it, &result);
    snapped = NULL;
    reached = atomic_load (&calls) >= number;
    found = content (f, 60); /* beside the failure everything is there */
    assert_string_equal (expected, found);
    fixture_move_to (f, fixture_copy (f, "failed"));
    f->settings.take_over = true;
    assert_same (f, expected);
    if (!reached)
      return;
  }
}

static void
io_errors (void **state) {
  fails_at_every_call (*state, EIO);
}

static void
no_space (void **state) {
  fails_at_every_call (*state, ENOSPC);
}

/* A segment that is to be closed early, and no space for the next one: then it goes on in this. */
static void
no_space_for_another (void **state) {
  struct fixture *f = *state;
  struct shard *shard;

  assert_ok (fixture_try_open (f, &counted));
  shard = &f->store->shards[0];
  deliver (f, "ann@example.test", "first\r\n");
  deliver (f, "ann@example.test", "second\r\n");
  atomic_store (&calls, 0);
  atomic_store (&turn, 2); /* the header of the new one; the first is its space */
  atomic_store (&error, ENOSPC);
  snapped = f;
  atomic_store (&shard->seal, true);
  assert_ok (expunge (f, "ann@example.test", 1, 1));
  assert_true (atomic_load (&calls) >= 2);
  snapped = NULL;
  assert_int_equal (shard->log.segment, 1);
  atomic_store (&shard->seal, true);
  assert_ok (expunge (f, "ann@example.test", 2, 2));
  assert_int_equal (shard->log.segment, 2);
  assert_sound (f->store);
}

/* Readers beside it find every message, all the time. */
struct reading {
  struct fixture *f;
  struct ptn_task *task;
  atomic_bool stop;
  unsigned read;
};

static void *
read_all (void *argument) {
  struct reading *reading = argument;
  struct fixture mine = *reading->f;

  mine.task = harness_task_new (mine.harness);
  while (!atomic_load (&reading->stop))
    for (uint32_t uid = 5; uid < 30; uid += 5) {
      ptn_status status;
      g_autofree char *text = read_text (&mine, "ann@example.test", "INBOX", uid, &status);
      g_autofree char *expected = mail_text (uid * 2 - 1);

      if (status != PTN_OK || strcmp (text, expected) != 0)
        g_error ("uid %u: status %d", uid, status);
      reading->read++;
    }
  harness_task_free (&mine.task);
  return NULL;
}

static void
beside_readers (void **state) {
  struct fixture *f = *state;
  struct reading reading = { .f = f };
  struct compact_result result;
  uint64_t removed = 0;
  pthread_t thread;

  f->settings.segment_size = 8192;
  fixture_open (f);
  fill (f, 60);
  assert_int_equal (pthread_create (&thread, NULL, read_all, &reading), 0);
  for (int i = 0; i < 20; i++) {
    /* Something dead in every segment again: flags are enough. */
    for (int k = 0; k < 20; k++) {
      uint32_t uid = deliver (f, "bob@example.test", "gone at once\r\n");

      assert_ok (expunge (f, "bob@example.test", uid, uid));
    }
    compact (f, &result);
    removed += result.removed;
  }
  atomic_store (&reading.stop, true);
  pthread_join (thread, NULL);
  assert_true (removed > 20);
  assert_true (reading.read > 20);
  assert_sound (f->store);
}

/* The thread does it by itself, and when asked. */
static void
by_itself (void **state) {
  struct fixture *f = *state;
  struct compact_state asked;
  g_autofree char *before = NULL, *after = NULL;
  bool done = false;

  f->settings.segment_size = 8192;
  f->settings.checkpoint_records = 10;
  f->settings.compact_pause = 50;
  fixture_open (f);
  fill (f, 60);
  for (int i = 0; i < 3000 && !done; i++) {
    g_autoptr (GArray) segments = log_segments (&f->store->shards[0]);

    done = g_array_index (segments, struct segment_info, 0).number > 1;
    g_usleep (20000);
  }
  assert_true (done);
  before = content (f, 60);
  compact_ask (&f->store->shards[0]);
  do {
    g_usleep (5000);
    compact_look (&f->store->shards[0], &asked);
  } while (asked.asked);
  assert_ok (asked.status);
  after = content (f, 60);
  assert_string_equal (before, after);
  assert_sound (f->store);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (gives_back),
    STORE_TEST (empty_segments),
    STORE_TEST (not_for_a_trifle),
    STORE_TEST (many_rounds),
    STORE_TEST (damaged_body),
    STORE_TEST (killed_at_every_call),
    STORE_TEST (io_errors),
    STORE_TEST (no_space),
    STORE_TEST (beside_readers),
    STORE_TEST (by_itself),
    STORE_TEST (no_space_for_another),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
