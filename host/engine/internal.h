/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of the engine know of each other, and nobody else does.
 *
 * One word a strand.  Everything that decides whether a strand may run, and whether whoever
 * names it still means it, is in one atomic 64-bit word:
 *
 *     63            24 23     16 15         11   10        9       8      7      0
 *     | generation    | watch   |  0          | cancelled |running|wanted| events |
 *
 *   wanted running
 *     0      0     idle: an event makes it running, a wake makes it queued
 *     1      0     queued: it stands in the run queue, once
 *     0      1     running
 *     1      1     running-again: something came meanwhile, so one more round
 *
 * A handle is generation and index; epoll data are the lower 32 bits of the generation, the
 * watch number and the index.  The compare-and-swap that posts an event also compares the
 * generation, so an event or a wake for a strand that is gone, or for a descriptor it no
 * longer watches, changes nothing, however late it comes.  For this the memory of strands is
 * never given back to malloc: it is used again for strands (slots.c). */
#ifndef HOST_ENGINE_INTERNAL_H
#define HOST_ENGINE_INTERNAL_H

#include "engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
  WORD_EVENTS = 0xff,
  WORD_WANTED = 0x100,
  WORD_RUNNING = 0x200,
  WORD_CANCELLED = 0x400,
  WORD_WATCH_SHIFT = 16,
  WORD_GENERATION_SHIFT = 24,
  HANDLE_INDEX = 0xffffff, /* mask: the lower 24 bits of a handle and of epoll data */
};

/* Epoll data that name no strand: index 0 is none. */
#define DATUM_WAKE UINT64_C (0)
#define DATUM_TIMER (UINT64_C (1) << WORD_GENERATION_SHIFT)

enum {
  QUEUE_RUN = 16,               /* strands taken from the queue before epoll is looked at */
  MONITOR_NS = 5000000,         /* nobody looked at epoll for so long: a spare thread helps */
  MONITOR_BLOCKED_NS = 1000000, /* the same when every thread said that it blocks */
};
#define SPARE_IDLE_NS INT64_C (1000000000)

enum { TASK_NAME = 47 }; /* longer names are cut: they are for people */

struct scratch_block;

struct ptn_task {
  _Atomic uint64_t word;
  _Atomic (struct engine *) engine; /* these two may be read of a strand that is gone */
  task_run *run;
  void *user;
  void (*finish) (void *);
  struct ptn_task *next; /* in the run queue, or in the list of free slots */
  struct scratch_block *scratch;
  char *client_text, *log_text; /* of the last task_fail */
  const struct ptn_field *fields;
  uint32_t field_count;
  uint32_t index;           /* of the slot, for ever */
  int fd;                   /* watched, or -1 */
  uint32_t wakes;           /* entries of waker_wake_at in the heap; timers->lock */
  _Atomic int64_t deadline; /* task_set_timer; TIMER_OFF, TIMER_FIRED */
  _Atomic int64_t armed;    /* when the heap will look at `deadline`; INT64_MAX: never */
  _Atomic size_t memory;
  size_t memory_limit;
  bool output; /* the descriptor is watched for output too */
  char name[TASK_NAME];
} __attribute__ ((__aligned__ (64)));

#define TIMER_OFF INT64_MAX
#define TIMER_FIRED INT64_MIN

/* One thread that waits in epoll.  Counters are written by itself only. */
struct worker {
  struct engine *engine;
  struct worker *next; /* engine->threads or engine->retired; engine->lock */
  pthread_t thread;
  _Atomic pid_t tid; /* 0: it has not begun yet */
  bool spare;
  bool deferred;               /* its own step queued a strand, which it is about to take itself */
  unsigned blocking;           /* depth of task_blocking */
  int64_t step_end;            /* when the budget of the present step is spent */
  struct scratch_block *block; /* one kept for the next strand that asks */
  _Atomic uint64_t steps, events, looks;
};

struct timer_entry {
  int64_t at;
  uint64_t handle;
  bool own; /* task_set_timer: `deadline` decides; else waker_wake_at */
};

struct timers {
  pthread_mutex_t lock;
  int fd;
  int64_t armed; /* what the timerfd is set to; INT64_MAX: not */
  struct timer_entry *heap;
  size_t count, room;
  size_t dead; /* entries that will do nothing, swept when they are the most */
};

struct engine {
  unsigned worker_count, spare_limit;
  unsigned busy_least; /* so many threads keep the machine busy */
  int64_t step_ns;
  int epoll, event;
  struct event_hub *events;

