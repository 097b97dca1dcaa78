/* SPDX-License-Identifier: Apache-2.0 */
/* task.c - tasks, wakers, timers, lanes and spawned tasks of the harness: each a plain thread,
 * because a test wants to see what happens and not how fast. */
#include "internal.h"

#include "event/hub.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

struct ptn_task {
  struct harness *harness;
  pthread_mutex_t lock; /* not GLib's: ThreadSanitizer understands these */
  pthread_cond_t woken_cond;
  bool woken;
  atomic_int references; /* the owner and each waker */
  atomic_int cancelled;
  GPtrArray *scratch;
  char *client_text, *log_text;
};

struct ptn_waker {
  struct ptn_task *task;
};

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t threads_cond = PTHREAD_COND_INITIALIZER;
static pthread_cond_t timers_cond = PTHREAD_COND_INITIALIZER;
static unsigned threads_running;
static bool timers_hurry; /* the harness stops: nobody waits for timers that are far away */

static void
thread_begins (void) {
  pthread_mutex_lock (&threads_lock);
  threads_running++;
  pthread_mutex_unlock (&threads_lock);
}

static void
thread_ends (void) {
  pthread_mutex_lock (&threads_lock);
  if (--threads_running == 0)
    pthread_cond_broadcast (&threads_cond);
  pthread_mutex_unlock (&threads_lock);
}

void
harness_join_threads (void) {
  pthread_mutex_lock (&threads_lock);
  timers_hurry = true;
  pthread_cond_broadcast (&timers_cond);
  while (threads_running)
    pthread_cond_wait (&threads_cond, &threads_lock);
  timers_hurry = false;
  pthread_mutex_unlock (&threads_lock);
}

