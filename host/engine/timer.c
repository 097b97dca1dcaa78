/* SPDX-License-Identifier: Apache-2.0 */
/* timer.c - all timers behind one timerfd: a heap of times, each naming a strand by handle.
 *
 * Most timers are put off, step after step, and hardly ever fire.  So a strand's own timer
 * is a number in the strand: putting it off writes that number and touches no lock; when the
 * heap comes to the old time it finds the new one and waits on.  Only an earlier time goes
 * into the heap at once.  Entries that no longer mean anything (the strand is gone, its
 * timer was moved before them) stay until their time, or until they are the majority. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

bool
timers_init (struct timers *timers, GError **error) {
  pthread_mutex_init (&timers->lock, NULL);
  timers->armed = INT64_MAX;
  timers->fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timers->fd < 0) {
    int code = errno;
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "timerfd_create: %s",
                 g_strerror (code));
    return false;
  }
  return true;
}

void
timers_clear (struct timers *timers) {
  if (timers->fd >= 0)
    close (timers->fd);
  timers->fd = -1;
  g_clear_pointer (&timers->heap, g_free);
  timers->count = timers->room = timers->dead = 0;
  pthread_mutex_destroy (&timers->lock);
}

/* --- the heap; the lock is held ------------------------------------------------------- */

static void
sift_down (struct timers *timers, size_t at) {
  struct timer_entry entry = timers->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= timers->count)
      break;
    if (child + 1 < timers->count && timers->heap[child + 1].at < timers->heap[child].at)
      child++;
    if (timers->heap[child].at >= entry.at)
      break;
    timers->heap[at] = timers->heap[child];
    at = child;
  }
  timers->heap[at] = entry;
}

static void
push (struct timers *timers, struct timer_entry entry) {
  if (timers->count == timers->room) {
    timers->room = timers->room ? timers->room * 2 : 64;
    timers->heap = g_renew (struct timer_entry, timers->heap, timers->room);
  }
  size_t at = timers->count++;
  while (at > 0 && timers->heap[(at - 1) / 2].at > entry.at) {
    timers->heap[at] = timers->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  timers->heap[at] = entry;
}

static struct timer_entry
pop (struct timers *timers) {
  struct timer_entry first = timers->heap[0];
  timers->heap[0] = timers->heap[--timers->count];
  if (timers->count)
    sift_down (timers, 0);
  return first;
}

/* Will this entry do anything when its time comes? */
static bool
is_live (const struct timer_entry *entry) {
  struct ptn_task *task = slot_find (entry->handle);
  return handle_names (entry->handle, atomic_load (&task->word))
         && (!entry->own || atomic_load (&task->armed) == entry->at);
}

static void
bury (struct timers *timers, size_t dead) {
  timers->dead += dead;
  if (timers->dead < 64 || timers->dead < timers->count / 2)
    return;
  size_t live = 0;
  for (size_t i = 0; i < timers->count; i++)
    if (is_live (&timers->heap[i]))
      timers->heap[live++] = timers->heap[i];
  timers->count = live;
  timers->dead = 0;
  for (size_t i = live / 2; i-- > 0;)
    sift_down (timers, i);
}

/* Sets the timerfd to the first entry, if that is earlier than what it is set to, or if it
 * has fired. */
static void
arm (struct timers *timers, bool fired) {
  int64_t first = timers->count ? timers->heap[0].at : INT64_MAX;
  if (fired)
    timers->armed = INT64_MAX;
  if (first >= timers->armed)
    return;
  timers->armed = first;
  if (first < 1)
    first = 1; /* 0 would switch it off */
  struct itimerspec when = { .it_value = { first / 1000000000, first % 1000000000 } };
  timerfd_settime (timers->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* --- a strand's own timer -------------------------------------------------------------- */

void
task_set_timer (struct ptn_task *task, int64_t at) {
  atomic_store (&task->deadline, at == TIMER_FIRED ? TIMER_FIRED + 1 : at);
  if (at >= atomic_load (&task->armed))
    return; /* the heap looks before that time, and then sees the new one */
  struct timers *timers = &task->engine->timers;
  pthread_mutex_lock (&timers->lock);
  int64_t armed = atomic_load (&task->armed);
  if (at < armed) {
    atomic_store (&task->armed, at);
    push (timers, (struct timer_entry){ at, task_handle (task), true });
    if (armed != INT64_MAX)
      bury (timers, 1);
    arm (timers, false);
  }
  pthread_mutex_unlock (&timers->lock);
}

/* The time of an own entry has come: has the strand's?  Returns the time to look again.
 * `armed` is cleared before `deadline` is read, and set_timer does it the other way round,
 * so a time that is put in meanwhile is seen by one of them at least. */
static int64_t
expire_own (struct ptn_task *task, uint64_t handle, int64_t now) {
  atomic_store (&task->armed, INT64_MAX);
  int64_t deadline = atomic_load (&task->deadline);
  while (deadline <= now && deadline != TIMER_FIRED)
    if (atomic_compare_exchange_weak (&task->deadline, &deadline, TIMER_FIRED)) {
      strand_post (handle, TASK_TIMER);
      return INT64_MAX;
    }
  return deadline == TIMER_FIRED ? INT64_MAX : deadline;
}

unsigned
timer_filter (struct ptn_task *task, unsigned events) {
  int64_t fired = TIMER_FIRED;
  if (atomic_compare_exchange_strong (&task->deadline, &fired, TIMER_OFF))
    return events;
  return events & ~(unsigned)TASK_TIMER;
}

/* --- wakers with a time ---------------------------------------------------------------- */

void
timer_add_wake (uint64_t handle, int64_t at) {
  struct ptn_task *task = slot_find (handle);
  if (!task)
    return;
  if (!handle_names (handle, atomic_load (&task->word)))
    return; /* the engine of the strand may be gone with it */
  struct timers *timers = &task->engine->timers;
  pthread_mutex_lock (&timers->lock);
  if (handle_names (handle, atomic_load (&task->word))) {
    task->wakes++;
    push (timers, (struct timer_entry){ at, handle, false });
    arm (timers, false);
  }
  pthread_mutex_unlock (&timers->lock);
}

/* --- from the worker that got the timerfd's event ----------------------------------------- */

void
timers_expire (struct timers *timers) {
  int64_t now = engine_now ();
  pthread_mutex_lock (&timers->lock);
  while (timers->count && timers->heap[0].at <= now) {
    struct timer_entry entry = pop (timers);
    if (!is_live (&entry)) {
      timers->dead -= timers->dead > 0;
      continue;
    }
    struct ptn_task *task = slot_find (entry.handle);
    if (entry.own) {
      int64_t at = expire_own (task, entry.handle, now);
      if (at != INT64_MAX) {
        atomic_store (&task->armed, at);
        push (timers, (struct timer_entry){ at, entry.handle, true });
      }
    } else {
      task->wakes--;
      strand_post (entry.handle, TASK_WOKEN);
    }
  }
  arm (timers, true);
  pthread_mutex_unlock (&timers->lock);
}

void
timers_forget (struct timers *timers, struct ptn_task *task) {
  pthread_mutex_lock (&timers->lock);
  bury (timers, task->wakes + (atomic_load (&task->armed) != INT64_MAX));
  pthread_mutex_unlock (&timers->lock);
}
