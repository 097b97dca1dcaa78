/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the host's own commands of posternctl, as a worker runs them.
 *
 * They run in the strand of the control connection.  `instance` is the worker. */
#include "ctl/builtin.h"
#include "run/rows.h"
#include "run/worker_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
add_number (struct rows *rows, const char *name, uint64_t value) {
  char text[24];
  snprintf (text, sizeof text, "%" PRIu64, value);
  rows_add (rows, name, text, NULL);
}

struct config *
worker_config (struct worker *worker) {
  pthread_mutex_lock (&worker->asking);
  struct config *config = config_ref (worker->config);
  pthread_mutex_unlock (&worker->asking);
  return config;
}

static ptn_status
run_status (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  bool fresh;
  struct rows *rows = rows_of (call, &fresh);

  if (fresh) {
    struct config *config = worker_config (worker);
    struct engine_counts engine;
    struct net_counts net;
    engine_count (worker->engine, &engine);
    net_counts (worker->net, &net);
    rows_add (rows, "version", POSTERN_VERSION, NULL);
    rows_add (rows, "name", config->server.name, NULL);
    rows_add (rows, "configuration", config->file, NULL);
    config_unref (&config);
    add_number (rows, "supervisor", (uint64_t)getppid ());
    add_number (rows, "worker", (uint64_t)getpid ());
    add_number (rows, "seconds",
                (uint64_t)((g_get_monotonic_time () * 1000 - worker->started_ns) / 1000000000));
    add_number (rows, "sessions", net.sessions);
    add_number (rows, "tls-sessions", net.tls_sessions);
    add_number (rows, "logged-in", net.claimed);
    add_number (rows, "accepted", net.accepted);
    add_number (rows, "turned-away",
                net.limit_all + net.limit_listener + net.limit_address + net.limit_user);
    add_number (rows, "threads", engine.workers + engine.spares);
    add_number (rows, "log-lines-dropped", logger_dropped (worker->logger));
  }
  return rows_give (rows, call, report);
}

static ptn_status
run_plugins (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  bool fresh;
  struct rows *rows = rows_of (call, &fresh);

  for (size_t i = 0; fresh && i < loader_count (worker->loader); i++) {
    struct load_info info;
    loader_info (worker->loader, i, &info);
    rows_add (rows, info.label, info.version, load_state_name (info.state),
              info.required ? "yes" : "no", info.module ? info.module : "", info.reason, NULL);
  }
  return rows_give (rows, call, report);
}

static void
add_listener (void *user, const char *listener, const char *protocol,
              const struct listener_counts *counts) {
  char sessions[16], accepted[24];
  snprintf (sessions, sizeof sessions, "%u", counts->sessions);
  snprintf (accepted, sizeof accepted, "%" PRIu64, counts->accepted);
  rows_add (user, listener, protocol, sessions, accepted, NULL);
}

static ptn_status
run_sessions (void *instance, struct ptn_call *call, struct ptn_strings arguments,
              struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  bool fresh;
  struct rows *rows = rows_of (call, &fresh);

  if (fresh)
    services_for_each (worker->services, add_listener, rows);
  return rows_give (rows, call, report);
}

static ptn_status
run_metrics (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  bool fresh;
  struct rows *rows = rows_of (call, &fresh);

  if (fresh) {
    g_autofree char *text = metrics_text (worker->metrics, NULL);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    for (char **line = lines; *line && (**line || line[1]); line++)
      rows_add (rows, *line, NULL);
  }
  return rows_give (rows, call, report);
}

/* --- reload -------------------------------------------------------------------------------- */

struct reload_wait {
  uint64_t answers_before;
};

static ptn_status
run_reload (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  struct reload_wait *wait = call->state;

  pthread_mutex_lock (&worker->asking);
  if (!wait) {
    wait = g_new0 (struct reload_wait, 1);
    wait->answers_before = worker->answers;
    call->state = wait;
    call->release = g_free;
    channel_send (worker->channel, CHANNEL_ASK, -1, "reload", NULL);
  }
  bool answered = worker->answers != wait->answers_before, good = worker->answer_good;
  g_autofree char *text = answered ? g_strdup (worker->answer_text) : NULL;
  if (!answered)
    g_ptr_array_add (worker->waiting, task_waker (call->task));
  pthread_mutex_unlock (&worker->asking);
  call->cancel = answered ? NULL : g_free;
  if (!answered)
    return PTN_PENDING;
  if (!good) {
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    for (char **line = lines; *line; line++)
      if (**line)
        report->note (report, *line);
    return task_fail (call->task, PTN_E_CONFLICT,
                      "the configuration has errors; the server goes on with the old one",
                      "reload refused");
  }
  report->note (report, text);
  return PTN_OK;
}

void
commands_answer (struct worker *worker, bool good, const char *text) {
  pthread_mutex_lock (&worker->asking);
  worker->answers++;
  worker->answer_good = good;
  g_free (worker->answer_text);
  worker->answer_text = g_strdup (text);
  g_autoptr (GPtrArray) waiting = worker->waiting;
  worker->waiting = g_ptr_array_new ();
  pthread_mutex_unlock (&worker->asking);
  for (guint i = 0; i < waiting->len; i++)
    waker_wake (waiting->pdata[i]);
}

/* --- log-level --------------------------------------------------------------------------------- */

static ptn_status
run_log_level (void *instance, struct ptn_call *call, struct ptn_strings arguments,
               struct ptn_bytes secret, struct ptn_report *report) {
  struct worker *worker = instance;
  ptn_level level = PTN_LOG_DEBUG;

  if (arguments.count > 1 || (arguments.count && !log_level_parse (arguments.items[0])))
    return task_fail (call->task, PTN_E_INVALID,
                      "one of debug, info, notice, warning and error is wanted", "bad level");
  if (arguments.count) {
    struct config *config = worker_config (worker);
    struct log_settings settings = config->server.log;
    settings.level = level = log_level_parse (arguments.items[0]);
    pthread_mutex_lock (&worker->asking); /* one configures at a time */
    bool good = logger_configure (worker->logger, &settings, NULL);
    pthread_mutex_unlock (&worker->asking);
    config_unref (&config);
    if (!good)
      return task_fail (call->task, PTN_E_TEMPORARY, "the log cannot be opened", "logger failed");
    net_set_log_level (worker->net, level);
  } else {
    while (level < PTN_LOG_ERROR && !logger_enabled (worker->logger, level))
      level += 10;
  }
  const char *const columns[] = { log_level_name (level) };
  return report->row (report, call->task, columns, 1);
}

void
commands_provide (struct worker *worker) {
  const struct builtin_functions functions = { .status = run_status,
                                               .plugins = run_plugins,
                                               .sessions = run_sessions,
                                               .metrics = run_metrics,
                                               .reload = run_reload,
                                               .log_level = run_log_level,
                                               .conformance = run_conformance,
                                               .conformance_page = run_conformance_page };
  builtin_provide (worker->loader, &functions, worker);
}
