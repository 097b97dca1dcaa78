/* SPDX-License-Identifier: Apache-2.0 */
/* threads.c - several threads, each with its task and account object, on one store. */
#include "fixture.h"

#define THREADS 4
#define ROUNDS 60

struct worker {
  struct fixture *f;
  int number;
  char *account;
  bool failed;
  uint32_t uids[ROUNDS];
};

/* cmocka's assertions belong to the main thread: workers take notes. */
#define NEED(worker, condition)                                     \
  do                                                                \
    if (!(condition)) {                                             \
      (worker)->failed = true;                                      \
      g_printerr ("thread %d: %s\n", (worker)->number, #condition); \
      goto out;                                                     \
    }                                                               \
  while (0)

static gpointer
deliver_and_change (gpointer data) {
  struct worker *worker = data;
  struct fixture own = *worker->f, *f = &own;
  const struct ptn_store *store = f->store;
  struct ptn_identity identity = { .size = sizeof identity,
                                   .authcid = worker->account,
                                   .authzid = worker->account,
                                   .domain = "",
                                   .account = worker->account };
  f->task = harness_task_new (f->harness);
  f->account = NULL;
  NEED (worker, DO (f, store->open (f->instance, &call, &identity, &f->account)) == PTN_OK);
  for (int i = 0; i < ROUNDS; i++) {
    g_autofree char *text = g_strdup_printf ("thread %d mail %d\r\n", worker->number, i);
    struct ptn_source *source = harness_source_new (text, strlen (text), 0, false);
    struct ptn_append append = { .size = sizeof append, .source = source };
    const struct ptn_target targets[] = {
      { worker->account, "INBOX", 0, UINT64_MAX, UINT64_MAX },
      { BOB, "INBOX", 0, UINT64_MAX, UINT64_MAX },
    };
    struct ptn_delivered results[2] = { 0 };
    ptn_status status = DO (f, store->deliver (f->instance, &call, &append, targets, 2, results));
    source->ops->close (source);
    NEED (worker, status == PTN_OK && results[0].status == PTN_OK);
    NEED (worker, results[1].status == PTN_OK);
    worker->uids[i] = results[1].uid;
    const struct ptn_mailbox *row = NULL;
    struct ptn_call held = { .task = f->task };
    status = HARNESS_AWAIT (f->task, store->status (f->account, &held, NAME ("INBOX"), &row));
    struct ptn_id id = { { 0 } };
    if (status == PTN_OK)
      id = row->id;
    f->host->call_end (&held);
    NEED (worker, status == PTN_OK);
    struct ptn_change *change = NULL;
    NEED (worker, DO (f, store->begin (f->account, &call, NULL, &change)) == PTN_OK);
    status = i % 3 == 2 ? DO (f, store->expunge (change, &call, &id,
                                                 UIDS ({ results[0].uid, results[0].uid }), 0))
                        : DO (f, store->set_flags (change, &call, &id,
                                                   UIDS ({ results[0].uid, results[0].uid }),
                                                   PTN_FLAGS_ADD, PTN_SEEN, UINT64_MAX));
    if (status == PTN_OK)
      status = DO (f, store->commit (change, &call));
    store->end (change);
    NEED (worker, status == PTN_OK);
  }
out:
  if (f->account)
    store->close (f->account);
  harness_task_free (&f->task);
  return NULL;
}

static gpointer
look (gpointer data) {
  struct worker *worker = data;
  struct fixture own = *worker->f, *f = &own;
  const struct ptn_store *store = f->store;
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = BOB, .authzid = BOB, .domain = "", .account = BOB
  };
  uint32_t before = 0;
  uint64_t modseq = 0;
  f->task = harness_task_new (f->harness);
  f->account = NULL;
  NEED (worker, DO (f, store->open (f->instance, &call, &identity, &f->account)) == PTN_OK);
  for (int i = 0; i < ROUNDS * 2; i++) {
    const struct ptn_mailbox *row = NULL;
    const struct ptn_view *view = NULL;
    struct ptn_id id = { { 0 } };
    struct ptn_call held = { .task = f->task };
    ptn_status status =
        HARNESS_AWAIT (f->task, store->status (f->account, &held, NAME ("INBOX"), &row));
    if (status == PTN_OK)
      id = row->id;
    f->host->call_end (&held);
    if (status == PTN_E_NOT_FOUND)
      continue;
    NEED (worker, status == PTN_OK);
    NEED (worker, DO (f, store->view (f->account, &call, &id, &view)) == PTN_OK);
    bool right = view->count >= before && view->modseq >= modseq;
    for (uint32_t m = 1; m < view->count; m++)
      right = right && view->uid[m] > view->uid[m - 1];
    before = view->count;
    modseq = view->modseq;
    store->release_view (view);
    NEED (worker, right);
  }
out:
  if (f->account)
    store->close (f->account);
  harness_task_free (&f->task);
  return NULL;
}

