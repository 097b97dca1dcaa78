/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rebuild_test.c - bases, and indexes made anew from them: at start, and while the store serves. */
#include "support.h"

#include "../admin.h"
#include "../base.h"
#include "../mailbox.h"
#include "../rebuild.h"

#include <glib/gstdio.h>
#include <unistd.h>

static void
lose_index (struct fixture *f, unsigned shard) {
  static const char *const names[] = { "CURRENT", "idx.A.kct", "idx.B.kct" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *folder = g_strdup_printf ("%s/s%02u", f->path, shard);
    g_autofree char *name = g_build_filename (folder, names[i], NULL);

    g_unlink (name);
  }
}

static void
wait_for_rebuild (struct shard *shard, uint64_t count) {
  struct rebuild_state state;

  for (int i = 0; i < 3000; i++) {
    rebuild_look (shard, &state);
    if (state.count >= count && !state.running && atomic_load (&shard->state) == SHARD_SERVING)
      return;
    g_usleep (5000);
  }
  fail_msg ("the rebuild does not end");
}

/* An account whose shard is this one. */
static const char *
account_in (struct store *store, uint32_t shard) {
  static char name[64];

  for (unsigned i = 0;; i++) {
    g_snprintf (name, sizeof name, "user%u@example.test", i);
    if (store_shard_of (store, name)->number == shard)
      return name;
  }
}

static void
same_from_base (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;

  f->settings.segment_size = 4096;
  fixture_open (f);
  assert_false (base_write (&f->store->shards[0])); /* there is no tree yet */
  for (int round = 0; round < 3; round++) {
    populate (f);
    assert_true (shard_checkpoint (&f->store->shards[0], false));
    assert_true (base_write (&f->store->shards[0]));
    assert_int_equal (base_newest (&f->store->shards[0]), round + 1);
  }
  populate (f);
  before = dump (f->store);
  fixture_move_to (f, fixture_copy (f, "lost"));
  lose_index (f, 0);
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
  deliver (f, "ann@example.test", "goes on\r\n");
}

/* A damaged base is not needed while the log is there from its beginning. */
static void
damaged_base (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL, *data = NULL;
  size_t size;

  fixture_open (f);
  populate (f);
  assert_true (shard_checkpoint (&f->store->shards[0], false));
  assert_true (base_write (&f->store->shards[0]));
  before = dump (f->store);
  fixture_close (f);
  data = file_of (f, "base.00000001", &size);
  data[size / 2] ^= 1;
  set_file (f, "base.00000001", data, size);
  lose_index (f, 0);
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_true (atomic_load (&f->store->shards[0].base_wanted));
}

struct counting {
  GHashTable *keys;
};

static bool
count_key (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct counting *counting = argument;

  g_hash_table_add (counting->keys, g_bytes_new (key, key_size));
  return true;
}

/* Every record of a base that is not hit gives its rows, wherever the damage is. */
static void
damage_takes_little (void **state) {
  struct fixture *f = *state;
  struct base_result whole, result;
  g_autofree char *data = NULL;
  struct shard *shard;
  size_t size;

  fixture_open (f);
  shard = &f->store->shards[0];
  for (int i = 0; i < 3000; i++) {
    g_autofree char *account = g_strdup_printf ("user-%d-with-a-long-name@example.test", i);

    deliver (f, account, "x\r\n");
  }
  assert_true (shard_checkpoint (shard, false));
  assert_true (base_write (shard));
  assert_ok (base_read (shard, 1, NULL, NULL, &whole));
  assert_int_equal (whole.lost, 0);
  assert_true (whole.records > 4);
  data = file_of (f, "base.00000001", &size);
  for (int i = 0; i < 200; i++) {
    size_t at = (size_t)g_random_int () % size;
    struct counting counting = { g_hash_table_new_full (g_bytes_hash, g_bytes_equal,
                                                        (GDestroyNotify)g_bytes_unref, NULL) };

    data[at] ^= 0x10;
    set_file (f, "base.00000001", data, size);
    data[at] ^= 0x10;
    assert_ok (base_read (shard, 1, count_key, &counting, &result));
    assert_in_range (result.lost, 0, 1);
    assert_true (result.records + result.lost == whole.records);
    assert_int_equal (g_hash_table_size (counting.keys), result.rows);
    assert_memory_equal (&result.position, &whole.position, sizeof whole.position);
    g_hash_table_unref (counting.keys);
  }
  for (int i = 0; i < 50; i++) { /* cut short */
    set_file (f, "base.00000001", data, (size_t)g_random_int () % size);
    if (base_read (shard, 1, NULL, NULL, &result) == PTN_OK)
      assert_true (result.lost > 0);
  }
  fixture_close (f);
}

