/* SPDX-License-Identifier: Apache-2.0 */
/* threads.c - several threads, each with its task and account object, on one store. */
#include "kit.h"

#define THREADS 4
#define ROUNDS 60

static void
run_workers (struct worker *workers, size_t count, const struct fixture *of,
             const char *const *accounts, void (*const *works) (struct worker *), void *data) {
  g_autofree GThread **threads = g_new0 (GThread *, count);
  for (size_t i = 0; i < count; i++)
    threads[i] = worker_start (&workers[i], of, accounts[i], (unsigned)i, works[i], data);
  for (size_t i = 0; i < count; i++)
    g_thread_join (threads[i]);
}

/* A delivery to one's own account and BOB's, then a flag or an expunge in one's own. */
static void
deliver_and_change (struct worker *worker) {
  struct fixture *f = &worker->f;
  uint32_t *uids = (uint32_t *)worker->data + worker->number * ROUNDS;
  for (int i = 0; i < ROUNDS; i++) {
    g_autofree char *text = g_strdup_printf ("thread %u mail %d\r\n", worker->number, i);
    const struct ptn_target targets[] = { TARGET (worker->account, "INBOX"),
                                          TARGET (BOB, "INBOX") };
    struct ptn_delivered results[2] = { 0 };
    must_do (deliver_many (f, source_of (f, text, strlen (text)), 0, targets, 2, results),
             "deliver in thread %u", worker->number);
    must_do (results[0].status, "the result in one's own account");
    must_do (results[1].status, "the result in the account that all deliver to");
    uids[i] = results[1].uid;
    must_have_text (f, "INBOX", results[0].uid, text);
    if (i % 3 == 2)
      expunge (f, "INBOX", UID (results[0].uid));
    else
      set_flags (f, "INBOX", UID (results[0].uid), PTN_FLAGS_ADD, PTN_SEEN);
  }
}

/* What others see meanwhile never goes back. */
static void
look (struct worker *worker) {
  struct fixture *f = &worker->f;
  uint32_t count = 0;
  uint64_t modseq = 0;
  for (int i = 0; i < ROUNDS * 2; i++) {
    if (!exists (f, "INBOX"))
      continue;
    const struct ptn_view *view = view_of (f, "INBOX");
    must (view->count >= count, "a view has %u messages after one with %u, and nobody expunges",
          view->count, count);
    must (view->modseq >= modseq, "the modseq of a view went back from %llu to %llu",
          (unsigned long long)modseq, (unsigned long long)view->modseq);
    for (uint32_t m = 1; m < view->count; m++)
      must (view->uid[m] > view->uid[m - 1], "the UIDs of a view are not ascending");
    count = view->count;
    modseq = view->modseq;
    f->store->release_view (view);
  }
}

RULE (accounts_overlap, "threads.accounts",
      "Tasks on several accounts, and deliveries to one, do not "
      "disturb each other",
      "base.h: \"Calls on different objects do overlap\"", 0, 0) {
  uint32_t uids[THREADS][ROUNDS];
  struct worker workers[THREADS + 1] = { 0 };
  const char *const accounts[] = { "u0@example.test", "u1@example.test", "u2@example.test",
                                   "u3@example.test", BOB };
  void (*const works[]) (struct worker *) = { deliver_and_change, deliver_and_change,
                                              deliver_and_change, deliver_and_change, look };
  run_workers (workers, THREADS + 1, f, accounts, works, uids);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  for (int i = 0; i < THREADS; i++) {
    for (int r = 0; r < ROUNDS; r++)
      must (g_hash_table_add (seen, GUINT_TO_POINTER (uids[i][r])),
            "UID %u was given to two deliveries", uids[i][r]);
    struct ptn_account *before = account_switch (f, accounts[i]);
    must_be (status_of (f, "INBOX").messages, ROUNDS - ROUNDS / 3, "messages of %s", accounts[i]);
    must_be (status_of (f, "INBOX").unseen, 0, "unseen of %s", accounts[i]);
    account_back (f, before);
  }
  struct ptn_account *before = account_switch (f, BOB);
  must_be (status_of (f, "INBOX").messages, THREADS * ROUNDS, "messages of the account of all");
  account_back (f, before);
}

