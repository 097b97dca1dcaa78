/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compactor.c - the thread that compacts; see compact.h. */
#include "background.h"
#include "compact.h"

#include "base.h"
#include "commit.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND G_GINT64_CONSTANT (1000000000)
enum {
  NICE = 10,
  IDLE_SECONDS = 20,    /* without a commit: nobody minds */
  BACKOFF_SECONDS = 60, /* after a compaction that failed */
  FULL_SECONDS = 2,     /* likewise on a full disk, where each one may help the next */
  ASKED_PERCENT = 5,    /* what is compacted when a person asks */
  PRESSURE_MIN =
      16 << 20 /* octets of a shard's files from which on they are held to twice the mail */
};

struct task {
  bool asked;
  ptn_status status;
  struct compact_result result;
  int64_t not_before; /* monotonic ns */
};

struct compactor {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  bool poked, stop;
  struct task *tasks; /* by shard */
  uint64_t last_lsn;  /* of all shards together */
  int64_t idle_since; /* monotonic ns */
};

static bool
is_idle (struct compactor *compactor) {
  struct store *store = compactor->store;
  int64_t now = store->host->monotonic_ns ();
  uint64_t lsn = 0;

  for (uint32_t i = 0; i < store->shard_count; i++) {
    struct index *index = &store->shards[i].index;

    pthread_rwlock_rdlock (&index->lock);
    lsn += index->position.lsn;
    pthread_rwlock_unlock (&index->lock);
  }
  if (lsn != compactor->last_lsn)
    compactor->idle_since = now;
  compactor->last_lsn = lsn;
  return now - compactor->idle_since >= IDLE_SECONDS * SECOND;
}

static bool
add_octets (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
            size_t size) {
  uint64_t *live = argument;
  struct segment_row row;

  if (segment_row_get (READER (value, size), &row))
    *live += row.live;
  return true;
}