static void
accounts_overlap (void **state) {
  struct fixture *f = *state;
  struct worker workers[THREADS + 1] = { 0 };
  GThread *threads[THREADS + 1];
  for (int i = 0; i <= THREADS; i++) {
    workers[i] = (struct worker){ f, i, g_strdup_printf ("user%d@example.test", i), false, { 0 } };
    threads[i] = g_thread_new ("store", i < THREADS ? deliver_and_change : look, &workers[i]);
  }
  for (int i = 0; i <= THREADS; i++)
    g_thread_join (threads[i]);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  for (int i = 0; i <= THREADS; i++) {
    assert_false (workers[i].failed);
    for (int r = 0; i < THREADS && r < ROUNDS; r++) /* each UID of BOB once */
      assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (workers[i].uids[r])));
  }
  for (int i = 0; i < THREADS; i++) {
    struct ptn_account *ann = f->account;
    f->account = account_open (f, workers[i].account);
    struct ptn_mailbox row = status_of (f, "INBOX");
    assert_int_equal (row.messages, ROUNDS - ROUNDS / 3);
    assert_int_equal (row.unseen, 0);
    f->store->close (f->account);
    f->account = ann;
    g_free (workers[i].account);
  }
  g_free (workers[THREADS].account);
  struct ptn_account *ann = f->account;
  f->account = account_open (f, BOB);
  assert_int_equal (status_of (f, "INBOX").messages, THREADS * ROUNDS);
  f->store->close (f->account);
  f->account = ann;
}

static gpointer
race_for_flags (gpointer data) {
  struct worker *worker = data;
  struct fixture own = *worker->f, *f = &own;
  const struct ptn_store *store = f->store;
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = ANN, .authzid = ANN, .domain = "", .account = ANN
  };
  f->task = harness_task_new (f->harness);
  f->account = NULL;
  NEED (worker, DO (f, store->open (f->instance, &call, &identity, &f->account)) == PTN_OK);
  const struct ptn_mailbox *row = NULL;
  struct ptn_call status_call = { .task = f->task };
  ptn_status status =
      HARNESS_AWAIT (f->task, store->status (f->account, &status_call, NAME ("INBOX"), &row));
  struct ptn_id id = { { 0 } };
  uint64_t modseq = 0;
  if (status == PTN_OK) {
    id = row->id;
    modseq = worker->uids[0];
  }
  f->host->call_end (&status_call);
  NEED (worker, status == PTN_OK);
  struct ptn_change *change = NULL;
  const struct ptn_outcome *result = NULL;
  NEED (worker, DO (f, store->begin (f->account, &call, NULL, &change)) == PTN_OK);
  status = DO (f, store->set_flags (change, &call, &id, UIDS ({ 1, 1 }), PTN_FLAGS_REPLACE,
                                    UINT64_C (1) << worker->number, modseq));
  if (status == PTN_OK)
    status = DO (f, store->commit (change, &call));
  if (status == PTN_OK)
    status = store->outcome (change, 0, &result);
  worker->uids[1] = status == PTN_OK && result->uids.count == 1; /* won */
  store->end (change);
  NEED (worker, status == PTN_OK);
out:
  if (f->account)
    store->close (f->account);
  harness_task_free (&f->task);
  return NULL;
}

/* UNCHANGEDSINCE is what makes flags safe: of all who saw one modseq, one wins. */
static void
one_of_many_wins (void **state) {
  struct fixture *f = *state;
  deliver (f, ANN, "INBOX", "x\r\n");
  for (int round = 0; round < 10; round++) {
    struct worker workers[THREADS] = { 0 };
    GThread *threads[THREADS];
    uint32_t won = 0;
    uint64_t modseq = status_of (f, "INBOX").highest_modseq;
    set_flags (f, "INBOX", UIDS ({ 1, 1 }), PTN_FLAGS_REPLACE, PTN_DRAFT);
    modseq = status_of (f, "INBOX").highest_modseq;
    for (int i = 0; i < THREADS; i++) {
      workers[i] = (struct worker){ f, i, NULL, false, { (uint32_t)modseq } };
      threads[i] = g_thread_new ("store", race_for_flags, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
      g_thread_join (threads[i]);
      assert_false (workers[i].failed);
      won += workers[i].uids[1];
    }
    assert_int_equal (won, 1);
  }
}

STORE_GROUP (thread, STORE_TEST (accounts_overlap), STORE_TEST (one_of_many_wins));
