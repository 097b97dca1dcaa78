/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - see worker.h: the start, the main thread's loop, and the end in order. */
#include "run/worker.h"
#include "run/process.h"
#include "run/worker_state.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
  LOOK_MS = 5,          /* while ending: are the sessions gone? */
  ORPHAN_MS = 2000,     /* patience with sessions when the supervisor has died */
  LAST_CHANCE_MS = 5000 /* for sessions that were cancelled to go */
};

/* --- what is handed over -------------------------------------------------------------------- */

/* True: it was CHANNEL_BEGIN. */
static bool
take_message (struct worker *worker, struct channel_message *message) {
  switch (message->kind) {
  case CHANNEL_NOTE:
    worker->note = crash_map (message->fd, NULL);
    break;
  case CHANNEL_LISTENER:
    services_socket (worker->services, message->field[0], message->field[1], message->fd);
    message->fd = -1;
    break;
  case CHANNEL_CONTROL:
    worker->control_fd = message->fd;
    message->fd = -1;
    break;
  case CHANNEL_CERTIFICATE:
    services_certificate (worker->services, message->field[0], message->field[1], message->field[2],
                          message->field[3]);
    break;
  case CHANNEL_TRUST:
    services_trust (worker->services, message->field[0], message->field[1], message->field[2],
                    message->field[3]);
    break;
  case CHANNEL_LEFT_OUT:
    g_ptr_array_add (worker->left_out, g_strdup (message->field[0]));
    g_ptr_array_add (worker->left_out, g_strdup (message->field[1]));
    break;
  case CHANNEL_BEGIN:
    return true;
  default:
    break;
  }
  return false;
}

static bool
take_all (struct worker *worker) {
  struct channel_message message;
  bool begun = false;

  while (!begun && channel_receive (worker->channel, &message) == 1) {
    begun = take_message (worker, &message);
    channel_clear (&message);
  }
  return begun && worker->note;
}

/* --- start -------------------------------------------------------------------------------------- */

static void
log_net (void *user, ptn_level level, const struct ptn_task *task, const char *event,
         const struct ptn_field *fields, size_t count) {
  struct worker *worker = user;
  size_t context_count = 0;
  const struct ptn_field *context = task ? task_fields (task, &context_count) : NULL;
  logger_write (worker->logger, level, NULL, event, context, context_count, fields, count);
}

