/* SPDX-License-Identifier: GPL-3.0-or-later */
/* support.c - see support.h. */
#include "support.h"

#include "../mailbox.h"
#include "../read.h"
#include "../request.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

/* Kyoto Cabinet forgets a key when it meets a broken page. */
const char *__lsan_default_suppressions (void);
const char *
__lsan_default_suppressions (void) {
  return "leak:kyotocabinet::PlantDB\nleak:kyotocabinet::HashDB\n";
}

int
fixture_setup (void **state) {
  struct fixture *f = g_new0 (struct fixture, 1);

  f->harness = harness_new ();
  f->host = harness_host (f->harness);
  f->task = harness_task_new (f->harness);
  f->folder = g_dir_make_tmp ("storage-kyoto-XXXXXX", NULL);
  f->path = g_build_filename (f->folder, "store", NULL);
  f->settings = (struct store_settings){
    .shards = 1,
    .committers = 1,
    .segment_size = 1 << 20,
    .checkpoint_octets = UINT64_MAX,
    .checkpoint_records = 1000000,
    .checkpoint_idle = 3600 * 1000,
    .expunged_age = INT64_C (90) * 24 * 3600 * 1000,
    .expunged_kept = 100000,
    .token_age = 2 * 24 * 3600 * 1000,
    .cache = 1 << 20,
    .sync = false,
  };
  *state = f;
  return 0;
}

int
fixture_teardown (void **state) {
  struct fixture *f = *state;

  fixture_close (f);
  remove_tree (f->folder);
  g_free (f->path);
  g_free (f->folder);
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_free (f);
  return 0;
}

ptn_status
fixture_try_open (struct fixture *f, const struct io *io) {
  f->settings.path = f->path;
  return store_open (f->host, io, &f->settings, &f->store);
}

void
fixture_open (struct fixture *f) {
  if (fixture_try_open (f, &io_system) != PTN_OK) {
    g_autofree char *log = harness_log_take (f->harness);

    fail_msg ("the store does not open:\n%s", log);
  }
}

void
fixture_close (struct fixture *f) {
  store_close (&f->store);
}

static void write_file (const char *path, const void *data, size_t size);

static void
copy_tree (const char *from, const char *to) {
  g_autoptr (GDir) folder = g_dir_open (from, 0, NULL);
  const char *name;

  assert_int_equal (g_mkdir_with_parents (to, 0700), 0);
  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *source = g_build_filename (from, name, NULL);
    g_autofree char *target = g_build_filename (to, name, NULL);
    g_autofree char *data = NULL;
    gsize size;

    if (g_file_test (source, G_FILE_TEST_IS_DIR))
      copy_tree (source, target);
    else {
      assert_true (g_file_get_contents (source, &data, &size, NULL));
      write_file (target, data, size);
    }
  }
}

void
remove_tree (const char *path) {
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *inside = g_build_filename (path, name, NULL);

    if (g_file_test (inside, G_FILE_TEST_IS_DIR))
      remove_tree (inside);
    else
      g_unlink (inside);
  }
  g_rmdir (path);
}

char *
fixture_copy (struct fixture *f, const char *name) {
  char *path = g_build_filename (f->folder, name, NULL);

  remove_tree (path);
  copy_tree (f->path, path);
  return path;
}

void
fixture_move_to (struct fixture *f, char *path) {
  fixture_close (f);
  g_free (f->path);
  f->path = path;
}

ptn_status
try_deliver (struct fixture *f, const char *account, const char *path, const void *data,
             size_t size, uint32_t *uid) {
  struct ptn_source *source = harness_source_new (data, size, 0, false);
  struct ptn_append append = { .size = sizeof append,
                               .internal_date = 1000000000,
                               .source = source };
  struct ptn_target target = { account, path, 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  ptn_status status = DO (f, store_deliver (f->store, &call, &append, &target, 1, &result));

  source->ops->close (source);
  if (uid)
    *uid = result.uid;
  return status == PTN_OK ? result.status : status;
}

uint32_t
deliver (struct fixture *f, const char *account, const char *text) {
  uint32_t uid;

  assert_ok (try_deliver (f, account, "INBOX", text, strlen (text), &uid));
  return uid;
}

struct ptn_account *
open_account (struct fixture *f, const char *name) {
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_account *account;

  assert_ok (DO (f, account_open (f->store, &call, &identity, &account)));
  return account;
}

bool
find_mailbox (struct fixture *f, const char *name, const char *path, struct ptn_id *id) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  ptn_status status =
      mailbox_status (account, &call, (struct ptn_mailbox_name){ NULL, path }, &mailbox);

  if (status == PTN_OK)
    *id = mailbox->id;
  f->host->call_end (&call);
  account_close (account);
  return status == PTN_OK;
}

