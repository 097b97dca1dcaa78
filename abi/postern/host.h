/* SPDX-License-Identifier: MIT */
/* host.h - what the host does for plugins.  Each plugin instance gets its own table, so
 * that log lines, metrics and leaks carry its name.  */
#ifndef PTN_HOST_H
#define PTN_HOST_H

#include "base.h"
#include "event.h"

PTN_BEGIN_DECLS

struct ptn_metric;       /* opaque */
struct ptn_subscription; /* opaque */

/* A provider of an interface.  Valid from start() until stop() returns. */
struct ptn_binding {
  const void *table;
  void *instance;
}; /* value */

typedef uint32_t ptn_level;
enum {
  PTN_LOG_DEBUG = 10,
  PTN_LOG_INFO = 20,
  PTN_LOG_NOTICE = 30,
  PTN_LOG_WARNING = 40,
  PTN_LOG_ERROR = 50
};
struct ptn_field {
  const char *name;
  const char *value;
}; /* value */

typedef uint32_t ptn_metric_kind;
enum { PTN_METRIC_COUNTER = 1, PTN_METRIC_GAUGE, PTN_METRIC_HISTOGRAM };

struct ptn_host { /* table */
  uint32_t size;
  uint32_t abi_major, abi_minor;
  uint32_t reserved;
  const char *version;
  const char *state_directory; /* absolute, writable, this plugin's own */

  /* Settings: typed by the plugin's list, so these cannot fail for a declared name. A
   * setting without value and default is NULL, 0 or empty.  Borrowed from config. [any] */
  const char *(*text) (const struct ptn_config *, const char *name);
  int64_t (*number) (const struct ptn_config *, const char *name); /* INTEGER, BOOLEAN 0/1,
                       SIZE in octets (unlimited: INT64_MAX), DURATION in milliseconds */
  struct ptn_strings (*words) (const struct ptn_config *, const char *name); /* LIST */

  /* Interfaces.  `provide` [setup, from configure]: the host copies the table.  PTN_E_EXISTS:
   * somebody else provides that name; another instance of the same plugin may live with it.  `find`
   * [setup, from start]: name NULL finds the provider chosen in the configuration, else
   * the first.  PTN_E_NOT_FOUND.  `list`: the names, in configured order, of all
   * providers of an id; valid until stop. [any, from ptn_plugin.check on] */
  ptn_status (*provide) (const struct ptn_host *, const char *id, const char *name,
                         const void *table, void *instance);
  ptn_status (*find) (const struct ptn_host *, const char *id, const char *name,
                      struct ptn_binding *found);
  ptn_status (*list) (const struct ptn_host *, const char *id, struct ptn_strings *names);

  /* Failing.  Keeps two texts with the task: one the client may see (NULL: the standard
   * one), one for the log.  Returns `status`, so: return host->fail (task, ...). [task] */
  ptn_status (*fail) (struct ptn_task *, ptn_status status, const char *client_text,
                      const char *log_format, ...) PTN_PRINTF (4, 5);
  const char *(*failure_text) (const struct ptn_task *); /* client text of the last fail, or NULL */
  const char *(*failure_log) (const struct ptn_task *);  /* log text of the last fail, or NULL */

  /* Waiting.  `waker` [task] takes a reference; `wake` [any] uses it up; `forget` [any]
   * gives it back unused.  A wake of a task that is gone does nothing; several wakes
   * before the next step count as one.  `wake_at` [any] uses it up: wakes at that time,
   * once; a task has any number of them. */
  struct ptn_waker *(*waker) (struct ptn_task *);
  void (*wake) (struct ptn_waker *);
  void (*forget) (struct ptn_waker *);
  void (*wake_at) (struct ptn_waker *, int64_t monotonic_ns);
  int (*cancelled) (const struct ptn_task *); /* look now and then in long loops [task] */

  /* Ends an operation: frees its results, or cancels it while PENDING, and zeroes all but
   * `task`, so that the ptn_call may be used again.  Harmless when unused. [task] */
  void (*call_end) (struct ptn_call *);

