/* SPDX-License-Identifier: Apache-2.0 */
/* task.c - what a strand's owner calls: making it, its descriptor, its cancellation, its
 * budget; tasks that plugins spawn; the end of a call. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

struct ptn_task *
task_new (struct engine *engine, const char *name, task_run *run, void (*finish) (void *),
          void *user) {
  struct ptn_task *task = slot_new ();
  task->engine = engine;
  task->run = run;
  task->finish = finish;
  task->user = user;
  task->scratch = NULL;
  task->fields = NULL;
  task->field_count = 0;
  task->fd = -1;
  task->output = false;
  task->wakes = 0;
  atomic_store_explicit (&task->deadline, TIMER_OFF, memory_order_relaxed);
  atomic_store_explicit (&task->armed, INT64_MAX, memory_order_relaxed);
  atomic_store_explicit (&task->memory, 0, memory_order_relaxed);
  task->memory_limit = 0;
  g_strlcpy (task->name, name, sizeof task->name);
  atomic_fetch_add (&engine->strands, 1);
  strand_post (task_handle (task), TASK_WOKEN);
  return task;
}

void *
task_user (const struct ptn_task *task) {
  return task->user;
}

struct engine *
task_engine (const struct ptn_task *task) {
  return task->engine;
}

const char *
task_name (const struct ptn_task *task) {
  return task->name;
}

/* --- the descriptor ------------------------------------------------------------------ */

static int
control (struct ptn_task *task, int operation, int fd) {
  uint64_t word = atomic_load (&task->word);
  struct epoll_event event = {
    .events = EPOLLIN | EPOLLRDHUP | EPOLLET | (task->output ? EPOLLOUT : 0),
    .data.u64 = (word >> WORD_WATCH_SHIFT) << WORD_GENERATION_SHIFT | task->index,
  };
  return epoll_ctl (task->engine->epoll, operation, fd, &event);
}

static bool
watch (struct ptn_task *task, int fd, bool output, GError **error) {
  g_assert (task->fd < 0);
  task->output = output;
  if (control (task, EPOLL_CTL_ADD, fd) < 0) {
    int code = errno;
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code),
                 "cannot watch descriptor %d: %s", fd, g_strerror (code));
    return false;
  }
  task->fd = fd;
  return true;
}

bool
task_watch (struct ptn_task *task, int fd, GError **error) {
  return watch (task, fd, true, error);
}

bool
task_watch_input (struct ptn_task *task, int fd, GError **error) {
  return watch (task, fd, false, error);
}

/* The kernel looks again when it is told what to watch: room that came after EAGAIN and before
 * this call is an event. */
void
task_want_output (struct ptn_task *task) {
  if (task->output || task->fd < 0)
    return;
  task->output = true;
  control (task, EPOLL_CTL_MOD, task->fd);
}

/* From here on an event that a thread may hold already names another watch number. */
void
task_unwatch (struct ptn_task *task) {
  if (task->fd < 0)
    return;
  epoll_ctl (task->engine->epoll, EPOLL_CTL_DEL, task->fd, NULL);
  task->fd = -1;
  const uint64_t mask = UINT64_C (0xff) << WORD_WATCH_SHIFT;
  uint64_t word = atomic_load (&task->word), next;
  do
    next = (word & ~mask) | ((word + (UINT64_C (1) << WORD_WATCH_SHIFT)) & mask);
  while (!atomic_compare_exchange_weak (&task->word, &word, next));
}

/* --- cancelling, budget, blocking ------------------------------------------------------ */

void
task_cancel (struct ptn_task *task) {
  strand_post (task_handle (task), TASK_CANCEL | WORD_CANCELLED);
}

int
task_cancelled (const struct ptn_task *task) {
  return (atomic_load_explicit (&task->word, memory_order_acquire) & WORD_CANCELLED) != 0;
}

int
task_budget_spent (const struct ptn_task *task) {
  return engine_self && engine_now () >= engine_self->step_end;
}

void
task_unblock (struct worker *self) {
  self->blocking = 0;
  atomic_fetch_sub (&self->engine->blocked, 1);
}

void
task_blocking (struct ptn_task *task, int begins) {
  struct worker *self = engine_self;
  if (!self)
    return;
  struct engine *engine = self->engine;
  if (!begins) {
    if (self->blocking == 1)
      task_unblock (self);
    else if (self->blocking)
      self->blocking--;
    return;
  }
  if (self->blocking++)
    return;
  unsigned blocked = atomic_fetch_add (&engine->blocked, 1) + 1;
  if (atomic_load (&engine->queued))
    queue_notify (engine); /* what it queued itself: it will not take it soon */
  if (blocked >= atomic_load (&engine->threads))
    monitor_wake (engine);
}

/* --- tasks of plugins ------------------------------------------------------------------ */

struct spawned {
  ptn_status (*step) (void *, struct ptn_task *);
  void (*done) (void *);
  void *argument;
};

static task_next
spawned_run (struct ptn_task *task, void *user, unsigned events) {
  struct spawned *spawned = user;
  switch (spawned->step (spawned->argument, task)) {
  case PTN_OK:
    return TASK_AGAIN;
  case PTN_PENDING:
    return TASK_WAIT;
  default:
    return TASK_DONE;
  }
}

static void
spawned_finish (void *user) {
  struct spawned *spawned = user;
  if (spawned->done)
    spawned->done (spawned->argument);
  g_free (spawned);
}

struct ptn_task *
task_spawn (struct engine *engine, const char *name, ptn_status (*step) (void *, struct ptn_task *),
            void (*done) (void *), void *argument) {
  struct spawned *spawned = g_new (struct spawned, 1);
  *spawned = (struct spawned){ step, done, argument };
  return task_new (engine, name, spawned_run, spawned_finish, spawned);
}

/* --- the end of a call ----------------------------------------------------------------- */

void
call_end (struct ptn_call *call) {
  struct ptn_call old = *call;
  *call = (struct ptn_call){ .task = old.task };
  if (old.cancel)
    old.cancel (old.state);
  else if (old.release)
    old.release (old.state);
}

/* --- what a log line says of the strand ------------------------------------------------ */

void
task_set_fields (struct ptn_task *task, const struct ptn_field *fields, size_t count) {
  task->fields = fields;
  task->field_count = count;
}

const struct ptn_field *
task_fields (const struct ptn_task *task, size_t *count) {
  *count = task->field_count;
  return task->fields;
}
