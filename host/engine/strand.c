/* SPDX-License-Identifier: Apache-2.0 */
/* strand.c - one strand's way through its states, on whatever thread has it. */
#include "internal.h"

#include <sys/epoll.h>

/* The strand, running already, has these events for the next round. */
static unsigned
take_events (struct ptn_task *task) {
  uint64_t word = atomic_load_explicit (&task->word, memory_order_relaxed);
  while (!atomic_compare_exchange_weak (&task->word, &word,
                                        (word & ~(uint64_t)(WORD_EVENTS | WORD_WANTED))
                                            | WORD_RUNNING))
    ;
  return word & WORD_EVENTS;
}

/* Leaves the running state.  Returns false if one more round is due and `again` allows it
 * here; else the strand is idle, or queued, and not ours any more. */
static bool
leave (struct ptn_task *task, bool requeue) {
  uint64_t word = atomic_load_explicit (&task->word, memory_order_relaxed), next;
  do {
    if (word & WORD_WANTED && !requeue)
      return false;
    next = word & ~(uint64_t)WORD_RUNNING;
    if (requeue)
      next |= WORD_WANTED;
  } while (!atomic_compare_exchange_weak (&task->word, &word, next));
  if (requeue)
    queue_push (task->engine, task);
  return true;
}

static void
run (struct ptn_task *task, unsigned events) {
  struct worker *self = engine_self;
  struct engine *engine = task->engine;
  int64_t now = engine_now ();
  int64_t round_end = now + engine->step_ns;
  for (;;) {
    self->step_end = now + engine->step_ns;
    count_up (&self->steps);
    if (events & TASK_TIMER)
      events = timer_filter (task, events);
    task_next next = task->run (task, task->user, events);
    if (self->blocking) /* a step that forgot to say that it no longer blocks */
      task_unblock (self);
    if (next == TASK_DONE) {
      strand_end (task);
      return;
    }
    if (next == TASK_AGAIN) {
      leave (task, true);
      return;
    }
    if (leave (task, false))
      return;
    now = engine_now ();
    if (now >= round_end) { /* others first */
      leave (task, true);
      return;
    }
    events = take_events (task);
  }
}

void
strand_run (struct ptn_task *task) {
  run (task, take_events (task));
}

static unsigned
events_of (uint32_t epoll_events) {
  unsigned events = 0;
  if (epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    events |= TASK_READABLE;
  if (epoll_events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
    events |= TASK_WRITABLE;
  if (epoll_events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
    events |= TASK_HANGUP;
  return events;
}

/* An event for an idle strand is run here and now, past the queue and its lock. */
void
strand_event (struct engine *engine, uint64_t datum, uint32_t epoll_events) {
  struct ptn_task *task = slot_find (datum);
  if (!task)
    return;
  count_up (&engine_self->events);
  unsigned events = events_of (epoll_events);
  uint64_t word = atomic_load_explicit (&task->word, memory_order_relaxed), next;
  do {
    /* The lower 32 bits of the generation, and the watch number. */
    if (((word >> WORD_WATCH_SHIFT) ^ (datum >> WORD_GENERATION_SHIFT)) & UINT64_C (0xffffffffff))
      return;
    if (word & (WORD_WANTED | WORD_RUNNING))
      next = word | events | WORD_WANTED;
    else
      next = word | WORD_RUNNING;
  } while (!atomic_compare_exchange_weak (&task->word, &word, next));
  if (!(word & (WORD_WANTED | WORD_RUNNING)))
    run (task, events);
}

/* The strand is running, and will never run again. */
void
strand_end (struct ptn_task *task) {
  struct engine *engine = task->engine;
  task_unwatch (task);
  if (task->finish)
    task->finish (task->user);
  slot_free (task);
  timers_forget (&engine->timers, task);
  scratch_free_all (task);
  failure_clear (task);
  slot_recycle (task);
  if (atomic_fetch_sub (&engine->strands, 1) == 1) {
    pthread_mutex_lock (&engine->lock);
    pthread_cond_broadcast (&engine->ended);
    pthread_mutex_unlock (&engine->lock);
  }
}
