/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scrubber.c - the thread that scrubs; see scrub.h.
 *
 * Where it is stands in the file SCRUB of the store's folder, replaced after each segment.  It is
 * not synced: at worst some segments are read once more. */
#include "background.h"
#include "scrub.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

enum { PART = 1 << 20, FIRST_SECONDS = 60, LOOK_SECONDS = 3600 };

struct progress {
  int64_t started, finished; /* seconds since 1970; of this pass, of the last one */
  uint32_t shard, segment;   /* behind which it goes on; started 0: not under way */
  uint64_t problems;         /* so far */
};

struct scrubber {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  struct progress progress;
  bool stop;
};

static int64_t
now (const struct store *store) {
  return store->host->realtime_ms () / 1000;
}

static void
progress_write (struct store *store, const struct progress *progress) {
  g_autofree char *name = g_build_filename (store->path, "SCRUB", NULL);
  g_autofree char *temporary = g_strconcat (name, ".tmp", NULL);
  g_autofree char *text = g_strdup_printf ("postern-scrub 1\nfinished %" PRId64 "\nstarted %" PRId64
                                           "\nshard %u\nsegment %u\nproblems %" PRIu64 "\n",
                                           progress->finished, progress->started, progress->shard,
                                           progress->segment, progress->problems);

  if (g_file_set_contents_full (temporary, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
    g_rename (temporary, name);
}

/* Without a file, or with one that makes no sense: as if a pass had ended now. */
static void
progress_read (struct store *store, struct progress *progress) {
  g_autofree char *name = g_build_filename (store->path, "SCRUB", NULL);
  g_autofree char *text = NULL;
  unsigned format;

  if (g_file_get_contents (name, &text, NULL, NULL)
      && sscanf (text,
                 "postern-scrub %u finished %" SCNd64 " started %" SCNd64 " shard %" SCNu32
                 " segment %" SCNu32 " problems %" SCNu64,
                 &format, &progress->finished, &progress->started, &progress->shard,
                 &progress->segment, &progress->problems)
             == 6
      && format == 1 && progress->finished <= now (store) && progress->started <= now (store))
    return;
  *progress = (struct progress){ .finished = now (store) };
  progress_write (store, progress);
}

/* Waits, unless it is to stop; false: stop. */
static bool
wait_ms (struct scrubber *scrubber, int64_t milliseconds) {
  struct timespec until;
  bool stop;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += milliseconds / 1000;
  until.tv_nsec += milliseconds % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock (&scrubber->lock);
  while (!scrubber->stop)
    if (pthread_cond_timedwait (&scrubber->wanted, &scrubber->lock, &until) == ETIMEDOUT)
      break;
  stop = scrubber->stop;
  pthread_mutex_unlock (&scrubber->lock);
  return !stop;
}

static bool
due (struct scrubber *scrubber) {
  struct store *store = scrubber->store;
  bool yes;

  pthread_mutex_lock (&scrubber->lock);
  yes = scrubber->progress.started > 0
        || now (store) - scrubber->progress.finished >= store->settings.scrub_interval / 1000;
  pthread_mutex_unlock (&scrubber->lock);
  return yes;
}

static void
note_progress (struct scrubber *scrubber, const struct scrub *scrub, uint64_t before) {
  pthread_mutex_lock (&scrubber->lock);
  scrubber->progress.shard = scrub->shard;
  scrubber->progress.segment = scrub->segment;
  scrubber->progress.problems = before + scrub->problems->len;
  progress_write (scrubber->store, &scrubber->progress);
  pthread_mutex_unlock (&scrubber->lock);
}

static void
tell_end (struct store *store, const struct scrub *scrub, uint64_t problems) {
  g_autofree char *text = g_strdup_printf ("%" PRIu64, problems);
  g_autofree char *octets = g_strdup_printf ("%" PRIu64, scrub->done);

  store_log (store, problems > 0 ? PTN_LOG_ERROR : PTN_LOG_INFO, "store.scrubbed", "problems", text,
             "octets", octets);
}

static bool
pace (void *argument, uint64_t octets) {
  struct scrubber *scrubber = argument;
  uint64_t rate = scrubber->store->settings.scrub_rate;

  return wait_ms (scrubber, (int64_t)(octets * 1000 / rate));
}

/* Goes on with the pass under way, or begins one. */
static void
run_pass (struct scrubber *scrubber) {
  struct store *store = scrubber->store;
  struct progress *progress = &scrubber->progress;
  uint64_t before = 0;
  struct scrub *scrub;
  bool more = true;

  pthread_mutex_lock (&scrubber->lock);
  if (progress->started == 0)
    *progress = (struct progress){ .finished = progress->finished, .started = now (store) };
  before = progress->problems;
  scrub = scrub_new (store, MIN (progress->shard, store->shard_count), progress->segment);
  scrub->pace = pace;
  scrub->pace_argument = scrubber;
  pthread_mutex_unlock (&scrubber->lock);
  while (more) {
    uint32_t shard = scrub->shard, segment = scrub->segment;

    if (!pace (scrubber, PART))
      break;
    more = scrub_step (scrub, PART);
    if (scrub->shard != shard || scrub->segment != segment)
      note_progress (scrubber, scrub, before);
  }
  if (!more) {
    tell_end (store, scrub, before + scrub->problems->len);
    scrubber_done (store, before + scrub->problems->len);
  }
  scrub_free (&scrub);
}

static void *
scrubber_main (void *argument) {
  struct scrubber *scrubber = argument;
  int64_t wait = CLAMP (scrubber->store->settings.scrub_interval / 1000, 1, FIRST_SECONDS);

  background_thread ("store-scrub", 19, true); /* where that is refused the rate has to do */
  while (wait_ms (scrubber, wait * 1000)) {
    if (due (scrubber))
      run_pass (scrubber);
    wait = CLAMP (scrubber->store->settings.scrub_interval / 1000, 1, LOOK_SECONDS);
  }
  return NULL;
}

void
scrubber_done (struct store *store, uint64_t problems) {
  struct progress progress = { .finished = now (store), .problems = problems };

  if (!store->scrubber) {
    progress_write (store, &progress);
    return;
  }
  pthread_mutex_lock (&store->scrubber->lock);
  store->scrubber->progress = progress;
  progress_write (store, &progress);
  pthread_mutex_unlock (&store->scrubber->lock);
}

ptn_status
scrubber_start (struct store *store) {
  struct scrubber *scrubber;

  if (store->settings.scrub_interval <= 0)
    return PTN_OK;
  scrubber = g_new0 (struct scrubber, 1);
  scrubber->store = store;
  pthread_mutex_init (&scrubber->lock, NULL);
  pthread_cond_init (&scrubber->wanted, NULL);
  progress_read (store, &scrubber->progress);
  store->scrubber = scrubber; /* the thread looks there */
  if (pthread_create (&scrubber->thread, NULL, scrubber_main, scrubber) == 0)
    return PTN_OK;
  pthread_cond_destroy (&scrubber->wanted);
  pthread_mutex_destroy (&scrubber->lock);
  g_clear_pointer (&store->scrubber, g_free);
  return PTN_E_NO_MEMORY;
}

void
scrubber_stop (struct store *store) {
  struct scrubber *scrubber = store->scrubber;

  if (!scrubber)
    return;
  pthread_mutex_lock (&scrubber->lock);
  scrubber->stop = true;
  pthread_cond_signal (&scrubber->wanted);
  pthread_mutex_unlock (&scrubber->lock);
  pthread_join (scrubber->thread, NULL);
  pthread_cond_destroy (&scrubber->wanted);
  pthread_mutex_destroy (&scrubber->lock);
  g_clear_pointer (&store->scrubber, g_free);
}
