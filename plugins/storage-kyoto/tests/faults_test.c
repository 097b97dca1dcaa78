/* SPDX-License-Identifier: GPL-3.0-or-later */
/* faults_test.c - writes, syncs and renames that fail, a full disk, a second opener. */
#include "support.h"

#include "../mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Counts the calls of the io table; the one whose turn it is fails. */
static _Atomic int calls, failing; /* failing: the number of the call; 0: none */
static _Atomic int failing_kinds;  /* KIND_* */
static _Atomic int failing_errno;
enum { KIND_WRITE = 1, KIND_SYNC = 2, KIND_ALLOCATE = 4, KIND_RENAME = 8, KIND_SHORT = 16 };

static bool
fails (int kind) {
  int number;

  if (!(atomic_load (&failing_kinds) & kind))
    return false;
  number = atomic_fetch_add (&calls, 1) + 1;
  if (number != atomic_load (&failing))
    return false;
  errno = atomic_load (&failing_errno);
  return true;
}

static ssize_t
faulty_pwritev (int fd, const struct iovec *vectors, int count, off_t offset) {
  if (fails (KIND_WRITE)) {
    /* Half of the first piece is written all the same, as a disk that fills up does it. */
    if (pwrite (fd, vectors[0].iov_base, vectors[0].iov_len / 2, offset) < 0)
      return -1;
    errno = atomic_load (&failing_errno);
    return -1;
  }
  if (atomic_load (&failing_kinds) & KIND_SHORT)
    return pwrite (fd, vectors[0].iov_base, (vectors[0].iov_len + 1) / 2, offset);
  return pwritev (fd, vectors, count, offset);
}

static int
faulty_fdatasync (int fd) {
  return fails (KIND_SYNC) ? -1 : fdatasync (fd);
}

static int
faulty_fsync (int fd) {
  return fails (KIND_SYNC) ? -1 : fsync (fd);
}

static int
faulty_fallocate (int fd, int mode, off_t offset, off_t length) {
  return fails (KIND_ALLOCATE) ? -1 : fallocate (fd, mode, offset, length);
}

static int
faulty_rename (const char *from, const char *to) {
  return fails (KIND_RENAME) ? -1 : rename (from, to);
}

static const struct io faulty = { faulty_pwritev, faulty_fdatasync, faulty_fsync, faulty_fallocate,
                                  ftruncate,      faulty_rename,    unlink };

static void
fail_from (int kinds, int number, int error) {
  atomic_store (&failing_kinds, kinds);
  atomic_store (&failing_errno, error);
  atomic_store (&calls, 0);
  atomic_store (&failing, number);
}

/* What the script was told, to be held against what is there after a restart. */
struct told {
  GPtrArray *mails; /* acknowledged, by text */
};

static void
script (struct fixture *f, struct told *told) {
  for (int i = 0; i < 12; i++) {
    char *text = g_strdup_printf ("mail %d\r\n", i);

    if (try_deliver (f, "ann@example.test", "INBOX", text, strlen (text), NULL) == PTN_OK)
      g_ptr_array_add (told->mails, text);
    else
      g_free (text);
    if (i == 5)
      shard_checkpoint (&f->store->shards[0], false);
  }
}

static void
assert_all_there (struct fixture *f, struct told *told) {
  g_autoptr (GHashTable) there = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (uint32_t uid = 1; uid <= 12; uid++) {
    ptn_status status;
    char *text = read_text (f, "ann@example.test", "INBOX", uid, &status);

    if (text)
      g_hash_table_add (there, text);
  }
  for (guint i = 0; i < told->mails->len; i++)
    assert_true (g_hash_table_contains (there, told->mails->pdata[i]));
}

/* Every call of one kind fails once, in turn. */
static void
each_call_fails (struct fixture *f, int kind, int error) {
  for (int number = 1; number < 60; number++) {
    struct told told = { g_ptr_array_new_with_free_func (g_free) };
    bool reached;

    fail_from (0, 0, 0);
    f->settings.sync = true;
    f->settings.segment_size = 4096;
    if (fixture_try_open (f, &faulty) != PTN_OK)
      fail ();
    fail_from (kind, number, error);
    script (f, &told);
    reached = atomic_load (&calls) >= number;
    fail_from (0, 0, 0);
    fixture_move_to (f, fixture_copy (f, "faulty"));
    fixture_open (f);
    assert_all_there (f, &told);
    assert_sound (f->store);
    fixture_close (f);
    g_ptr_array_unref (told.mails);
    remove_tree (f->path);
    g_free (f->path);
    f->path = g_build_filename (f->folder, "store", NULL);
    remove_tree (f->path);
    if (!reached)
      return;
  }
}

static void
writes_fail (void **state) {
  each_call_fails (*state, KIND_WRITE, EIO);
}

static void
writes_find_no_space (void **state) {
  each_call_fails (*state, KIND_WRITE, ENOSPC);
}

static void
syncs_fail (void **state) {
  each_call_fails (*state, KIND_SYNC, EIO);
}

static void
renames_fail (void **state) {
  each_call_fails (*state, KIND_RENAME, EIO);
}

