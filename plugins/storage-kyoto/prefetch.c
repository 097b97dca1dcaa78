/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prefetch.c - see prefetch.h. */
#include "prefetch.h"

#include "background.h"

enum { WAITING_MOST = 4, NICE = 5 };

struct prefetcher {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  bool stop;
  GQueue jobs;
};

static void
unref (struct prefetch *job) {
  if (atomic_fetch_sub (&job->references, 1) == 1)
    g_free (job);
}

/* Is it the first to come to this body? */
static bool
claim (struct prefetch *job, uint32_t i) {
  uint64_t bit = UINT64_C (1) << i;

  return !(atomic_fetch_or (&job->claimed, bit) & bit);
}

static void
work (struct store *store, struct prefetch *job) {
  for (uint32_t i = job->count; i-- > 0;) {
    if (atomic_load (&job->cancelled) || atomic_load (&store->stopping) || !claim (job, i))
      return;
    job->read (job, i);
  }
}

static void *
run (void *argument) {
  struct store *store = argument;
  struct prefetcher *prefetcher = store->prefetcher;

  background_thread ("kyoto-prefetch", NICE, false);
  pthread_mutex_lock (&prefetcher->lock);
  while (!prefetcher->stop) {
    struct prefetch *job = g_queue_pop_head (&prefetcher->jobs);

    if (!job) {
      pthread_cond_wait (&prefetcher->wanted, &prefetcher->lock);
      continue;
    }
    pthread_mutex_unlock (&prefetcher->lock);
    work (store, job);
    unref (job);
    pthread_mutex_lock (&prefetcher->lock);
  }
  pthread_mutex_unlock (&prefetcher->lock);
  return NULL;
}

ptn_status
prefetcher_start (struct store *store) {
  struct prefetcher *prefetcher;

  if (store->settings.body_cache == 0 || g_get_num_processors () < 2)
    return PTN_OK;
  prefetcher = g_new0 (struct prefetcher, 1);
  pthread_mutex_init (&prefetcher->lock, NULL);
  pthread_cond_init (&prefetcher->wanted, NULL);
  g_queue_init (&prefetcher->jobs);
  store->prefetcher = prefetcher;
  if (pthread_create (&prefetcher->thread, NULL, run, store) == 0)
    return PTN_OK;
  pthread_mutex_destroy (&prefetcher->lock);
  pthread_cond_destroy (&prefetcher->wanted);
  g_clear_pointer (&store->prefetcher, g_free);
  return PTN_E_NO_MEMORY;
}

void
prefetcher_stop (struct store *store) {
  struct prefetcher *prefetcher = store->prefetcher;

  if (!prefetcher)
    return;
  pthread_mutex_lock (&prefetcher->lock);
  prefetcher->stop = true;
  pthread_cond_signal (&prefetcher->wanted);
  pthread_mutex_unlock (&prefetcher->lock);
  pthread_join (prefetcher->thread, NULL);
  g_queue_clear_full (&prefetcher->jobs, (GDestroyNotify)unref);
  pthread_mutex_destroy (&prefetcher->lock);
  pthread_cond_destroy (&prefetcher->wanted);
  g_clear_pointer (&store->prefetcher, g_free);
}

bool
prefetch_submit (struct store *store, struct prefetch *job) {
  struct prefetcher *prefetcher = store->prefetcher;
  bool taken;

  if (!prefetcher)
    return false;
  pthread_mutex_lock (&prefetcher->lock);
  taken = !prefetcher->stop && prefetcher->jobs.length < WAITING_MOST;
  if (taken) {
    atomic_fetch_add (&job->references, 1);
    g_queue_push_tail (&prefetcher->jobs, job);
    pthread_cond_signal (&prefetcher->wanted);
  }
  pthread_mutex_unlock (&prefetcher->lock);
  return taken;
}

void
prefetch_claim (struct prefetch *job, uint32_t i) {
  claim (job, i);
}

void
prefetch_end (struct prefetch **job) {
  if (!*job)
    return;
  atomic_store (&(*job)->cancelled, true);
  unref (*job);
  *job = NULL;
}
