/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - the threads that wait in epoll and run strands, and the loop they are in. */
#include "internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

_Thread_local struct worker *engine_self;

int64_t
engine_now (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

static void
dispatch (struct engine *engine, const struct epoll_event *event) {
  if (event->data.u64 == DATUM_WAKE)
    atomic_store (&engine->notified, 0); /* now look at the queue */
  else if (event->data.u64 == DATUM_TIMER)
    timers_expire (&engine->timers);
  else
    strand_event (engine, event->data.u64, event->events);
}

/* Looks at epoll, and waits there if nothing is queued.  False: a whole wait was in vain. */
static bool
look (struct worker *self) {
  struct engine *engine = self->engine;
  int timeout = 0;
  bool waits = atomic_load (&engine->queued) == 0;
  if (waits) {
    atomic_fetch_add (&engine->waiting, 1);
    timeout = self->spare ? SPARE_IDLE_NS / 1000000 : -1;
    /* Who queues does so before it looks at `waiting`; we do it the other way round. */
    if (atomic_load (&engine->queued) || atomic_load (&engine->stopping))
      timeout = 0;
  }
  struct epoll_event event;
  int got = epoll_wait (engine->epoll, &event, 1, timeout);
  if (waits)
    atomic_fetch_sub (&engine->waiting, 1);
  count_up (&self->looks);
  if (got > 0) {
    if (atomic_load (&engine->parked))
      monitor_wake (engine);
    dispatch (engine, &event);
  }
  return got > 0 || timeout == 0;
}

/* A spare goes when none has been needed for a second and another thread waits already. */
static bool
may_retire (struct worker *self) {
  struct engine *engine = self->engine;
  return self->spare && atomic_load (&engine->queued) == 0 && atomic_load (&engine->waiting)
         && engine_now () - atomic_load (&engine->starved_at) > SPARE_IDLE_NS;
}

static void
retire (struct worker *self) {
  struct engine *engine = self->engine;
  pthread_mutex_lock (&engine->lock);
  for (struct worker **link = &engine->threads_list; *link; link = &(*link)->next)
    if (*link == self) {
      *link = self->next;
      break;
    }
  self->next = engine->retired;
  engine->retired = self;
  engine->past_steps += atomic_load (&self->steps);
  engine->past_events += atomic_load (&self->events);
  engine->past_looks += atomic_load (&self->looks);
  atomic_fetch_sub (&engine->threads, 1);
  if (self->spare)
    engine->spares--;
  pthread_mutex_unlock (&engine->lock);
}

static void *
worker_main (void *argument) {
  struct worker *self = argument;
  struct engine *engine = self->engine;
  int number = thread_begin (engine);
  engine_self = self;
  atomic_store (&self->tid, gettid ());
  unsigned taken = 0;
  while (!atomic_load (&engine->stopping)) {
    struct ptn_task *task = taken < QUEUE_RUN ? queue_take (engine) : NULL;
    if (task) {
      taken++;
      strand_run (task);
    } else {
      taken = 0;
      if (may_retire (self))
        break;
      look (self);
    }
  }
  engine_self = NULL;
  scratch_block_free (self->block);
  thread_end (engine, number);
  retire (self);
  if (atomic_load (&engine->stopping)) { /* and the next */
    atomic_store (&engine->notified, 0);
    queue_notify (engine);
  }
  return NULL;
}

bool
worker_start (struct engine *engine, bool spare) {
  struct worker *worker = g_new0 (struct worker, 1);
  worker->engine = engine;
  worker->spare = spare;
  atomic_fetch_add (&engine->threads, 1);
  if (!thread_start (&worker->thread, spare ? "spare" : "worker", worker_main, worker)) {
    atomic_fetch_sub (&engine->threads, 1);
    g_free (worker);
    return false;
  }
  worker->next = engine->threads_list;
  engine->threads_list = worker;
  if (spare)
    engine->spares++;
  return true;
}

void
workers_join (struct worker **list) {
  for (struct worker *worker; (worker = *list);) {
    *list = worker->next;
    pthread_join (worker->thread, NULL);
    g_free (worker);
  }
}