static struct ptn_task *
task_make (struct harness *harness) {
  struct ptn_task *task = g_new0 (struct ptn_task, 1);
  task->harness = harness;
  pthread_mutex_init (&task->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (&task->woken_cond, &attributes);
  pthread_condattr_destroy (&attributes);
  task->references = 1;
  task->scratch = g_ptr_array_new_with_free_func (g_free);
  return task;
}

static void
task_unref (struct ptn_task *task) {
  if (atomic_fetch_sub (&task->references, 1) != 1)
    return;
  g_ptr_array_unref (task->scratch);
  g_free (task->client_text);
  g_free (task->log_text);
  pthread_mutex_destroy (&task->lock);
  pthread_cond_destroy (&task->woken_cond);
  g_free (task);
}

struct ptn_task *
harness_task_new (struct harness *harness) {
  return task_make (harness);
}

void
harness_task_free (struct ptn_task **task) {
  if (*task)
    task_unref (*task);
  *task = NULL;
}

void
task_wake_now (struct ptn_task *task) {
  pthread_mutex_lock (&task->lock);
  task->woken = true;
  pthread_cond_signal (&task->woken_cond);
  pthread_mutex_unlock (&task->lock);
}

void
harness_wait (struct ptn_task *task) {
  struct timespec limit;
  clock_gettime (CLOCK_MONOTONIC, &limit);
  limit.tv_sec += 15;
  pthread_mutex_lock (&task->lock);
  while (!task->woken)
    if (pthread_cond_timedwait (&task->woken_cond, &task->lock, &limit) != 0)
      g_error ("harness: PENDING was returned and no wake came in 15 s");
  task->woken = false;
  pthread_mutex_unlock (&task->lock);
}

bool
harness_poll (struct ptn_task *task) {
  pthread_mutex_lock (&task->lock);
  bool woken = task->woken;
  task->woken = false;
  pthread_mutex_unlock (&task->lock);
  return woken;
}

void
harness_cancel (struct ptn_task *task) {
  task->cancelled = 1;
  task_wake_now (task);
}

static struct ptn_waker *
host_waker (struct ptn_task *task) {
  struct ptn_waker *waker = g_new0 (struct ptn_waker, 1);
  if (atomic_fetch_add (&task->references, 1) < 1)
    g_error ("harness: a waker is asked for of a task that is gone");
  waker->task = task;
  return waker;
}

static void
host_forget (struct ptn_waker *waker) {
  task_unref (waker->task);
  g_free (waker);
}

static void
host_wake (struct ptn_waker *waker) {
  task_wake_now (waker->task);
  host_forget (waker);
}

struct timer {
  struct ptn_waker *waker;
  int64_t at;
};

static int64_t
host_monotonic_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t
host_realtime_ms (void) {
  return g_get_real_time () / 1000;
}

static gpointer
timer_thread (gpointer data) {
  struct timer *timer = data;
  int64_t left = timer->at - host_monotonic_ns ();
  struct timespec until;
  clock_gettime (CLOCK_REALTIME, &until);
  int64_t ns = until.tv_nsec + MAX (left, 0) % 1000000000;
  until.tv_sec += MAX (left, 0) / 1000000000 + ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock (&threads_lock);
  while (!timers_hurry && timer->at > host_monotonic_ns ()
         && pthread_cond_timedwait (&timers_cond, &threads_lock, &until) == 0)
    ;
  pthread_mutex_unlock (&threads_lock);
  host_wake (timer->waker);
  g_free (timer);
  thread_ends ();
  return NULL;
}

static void
host_wake_at (struct ptn_waker *waker, int64_t monotonic_ns) {
  struct timer *timer = g_new0 (struct timer, 1);
  timer->waker = waker;
  timer->at = monotonic_ns;
  thread_begins ();
  g_thread_unref (g_thread_new ("harness-timer", timer_thread, timer));
}

static int
host_cancelled (const struct ptn_task *task) {
  return task->cancelled;
}

static void
host_call_end (struct ptn_call *call) {
  struct ptn_call ended = *call;
  *call = (struct ptn_call){ .task = ended.task };
  if (ended.cancel)
    ended.cancel (ended.state);
  else if (ended.release)
    ended.release (ended.state);
}

struct job {
  struct ptn_waker *waker;
  void (*work) (void *);
  void (*release) (void *);
  void *argument;
};

static gpointer
lane_thread (gpointer data) {
  struct job *job = data;
  job->work (job->argument);
  if (job->release)
    job->release (job->argument);
  host_wake (job->waker);
  g_free (job);
  thread_ends ();
  return NULL;
}

static ptn_status
host_offload (struct ptn_task *task, const char *lane, void (*work) (void *),
              void (*release) (void *), void *argument) {
  struct job *job = g_new0 (struct job, 1);
  *job = (struct job){ host_waker (task), work, release, argument };
  thread_begins ();
  g_thread_unref (g_thread_new (lane, lane_thread, job));
  return PTN_OK;
}

static void
host_blocking (struct ptn_task *task, int begins) {
  (void)task;
  (void)begins;
}

struct spawned {
  struct ptn_task *task;
  ptn_status (*step) (void *, struct ptn_task *);
  void (*done) (void *);
  void *argument;
};

static gpointer
spawned_thread (gpointer data) {
  struct spawned *spawned = data;
  for (;;) {
    ptn_status status = spawned->step (spawned->argument, spawned->task);
    if (status == PTN_PENDING) {
      pthread_mutex_lock (&spawned->task->lock);
      while (!spawned->task->woken)
        pthread_cond_wait (&spawned->task->woken_cond, &spawned->task->lock);
      spawned->task->woken = false;
      pthread_mutex_unlock (&spawned->task->lock);
    } else if (status != PTN_OK)
      break;
  }
  if (spawned->done)
    spawned->done (spawned->argument);
  task_unref (spawned->task);
  g_free (spawned);
  thread_ends ();
  return NULL;
}

static ptn_status
host_spawn (const struct ptn_host *host, const char *name,
            ptn_status (*step) (void *, struct ptn_task *), void (*done) (void *), void *argument,
            struct ptn_task **task) {
  struct spawned *spawned = g_new0 (struct spawned, 1);
  *spawned = (struct spawned){ task_make (harness_of (host)), step, done, argument };
  if (task)
    *task = spawned->task;
  thread_begins ();
  g_thread_unref (g_thread_new (name, spawned_thread, spawned));
  return PTN_OK;
}

static int
host_budget_spent (const struct ptn_task *task) {
  (void)task;
  return 0;
}

static void *
host_scratch (struct ptn_task *task, size_t size) {
  void *memory = g_malloc0 (size);
  g_ptr_array_add (task->scratch, memory);
  return memory;
}

static void
host_command_done (struct ptn_task *task) {
  g_ptr_array_set_size (task->scratch, 0);
}

static ptn_status
host_fail (struct ptn_task *task, ptn_status status, const char *client_text,
           const char *log_format, ...) {
  va_list arguments;
  g_free (task->client_text);
  g_free (task->log_text);
  task->client_text = g_strdup (client_text);
  va_start (arguments, log_format);
  task->log_text = log_format ? g_strdup_vprintf (log_format, arguments) : NULL;
  va_end (arguments);
  return status;
}

static const char *
host_failure_text (const struct ptn_task *task) {
  return task->client_text;
}

static const char *
host_failure_log (const struct ptn_task *task) {
  return task->log_text;
}

/* --- events --------------------------------------------------------------------------- */

struct event_hub *
harness_hub_new (void) {
  return event_hub_new (&(struct event_hub_settings){
      .waker = host_waker, .wake = host_wake, .forget = host_forget });
}

static void
host_publish (const struct ptn_host *host, const struct ptn_event *event) {
  event_publish (harness_hub (harness_of (host)), event);
}

static ptn_status
host_subscribe (struct ptn_task *task, const char *account, const struct ptn_id *mailbox,
                uint32_t kinds, struct ptn_subscription **subscription) {
  return event_subscribe (harness_hub (task->harness), task, account, mailbox, kinds, subscription);
}

static ptn_status
host_claim (struct ptn_task *task, const char *account) {
  (void)task;
  (void)account;
  return PTN_OK;
}

static void
host_unclaim (struct ptn_task *task) {
  (void)task;
}

void
harness_fill_task_services (struct ptn_host *host) {
  host->fail = host_fail;
  host->failure_text = host_failure_text;
  host->failure_log = host_failure_log;
  host->waker = host_waker;
  host->wake = host_wake;
  host->forget = host_forget;
  host->wake_at = host_wake_at;
  host->cancelled = host_cancelled;
  host->call_end = host_call_end;
  host->offload = host_offload;
  host->blocking = host_blocking;
  host->spawn = host_spawn;
  host->cancel = harness_cancel;
  host->budget_spent = host_budget_spent;
  host->scratch = host_scratch;
  host->command_done = host_command_done;
  host->claim = host_claim;
  host->monotonic_ns = host_monotonic_ns;
  host->realtime_ms = host_realtime_ms;
  host->publish = host_publish;
  host->subscribe = host_subscribe;
  host->occurred = event_occurred;
  host->unsubscribe = event_unsubscribe;
  host->unclaim = host_unclaim;
}
