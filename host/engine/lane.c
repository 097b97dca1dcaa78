/* SPDX-License-Identifier: Apache-2.0 */
/* lane.c - bounded pools for work that waits for other machines or burns CPU.
 *
 * A lane's threads come as they are needed and stay.  A full queue is an answer at once: a
 * directory that hangs stops those who ask it, and nobody else. */
#include "internal.h"

#include <string.h>

enum { LANE_THREADS = 4, LANE_QUEUE = 256 }; /* of lanes that the configuration does not name */

struct job {
  struct job *next;
  uint64_t handle; /* of the strand to wake */
  void (*work) (void *);
  void (*release) (void *);
  void *argument;
};

struct lane {
  struct lane *next; /* engine->lanes; lanes are never removed while the engine runs */
  struct engine *engine;
  char *name;
  pthread_mutex_t lock;
  pthread_cond_t filled;
  struct job *first, *last;
  unsigned limit, queue_limit; /* threads, jobs that wait */
  unsigned queued, idle, count;
  bool stopping;
  GArray *threads; /* of pthread_t */
};

static void *
lane_main (void *argument) {
  struct lane *lane = argument;
  int number = thread_begin (lane->engine);
  pthread_mutex_lock (&lane->lock);
  for (;;) {
    struct job *job = lane->first;
    if (!job) {
      if (lane->stopping)
        break;
      lane->idle++;
      pthread_cond_wait (&lane->filled, &lane->lock);
      lane->idle--;
      continue;
    }
    lane->first = job->next;
    if (!job->next)
      lane->last = NULL;
    lane->queued--;
    pthread_mutex_unlock (&lane->lock);
    job->work (job->argument);
    if (job->release)
      job->release (job->argument);
    strand_post (job->handle, TASK_WOKEN);
    g_free (job);
    pthread_mutex_lock (&lane->lock);
  }
  pthread_mutex_unlock (&lane->lock);
  thread_end (lane->engine, number);
  return NULL;
}

/* engine->lock is held */
static struct lane *
find_lane (struct engine *engine, const char *name) {
  struct lane *lane = engine->lanes;
  while (lane && strcmp (lane->name, name) != 0)
    lane = lane->next;
  if (lane)
    return lane;
  lane = g_new0 (struct lane, 1);
  lane->engine = engine;
  lane->name = g_strdup (name);
  lane->limit = LANE_THREADS;
  lane->queue_limit = LANE_QUEUE;
  lane->threads = g_array_new (FALSE, FALSE, sizeof (pthread_t));
  pthread_mutex_init (&lane->lock, NULL);
  pthread_cond_init (&lane->filled, NULL);
  lane->next = engine->lanes;
  engine->lanes = lane;
  return lane;
}

void
engine_lane (struct engine *engine, const char *name, unsigned threads, unsigned queue) {
  pthread_mutex_lock (&engine->lock);
  struct lane *lane = find_lane (engine, name);
  pthread_mutex_unlock (&engine->lock);
  pthread_mutex_lock (&lane->lock);
  lane->limit = MAX (threads, 1);
  lane->queue_limit = queue;
  pthread_mutex_unlock (&lane->lock);
}

/* One more thread, if all are busy and there may be more.  False: there is none at all. */
static bool
lane_grow (struct lane *lane) {
  if (lane->idle <= lane->queued && lane->threads->len < lane->limit) {
    g_autofree char *name = g_strdup_printf ("lane %s", lane->name);
    pthread_t thread;
    if (thread_start (&thread, name, lane_main, lane))
      g_array_append_val (lane->threads, thread);
  }
  return lane->threads->len > 0;
}

/* The queue counts the jobs that wait for a thread, so queue 0 still lets every idle thread
 * have one. */
ptn_status
task_offload (struct ptn_task *task, const char *name, void (*work) (void *),
              void (*release) (void *), void *argument) {
  struct engine *engine = task->engine;
  pthread_mutex_lock (&engine->lock);
  struct lane *lane = find_lane (engine, name);
  pthread_mutex_unlock (&engine->lock);

  ptn_status status = PTN_E_LIMIT;
  pthread_mutex_lock (&lane->lock);
  unsigned free_threads =
      lane->idle + (lane->limit > lane->threads->len ? lane->limit - lane->threads->len : 0);
  if (lane->queued < lane->queue_limit + free_threads && lane_grow (lane)) {
    struct job *job = g_new (struct job, 1);
    *job = (struct job){ NULL, task_handle (task), work, release, argument };
    if (lane->first)
      lane->last->next = job;
    else
      lane->first = job;
    lane->last = job;
    lane->queued++;
    pthread_cond_signal (&lane->filled);
    status = PTN_OK;
  }
  pthread_mutex_unlock (&lane->lock);
  return status;
}

/* What is queued is still done: its release is the only one who can free it. */
void
lanes_stop (struct engine *engine) {
  for (struct lane *lane; (lane = engine->lanes);) {
    pthread_mutex_lock (&lane->lock);
    lane->stopping = true;
    pthread_cond_broadcast (&lane->filled);
    pthread_mutex_unlock (&lane->lock);
    for (guint i = 0; i < lane->threads->len; i++)
      pthread_join (g_array_index (lane->threads, pthread_t, i), NULL);
    engine->lanes = lane->next;
    g_array_free (lane->threads, TRUE);
    pthread_mutex_destroy (&lane->lock);
    pthread_cond_destroy (&lane->filled);
    g_free (lane->name);
    g_free (lane);
  }
}