/* Each has its own message of one mailbox, and appends and expunges others. */
static void
share_a_mailbox (struct worker *worker) {
  struct fixture *f = &worker->f;
  const uint32_t mine = worker->number + 1;
  for (int i = 0; i < ROUNDS / 2; i++) {
    struct ptn_change *change = begin (f, NULL);
    append_text (f, change, "INBOX", "short\r\n");
    must_do (flags_step (f, change, "INBOX", UID (mine), i % 2 ? PTN_FLAGS_REMOVE : PTN_FLAGS_ADD,
                         PTN_FLAGGED, UINT64_MAX),
             "set_flags");
    commit (f, change);
    g_autofree char *uid = set_text (outcome (f, change, 0)->uids);
    f->store->end (change);
    must_be (flags_of (f, "INBOX", mine), i % 2 ? 0 : PTN_FLAGGED,
             "the flags of the message that only this thread changes");
    uint32_t own = (uint32_t)g_ascii_strtoull (uid, NULL, 10);
    must_have_text (f, "INBOX", own, "short\r\n");
    expunge (f, "INBOX", UID (own));
  }
}

RULE (one_mailbox, "threads.one-mailbox",
      "Tasks on one mailbox each find their own changes, and none "
      "is lost",
      "base.h, Threads; store.h, commit", 0, 0) {
  struct worker workers[THREADS] = { 0 };
  const char *const accounts[] = { ANN, ANN, ANN, ANN };
  void (*const works[]) (struct worker *) = { share_a_mailbox, share_a_mailbox, share_a_mailbox,
                                              share_a_mailbox };
  for (int i = 0; i < THREADS; i++)
    deliver (f, ANN, "INBOX", "x\r\n");
  run_workers (workers, THREADS, f, accounts, works, NULL);
  must_have_uids (f, "INBOX", "1 2 3 4");
  must_be (status_of (f, "INBOX").uidnext, 5 + THREADS * ROUNDS / 2, "uidnext");
  must_be (quota_of (f).messages_used, THREADS, "messages_used");
}

struct race {
  uint64_t modseq;
  gint won;
};

static void
race_for_flags (struct worker *worker) {
  struct fixture *f = &worker->f;
  struct race *race = worker->data;
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, "INBOX", UID (1), PTN_FLAGS_REPLACE,
                       UINT64_C (1) << worker->number, race->modseq),
           "set_flags");
  commit (f, change);
  const struct ptn_outcome *result = outcome (f, change, 0);
  must (result->uids.count + result->conflicts.count == 1,
        "set_flags of one UID tells %zu changed and %zu conflicts", result->uids.count,
        result->conflicts.count);
  if (result->uids.count)
    g_atomic_int_inc (&race->won);
  f->store->end (change);
}

RULE (one_wins, "threads.unchanged-since",
      "Of all who change flags UNCHANGEDSINCE one modseq, one wins",
      "store.h, set_flags; RFC 7162 section 3.1.3", 0, 0) {
  const char *const accounts[] = { ANN, ANN, ANN, ANN };
  void (*const works[]) (struct worker *) = { race_for_flags, race_for_flags, race_for_flags,
                                              race_for_flags };
  deliver (f, ANN, "INBOX", "x\r\n");
  for (int round = 0; round < 10; round++) {
    struct worker workers[THREADS] = { 0 };
    set_flags (f, "INBOX", UID (1), PTN_FLAGS_REPLACE, PTN_DRAFT);
    struct race race = { status_of (f, "INBOX").highest_modseq, 0 };
    run_workers (workers, THREADS, f, accounts, works, &race);
    must_be (race.won, 1, "how many of %d won", THREADS);
  }
}

