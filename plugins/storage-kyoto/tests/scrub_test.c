/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scrub_test.c - every flipped bit on disk is found, and its message named; what is sound is
 * not complained of; the thread does it by itself and goes on after a restart. */
#include "support.h"

#include "../base.h"
#include "../big.h"
#include "../scrub.h"

#include <glib/gstdio.h>

#define NAME "ann@example.test"

static GPtrArray *
run (struct fixture *f) {
  struct scrub *scrub = scrub_new (f->store, 0, 0);
  GPtrArray *problems;

  while (scrub_step (scrub, 50000))
    assert_in_range (scrub->done, 0, scrub->total);
  problems = g_ptr_array_ref (scrub->problems);
  scrub_free (&scrub);
  return problems;
}

static void
sound_store (void **state) {
  struct fixture *f = *state;
  g_autoptr (GPtrArray) problems = NULL;

  f->settings.segment_size = 4096;
  f->settings.compression = 1;
  fixture_open (f);
  for (int i = 0; i < 5; i++) {
    populate (f);
    shard_checkpoint (&f->store->shards[0], false);
  }
  problems = run (f);
  assert_int_equal (problems->len, 0);
}

/* A bit in each octet of the body: the message is named. */
static void
rotten_body (void **state) {
  struct fixture *f = *state;
  g_autofree char *log = NULL;
  struct body_row row;
  uint64_t id = 1;
  uint32_t uid;
  size_t size;

  fixture_open (f);
  deliver (f, "bob@example.test", "not this one\r\n");
  assert_ok (try_deliver (f, NAME, "Lists/One", "one\r\n", 5, NULL));
  assert_ok (try_deliver (f, NAME, "Lists/One", "the rotten one\r\n", 16, &uid));
  deliver (f, NAME, "nor this one\r\n");
  log = file_of (f, "log.00000001", &size);
  while (read_body_row (&f->store->shards[0], id, &row) != PTN_OK || row.stored != 16)
    assert_true (++id < 100);
  for (size_t at = row.offset; at < row.offset + row.stored; at++) {
    g_autoptr (GPtrArray) problems = NULL;
    const struct scrub_problem *problem;

    log[at] ^= 4;
    set_file (f, "log.00000001", log, size);
    problems = run (f);
    assert_int_equal (problems->len, 1);
    problem = problems->pdata[0];
    assert_string_equal (problem->account, NAME);
    assert_string_equal (problem->mailbox, "Lists/One");
    assert_int_equal (problem->uid, uid);
    log[at] ^= 4;
  }
}

/* A bit anywhere in the records: found, and every message that stands there is named. */
static void
rotten_anything (void **state) {
  struct fixture *f = *state;
  g_autofree char *log = NULL;
  struct position end;
  unsigned found = 0, tried = 0;
  size_t size;

  fixture_open (f);
  populate (f);
  end = f->store->shards[0].index.position;
  log = file_of (f, "log.00000001", &size);
  for (size_t at = SEGMENT_HEADER; at < end.offset; at += 11) {
    g_autoptr (GPtrArray) problems = NULL;

    log[at] ^= 1;
    set_file (f, "log.00000001", log, size);
    problems = run (f);
    found += problems->len > 0;
    tried++;
    log[at] ^= 1;
  }
  /* All but padding, and the bodies of messages that are gone. */
  assert_in_range (found, tried * 3 / 4, tried);
}

static void
rotten_big_file (void **state) {
  struct fixture *f = *state;
  enum { SIZE = 1400000 };
  g_autofree char *body = g_malloc (SIZE), *name = NULL, *file = NULL;
  struct body_row row;
  uint64_t id = 1;
  size_t size;

  for (size_t i = 0; i < SIZE; i++)
    body[i] = "abcdefgh\r\n"[i % 10];
  f->settings.compression = 1;
  fixture_open (f);
  assert_ok (try_deliver (f, NAME, "INBOX", body, SIZE, NULL));
  while (read_body_row (&f->store->shards[0], id, &row) != PTN_OK)
    assert_true (++id < 100);
  name = g_strdup_printf ("big.%016" PRIx64, row.offset);
  file = file_of (f, name, &size);
  for (int i = 0; i < 20; i++) {
    size_t at = (size_t)i * (size / 20);
    g_autoptr (GPtrArray) problems = NULL;

    file[at] ^= 64;
    set_file (f, name, file, size);
    problems = run (f);
    assert_int_equal (problems->len, 1);
    assert_string_equal (((struct scrub_problem *)problems->pdata[0])->account, NAME);
    file[at] ^= 64;
  }
}

