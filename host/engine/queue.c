/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - the run queue, and waking: strands that something other than their descriptor
 * wants to run, in order, and as few sleeping threads woken for them as will do.
 *
 * One eventfd write is under way at most (`notified`): the thread that comes for it takes a
 * strand, and if it sees another one queued it wakes the next.  Whoever queues first counts
 * the strand and then looks for sleepers; who goes to sleep first counts itself and then
 * looks at the queue; so one of them sees the other. */
#include "internal.h"

#include <errno.h>
#include <unistd.h>

void
queue_notify (struct engine *engine) {
  if (atomic_load (&engine->waiting) == 0 || atomic_exchange (&engine->notified, 1))
    return;
  /* The counter is never read: every write is an edge, and it has room for 2^64. */
  uint64_t one = 1;
  while (write (engine->event, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void
queue_push (struct engine *engine, struct ptn_task *task) {
  task->next = NULL;
  pthread_mutex_lock (&engine->queue_lock);
  if (engine->queue_last)
    engine->queue_last->next = task;
  else
    engine->queue_first = task;
  engine->queue_last = task;
  atomic_fetch_add (&engine->queued, 1);
  pthread_mutex_unlock (&engine->queue_lock);

  /* A worker takes the first strand that it queues itself, as soon as its step ends: cheaper
   * and mostly sooner than waking another thread.  Should the step last, the monitor sees. */
  struct worker *self = engine_self;
  if (self && self->engine == engine && !self->deferred && !self->blocking)
    self->deferred = true;
  else
    queue_notify (engine);
}

struct ptn_task *
queue_take (struct engine *engine) {
  if (engine_self)
    engine_self->deferred = false;
  if (atomic_load (&engine->queued) == 0)
    return NULL;
  pthread_mutex_lock (&engine->queue_lock);
  struct ptn_task *task = engine->queue_first;
  unsigned left = 0;
  if (task) {
    engine->queue_first = task->next;
    if (!task->next)
      engine->queue_last = NULL;
    engine->takes++;
    left = atomic_fetch_sub (&engine->queued, 1) - 1;
  }
  pthread_mutex_unlock (&engine->queue_lock);
  if (left)
    queue_notify (engine);
  return task;
}

uint64_t
queue_takes (struct engine *engine) {
  pthread_mutex_lock (&engine->queue_lock);
  uint64_t takes = engine->takes;
  pthread_mutex_unlock (&engine->queue_lock);
  return takes;
}

bool
strand_post (uint64_t handle, unsigned events) {
  struct ptn_task *task = slot_find (handle);
  if (!task)
    return false;
  uint64_t word = atomic_load (&task->word);
  do
    if (!handle_names (handle, word))
      return false;
  while (!atomic_compare_exchange_weak (&task->word, &word, word | events | WORD_WANTED));
  if (!(word & (WORD_WANTED | WORD_RUNNING)))
    queue_push (task->engine, task);
  return true;
}

/* --- wakers -------------------------------------------------------------------------- */

/* A waker is the strand's handle, dressed as a pointer: it holds no memory, so one that is
 * lost leaks nothing, and one that is used twice does no harm.  Where pointers are too
 * narrow for a handle it is a piece of memory with the handle in it. */
#if UINTPTR_MAX >= UINT64_MAX && !defined ENGINE_WAKERS_ALLOCATED

static struct ptn_waker *
waker_of (uint64_t handle) {
  return (struct ptn_waker *)(uintptr_t)handle;
}

static uint64_t
waker_use (struct ptn_waker *waker) {
  return (uintptr_t)waker;
}

#else

struct ptn_waker {
  uint64_t handle;
};

static struct ptn_waker *
waker_of (uint64_t handle) {
  struct ptn_waker *waker = g_new (struct ptn_waker, 1);
  waker->handle = handle;
  return waker;
}

static uint64_t
waker_use (struct ptn_waker *waker) {
  uint64_t handle = waker ? waker->handle : 0;
  g_free (waker);
  return handle;
}

#endif

struct ptn_waker *
task_waker (struct ptn_task *task) {
  return waker_of (task_handle (task));
}

void
waker_wake (struct ptn_waker *waker) {
  strand_post (waker_use (waker), TASK_WOKEN);
}

void
waker_forget (struct ptn_waker *waker) {
  (void)waker_use (waker);
}

void
waker_wake_at (struct ptn_waker *waker, int64_t monotonic_ns) {
  timer_add_wake (waker_use (waker), monotonic_ns);
}
