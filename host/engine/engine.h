/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h - threads, one epoll set, and the strands (struct ptn_task) that run on them.
 *
 * All workers wait on one edge-triggered epoll set.  Whoever gets an event runs the strand of
 * that descriptor; wakes, timers and finished lane work put a strand on the run queue.  A
 * strand's `run` is never entered twice at once; successive runs may be on any worker.  An
 * event or a wake while it runs means one more round; none is ever lost.
 *
 * Ownership: engine_new/engine_free.  A strand belongs to the engine from task_new until its
 * run returns TASK_DONE; then `finish` runs once, and the memory goes when the last waker,
 * timer and epoll event that name it are gone (the epoll datum is index and generation).
 *
 * This header knows nothing of sockets' protocols, TLS, plugins or configuration. */
#ifndef HOST_ENGINE_ENGINE_H
#define HOST_ENGINE_ENGINE_H

#include <postern/base.h>
#include <postern/host.h>

#include <glib.h>
#include <stdbool.h>

struct engine;

struct engine_settings {
  unsigned workers; /* 0: twice the cores */
  unsigned spares;  /* more threads at most, when all block (default 64) */
  int64_t step_ns;  /* a step's time budget: 5 ms */
};
struct engine *engine_new (const struct engine_settings *, GError **);
/* Threads start here; strands may be made before. */
bool engine_start (struct engine *, GError **);
/* Ends the threads once every strand is done: ask them to (task_cancel) beforehand. */
void engine_stop (struct engine *);
void engine_free (struct engine **);

/* Who keeps the subscriptions of its tasks (host/event); the engine only remembers it. [setup] */
struct event_hub;
void engine_set_events (struct engine *, struct event_hub *);
struct event_hub *engine_events (const struct engine *); /* NULL: nobody */

/* A lane: made on first use, or here with its own size. [any] */
void engine_lane (struct engine *, const char *name, unsigned threads, unsigned queue);

struct engine_counts {
  unsigned strands, queued, workers, spares, waiting;
  uint64_t steps, events; /* runs of strands; edges from epoll */
  uint64_t wakes;         /* strands that went through the run queue */
};
void engine_count (struct engine *, struct engine_counts *); /* [any] */

/* --- strands ------------------------------------------------------------------------- */

/* Why it runs: all that gathered since the last run, or-ed.  0: TASK_AGAIN, nothing new. */
enum {
  TASK_READABLE = 1 << 0, /* an edge came: remembered by the strand's owner until EAGAIN */
  TASK_WRITABLE = 1 << 1,
  TASK_HANGUP = 1 << 2,
  TASK_TIMER = 1 << 3, /* the time of task_set_timer has come */
  TASK_WOKEN = 1 << 4, /* a waker, or the first run */
  TASK_CANCEL = 1 << 5 /* task_cancel; task_cancelled stays true from then on */
};
typedef enum {
  TASK_WAIT,  /* run again when something comes */
  TASK_AGAIN, /* run again after the others that are queued */
  TASK_DONE
} task_next;
typedef task_next task_run (struct ptn_task *, void *user, unsigned events);

/* Queued for its first run at once. [any] */
struct ptn_task *task_new (struct engine *, const char *name, task_run *run,
                           void (*finish) (void *user), void *user);
void *task_user (const struct ptn_task *);
struct engine *task_engine (const struct ptn_task *);
const char *task_name (const struct ptn_task *); /* its first 47 octets */

/* Edge-triggered, both directions, with EPOLLRDHUP.  One descriptor a strand.  The strand
 * closes the descriptor itself after task_unwatch. [task, or before the first run] */
bool task_watch (struct ptn_task *, int fd, GError **);
void task_unwatch (struct ptn_task *);
/* The same, but TASK_WRITABLE only once task_want_output was called: a fresh socket can be
 * written to, and to hear of it would run the strand once for nothing.  Call it whenever a
 * write says EAGAIN: it is a system call the first time only. [task] */
bool task_watch_input (struct ptn_task *, int fd, GError **);
void task_want_output (struct ptn_task *);

/* The strand's one own timer (TASK_TIMER); INT64_MAX: off.  Apart from wake_at. [task] */
void task_set_timer (struct ptn_task *, int64_t monotonic_ns);

/* What struct ptn_host offers plugins under the same names; the contract is there. */
struct ptn_waker *task_waker (struct ptn_task *);
void waker_wake (struct ptn_waker *);
void waker_forget (struct ptn_waker *);
void waker_wake_at (struct ptn_waker *, int64_t monotonic_ns);
void task_cancel (struct ptn_task *); /* [any] holding the task alive */
int task_cancelled (const struct ptn_task *);
int task_budget_spent (const struct ptn_task *);
void task_blocking (struct ptn_task *, int begins);
ptn_status task_offload (struct ptn_task *, const char *lane, void (*work) (void *),
                         void (*release) (void *), void *argument);
void call_end (struct ptn_call *);

/* A plugin's own task: `step` by the rules of ptn_host.spawn. [any] */
struct ptn_task *task_spawn (struct engine *, const char *name,
                             ptn_status (*step) (void *, struct ptn_task *), void (*done) (void *),
                             void *argument);

/* --- memory and failures of a strand -------------------------------------------------- */

void task_set_memory_limit (struct ptn_task *, size_t octets); /* 0: none */
/* Counts octets the host holds for the strand; false: over the limit, not counted. [any] */
bool task_charge (struct ptn_task *, size_t octets);
void task_refund (struct ptn_task *, size_t octets);
/* As ptn_host has them.  task_command_done gives back all scratch memory and forgets the texts
 * of the last failure; in a client text control characters become '?'. */
void *task_scratch (struct ptn_task *, size_t size);
void task_command_done (struct ptn_task *);
ptn_status task_fail (struct ptn_task *, ptn_status, const char *client_text,
                      const char *log_format, ...) PTN_PRINTF (4, 5);
ptn_status task_failv (struct ptn_task *, ptn_status, const char *client_text,
                       const char *log_format, va_list);
const char *task_failure_text (const struct ptn_task *);
const char *task_failure_log (const struct ptn_task *);

/* What a log line says of the strand: "session", "peer", "listener", "account" ... Kept as
 * pointers the owner keeps alive; NULL ends.  Set by sessions. [task] */
void task_set_fields (struct ptn_task *, const struct ptn_field *fields, size_t count);
const struct ptn_field *task_fields (const struct ptn_task *, size_t *count);

/* Which plugin the calling thread is inside, for the supervisor's post-mortem: an index into
 * the note that engine_set_note gave (one word a thread), 0 for the host.  Returns the one
 * before, to be put back. [any thread of the engine; set_note before engine_start] */
void engine_set_note (struct engine *, _Atomic uint32_t *words, size_t count);
uint32_t engine_enter (uint32_t plugin);

#endif