static void
collect (void *user, struct metrics_page *page) {
  struct worker *worker = user;
  struct engine_counts engine;
  struct net_counts net;

  engine_count (worker->engine, &engine);
  net_counts (worker->net, &net);
  const struct {
    ptn_metric_kind kind;
    const char *name, *help;
    uint64_t value;
  } samples[] = {
    { PTN_METRIC_GAUGE, "postern_sessions", "Sessions that are open.", net.sessions },
    { PTN_METRIC_GAUGE, "postern_tls_sessions", "Of these, with TLS.", net.tls_sessions },
    { PTN_METRIC_GAUGE, "postern_logged_in", "Of these, with a user logged in.", net.claimed },
    { PTN_METRIC_COUNTER, "postern_connections_total", "Connections accepted.", net.accepted },
    { PTN_METRIC_COUNTER, "postern_turned_away_total{limit=\"all\"}",
      "Connections turned away by a limit.", net.limit_all },
    { PTN_METRIC_COUNTER, "postern_turned_away_total{limit=\"listener\"}",
      "Connections turned away by a limit.", net.limit_listener },
    { PTN_METRIC_COUNTER, "postern_turned_away_total{limit=\"address\"}",
      "Connections turned away by a limit.", net.limit_address },
    { PTN_METRIC_COUNTER, "postern_turned_away_total{limit=\"user\"}",
      "Connections turned away by a limit.", net.limit_user },
    { PTN_METRIC_COUNTER, "postern_shed_total", "Connections closed without a word.", net.shed },
    { PTN_METRIC_COUNTER, "postern_descriptor_pauses_total", "Pauses for want of file descriptors.",
      net.descriptor_pauses },
    { PTN_METRIC_COUNTER, "postern_tls_handshakes_total", "TLS handshakes done.",
      net.tls_handshakes },
    { PTN_METRIC_COUNTER, "postern_tls_resumed_total", "Of these, resumed.", net.tls_resumed },
    { PTN_METRIC_COUNTER, "postern_tls_failures_total", "TLS handshakes failed.",
      net.tls_failures },
    { PTN_METRIC_COUNTER, "postern_proxy_refused_total", "PROXY headers refused.",
      net.proxy_refused },
    { PTN_METRIC_COUNTER, "postern_timeouts_total{kind=\"login\"}", "Sessions ended by time.",
      net.login_timeouts },
    { PTN_METRIC_COUNTER, "postern_timeouts_total{kind=\"idle\"}", "Sessions ended by time.",
      net.idle_timeouts },
    { PTN_METRIC_COUNTER, "postern_memory_spent_total", "Sessions ended by their memory limit.",
      net.memory_spent },
    { PTN_METRIC_COUNTER, "postern_octets_total{direction=\"in\"}", "Octets of sessions.",
      net.octets_in },
    { PTN_METRIC_COUNTER, "postern_octets_total{direction=\"out\"}", "Octets of sessions.",
      net.octets_out },
    { PTN_METRIC_GAUGE, "postern_strands", "Strands there are.", engine.strands },
    { PTN_METRIC_GAUGE, "postern_strands_queued", "Of these, waiting for a thread.",
      engine.queued },
    { PTN_METRIC_GAUGE, "postern_threads", "Worker threads, spares included.",
      engine.workers + engine.spares },
    { PTN_METRIC_COUNTER, "postern_steps_total", "Steps run.", engine.steps },
    { PTN_METRIC_COUNTER, "postern_log_dropped_total", "Log events dropped.",
      logger_dropped (worker->logger) },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++)
    metrics_page_add (page, samples[i].kind, samples[i].name, samples[i].help,
                      (int64_t)samples[i].value);
}

static void
log_errors (struct worker *worker, struct config_errors *errors) {
  const struct config_error *error;
  char line[16];

  for (size_t i = 0; (error = config_errors_get (errors, i)); i++) {
    snprintf (line, sizeof line, "%u", error->line);
    logger_event (worker->logger, error->warning ? PTN_LOG_WARNING : PTN_LOG_ERROR,
                  error->warning ? "config.warning" : "config.error", "file", error->file, "line",
                  error->line ? line : NULL, "error", error->message, NULL);
  }
}

static struct loader *
make_loader (struct worker *worker) {
  const guint count = worker->left_out->len / 2;

  worker->left_out_table = g_new0 (struct load_left_out, count + 1);
  for (guint i = 0; i < count; i++)
    worker->left_out_table[i] = (struct load_left_out){ worker->left_out->pdata[2 * i],
                                                        worker->left_out->pdata[2 * i + 1] };
  const struct loader_settings settings = { .config = worker->config,
                                            .logger = worker->logger,
                                            .metrics = worker->metrics,
                                            .engine = worker->engine,
                                            .claim = session_claim,
                                            .unclaim = session_unclaim,
                                            .left_out = worker->left_out_table,
                                            .left_out_count = count,
                                            .note = &worker->note->load };
  return loader_new (&settings);
}

static void
note_code (struct worker *worker) {
  for (size_t i = 0; i < loader_count (worker->loader); i++) {
    struct load_info info;
    loader_info (worker->loader, i, &info);
    if (info.module && info.state == LOAD_STATE_CONFIGURED)
      crash_code ((uint32_t)i + 1, info.module);
  }
}