char *
read_text (struct fixture *f, const char *name, const char *path, uint32_t uid,
           ptn_status *status) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_source *source;
  struct ptn_id id;
  char *data = NULL;
  size_t size;

  *status = PTN_E_NOT_FOUND;
  if (find_mailbox (f, name, path, &id)) {
    *status = DO (f, message_read (account, &call, &id, uid, 0, UINT64_MAX, &source));
    if (*status == PTN_OK)
      *status = harness_source_slurp (source, f->task, &data, &size);
    if (*status != PTN_OK)
      g_clear_pointer (&data, g_free);
  }
  account_close (account);
  return data;
}

ptn_status
expunge (struct fixture *f, const char *name, uint32_t first, uint32_t last) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_uid_range range = { first, last };
  struct ptn_change *change;
  struct ptn_id id;
  ptn_status status;

  assert_true (find_mailbox (f, name, "INBOX", &id));
  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  assert_ok (DO (f, change_expunge (change, &call, &id, (struct ptn_uid_set){ &range, 1 }, 0)));
  status = DO (f, change_commit (change, &call));
  change_end (change);
  account_close (account);
  return status;
}

/* A change with one of each step. */
static void
change_all (struct fixture *f, struct ptn_account *account, const char *work_path) {
  static const struct ptn_uid_range one = { 1, 1 }, two = { 2, 2 }, both = { 1, 2 };
  struct ptn_source *source = harness_source_new ("Subject: appended\r\n\r\n", 21, 5, true);
  struct ptn_append append = { .size = sizeof append, .source = source, .flags = PTN_DRAFT };
  struct ptn_id token = { { 1, 2, (unsigned char)f->round } }, inbox, work;
  struct ptn_change *change;
  uint32_t bit;

  assert_true (find_mailbox (f, account->name, "INBOX", &inbox));
  assert_true (find_mailbox (f, account->name, work_path, &work));
  assert_ok (DO (f, request_keyword (account, &call, &inbox, "$Important", 1, &bit)));
  assert_ok (DO (f, change_begin (account, &call, &token, &change)));
  assert_ok (DO (f, change_append (change, &call, &inbox, &append)));
  source->ops->close (source);
  assert_ok (DO (f, change_set_flags (change, &call, &inbox, (struct ptn_uid_set){ &both, 1 },
                                      PTN_FLAGS_ADD, PTN_SEEN | (uint64_t)1 << bit, UINT64_MAX)));
  assert_ok (
      DO (f, change_copy (change, &call, &inbox, (struct ptn_uid_set){ &both, 1 }, &work, 0)));
  assert_ok (
      DO (f, change_copy (change, &call, &inbox, (struct ptn_uid_set){ &one, 1 }, &work, 1)));
  assert_ok (DO (f, change_annotate (change, &call, &inbox, (struct ptn_uid_set){ &two, 1 },
                                     "/test/word", (struct ptn_bytes){ "value", 5 })));
  assert_ok (DO (f, change_annotate (change, &call, NULL, (struct ptn_uid_set){ NULL, 0 },
                                     "/test/account", (struct ptn_bytes){ "", 0 })));
  assert_ok (DO (f, change_commit (change, &call)));
  change_end (change);
}

