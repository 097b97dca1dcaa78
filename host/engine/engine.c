/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - beginning and end of the engine. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SPARES = 64, STEP_NS = 5000000 };

static bool
fail (GError **error, const char *what) {
  int code = errno;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", what,
               g_strerror (code));
  return false;
}

static bool
open_descriptors (struct engine *engine, GError **error) {
  engine->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (engine->epoll < 0)
    return fail (error, "epoll_create1");
  engine->event = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (engine->event < 0)
    return fail (error, "eventfd");
  if (!timers_init (&engine->timers, error))
    return false;
  struct epoll_event wake = { .events = EPOLLIN | EPOLLET, .data.u64 = DATUM_WAKE };
  struct epoll_event timer = { .events = EPOLLIN | EPOLLET, .data.u64 = DATUM_TIMER };
  if (epoll_ctl (engine->epoll, EPOLL_CTL_ADD, engine->event, &wake) < 0
      || epoll_ctl (engine->epoll, EPOLL_CTL_ADD, engine->timers.fd, &timer) < 0)
    return fail (error, "epoll_ctl");
  return true;
}

struct engine *
engine_new (const struct engine_settings *settings, GError **error) {
  static const struct engine_settings defaults;
  settings = settings ? settings : &defaults;
  struct engine *engine = aligned_alloc (64, (sizeof *engine + 63) & ~(size_t)63);
  g_assert (engine);
  *engine = (struct engine){ .epoll = -1, .event = -1, .timers.fd = -1 };
  unsigned cores = g_get_num_processors ();
  engine->worker_count = settings->workers ? settings->workers : 2 * cores;
  engine->busy_least = MIN (cores, engine->worker_count);
  engine->spare_limit = settings->spares ? settings->spares : SPARES;
  engine->step_ns = settings->step_ns ? settings->step_ns : STEP_NS;
  engine->note_used = g_byte_array_new ();

  pthread_mutexattr_t brief; /* held for a few instructions: spin a little before sleeping */
  pthread_mutexattr_init (&brief);
  pthread_mutexattr_settype (&brief, PTHREAD_MUTEX_ADAPTIVE_NP);
  pthread_mutex_init (&engine->queue_lock, &brief);
  pthread_mutexattr_destroy (&brief);
  pthread_mutex_init (&engine->lock, NULL);
  pthread_cond_init (&engine->ended, NULL);
  pthread_mutex_init (&engine->monitor_lock, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init (&monotonic);
  pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init (&engine->monitor_kick, &monotonic);
  pthread_condattr_destroy (&monotonic);

  if (!open_descriptors (engine, error))
    engine_free (&engine);
  return engine;
}

void
engine_set_events (struct engine *engine, struct event_hub *events) {
  engine->events = events;
}

struct event_hub *
engine_events (const struct engine *engine) {
  return engine->events;
}

bool
engine_start (struct engine *engine, GError **error) {
  g_return_val_if_fail (!engine->started, false);
  bool made = true;
  pthread_mutex_lock (&engine->lock);
  engine->started = true;
  for (unsigned i = 0; i < engine->worker_count && made; i++)
    made = worker_start (engine, false);
  pthread_mutex_unlock (&engine->lock);
  if (made && monitor_start (engine))
    return true;
  return fail (error, "pthread_create");
}

/* The monitor goes first, so that no thread comes into being any more. */
static void
end_threads (struct engine *engine) {
  monitor_end (engine);
  atomic_store (&engine->stopping, 1);
  atomic_store (&engine->notified, 0);
  queue_notify (engine);
  for (;;) {
    pthread_mutex_lock (&engine->lock);
    struct worker *worker = engine->threads_list ? engine->threads_list : engine->retired;
    pthread_t thread = worker ? worker->thread : 0;
    pthread_mutex_unlock (&engine->lock);
    if (!worker)
      break;
    pthread_join (thread, NULL); /* it moves itself to the retired */
    pthread_mutex_lock (&engine->lock);
    for (struct worker **link = &engine->retired; *link; link = &(*link)->next)
      if (*link == worker) {
        *link = worker->next;
        break;
      }
    pthread_mutex_unlock (&engine->lock);
    g_free (worker);
  }
}

void
engine_stop (struct engine *engine) {
  if (!engine->started)
    return;
  pthread_mutex_lock (&engine->lock);
  while (atomic_load (&engine->strands))
    pthread_cond_wait (&engine->ended, &engine->lock);
  pthread_mutex_unlock (&engine->lock);
  end_threads (engine);
  lanes_stop (engine);
  engine->started = false;
}

void
engine_free (struct engine **pointer) {
  struct engine *engine = *pointer;
  *pointer = NULL;
  if (!engine)
    return;
  engine_stop (engine);
  /* Strands of an engine that was never started end without having run. */
  for (struct ptn_task *task; (task = queue_take (engine));)
    strand_end (task);
  lanes_stop (engine);
  timers_clear (&engine->timers);
  if (engine->event >= 0)
    close (engine->event);
  if (engine->epoll >= 0)
    close (engine->epoll);
  g_byte_array_unref (engine->note_used);
  pthread_mutex_destroy (&engine->queue_lock);
  pthread_mutex_destroy (&engine->lock);
  pthread_mutex_destroy (&engine->monitor_lock);
  pthread_cond_destroy (&engine->ended);
  pthread_cond_destroy (&engine->monitor_kick);
  free (engine);
}

void
engine_count (struct engine *engine, struct engine_counts *counts) {
  *counts = (struct engine_counts){
    .strands = atomic_load (&engine->strands),
    .queued = atomic_load (&engine->queued),
    .waiting = atomic_load (&engine->waiting),
    .wakes = queue_takes (engine),
  };
  pthread_mutex_lock (&engine->lock);
  counts->workers = atomic_load (&engine->threads) - engine->spares;
  counts->spares = engine->spares;
  counts->steps = engine->past_steps;
  counts->events = engine->past_events;
  for (struct worker *worker = engine->threads_list; worker; worker = worker->next) {
    counts->steps += atomic_load_explicit (&worker->steps, memory_order_relaxed);
    counts->events += atomic_load_explicit (&worker->events, memory_order_relaxed);
  }
  pthread_mutex_unlock (&engine->lock);
}