static void
allocations_fail (void **state) {
  each_call_fails (*state, KIND_ALLOCATE, ENOSPC);
}

static void
writes_are_short (void **state) {
  struct fixture *f = *state;

  fail_from (KIND_SHORT, 0, 0);
  assert_ok (fixture_try_open (f, &faulty));
  populate (f);
  assert_sound (f->store);
  fixture_close (f);
  fail_from (0, 0, 0);
  fixture_open (f);
  assert_sound (f->store);
}

/* After a failed sync nothing is acknowledged any more; what was, can be read. */
static void
failed_sync_stops_the_shard (void **state) {
  struct fixture *f = *state;
  ptn_status status;
  g_autofree char *text = NULL;

  f->settings.sync = true;
  fail_from (0, 0, 0);
  assert_ok (fixture_try_open (f, &faulty));
  deliver (f, "ann@example.test", "one\r\n");
  fail_from (KIND_SYNC, 1, EIO);
  assert_int_equal (try_deliver (f, "ann@example.test", "INBOX", "two\r\n", 5, NULL),
                    PTN_E_TEMPORARY);
  fail_from (0, 0, 0);
  assert_int_equal (try_deliver (f, "ann@example.test", "INBOX", "three\r\n", 7, NULL),
                    PTN_E_TEMPORARY);
  assert_int_equal (expunge (f, "ann@example.test", 1, 1), PTN_E_TEMPORARY);
  text = read_text (f, "ann@example.test", "INBOX", 1, &status);
  assert_string_equal (text, "one\r\n");
  fixture_close (f);
  fixture_open (f);
  g_free (text);
  text = read_text (f, "ann@example.test", "INBOX", 1, &status);
  assert_string_equal (text, "one\r\n");
  deliver (f, "ann@example.test", "four\r\n");
}

/* A limit of file size stands for the full disk: no signal, mail is refused with a text, the rest
 * goes on, and mail again when there is space. */
static void
disk_full (void **state) {
  struct fixture *f = *state;
  struct rlimit old, small;
  g_autofree char *mail = g_malloc0 (60000);
  ptn_status status = PTN_OK;
  struct ptn_account *account;
  unsigned taken = 0;

  memset (mail, 'x', 60000);
  signal (SIGXFSZ, SIG_IGN);
  f->settings.segment_size = 64 << 20;
  f->settings.reserve = 1 << 16;
  fixture_open (f);
  assert_int_equal (getrlimit (RLIMIT_FSIZE, &old), 0);
  small = (struct rlimit){ 2 << 20, old.rlim_max };
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &small), 0);
  while (taken < 100 && status == PTN_OK) {
    status = try_deliver (f, "ann@example.test", "INBOX", mail, 60000, NULL);
    taken += status == PTN_OK;
  }
  assert_int_equal (status, PTN_E_TEMPORARY);
  assert_in_range (taken, 25, 35);
  /* The mail that is there can be read and removed, although none can be added. */
  g_free (read_text (f, "ann@example.test", "INBOX", taken, &status));
  assert_ok (status);
  assert_ok (expunge (f, "ann@example.test", 1, 3));
  account = open_account (f, "ann@example.test");
  account_close (account);
  assert_int_equal (setrlimit (RLIMIT_FSIZE, &old), 0);
  assert_int_equal (deliver (f, "ann@example.test", "again\r\n"), taken + 1);
  assert_sound (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  assert_sound (f->store);
  g_free (read_text (f, "ann@example.test", "INBOX", taken + 1, &status));
  assert_ok (status);
}

static void
second_opener (void **state) {
  struct fixture *f = *state;
  struct store *first, *second;
  g_autofree char *lock = NULL, *name = NULL;

  fixture_open (f);
  first = f->store;
  for (int i = 0; i < 2; i++) {
    assert_int_equal (fixture_try_open (f, &io_system), PTN_E_EXISTS);
    assert_null (f->store);
  }
  f->store = first;
  deliver (f, "ann@example.test", "still mine\r\n");
  f->store = NULL;
  second = first;
  store_close (&second);
  /* Killed: the lock goes with the process, whatever the file says. */
  name = g_build_filename (f->path, "LOCK", NULL);
  lock = g_strdup_printf ("host=%s\npid=1\nstate=open\n", g_get_host_name ());
  assert_true (g_file_set_contents (name, lock, -1, NULL));
  fixture_open (f);
  fixture_close (f);
  /* Another host's, and not closed. */
  assert_true (g_file_set_contents (name, "host=elsewhere\npid=1\nstate=open\n", -1, NULL));
  assert_int_equal (fixture_try_open (f, &io_system), PTN_E_EXISTS);
  f->settings.take_over = true;
  fixture_open (f);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (writes_fail),
    STORE_TEST (writes_find_no_space),
    STORE_TEST (syncs_fail),
    STORE_TEST (renames_fail),
    STORE_TEST (allocations_fail),
    STORE_TEST (writes_are_short),
    STORE_TEST (failed_sync_stops_the_shard),
    STORE_TEST (disk_full),
    STORE_TEST (second_opener),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
