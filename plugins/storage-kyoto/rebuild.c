/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rebuild.c - see rebuild.h. */
#include "rebuild.h"

#include "commit.h"
#include "view.h"

#define SECOND G_GINT64_CONSTANT (1000000000)
enum {
  AT_ONCE = 2,       /* shards that are made anew at the same time */
  PAUSE_SECONDS = 60 /* between two of the same shard that were not asked for by a person */
};

struct work {
  struct rebuilder *rebuilder;
  struct shard *shard;
  pthread_t thread;
  bool started; /* the thread has to be joined */
  bool running;
  bool deferred; /* the log was not even opened */
  int64_t ended; /* monotonic ns; 0: never */
  uint64_t count;
  ptn_status status;
  int64_t milliseconds;
};

struct rebuilder {
  struct store *store;
  pthread_mutex_t lock;
  pthread_cond_t wanted; /* a place is free, or the end has come */
  unsigned working;
  bool stop;         /* no thread is started any more */
  struct work *work; /* by shard */
};

const char shard_away_text[] =
    "this part of the mail store is being repaired, try again in a few minutes";

bool
shard_away (struct shard *shard, struct ptn_task *task) {
  if (atomic_load (&shard->state) == SHARD_SERVING)
    return false;
  if (task)
    shard->store->host->fail (task, PTN_E_TEMPORARY, shard_away_text,
                              "the index of shard %02u is being made anew", shard->number);
  return true;
}

static ptn_status
nothing (struct op *op, struct txn *txn) {
  return PTN_OK;
}

/* When this returns, the committer has seen that the shard is away: it touches neither log nor
 * index until the shard serves again. */
static void
wait_for_committer (struct shard *shard) {
  struct op op = { .shard = shard, .prepare = nothing };

  op_run (&op);
}

/* From now on readers are refused; those who are reading have finished. */
static void
empty_index (struct index *index) {
  struct overlay *active = overlay_new (), *frozen;
  struct tree *base;

  pthread_mutex_lock (&index->publishing);
  pthread_rwlock_wrlock (&index->lock);
  base = index->base;
  frozen = index->frozen;
  index->base = NULL;
  index->frozen = NULL;
  index->position = index->base_until = (struct position){ .lsn = 0 };
  {
    struct overlay *old = index->active;

    index->active = active;
    active = old;
  }
  pthread_rwlock_unlock (&index->lock);
  pthread_mutex_unlock (&index->publishing);
  tree_close (&base);
  overlay_free (&active);
  overlay_free (&frozen);
}

static ptn_status
make_anew (struct shard *shard, bool deferred) {
  struct index *index = &shard->index;
  ptn_status status;

  atomic_store (&index->keeper, pthread_self ());
  atomic_store (&index->away, true);
  if (!deferred)
    wait_for_committer (shard);
  pthread_mutex_lock (&shard->upkeep);
  empty_index (index);
  shard->current = 0;
  shard->other_ready = false;
  atomic_store (&index->corrupt, false);
  status = deferred ? shard_recover (shard, false) : shard_reindex (shard);
  pthread_mutex_unlock (&shard->upkeep);
  if (status != PTN_OK)
    return status;
  /* Whatever was remembered of rows is of another index. */
  atomic_fetch_add (&shard->removals, 1);
  atomic_fetch_add (&shard->generation, 1);
  views_forget (shard);
  atomic_store (&index->away, false);
  return PTN_OK;
}

/* A place among those who work.  False: the store is closing. */
static bool
take_place (struct rebuilder *rebuilder) {
  bool taken = false;

  pthread_mutex_lock (&rebuilder->lock);
  while (rebuilder->working >= AT_ONCE && !atomic_load (&rebuilder->store->stopping))
    pthread_cond_wait (&rebuilder->wanted, &rebuilder->lock);
  if (!atomic_load (&rebuilder->store->stopping)) {
    rebuilder->working++;
    taken = true;
  }
  pthread_mutex_unlock (&rebuilder->lock);
  return taken;
}

static void
give_place (struct rebuilder *rebuilder) {
  pthread_mutex_lock (&rebuilder->lock);
  rebuilder->working--;
  pthread_cond_broadcast (&rebuilder->wanted);
  pthread_mutex_unlock (&rebuilder->lock);
}

static void
tell (struct shard *shard, ptn_status status, int64_t milliseconds) {
  if (status == PTN_OK)
    shard_log (shard, PTN_LOG_NOTICE, "store.rebuilt", "result",
               "%" PRIu64 " octets read in %" PRId64 " ms, %" PRIu64 " records lost",
               atomic_load (&shard->work_done), milliseconds, atomic_load (&shard->lost_records));
  else if (status != PTN_E_CANCELLED)
    shard_log (shard, PTN_LOG_ERROR, "store.rebuilt", "error",
               "failed with status %d: everything on this shard is refused; tried again in %d s",
               status, PAUSE_SECONDS);
}

