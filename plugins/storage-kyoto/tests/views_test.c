/* SPDX-License-Identifier: GPL-3.0-or-later */
/* views_test.c - views that are made from the ones before say what the index says, whatever
 * changed; those that somebody holds stay as they were; all of it by many threads at once. */
#include "support.h"

#include "../fetch.h"
#include "../request.h"
#include "../view.h"

#include <pthread.h>

enum { HELD = 7, ROUNDS = 400, MANY = 9000, VIEWERS = 3, CHANGERS = 2, SECONDS = 1 };

static const char owner[] = "alice";

struct held {
  const struct ptn_view *view;
  uint64_t sum;
};

static uint64_t
sum_of (const struct ptn_view *view) {
  uint64_t sum = view->count + view->modseq * 31 + view->keywords.count * 97;

  for (uint32_t i = 0; i < view->count; i++)
    sum = (sum + view->uid[i] + view->flags[i] * 3 + view->message_modseq[i] * 7) * 1099511628211u;
  return sum;
}

static void
hold (struct held *held, const struct ptn_view *view) {
  if (held->view) {
    assert_true (sum_of (held->view) == held->sum);
    view_release (held->view);
  }
  held->view = view;
  held->sum = view ? sum_of (view) : 0;
}

static const struct ptn_view *
get (struct fixture *f, struct ptn_account *account, const struct ptn_id *id) {
  const struct ptn_view *view = NULL;

  assert_ok (DO (f, view_get (account, &call, id, &view)));
  return view;
}

static void
expect_index (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
              const struct ptn_view *view) {
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ };
  const struct ptn_message *rows[64];
  struct ptn_cursor *cursor;
  uint32_t at = 0;
  size_t count;

  assert_ok (DO (f, fetch_open (account, &call, id, &fetch, &cursor)));
  while (DO (f, fetch_next (cursor, &call, rows, G_N_ELEMENTS (rows), &count)) == PTN_OK)
    for (size_t i = 0; i < count; i++, at++) {
      assert_true (at < view->count);
      assert_int_equal (view->uid[at], rows[i]->uid);
      assert_true (view->flags[at] == rows[i]->flags);
      assert_true (view->message_modseq[at] == rows[i]->modseq);
      assert_true (rows[i]->modseq <= view->modseq);
    }
  cursor_close (cursor);
  assert_int_equal (at, view->count);
}

static void
append (struct fixture *f, struct ptn_change *change, const struct ptn_id *id, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    struct ptn_source *source = harness_source_new ("x\r\n", 3, 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source, .flags = i % 32 };

    assert_ok (DO (f, change_append (change, &call, id, &append)));
    source->ops->close (source);
  }
}

/* kind: what to do; first, last: to which messages. */
static void
change (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, unsigned kind,
        uint32_t first, uint32_t last) {
  struct ptn_uid_range range = { first, last };
  struct ptn_uid_set set = { &range, 1 };
  struct ptn_change *changes;

  assert_ok (DO (f, change_begin (account, &call, NULL, &changes)));
  if (kind % 2 == 0)
    assert_ok (DO (f, change_set_flags (changes, &call, id, set, 1 + kind % 3, 1u << kind % 5,
                                        UINT64_MAX)));
  if (kind % 3 == 0)
    append (f, changes, id, 1 + kind % 4);
  if (kind % 5 == 0)
    assert_ok (DO (f, change_expunge (changes, &call, id, set, kind % 2)));
  if (kind % 11 == 0)
    assert_ok (DO (f, change_copy (changes, &call, id, set, id, kind % 2)));
  assert_ok (DO (f, change_commit (changes, &call)));
  change_end (changes);
}

static struct ptn_account *
prepare (struct fixture *f, struct ptn_id *id, unsigned messages) {
  struct ptn_account *account;
  struct ptn_change *changes;

  fixture_open (f);
  deliver (f, owner, "first\r\n");
  assert_true (find_mailbox (f, owner, "INBOX", id));
  account = open_account (f, owner);
  assert_ok (DO (f, change_begin (account, &call, NULL, &changes)));
  append (f, changes, id, messages);
  assert_ok (DO (f, change_commit (changes, &call)));
  change_end (changes);
  return account;
}

static void
one_after_the_other (void **state) {
  struct fixture *f = *state;
  struct held held[HELD] = { 0 };
  struct ptn_account *account;
  struct ptn_id id;
  uint32_t last = 0;

  f->settings.checkpoint_records = 300;
  account = prepare (f, &id, 50);
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint32_t first = (uint32_t)g_random_int_range (1, (gint32)last + 10), bit;
    unsigned slot = (unsigned)g_random_int_range (0, HELD);
    const struct ptn_view *view;

    change (f, account, &id, (unsigned)g_random_int_range (0, 1000), first,
            first + (uint32_t)g_random_int_range (0, 12));
    if (round % 40 == 7) {
      g_autofree char *word = g_strdup_printf ("word%u", round);

      assert_ok (DO (f, request_keyword (account, &call, &id, word, 1, &bit)));
    }
    if (round % 7 == 3)
      continue; /* several changes between two views */
    view = get (f, account, &id);
    expect_index (f, account, &id, view);
    last = view->count ? view->uid[view->count - 1] : last;
    hold (&held[slot], view);
    if (round % 50 == 49) /* nobody has it: it is read anew */
      for (unsigned i = 0; i < HELD; i++)
        hold (&held[i], NULL);
  }
  for (unsigned i = 0; i < HELD; i++)
    hold (&held[i], NULL);
  account_close (account);
}