/* One shard is away; the others serve, and it comes back with all it had. */
static void
others_serve (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL, *here = NULL, *there = NULL;
  struct shard *shard;
  ptn_status status;
  uint32_t uid;

  f->settings.shards = 4;
  f->settings.segment_size = 8192;
  fixture_open (f);
  for (int round = 0; round < 3; round++)
    populate (f);
  here = g_strdup (account_in (f->store, 1));
  there = g_strdup (account_in (f->store, 2));
  deliver (f, here, "here\r\n");
  deliver (f, there, "there\r\n");
  shard = &f->store->shards[1];
  before = dump (f->store);
  pthread_mutex_lock (&shard->upkeep); /* it cannot go on */
  assert_true (rebuild_ask (shard, NULL));
  while (!atomic_load (&shard->index.away))
    g_usleep (1000);
  assert_int_equal (try_deliver (f, here, "INBOX", "x\r\n", 3, NULL), PTN_E_TEMPORARY);
  assert_string_equal (f->host->failure_text (f->task), shard_away_text);
  assert_ok (try_deliver (f, there, "INBOX", "y\r\n", 3, &uid));
  assert_int_equal (uid, 2);
  g_free (read_text (f, there, "INBOX", 1, &status));
  assert_ok (status);
  assert_ok (expunge (f, there, 2, 2));
  {
    struct ptn_account *account = open_account (f, here);
    struct ptn_call call = { .task = f->task };
    const struct ptn_mailbox *mailbox;
    struct ptn_cursor *cursor;
    struct ptn_strings names;

    assert_int_equal (mailbox_status (account, &call, (struct ptn_mailbox_name){ NULL, "INBOX" },
                                      &mailbox),
                      PTN_E_TEMPORARY);
    assert_string_equal (f->host->failure_text (f->task), shard_away_text);
    f->host->call_end (&call);
    /* What is away is not missing. */
    assert_int_equal (mailbox_list (account, &call, "*", &cursor), PTN_E_TEMPORARY);
    assert_int_equal (mailbox_list_others (account, &call, NULL, "*", &cursor), PTN_E_TEMPORARY);
    assert_int_equal (admin_list_accounts (f->store, &call, "", &names), PTN_E_TEMPORARY);
    f->host->call_end (&call);
    account_close (account);
  }
  pthread_mutex_unlock (&shard->upkeep);
  wait_for_rebuild (shard, 1);
  {
    g_autofree char *text = read_text (f, here, "INBOX", 1, &status);

    assert_ok (status);
    assert_string_equal (text, "here\r\n");
  }
  deliver (f, here, "again\r\n");
  assert_ok (expunge (f, here, 2, 2));
  assert_sound (f->store);
  after = dump (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  g_free (before);
  before = dump (f->store);
  assert_string_equal (before, after);
}

static bool
pass_over (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  return true;
}

/* A row that rots under a running store: whoever meets it is told to come again, and it is as if
 * nothing had been. */
static void
rot_at_run_time (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL, *data = NULL;
  char name[] = "idx.?.kct";
  struct shard *shard;
  ptn_status status;
  size_t size;

  fixture_open (f);
  populate (f);
  assert_true (shard_checkpoint (&f->store->shards[0], false));
  assert_true (base_write (&f->store->shards[0]));
  populate (f);
  before = dump (f->store);
  fixture_close (f);
  fixture_open (f);
  shard = &f->store->shards[0];
  name[4] = shard->current;
  data = file_of (f, name, &size);
  for (size_t i = size / 2; i < size; i++)
    data[i] ^= 0x55;
  {
    g_autofree char *path = shard_file (shard, name);
    FILE *file = fopen (path, "r+e");

    assert_int_equal (fwrite (data, 1, size, file), size);
    fclose (file);
  }
  g_free (read_text (f, "ann@example.test", "INBOX", 2, &status));
  assert_true (status == PTN_E_TEMPORARY || status == PTN_OK);
  /* Where the damage is depends on the tree: a look at all rows finds it. */
  index_scan (&shard->index, NULL, &(struct key){ 1, { 0 } }, &(struct key){ 1, { 0xff } },
              SIZE_MAX, pass_over, NULL);
  if (atomic_load (&shard->index.corrupt))
    rebuild_ask (shard, "met by the test");
  wait_for_rebuild (shard, 1);
  g_free (read_text (f, "ann@example.test", "INBOX", 2, &status));
  assert_ok (status);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
  deliver (f, "ann@example.test", "serves\r\n");
}

/* A start that has much to read does not keep the other shards waiting. */
static void
background_start (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;

  f->settings.shards = 3;
  fixture_open (f);
  for (int round = 0; round < 3; round++)
    populate (f);
  for (uint32_t i = 0; i < 3; i++)
    deliver (f, account_in (f->store, i), "mail\r\n");
  before = dump (f->store);
  fixture_close (f);
  lose_index (f, 1);
  f->settings.background = 100;
  fixture_open (f);
  assert_ok (try_deliver (f, account_in (f->store, 0), "INBOX", "y\r\n", 3, NULL));
  assert_ok (expunge (f, account_in (f->store, 0), 2, 2));
  wait_for_rebuild (&f->store->shards[1], 1);
  deliver (f, account_in (f->store, 1), "y\r\n");
  assert_ok (expunge (f, account_in (f->store, 1), 2, 2));
  assert_sound (f->store);
  after = dump (f->store);
  fixture_close (f);
  f->settings.background = 0;
  fixture_open (f);
  g_free (before);
  before = dump (f->store);
  assert_string_equal (before, after);
}

/* Closed in the middle of a rebuild: the next start makes good. */
static void
closed_meanwhile (void **state) {
  struct fixture *f = *state;
  g_autofree char *before = NULL, *after = NULL;

  f->settings.checkpoint_records = 20;
  fixture_open (f);
  for (int round = 0; round < 10; round++)
    populate (f);
  before = dump (f->store);
  assert_true (rebuild_ask (&f->store->shards[0], NULL));
  fixture_close (f);
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
  assert_sound (f->store);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (same_from_base),   STORE_TEST (damaged_base),    STORE_TEST (damage_takes_little),
    STORE_TEST (others_serve),     STORE_TEST (rot_at_run_time), STORE_TEST (background_start),
    STORE_TEST (closed_meanwhile),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