  /* Run `work` on a thread of the named lane, once; then the task is woken.  PTN_OK: it
   * is queued; PTN_E_LIMIT: the lane's queue is full, nothing was queued and `release`
   * does not run: fail fast.  `work` cannot be interrupted; `release` runs after it, on
   * the lane's thread, also when the task is gone: what `work` and the task share is
   * counted by the plugin.  Lanes come into being by name, with the threads and queue
   * configured in [lane NAME]. [task] */
  ptn_status (*offload) (struct ptn_task *, const char *lane, void (*work) (void *argument),
                         void (*release) (void *argument), void *argument);
  /* Brackets a stretch that may block on local disk, so that spare threads can step in. */
  void (*blocking) (struct ptn_task *, int begins);

  /* Tasks of a plugin's own: retention, an index catching up, a queue.  `step` as a
   * protocol's: PENDING, OK (again soon), END or an error ends it.  `done` runs once
   * after the last step.  spawn [any, from start on]; cancel [any] makes `cancelled`
   * true and wakes it: it ends itself.  A session's task says goodbye then, as at a stop.  All
   * spawned tasks must end before stop returns. */
  ptn_status (*spawn) (const struct ptn_host *, const char *name,
                       ptn_status (*step) (void *argument, struct ptn_task *),
                       void (*done) (void *argument), void *argument, struct ptn_task **);
  void (*cancel) (struct ptn_task *);
  int (*budget_spent) (const struct ptn_task *); /* time to return PTN_OK */

  /* Memory that lives until command_done (or the end of the task), aligned for any type,
   * counted against the session's memory; NULL when that is spent. [task] */
  void *(*scratch) (struct ptn_task *, size_t size);
  void (*command_done) (struct ptn_task *);

  /* This session now belongs to `account`: ends the login timer, starts the idle timer,
   * names the account in its log lines.  PTN_E_TOO_MANY: the account has as many
   * connections on this listener as it may have.  Undone when the session closes.  NULL:
   * nobody in particular, where nobody logs in (LMTP): ends the login timer. [task] */
  ptn_status (*claim) (struct ptn_task *, const char *account);

  int64_t (*monotonic_ns) (void);
  int64_t (*realtime_ms) (void);

  /* One structured event.  `event` is a stable word of the plugin's documented
   * vocabulary; values are escaped by the host.  task may be NULL. [any] */
  void (*log) (const struct ptn_host *, ptn_level, const struct ptn_task *task, const char *event,
               const struct ptn_field *fields, size_t count);
  int (*logs) (const struct ptn_host *, ptn_level); /* worth building fields? [any] */
  /* name: postern_[a-z0-9_]+, optionally with labels: name{kind="x"}.  Never NULL. */
  struct ptn_metric *(*metric) (const struct ptn_host *, ptn_metric_kind, const char *name,
                                const char *help);      /* [setup] */
  void (*observe) (struct ptn_metric *, int64_t value); /* COUNTER: adds; GAUGE: adds (may be
                       negative); HISTOGRAM: one sample, in microseconds. [any] wait-free */

  /* Events: see event.h.  Publishing never blocks and never fails. [any] */
  void (*publish) (const struct ptn_host *, const struct ptn_event *);
  /* From now on the task is woken by events of this account (mailbox NULL: all its mailboxes
   * and itself) of these kinds; a task may have many subscriptions.  `occurred` fills up to
   * `room` rows, one a mailbox, with what happened since the call before; PTN_PENDING: nothing
   * yet.  A row whose mailbox is all zero and whose kinds are all bits: too much, look
   * everywhere.  PTN_E_LIMIT: too many subscriptions.  Ends with unsubscribe, which comes before
   * the end of the task. [task] */
  ptn_status (*subscribe) (struct ptn_task *, const char *account, const struct ptn_id *mailbox,
                           uint32_t kinds, struct ptn_subscription **);
  ptn_status (*occurred) (struct ptn_subscription *, struct ptn_happening *rows, size_t room,
                          size_t *count);
  void (*unsubscribe) (struct ptn_subscription *);

  /* Undoes claim (IMAP UNAUTHENTICATE, RFC 8437): nobody's any more, counted for no account, and
   * the login timer runs from now on. [task] */
  void (*unclaim) (struct ptn_task *);
};

PTN_END_DECLS
#endif