void
populate (struct fixture *f) {
  static const char *const names[] = { "ann@example.test", "bob@example.test", "eve@example.test" };

  g_autofree char *parent = g_strdup_printf ("Work%u", f->round),
                  *work = g_strdup_printf ("%s/2026", parent),
                  *play = g_strdup_printf ("Play%u", f->round);

  f->round++;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    struct ptn_quota quota = { .size = sizeof quota,
                               .storage_limit = 1 << 30,
                               .messages_limit = UINT64_MAX };
    struct ptn_account *account = open_account (f, names[i]);

    for (int m = 0; m < 5; m++) {
      g_autofree char *text = g_strdup_printf ("Subject: %d for %s\r\n\r\nHello.\r\n", m, names[i]);

      deliver (f, names[i], text);
    }
    assert_ok (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, work }, 0)));
    assert_ok (
        DO (f, request_subscribe (account, &call, (struct ptn_mailbox_name){ NULL, work }, 1)));
    change_all (f, account, work);
    assert_ok (DO (f, request_rename (account, &call, (struct ptn_mailbox_name){ NULL, parent },
                                      (struct ptn_mailbox_name){ NULL, play })));
    assert_ok (
        DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, "Trash" }, 0)));
    assert_ok (DO (f, request_remove (account, &call, (struct ptn_mailbox_name){ NULL, "Trash" })));
    assert_ok (DO (f, request_set_quota (account, &call, &quota)));
    assert_ok (expunge (f, names[i], 3, 3)); /* of the first round */
    account_close (account);
  }
  assert_ok (DO (f, request_remove_account (f->store, &call, names[2])));
}

static bool
dump_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  GString *text = argument;

  if (key_size == 4 && memcmp (key, "\0pos", 4) == 0)
    return true;
  for (size_t i = 0; i < key_size; i++)
    g_string_append_printf (text, "%02x", key[i]);
  g_string_append_c (text, ' ');
  for (size_t i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", value[i]);
  g_string_append_c (text, '\n');
  return true;
}

char *
dump (struct store *store) {
  GString *text = g_string_new (NULL);
  struct key from = { 1, { 0 } }, end = { 1, { 0xff } };

  for (uint32_t i = 0; i < store->shard_count; i++) {
    g_string_append_printf (text, "shard %u\n", i);
    assert_int_equal (index_scan (&store->shards[i].index, NULL, &from, &end, SIZE_MAX, dump_row,
                                  text),
                      PTN_END);
  }
  return g_string_free (text, FALSE);
}

void
assert_sound (struct store *store) {
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (problem_free);
  struct verify_counts counts = { 0 };

  for (uint32_t i = 0; i < store->shard_count; i++) {
    g_autoptr (GArray) segments = verify_segments (&store->shards[i]);
    uint64_t lsn = 0;

    for (guint s = 0; s < segments->len; s++)
      verify_segment (&store->shards[i], g_array_index (segments, uint32_t, s), &lsn, problems,
                      &counts);
    assert_true (verify_index (&store->shards[i], problems, &counts));
  }
  for (guint i = 0; i < problems->len; i++) {
    const struct problem *problem = problems->pdata[i];

    fail_msg ("shard %u: %s: %s", problem->shard, problem->where, problem->what);
  }
}

char *
file_of (struct fixture *f, const char *name, size_t *size) {
  g_autofree char *path = g_build_filename (f->path, "s00", name, NULL);
  char *data;

  assert_true (g_file_get_contents (path, &data, size, NULL));
  return data;
}

static void
write_file (const char *path, const void *data, size_t size) {
  FILE *file = fopen (path, "we");

  assert_non_null (file);
  assert_int_equal (fwrite (data, 1, size, file), size);
  assert_int_equal (fclose (file), 0);
}

void
set_file (struct fixture *f, const char *name, const void *data, size_t size) {
  g_autofree char *path = g_build_filename (f->path, "s00", name, NULL);

  write_file (path, data, size);
}

void
assert_rebuilds (struct fixture *f) {
  static const char *const names[] = { "CURRENT", "idx.A.kct", "idx.B.kct" };
  g_autofree char *before = dump (f->store), *after = NULL;

  assert_sound (f->store);
  fixture_close (f);
  for (uint32_t shard = 0; shard < f->settings.shards; shard++)
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
      g_autofree char *folder = g_strdup_printf ("s%02u", shard);
      g_autofree char *name = g_build_filename (f->path, folder, names[i], NULL);

      g_unlink (name);
    }
  fixture_open (f);
  after = dump (f->store);
  assert_string_equal (before, after);
}