  /* The run queue.  `queued` is read without the lock. */
  pthread_mutex_t queue_lock __attribute__ ((__aligned__ (64)));
  struct ptn_task *queue_first, *queue_last;
  uint64_t takes;
  _Atomic unsigned queued;

  _Atomic unsigned waiting __attribute__ ((__aligned__ (64))); /* threads asleep in epoll */
  _Atomic unsigned notified; /* the eventfd was written and nobody has come for it yet */
  _Atomic unsigned parked;   /* the monitor sleeps: everybody waited */
  _Atomic unsigned stopping;
  _Atomic unsigned threads, blocked; /* workers and spares; those inside task_blocking */

  _Atomic unsigned strands __attribute__ ((__aligned__ (64)));
  _Atomic int64_t starved_at; /* when a spare was last needed */
  struct timers timers;

  pthread_mutex_t lock; /* threads, lanes, notes, and the end of strands */
  pthread_cond_t ended; /* the last strand is gone */
  bool started;
  struct worker *threads_list, *retired;
  unsigned spares;
  uint64_t past_steps, past_events, past_looks; /* of retired threads */
  struct lane *lanes;
  _Atomic uint32_t *note_words;
  size_t note_count;
  GByteArray *note_used;

  pthread_mutex_t monitor_lock;
  pthread_cond_t monitor_kick;
  bool monitor_started, monitor_stop, monitor_kicked;
  pthread_t monitor_thread;
};

/* One more, where only the calling thread writes. */
static inline void
count_up (_Atomic uint64_t *counter) {
  atomic_store_explicit (counter, atomic_load_explicit (counter, memory_order_relaxed) + 1,
                         memory_order_relaxed);
}

/* The worker that the calling thread is; NULL on others. */
extern _Thread_local struct worker *engine_self;

int64_t engine_now (void);

/* slots.c */
struct ptn_task *slot_new (void);
void slot_free (struct ptn_task *); /* ends the generation: handles mean nothing from now on */
void slot_recycle (struct ptn_task *);
struct ptn_task *slot_find (uint64_t handle); /* not yet compared; NULL: no such index */
static inline uint64_t
task_handle (const struct ptn_task *task) {
  uint64_t generation =
      atomic_load_explicit (&task->word, memory_order_relaxed) >> WORD_GENERATION_SHIFT;
  return generation << WORD_GENERATION_SHIFT | task->index;
}
static inline bool
handle_names (uint64_t handle, uint64_t word) {
  return handle >> WORD_GENERATION_SHIFT == word >> WORD_GENERATION_SHIFT;
}

/* queue.c */
void queue_push (struct engine *, struct ptn_task *);
struct ptn_task *queue_take (struct engine *);
uint64_t queue_takes (struct engine *); /* how many strands were ever taken */
void queue_notify (struct engine *);
/* Adds events to a strand, and queues it if it was idle.  False: it is gone. [any] */
bool strand_post (uint64_t handle, unsigned events);

/* task.c */
void task_unblock (struct worker *);

/* strand.c */
void strand_event (struct engine *, uint64_t datum, uint32_t epoll_events);
void strand_run (struct ptn_task *); /* one taken from the queue */
void strand_end (struct ptn_task *);

/* timer.c */
bool timers_init (struct timers *, GError **);
void timers_clear (struct timers *);
void timers_expire (struct timers *);
void timer_add_wake (uint64_t handle, int64_t at);
void timers_forget (struct timers *, struct ptn_task *); /* after slot_free */
/* Takes TASK_TIMER away from events if the timer was moved or put off meanwhile. */
unsigned timer_filter (struct ptn_task *, unsigned events);

/* worker.c */
bool worker_start (struct engine *, bool spare); /* engine->lock held */
void workers_join (struct worker **list);
bool monitor_start (struct engine *);
void monitor_end (struct engine *);
void monitor_wake (struct engine *);

/* lane.c */
void lanes_stop (struct engine *);

/* thread.c */
bool thread_start (pthread_t *, const char *name, void *(*main) (void *), void *argument);
int thread_begin (struct engine *); /* takes a word of the note, -1: there is none */
void thread_end (struct engine *, int number);

/* scratch.c, failure.c */
void scratch_free_all (struct ptn_task *);
void failure_clear (struct ptn_task *);
void scratch_block_free (struct scratch_block *);

#endif