/* Appended messages share what is before them; more changes than are noted are read anew. */
static void
large (void **state) {
  struct fixture *f = *state;
  struct held held[4] = { 0 };
  struct ptn_account *account;
  struct ptn_id id;

  account = prepare (f, &id, MANY);
  for (unsigned i = 0; i < 2; i++)
    hold (&held[i], get (f, account, &id));
  assert_ptr_equal (held[0].view, held[1].view);
  change (f, account, &id, 3, 1, 1); /* appends */
  hold (&held[1], get (f, account, &id));
  assert_ptr_equal (held[0].view->uid, held[1].view->uid);
  assert_ptr_equal (held[0].view->flags, held[1].view->flags);
  change (f, account, &id, 2, 5, 9); /* flags */
  hold (&held[2], get (f, account, &id));
  assert_ptr_equal (held[1].view->uid, held[2].view->uid);
  assert_ptr_not_equal (held[1].view->flags, held[2].view->flags);
  change (f, account, &id, 2, 1, UINT32_MAX);
  hold (&held[3], get (f, account, &id));
  for (unsigned i = 0; i < 4; i++) {
    if (i == 3)
      expect_index (f, account, &id, held[i].view);
    hold (&held[i], NULL);
  }
  account_close (account);
}

/* A view that nobody has any more is where the next one begins, as long as there is room. */
static void
kept (void **state) {
  struct fixture *f = *state;
  struct ptn_account *account;
  const struct ptn_view *view;
  const uint32_t *uid;
  struct ptn_id id;

  account = prepare (f, &id, MANY);
  f->store->settings.view_cache = 1 << 20;
  view = get (f, account, &id);
  view_release (view);
  change (f, account, &id, 3, 1, 1);          /* appends */
  change (f, account, &id, 2, 5, UINT32_MAX); /* flags: more than are noted */
  view = get (f, account, &id);
  expect_index (f, account, &id, view);
  view_release (view);
  view = get (f, account, &id);
  uid = view->uid;
  view_release (view);
  change (f, account, &id, 3, 1, 1);
  view = get (f, account, &id);
  assert_ptr_equal (view->uid, uid);
  expect_index (f, account, &id, view);
  f->store->settings.view_cache = 0;
  view_release (view);
  view = get (f, account, &id);
  expect_index (f, account, &id, view);
  view_release (view);
  account_close (account);
}

/* --- many threads ---------------------------------------------------------------------------- */

struct worker {
  pthread_t thread;
  struct fixture own;
  unsigned number;
  struct ptn_id id;
};

static atomic_bool stop;
static struct fixture *shared;

static void *
look (void *argument) {
  struct worker *worker = argument;
  struct fixture *f = &worker->own;
  struct held held[3] = { 0 };
  struct ptn_account *account;
  uint64_t modseq = 0;

  f->task = harness_task_new (shared->harness);
  account = open_account (f, owner);
  for (unsigned round = worker->number; !atomic_load (&stop); round++) {
    const struct ptn_view *view = get (f, account, &worker->id);

    assert_true (view->modseq >= modseq);
    modseq = view->modseq;
    for (uint32_t i = 0; i < view->count; i++)
      assert_true ((i == 0 || view->uid[i] > view->uid[i - 1])
                   && view->message_modseq[i] <= view->modseq);
    hold (&held[round % 3], view);
    for (unsigned i = 0; round % 13 == 0 && i < 3; i++)
      hold (&held[i], NULL);
  }
  for (unsigned i = 0; i < 3; i++)
    hold (&held[i], NULL);
  account_close (account);
  harness_task_free (&f->task);
  return NULL;
}

static void *
alter (void *argument) {
  struct worker *worker = argument;
  struct fixture *f = &worker->own;
  struct ptn_account *account;
  uint32_t seed = worker->number * 7919 + 1, first, bit;

  f->task = harness_task_new (shared->harness);
  account = open_account (f, owner);
  for (unsigned round = 0; !atomic_load (&stop); round++) {
    g_autofree char *word = g_strdup_printf ("word%u", round % 40);

    seed = seed * 1664525 + 1013904223;
    first = 1 + (seed >> 16) % 300;
    change (f, account, &worker->id, seed >> 8, first, first + (seed >> 4) % 30);
    if (round % 16 == 0)
      assert_ok (DO (f, request_keyword (account, &call, &worker->id, word, 1, &bit)));
  }
  account_close (account);
  harness_task_free (&f->task);
  return NULL;
}

static void
all_at_once (void **state) {
  struct fixture *f = *state;
  struct worker workers[VIEWERS + CHANGERS];
  struct ptn_account *account;
  const struct ptn_view *view;
  struct ptn_id id;

  shared = f;
  f->settings.checkpoint_records = 500;
  account = prepare (f, &id, 200);
  atomic_store (&stop, false);
  for (unsigned i = 0; i < VIEWERS + CHANGERS; i++) {
    workers[i].own = *f;
    workers[i].number = i;
    workers[i].id = id;
    assert_int_equal (pthread_create (&workers[i].thread, NULL, i < VIEWERS ? look : alter,
                                      &workers[i]),
                      0);
  }
  g_usleep (SECONDS * G_USEC_PER_SEC);
  view = get (f, account, &id);
  atomic_store (&stop, true);
  for (unsigned i = 0; i < VIEWERS + CHANGERS; i++)
    pthread_join (workers[i].thread, NULL);
  view_release (view);
  view = get (f, account, &id);
  expect_index (f, account, &id, view);
  view_release (view);
  account_close (account);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    STORE_TEST (one_after_the_other),
    STORE_TEST (large),
    STORE_TEST (kept),
    STORE_TEST (all_at_once),
  };

  g_random_set_seed (11); /* what is found must be found again */
  return cmocka_run_group_tests (tests, NULL, NULL);
}