static void
rotten_row (void **state) {
  struct fixture *f = *state;
  g_autofree char *tree = NULL, *name = NULL;
  g_autoptr (GPtrArray) problems = NULL;
  char *at;
  size_t size;

  fixture_open (f);
  for (int i = 0; i < 20; i++)
    populate (f);
  shard_checkpoint (&f->store->shards[0], true);
  name = g_strdup_printf ("idx.%c.kct", f->store->shards[0].current);
  fixture_close (f);
  tree = file_of (f, name, &size);
  at = memmem (tree, size, NAME, strlen (NAME)); /* the key of the account's row */
  assert_non_null (at);
  *at ^= 1;
  set_file (f, name, tree, size);
  fixture_open (f);
  problems = run (f);
  assert_int_equal (problems->len, 1);
  assert_string_equal (((struct scrub_problem *)problems->pdata[0])->where, "index");
  assert_true (atomic_load (&f->store->shards[0].index.corrupt));
}

static void
rotten_base (void **state) {
  struct fixture *f = *state;
  g_autofree char *base = NULL;
  size_t size;

  fixture_open (f);
  for (int i = 0; i < 5; i++)
    populate (f);
  shard_checkpoint (&f->store->shards[0], false);
  assert_true (base_write (&f->store->shards[0]));
  base = file_of (f, "base.00000001", &size);
  for (int i = 0; i < 10; i++) {
    size_t at = (size_t)i * (size / 10);
    g_autoptr (GPtrArray) problems = NULL;

    base[at] ^= 2;
    set_file (f, "base.00000001", base, size);
    problems = run (f);
    assert_int_equal (problems->len, 1);
    assert_string_equal (((struct scrub_problem *)problems->pdata[0])->where, "base.00000001");
    base[at] ^= 2;
  }
}

static bool
wait_for (struct fixture *f, const char *text) {
  g_autofree char *name = g_build_filename (f->path, "SCRUB", NULL);

  for (int i = 0; i < 1200; i++) {
    g_autofree char *now = NULL;

    if (g_file_get_contents (name, &now, NULL, NULL) && strstr (now, text))
      return true;
    g_usleep (50000);
  }
  return false;
}

/* By itself; a pass that a restart broke off goes on behind the segment it had reached. */
static void
by_itself (void **state) {
  struct fixture *f = *state;
  g_autofree char *name = g_build_filename (f->path, "SCRUB", NULL), *log = NULL;
  g_autofree char *begun =
      g_strdup_printf ("postern-scrub 1\nfinished 5\nstarted 6\nshard 0\nsegment 1\nproblems 0\n");
  size_t size;

  f->settings.segment_size = 4096;
  fixture_open (f);
  for (int i = 0; i < 4; i++)
    populate (f);
  fixture_close (f);
  f->settings.scrub_interval = 1000;
  f->settings.scrub_rate = 64 << 20;
  fixture_open (f);
  assert_true (wait_for (f, "shard 0\nsegment 0\nproblems 0")); /* made at the start */
  fixture_close (f);
  /* Damage in the first segment, which this pass has behind it, and in the second. */
  log = file_of (f, "log.00000001", &size);
  log[100] ^= 1;
  set_file (f, "log.00000001", log, size);
  assert_true (g_file_set_contents (name, begun, -1, NULL));
  fixture_open (f);
  assert_true (wait_for (f, "started 0\nshard 0\nsegment 0\nproblems 0"));
  /* The next one begins at the beginning. */
  assert_true (wait_for (f, "problems 1"));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    STORE_TEST (sound_store),     STORE_TEST (rotten_body), STORE_TEST (rotten_anything),
    STORE_TEST (rotten_big_file), STORE_TEST (rotten_row),  STORE_TEST (rotten_base),
    STORE_TEST (by_itself),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