static void
create_the_same (struct worker *worker) {
  struct fixture *f = &worker->f;
  for (int i = 0; i < 20; i++) {
    g_autofree char *name = g_strdup_printf ("m%d/n", i);
    ptn_status status = create (f, name);
    must (status == PTN_OK || status == PTN_E_EXISTS, "create \"%s\" gives %s", name,
          status_name (status));
    if (status == PTN_OK)
      g_atomic_int_inc ((gint *)worker->data);
  }
}

RULE (one_creates, "threads.create", "Of all who create one mailbox, one succeeds",
      "store.h, create; PTN_E_EXISTS", 0, 0) {
  const char *const accounts[] = { ANN, ANN, ANN, ANN };
  void (*const works[]) (struct worker *) = { create_the_same, create_the_same, create_the_same,
                                              create_the_same };
  struct worker workers[THREADS] = { 0 };
  gint made = 0;
  run_workers (workers, THREADS, f, accounts, works, &made);
  must_be (made, 20, "how often create of 20 names gave PTN_OK in %d threads", THREADS);
}

static void
use_token (struct worker *worker) {
  struct fixture *f = &worker->f;
  for (unsigned char i = 0; i < 10; i++) {
    const struct ptn_id token = { { 't', i } };
    struct ptn_change *change = begin (f, &token);
    append_text (f, change, "INBOX", "x\r\n");
    commit (f, change);
    g_autofree char *uid = set_text (outcome (f, change, 0)->uids);
    must (*uid, "the outcome of a change with a token tells no UID");
    f->store->end (change);
  }
}

RULE (token_race, "threads.token", "One token used by several tasks at once is applied once",
      "store.h: \"it is applied once\"", 0, 0) {
  const char *const accounts[] = { ANN, ANN, ANN, ANN };
  void (*const works[]) (struct worker *) = { use_token, use_token, use_token, use_token };
  struct worker workers[THREADS] = { 0 };
  make (f, "INBOX");
  run_workers (workers, THREADS, f, accounts, works, NULL);
  must_be (status_of (f, "INBOX").messages, 10, "messages after ten tokens in %d threads", THREADS);
}

static void
fill_up (struct worker *worker) {
  struct fixture *f = &worker->f;
  const struct ptn_target target = TARGET (ANN, "INBOX");
  for (int i = 0; i < 20; i++) {
    struct ptn_delivered result = { 0 };
    must_do (deliver_many (f, source_of (f, "0123456789", 10), 0, &target, 1, &result), "deliver");
    must (result.status == PTN_OK || result.status == PTN_E_OVERQUOTA,
          "the result of deliver is %s", status_name (result.status));
  }
}

RULE (quota_race, "threads.quota", "Deliveries of many tasks together do not pass a limit",
      "store.h, set_quota", PTN_STORE_QUOTA, 0) {
  const char *const accounts[] = { BOB, BOB, BOB, BOB };
  void (*const works[]) (struct worker *) = { fill_up, fill_up, fill_up, fill_up };
  struct worker workers[THREADS] = { 0 };
  must_do (set_quota (f, 305, UINT64_MAX), "set_quota to 305 octets");
  run_workers (workers, THREADS, f, accounts, works, NULL);
  must_be (quota_of (f).storage_used, 300, "storage_used after 80 deliveries of 10 octets");
  must_be (status_of (f, "INBOX").messages, 30, "messages");
}

struct handed {
  struct fixture *f;
  struct ptn_change *change;
};

static gpointer
go_on (gpointer data) {
  struct handed *handed = data;
  commit (handed->f, handed->change);
  must_have_text (handed->f, "INBOX", 2, "y\r\n");
  return NULL;
}

RULE (other_thread, "threads.moved-task", "An account may be used by one thread after another",
      "base.h: \"successive calls may come from different threads\"", 0, 0) {
  struct fixture copy = *f;
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_change *change = begin (f, NULL);
  append_text (f, change, "INBOX", "y\r\n");
  struct handed handed = { &copy, change };
  g_thread_join (g_thread_new ("other", go_on, &handed));
  must_be_set (outcome (f, change, 0)->uids, "2", "the uids of the outcome");
  f->store->end (change);
}