static void *
work_main (void *argument) {
  struct work *work = argument;
  struct shard *shard = work->shard;
  const struct ptn_host *host = shard->store->host;
  ptn_status status = PTN_E_CANCELLED;
  int64_t start = host->monotonic_ns (), milliseconds;

  pthread_setname_np (pthread_self (), "store-rebuild");
  if (take_place (work->rebuilder)) {
    start = host->monotonic_ns ();
    status = make_anew (shard, work->deferred);
    give_place (work->rebuilder);
  }
  milliseconds = (host->monotonic_ns () - start) / 1000000;
  tell (shard, status, milliseconds);
  host->observe (shard->store->metrics.rebuilds, 1);
  pthread_mutex_lock (&work->rebuilder->lock);
  work->running = false;
  work->ended = host->monotonic_ns ();
  work->count++;
  work->status = status;
  work->milliseconds = milliseconds;
  if (status == PTN_OK)
    work->deferred = false;
  atomic_store (&shard->state, status == PTN_OK ? SHARD_SERVING : SHARD_LOST);
  pthread_mutex_unlock (&work->rebuilder->lock);
  return NULL;
}

/* [rebuilder->lock] */
static bool
start_work (struct work *work) {
  if (work->started)
    pthread_join (work->thread, NULL); /* it has ended, or is about to return */
  atomic_store (&work->shard->work_done, 0);
  atomic_store (&work->shard->state, SHARD_REBUILDING);
  work->running = true;
  work->started = pthread_create (&work->thread, NULL, work_main, work) == 0;
  if (!work->started) {
    work->running = false;
    work->ended = work->shard->store->host->monotonic_ns ();
    atomic_store (&work->shard->state, SHARD_LOST);
  }
  return work->started;
}

bool
rebuild_ask (struct shard *shard, const char *reason) {
  struct rebuilder *rebuilder = shard->store->rebuilder;
  struct work *work;
  bool good = true;
  int64_t now = shard->store->host->monotonic_ns ();

  if (!rebuilder || atomic_load (&shard->failed) || atomic_load (&shard->store->stopping))
    return false;
  pthread_mutex_lock (&rebuilder->lock);
  work = &rebuilder->work[shard->number];
  /* Where rot comes back at once, the disk is to blame: reading all of it again and again would
   * make that worse.  A person may ask at any time (reason NULL). */
  if (rebuilder->stop)
    good = false;
  else if (!work->running
           && (!reason || work->ended == 0 || now - work->ended > PAUSE_SECONDS * SECOND)) {
    shard_log (shard, reason ? PTN_LOG_ERROR : PTN_LOG_NOTICE, "store.rebuild", "reason", "%s",
               reason ? reason : "asked for");
    good = start_work (work);
  }
  pthread_mutex_unlock (&rebuilder->lock);
  return good;
}

void
rebuild_begin (struct shard *shard) {
  struct rebuilder *rebuilder = shard->store->rebuilder;

  pthread_mutex_lock (&rebuilder->lock);
  rebuilder->work[shard->number].deferred = true;
  shard_log (shard, PTN_LOG_NOTICE, "store.rebuild", "reason",
             "%" PRIu64 " octets have to be read; the other shards serve meanwhile",
             atomic_load (&shard->work_total));
  start_work (&rebuilder->work[shard->number]);
  pthread_mutex_unlock (&rebuilder->lock);
}

void
rebuild_look (struct shard *shard, struct rebuild_state *state) {
  struct rebuilder *rebuilder = shard->store->rebuilder;
  const struct work *work = &rebuilder->work[shard->number];

  pthread_mutex_lock (&rebuilder->lock);
  *state = (struct rebuild_state){
    .running = work->running,
    .count = work->count,
    .done = atomic_load (&shard->work_done),
    .total = atomic_load (&shard->work_total),
    .status = work->status,
    .lost = atomic_load (&shard->lost_records),
    .milliseconds = work->milliseconds,
  };
  pthread_mutex_unlock (&rebuilder->lock);
}

ptn_status
rebuilder_start (struct store *store) {
  struct rebuilder *rebuilder = g_new0 (struct rebuilder, 1);

  rebuilder->store = store;
  pthread_mutex_init (&rebuilder->lock, NULL);
  pthread_cond_init (&rebuilder->wanted, NULL);
  rebuilder->work = g_new0 (struct work, store->shard_count);
  for (uint32_t i = 0; i < store->shard_count; i++) {
    rebuilder->work[i].rebuilder = rebuilder;
    rebuilder->work[i].shard = &store->shards[i];
  }
  store->rebuilder = rebuilder;
  return PTN_OK;
}

void
rebuilder_stop (struct store *store) {
  struct rebuilder *rebuilder = store->rebuilder;

  if (!rebuilder)
    return;
  pthread_mutex_lock (&rebuilder->lock);
  rebuilder->stop = true;
  pthread_cond_broadcast (&rebuilder->wanted);
  pthread_mutex_unlock (&rebuilder->lock);
  for (uint32_t i = 0; i < store->shard_count; i++)
    if (rebuilder->work[i].started)
      pthread_join (rebuilder->work[i].thread, NULL);
}

void
rebuilder_free (struct store *store) {
  struct rebuilder *rebuilder = store->rebuilder;

  if (!rebuilder)
    return;
  pthread_cond_destroy (&rebuilder->wanted);
  pthread_mutex_destroy (&rebuilder->lock);
  g_free (rebuilder->work);
  g_clear_pointer (&store->rebuilder, g_free);
}