static bool
make_parts (struct worker *worker, GError **error) {
  const struct config_server *server = &worker->config->server;
  const struct engine_settings engine_settings = { .workers = server->workers };

  if (!logger_configure (worker->logger, &server->log, error))
    return false;
  worker->metrics = metrics_new ();
  worker->engine = engine_new (&engine_settings, error);
  if (!worker->engine)
    return false;
  engine_set_note (worker->engine, worker->note->words, CRASH_WORDS);
  for (size_t i = 0; i < worker->config->lane_count; i++)
    engine_lane (worker->engine, worker->config->lanes[i].name, worker->config->lanes[i].threads,
                 worker->config->lanes[i].queue);
  const struct net_settings net_settings = { .engine = worker->engine,
                                             .server_name = server->name,
                                             .max_connections = server->max_connections,
                                             .log = log_net,
                                             .log_user = worker,
                                             .log_level = server->log.level };
  worker->net = net_new (&net_settings);
  worker->loader = make_loader (worker);
  loader_provide (worker->loader, PTN_STREAM_ID, "host", net_stream_service (), worker->net);
  commands_provide (worker);
  return true;
}

static bool
start_parts (struct worker *worker, struct config_errors *errors, GError **error) {
  if (!loader_load (worker->loader, errors))
    return false;
  note_code (worker);
  worker->engine_runs = engine_start (worker->engine, error);
  if (!worker->engine_runs)
    return false;
  worker->plugins_run = loader_start (worker->loader, errors);
  if (!worker->plugins_run)
    return false;
  const struct services_settings settings = { .net = worker->net,
                                              .loader = worker->loader,
                                              .logger = worker->logger };
  services_settle (worker->services, &settings);
  return services_apply (worker->services, worker->config, errors);
}

static void
open_control (struct worker *worker) {
  const char *name = settings_text (worker->config->server.settings, "control_group");
  const struct group *group = name && *name ? getgrnam (name) : NULL;
  const struct control_settings settings = { .engine = worker->engine,
                                             .loader = worker->loader,
                                             .logger = worker->logger,
                                             .fd = worker->control_fd,
                                             .user = geteuid (),
                                             .group = group ? group->gr_gid : (gid_t)-1 };
  worker->control = control_new (&settings);
}

static bool
worker_start_all (struct worker *worker) {
  struct config_errors *errors = config_errors_new ();
  g_autoptr (GError) error = NULL;

  worker->config = config_load (worker->config_path, NULL, errors);
  bool good = config_errors_count (errors) == 0 && make_parts (worker, &error)
              && start_parts (worker, errors, &error);
  log_errors (worker, errors);
  config_errors_free (&errors);
  if (error)
    logger_event (worker->logger, PTN_LOG_ERROR, "worker.failed", "error", error->message, NULL);
  if (!good)
    return false;
  metrics_add_collector (worker->metrics, collect, worker);
  open_control (worker);
  return channel_send (worker->channel, CHANNEL_SERVING, -1, NULL);
}

/* --- while it serves ------------------------------------------------------------------------------ */

/* A strand that says a thread is there to run strands. */
static task_next
pong (struct ptn_task *task, void *user, unsigned events) {
  struct worker *worker = user;
  channel_send (worker->channel, CHANNEL_PONG, -1, NULL);
  return TASK_DONE;
}

enum wish { GO_ON, END_IN_ORDER, END_NOW, END_ORPHANED };

static enum wish
take_order (struct worker *worker) {
  struct channel_message message;
  enum wish wish = GO_ON;

  if (channel_receive (worker->channel, &message) == 0)
    return END_ORPHANED;
  switch (message.kind) {
  case CHANNEL_STOP:
    wish = END_IN_ORDER;
    break;
  case CHANNEL_NOW:
    wish = END_NOW;
    break;
  case CHANNEL_PING:
    task_new (worker->engine, "pong", pong, NULL, worker);
    break;
  case CHANNEL_ANSWER:
    commands_answer (worker, strcmp (message.field[0], "1") == 0, message.field[1]);
    break;
  case CHANNEL_APPLY:
    apply_begin (worker);
    break;
  default:
    take_message (worker, &message);
    break;
  }
  channel_clear (&message);
  return wish;
}