static void
deliver_to_bob (struct worker *worker) {
  for (int i = 0; i < ROUNDS; i++)
    deliver (&worker->f, BOB, "INBOX", "x\r\n");
}

static uint32_t
messages_of (struct fixture *f, const char *path) {
  struct ptn_mailbox row = { 0 };
  return status_try (f, NAME (path), &row) == PTN_OK ? row.messages : 0;
}

/* The way of who waits for mail: hear all there is, look, and only then wait. */
RULE (events_race, "threads.events",
      "Who looks, and then waits for the next event, misses none of many tasks' deliveries",
      "event.h: \"nothing is lost when events are merged or late\"; host.h, occurred",
      PTN_STORE_EVENTS, 0) {
  struct worker workers[THREADS] = { 0 };
  GThread *threads[THREADS];
  struct ptn_task *ear = harness_task_new (f->harness);
  struct ptn_subscription *subscription = NULL;
  struct ptn_account *before = account_switch (f, BOB);
  must_do (f->host->subscribe (ear, BOB, NULL, PTN_MESSAGE_NEW, &subscription), "subscribe");
  for (int i = 0; i < THREADS; i++)
    threads[i] = worker_start (&workers[i], f, ANN, (unsigned)i, deliver_to_bob, NULL);
  for (bool done = false; !done;) {
    struct ptn_happening row;
    size_t count;
    while (f->host->occurred (subscription, &row, 1, &count) == PTN_OK)
      ;
    uint32_t seen = messages_of (f, "INBOX");
    done = seen == THREADS * ROUNDS;
    const gint64 ends = g_get_monotonic_time () + 12 * G_USEC_PER_SEC; /* disks may stall */
    while (!done && !harness_poll (ear)) {
      must (g_get_monotonic_time () < ends,
            "%u of %d messages were there at the last look, and no event came since", seen,
            THREADS * ROUNDS);
      g_usleep (1000);
    }
  }
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  f->host->unsubscribe (subscription);
  harness_task_free (&ear);
  account_back (f, before);
}

/* Until `data` says that BOB has his rights for good. */
static void
look_at_shared (struct worker *worker) {
  struct fixture *f = &worker->f;
  for (bool last = false; !last;) {
    const struct ptn_mailbox *row = NULL;
    struct ptn_cursor *cursor = NULL;
    struct ptn_call held = CALL (f);
    last = g_atomic_int_get ((gint *)worker->data);
    ptn_status status =
        HELD (f, f->store->status (f->account, &held, THEIRS (ANN, "shared"), &row));
    if (status == PTN_OK)
      must_read (row->rights, "lr", "the rights while they are given and taken");
    else
      must_be (status, last ? PTN_OK : PTN_E_NOT_FOUND, "status while rights are given and taken");
    END (f, held);
    must_do (DO (f, f->store->list_others (f->account, &call, NULL, "*", &cursor)), "list_others");
    f->store->close_cursor (cursor);
  }
}

RULE (rights_race, "threads.rights", "Rights that change meanwhile are the old or the new ones",
      "store.h, Rights; base.h, Threads", PTN_STORE_ACL, 0) {
  struct worker workers[2] = { 0 };
  GThread *threads[2];
  gint settled = 0;
  make (f, "shared");
  for (unsigned i = 0; i < 2; i++)
    threads[i] = worker_start (&workers[i], f, BOB, i, look_at_shared, &settled);
  for (int i = 0; i < ROUNDS * 2; i++)
    allow (f, "shared", i % 4 < 2 ? BOB : "anyone", i % 2 ? "" : "rl");
  allow (f, "shared", BOB, "lr");
  g_atomic_int_set (&settled, 1);
  for (int i = 0; i < 2; i++)
    g_thread_join (threads[i]);
}

RULES (threads, &events_race_rule, &rights_race_rule, &accounts_overlap_rule, &one_mailbox_rule,
       &one_wins_rule, &one_creates_rule, &token_race_rule, &quota_race_rule, &other_thread_rule);