static uint64_t
tree_octets (struct shard *shard, char which) {
  g_autofree char *name = shard_tree_name (shard, which);
  struct stat status;

  return stat (name, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

/* Does the shard take more than twice what its mail does?  Then less waste is let pass. */
static bool
is_under_pressure (struct shard *shard) {
  struct key from = { 1, { KEY_SEGMENT } }, end = { 1, { KEY_SEGMENT + 1 } };
  g_autoptr (GArray) segments = log_segments (shard);
  uint64_t used = tree_octets (shard, 'A') + tree_octets (shard, 'B')
                  + atomic_load (&shard->base_octets),
           live = 0;

  for (guint i = 0; i < segments->len; i++)
    used += g_array_index (segments, struct segment_info, i).size;
  index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, add_octets, &live);
  return used > PRESSURE_MIN && used > 2 * live;
}

static bool
is_full (const struct store *store) {
  return store->settings.reserve > 0 && atomic_load (&store->reserve_gone);
}

static struct compact_how
how_for (struct shard *shard, bool asked, bool idle) {
  const struct store *store = shard->store;
  const struct store_settings *settings = &store->settings;
  bool full = is_full (store);
  bool pressure = full || is_under_pressure (shard);

  if (asked)
    return (struct compact_how){ .percent = MIN (ASKED_PERCENT, settings->compact),
                                 .seal = true,
                                 .hurry = true };
  return (struct compact_how){
    .percent =
        idle || pressure ? MIN (settings->compact_idle, settings->compact) : settings->compact,
    .base_gain = settings->base_gain,
    .seal = pressure,
    .hurry = full,
  };
}

/* One shard's turn. */
static void
look_at_shard (struct compactor *compactor, struct shard *shard, bool idle) {
  struct task *task = &compactor->tasks[shard->number];
  int64_t now = compactor->store->host->monotonic_ns ();
  struct compact_result result = { 0 };
  struct compact_how how;
  ptn_status status;
  bool asked;

  pthread_mutex_lock (&compactor->lock);
  asked = task->asked;
  pthread_mutex_unlock (&compactor->lock);
  if (!asked && now < task->not_before)
    return;
  if (atomic_load (&shard->state) != SHARD_SERVING || atomic_load (&shard->failed)
      || atomic_load (&shard->index.corrupt))
    status = PTN_E_TEMPORARY;
  else {
    if (asked)
      g_hash_table_remove_all (shard->stuck);
    if (atomic_load (&shard->base_wanted) && shard_checkpoint (shard, false) && base_write (shard))
      atomic_store (&shard->base_wanted, false);
    how = how_for (shard, asked, idle);
    status = shard_compact (shard, &how, &result);
  }
  if (status != PTN_OK)
    task->not_before = now + (is_full (shard->store) ? FULL_SECONDS : BACKOFF_SECONDS) * SECOND;
  if (asked) {
    pthread_mutex_lock (&compactor->lock);
    task->asked = false;
    task->status = status;
    task->result = result;
    pthread_mutex_unlock (&compactor->lock);
  }
}

/* Until somebody pokes, or it is time for a look. */
static bool
wait_for_work (struct compactor *compactor) {
  int64_t pause = compactor->store->settings.compact_pause * 1000000;
  struct timespec until;
  bool stop;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += pause / SECOND;
  until.tv_nsec += pause % SECOND;
  if (until.tv_nsec >= SECOND) {
    until.tv_sec++;
    until.tv_nsec -= SECOND;
  }
  pthread_mutex_lock (&compactor->lock);
  while (!compactor->poked && !compactor->stop)
    if (pause == 0)
      pthread_cond_wait (&compactor->wanted, &compactor->lock);
    else if (pthread_cond_timedwait (&compactor->wanted, &compactor->lock, &until) == ETIMEDOUT)
      break;
  compactor->poked = false;
  stop = compactor->stop;
  pthread_mutex_unlock (&compactor->lock);
  return !stop;
}

static bool
is_asked (struct compactor *compactor, uint32_t shard) {
  bool asked;

  pthread_mutex_lock (&compactor->lock);
  asked = compactor->tasks[shard].asked;
  pthread_mutex_unlock (&compactor->lock);
  return asked;
}

static void *
compactor_main (void *argument) {
  struct compactor *compactor = argument;
  struct store *store = compactor->store;

  /* Not idle: a busy disk would keep it from ever ending, and others may wait for the same
   * journal. */
  background_thread ("store-compact", NICE, false);
  while (wait_for_work (compactor)) {
    bool idle = is_idle (compactor);

    for (uint32_t i = 0; i < store->shard_count && !atomic_load (&store->stopping); i++)
      if (store->settings.compact_pause > 0 || is_asked (compactor, i))
        look_at_shard (compactor, &store->shards[i], idle);
    is_idle (compactor); /* what it has written itself does not count */
  }
  return NULL;
}

void
compactor_poke (struct store *store) {
  struct compactor *compactor = store->compactor;

  if (!compactor)
    return;
  pthread_mutex_lock (&compactor->lock);
  compactor->poked = true;
  pthread_cond_signal (&compactor->wanted);
  pthread_mutex_unlock (&compactor->lock);
}

void
compact_ask (struct shard *shard) {
  struct compactor *compactor = shard->store->compactor;

  pthread_mutex_lock (&compactor->lock);
  compactor->tasks[shard->number].asked = true;
  compactor->poked = true;
  pthread_cond_signal (&compactor->wanted);
  pthread_mutex_unlock (&compactor->lock);
}

void
compact_look (struct shard *shard, struct compact_state *state) {
  struct compactor *compactor = shard->store->compactor;
  const struct task *task = &compactor->tasks[shard->number];

  pthread_mutex_lock (&compactor->lock);
  *state = (struct compact_state){
    .asked = task->asked,
    .done = atomic_load (&shard->compact_done),
    .total = atomic_load (&shard->compact_total),
    .status = task->status,
    .result = task->result,
  };
  pthread_mutex_unlock (&compactor->lock);
}

ptn_status
compactor_start (struct store *store) {
  struct compactor *compactor = g_new0 (struct compactor, 1);

  compactor->store = store;
  compactor->tasks = g_new0 (struct task, store->shard_count);
  compactor->idle_since = store->host->monotonic_ns ();
  pthread_mutex_init (&compactor->lock, NULL);
  pthread_cond_init (&compactor->wanted, NULL);
  if (pthread_create (&compactor->thread, NULL, compactor_main, compactor) != 0) {
    g_free (compactor->tasks);
    g_free (compactor);
    return PTN_E_NO_MEMORY;
  }
  store->compactor = compactor;
  return PTN_OK;
}

void
compactor_stop (struct store *store) {
  struct compactor *compactor = store->compactor;

  if (!compactor)
    return;
  pthread_mutex_lock (&compactor->lock);
  compactor->stop = true;
  pthread_cond_signal (&compactor->wanted);
  pthread_mutex_unlock (&compactor->lock);
  pthread_join (compactor->thread, NULL);
}

void
compactor_free (struct store *store) {
  struct compactor *compactor = store->compactor;

  if (!compactor)
    return;
  pthread_cond_destroy (&compactor->wanted);
  pthread_mutex_destroy (&compactor->lock);
  g_free (compactor->tasks);
  g_clear_pointer (&store->compactor, g_free);
}