/* Waits until `gone` says so or the time is over; orders still count. */
static enum wish
wait_while (struct worker *worker, bool (*gone) (struct worker *), int64_t milliseconds,
            enum wish wish) {
  int64_t ends = g_get_monotonic_time () + milliseconds * 1000;

  while (!gone (worker) && g_get_monotonic_time () < ends) {
    struct pollfd wait = { .fd = wish == END_ORPHANED ? -1 : worker->channel, .events = POLLIN };
    if (poll (&wait, 1, LOOK_MS) > 0) {
      enum wish next = take_order (worker);
      if (next > wish)
        return next;
    }
  }
  return wish;
}

static bool
sessions_gone (struct worker *worker) {
  return net_sessions (worker->net) == 0;
}

static bool
commands_gone (struct worker *worker) {
  return control_count (worker->control) == 0;
}

static void
end_sessions (struct worker *worker, enum wish wish) {
  services_stop (worker->services);
  if (worker->control)
    control_drain (worker->control);
  net_drain (worker->net);
  if (wish == END_IN_ORDER)
    wish = wait_while (worker, sessions_gone, worker->config->server.drain_time, wish);
  if (wish == END_ORPHANED)
    wish = wait_while (worker, sessions_gone, ORPHAN_MS, wish);
  if (worker->control && wish == END_IN_ORDER) /* commands that run may end */
    wait_while (worker, commands_gone, worker->config->server.drain_time, wish);
  net_cancel (worker->net);
  if (worker->control)
    control_stop (worker->control);
  wait_while (worker, sessions_gone, LAST_CHANCE_MS, END_ORPHANED);
  if (worker->control)
    wait_while (worker, commands_gone, LAST_CHANCE_MS, END_ORPHANED);
}

static void
worker_free (struct worker *worker) {
  if (worker->plugins_run)
    loader_stop (worker->loader);
  if (worker->engine_runs)
    engine_stop (worker->engine);
  if (worker->metrics && worker->control)
    metrics_remove_collector (worker->metrics, collect, worker);
  if (worker->control)
    control_free (&worker->control);
  services_free (&worker->services);
  if (worker->loader)
    loader_free (&worker->loader);
  if (worker->net)
    net_free (&worker->net);
  if (worker->engine)
    engine_free (&worker->engine);
  if (worker->metrics)
    metrics_free (&worker->metrics);
  config_unref (&worker->config);
  g_free (worker->left_out_table);
  g_ptr_array_unref (worker->left_out);
  g_ptr_array_unref (worker->waiting);
  g_free (worker->answer_text);
  pthread_mutex_destroy (&worker->asking);
  logger_free (&worker->logger);
}

static void
settle_signals (void) {
  /* A Ctrl-C at a terminal reaches the whole group: orders come from the supervisor alone. */
  signal (SIGINT, SIG_IGN);
  signal (SIGTERM, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  prctl (PR_SET_NAME, "postern-worker");
}

int
worker_run (int channel, const char *config_path) {
  struct worker worker = { .channel = channel,
                           .config_path = config_path,
                           .control_fd = -1,
                           .started_ns = g_get_monotonic_time () * 1000 };
  enum wish wish = GO_ON;

  fcntl (channel, F_SETFD, FD_CLOEXEC);
  settle_signals ();
  pthread_mutex_init (&worker.asking, NULL);
  worker.left_out = g_ptr_array_new_with_free_func (g_free);
  worker.waiting = g_ptr_array_new ();
  worker.logger = logger_new (NULL, NULL);
  worker.services = services_new ();
  if (!take_all (&worker))
    return WORKER_EXIT_START;
  crash_install (worker.note);
  bool started = worker_start_all (&worker);
  while (started && wish == GO_ON)
    wish = take_order (&worker);
  if (worker.engine_runs)
    end_sessions (&worker, wish);
  worker_free (&worker);
  close (channel);
  return started ? WORKER_EXIT_OK : WORKER_EXIT_START;
}
