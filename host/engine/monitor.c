/* SPDX-License-Identifier: Apache-2.0 */
/* monitor.c - the thread that sees when all others are stuck, and helps them out.
 *
 * When for 5 ms no thread has come out of the step it is in and they sleep there, or so many
 * say that they block that cores may stand idle, and something is to be done, it adds a spare
 * thread.  Threads that burn CPU are not helped by more of them.  When a strand waits in the
 * queue although somebody sleeps (its worker meant to take it, and then took long over a step),
 * it wakes a sleeper.  While everybody waits there is nothing to see: it sleeps too, until the
 * first event. */
#include "internal.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct sight { /* what was seen at the last turn */
  uint64_t looks, takes;
};

static bool
everybody_waits (struct engine *engine) {
  return atomic_load (&engine->waiting) >= atomic_load (&engine->threads)
         && atomic_load (&engine->queued) == 0;
}

static bool
everybody_blocks (struct engine *engine) {
  return atomic_load (&engine->blocked) >= atomic_load (&engine->threads);
}

/* So many threads say that they block that cores may stand idle. */
static bool
few_run (struct engine *engine) {
  return atomic_load (&engine->threads) < atomic_load (&engine->blocked) + engine->busy_least;
}

/* Is this thread on a core, or would be if there were one free?  Also while it begins. */
static bool
is_running (const struct worker *worker) {
  pid_t tid = atomic_load (&worker->tid);
  if (tid == 0)
    return true;
  char path[64], text[256];
  g_snprintf (path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t got = read (fd, text, sizeof text - 1);
  close (fd);
  text[MAX (got, 0)] = '\0';
  const char *state = strrchr (text, ')'); /* after the name, which may hold anything */
  return state && state[1] == ' ' && state[2] == 'R';
}

/* Enough threads compute to keep the machine busy.  engine->lock is held. */
static bool
many_burn (struct engine *engine) {
  unsigned running = 0;
  for (struct worker *worker = engine->threads_list; worker; worker = worker->next)
    running += is_running (worker);
  return running >= engine->busy_least;
}

static bool
work_waits (struct engine *engine) {
  struct pollfd ready = { .fd = engine->epoll, .events = POLLIN };
  return atomic_load (&engine->queued) || poll (&ready, 1, 0) > 0;
}

static uint64_t
count_looks (struct engine *engine) {
  uint64_t looks = engine->past_looks;
  for (struct worker *worker = engine->threads_list; worker; worker = worker->next)
    looks += atomic_load_explicit (&worker->looks, memory_order_relaxed);
  return looks;
}

static void
turn (struct engine *engine, struct sight *last) {
  pthread_mutex_lock (&engine->lock);
  struct worker *retired = engine->retired;
  engine->retired = NULL;
  struct sight now = { count_looks (engine), queue_takes (engine) };
  bool stuck = now.looks == last->looks && now.takes == last->takes;
  bool starved = atomic_load (&engine->waiting) == 0 && (stuck || few_run (engine))
                 && work_waits (engine) && !many_burn (engine);
  if (starved) {
    atomic_store (&engine->starved_at, engine_now ());
    if (engine->spares < engine->spare_limit)
      worker_start (engine, true);
  } else if (atomic_load (&engine->queued) && now.takes == last->takes) {
    queue_notify (engine);
  }
  *last = now;
  pthread_mutex_unlock (&engine->lock);
  workers_join (&retired);
}

/* monitor_lock is held */
static void
sleep_until (struct engine *engine, int64_t at) {
  struct timespec when = { at / 1000000000, at % 1000000000 };
  if (!engine->monitor_kicked && !engine->monitor_stop)
    pthread_cond_timedwait (&engine->monitor_kick, &engine->monitor_lock, &when);
}

/* Sleeps while everybody waits; who then gets the first event sees `parked`. */
static void
park (struct engine *engine) {
  atomic_store (&engine->parked, 1);
  while (everybody_waits (engine) && !engine->monitor_kicked && !engine->monitor_stop)
    pthread_cond_wait (&engine->monitor_kick, &engine->monitor_lock);
  atomic_store (&engine->parked, 0);
}

static void *
monitor_main (void *argument) {
  struct engine *engine = argument;
  struct sight last = { 0 };
  pthread_mutex_lock (&engine->monitor_lock);
  while (!engine->monitor_stop) {
    if (everybody_waits (engine))
      park (engine);
    bool urgent = everybody_blocks (engine);
    engine->monitor_kicked = false;
    if (!urgent)
      sleep_until (engine, engine_now () + MONITOR_NS);
    else if (!engine->monitor_stop)
      sleep_until (engine, engine_now () + MONITOR_BLOCKED_NS);
    pthread_mutex_unlock (&engine->monitor_lock);
    turn (engine, &last);
    pthread_mutex_lock (&engine->monitor_lock);
  }
  pthread_mutex_unlock (&engine->monitor_lock);
  return NULL;
}

bool
monitor_start (struct engine *engine) {
  engine->monitor_stop = false;
  engine->monitor_started = thread_start (&engine->monitor_thread, "monitor", monitor_main, engine);
  return engine->monitor_started;
}

/* [any] */
void
monitor_wake (struct engine *engine) {
  pthread_mutex_lock (&engine->monitor_lock);
  engine->monitor_kicked = true;
  pthread_cond_signal (&engine->monitor_kick);
  pthread_mutex_unlock (&engine->monitor_lock);
}

void
monitor_end (struct engine *engine) {
  if (!engine->monitor_started)
    return;
  pthread_mutex_lock (&engine->monitor_lock);
  engine->monitor_stop = true;
  pthread_cond_signal (&engine->monitor_kick);
  pthread_mutex_unlock (&engine->monitor_lock);
  pthread_join (engine->monitor_thread, NULL);
  engine->monitor_started = false;
}
