/* SPDX-License-Identifier: GPL-3.0-or-later */
/* threads_test.c - deliveries, readers, flags, expunges and checkpoints at the same time; afterwards
 * everything adds up, and after a kill in the middle, too. */
#include "support.h"

#include "../fetch.h"
#include "../read.h"
#include "../view.h"

#include <pthread.h>

enum { THREADS = 4, ACCOUNTS = 6, SECONDS = 2 };

static struct fixture *shared;
static atomic_bool stop;
static _Atomic unsigned delivered;

struct worker {
  pthread_t thread;
  struct fixture own; /* the shared store, a task of its own */
  unsigned number;
};

static char *
account_name (unsigned number) {
  return g_strdup_printf ("user%u@example.test", number % ACCOUNTS);
}

static void
check_mail (struct fixture *f, const char *name, struct ptn_account *account, struct ptn_id *id,
            uint32_t uid, uint64_t octets) {
  struct ptn_source *source;
  char *data;
  size_t size;
  ptn_status status = DO (f, message_read (account, &call, id, uid, 0, UINT64_MAX, &source));

  if (status == PTN_E_EXPUNGED)
    return;
  assert_ok (status);
  assert_ok (harness_source_slurp (source, f->task, &data, &size));
  assert_int_equal (size, octets);
  assert_true (g_str_has_prefix (data, name));
  g_free (data);
}

static void
read_all (struct fixture *f, const char *name) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_SIZE };
  const struct ptn_message *rows[32];
  const struct ptn_view *view;
  struct ptn_cursor *cursor;
  struct ptn_id id;
  uint32_t last = 0;
  size_t count;

  if (find_mailbox (f, name, "INBOX", &id)) {
    assert_ok (DO (f, fetch_open (account, &call, &id, &fetch, &cursor)));
    while (DO (f, fetch_next (cursor, &call, rows, G_N_ELEMENTS (rows), &count)) == PTN_OK)
      for (size_t i = 0; i < count; i++) {
        assert_true (rows[i]->uid > last);
        last = rows[i]->uid;
        check_mail (f, name, account, &id, rows[i]->uid, rows[i]->octets);
      }
    cursor_close (cursor);
    assert_ok (DO (f, view_get (account, &call, &id, &view)));
    for (uint32_t i = 1; i < view->count; i++)
      assert_true (view->uid[i] > view->uid[i - 1] && view->message_modseq[i] <= view->modseq);
    view_release (view);
  }
  account_close (account);
}

static void
change_some (struct fixture *f, const char *name, uint32_t first) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_uid_range flags = { first, first + 5 }, gone = { first, first + 2 };
  struct ptn_change *change;
  struct ptn_id id;

  if (find_mailbox (f, name, "INBOX", &id)) {
    assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
    assert_ok (DO (f, change_set_flags (change, &call, &id, (struct ptn_uid_set){ &flags, 1 },
                                        PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX)));
    assert_ok (DO (f, change_expunge (change, &call, &id, (struct ptn_uid_set){ &gone, 1 }, 0)));
    assert_ok (DO (f, change_commit (change, &call)));
    change_end (change);
  }
  account_close (account);
}

static void *
work (void *argument) {
  struct worker *worker = argument;
  struct fixture *f = &worker->own;

  f->task = harness_task_new (shared->harness);
  for (unsigned round = 0; !atomic_load (&stop); round++) {
    g_autofree char *name = account_name (round * 7 + worker->number);
    g_autofree char *text = g_strdup_printf ("%s: %u of %u\r\n", name, round, worker->number);

    deliver (f, name, text);
    atomic_fetch_add (&delivered, 1);
    if (round % 16 == 0)
      read_all (f, name);
    if (round % 8 == 0)
      change_some (f, name, round / 2 + 1);
  }
  harness_task_free (&f->task);
  return NULL;
}

static void
all_at_once (void **state) {
  struct fixture *f = *state;
  struct worker workers[THREADS];

  shared = f;
  f->settings.shards = 3;
  f->settings.committers = 2;
  f->settings.checkpoint_records = 200;
  f->settings.segment_size = 65536;
  f->settings.sync = true;
  fixture_open (f);
  atomic_store (&stop, false);
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i].own = *f;
    workers[i].number = i;
    assert_int_equal (pthread_create (&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  g_usleep (SECONDS * G_USEC_PER_SEC);
  atomic_store (&stop, true);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join (workers[i].thread, NULL);
  assert_true (atomic_load (&delivered) > THREADS);
  assert_sound (f->store);
  fixture_move_to (f, fixture_copy (f, "killed"));
  fixture_open (f);
  assert_sound (f->store);
}

int
main (void) {
  static const struct CMUnitTest tests[] = { STORE_TEST (all_at_once) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
