/* SPDX-License-Identifier: Apache-2.0 */
/* supervise_reload.c - taking over a new configuration, see supervise.h. */
#include "run/notify.h"
#include "run/supervise.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { CHECK_TAKES_S = 120 };

void
supervise_log_errors (struct supervisor *supervisor, struct config_errors *errors) {
  const struct config_error *error;
  char line[16];

  for (size_t i = 0; (error = config_errors_get (errors, i)); i++) {
    g_snprintf (line, sizeof line, "%u", error->line);
    logger_event (supervisor->logger, error->warning ? PTN_LOG_WARNING : PTN_LOG_ERROR,
                  error->warning ? "config.warning" : "config.error", "file", error->file, "line",
                  error->line ? line : NULL, "error", error->message, NULL);
  }
}

static void
answer (struct supervisor *supervisor, bool good, const char *text) {
  if (supervisor->reload_asked && supervisor->worker.channel >= 0)
    channel_send (supervisor->worker.channel, CHANNEL_ANSWER, -1, good ? "1" : "0", text, NULL);
  supervisor->reload_asked = false;
}

void
reload_done (struct supervisor *supervisor, const char *failure) {
  supervisor->reload = RELOAD_NONE;
  if (failure)
    logger_event (supervisor->logger, PTN_LOG_ERROR, "config.refused", "error", failure, NULL);
  else
    logger_event (supervisor->logger, PTN_LOG_NOTICE, "config.reloaded", "file",
                  supervisor->config->file, NULL);
  answer (supervisor, !failure, failure ? failure : "The new configuration is in use.");
  notify_send ("READY=1\nSTATUS=%s", failure ? "Serving; the last reload was refused" : "Serving");
  if (supervisor->reload_again)
    reload_begin (supervisor, false);
}

void
reload_begin (struct supervisor *supervisor, bool asked) {
  g_autoptr (GError) error = NULL;

  supervisor->reload_asked = supervisor->reload_asked || asked;
  if (supervisor->stopping)
    return;
  if (supervisor->reload != RELOAD_NONE || supervisor->state == WORKER_STARTING) {
    supervisor->reload_again = true; /* what was changed since must count too */
    return;
  }
  supervisor->reload_again = false;
  notify_reloading ();
  logger_event (supervisor->logger, PTN_LOG_INFO, "config.reload", "file", supervisor->config_path,
                NULL);
  if (!check_spawn (&supervisor->check, supervisor->config_path, &error)) {
    reload_done (supervisor, error->message);
    return;
  }
  supervisor->reload = RELOAD_CHECKING;
  supervisor->check_ends_at = supervise_now () + CHECK_TAKES_S * SECOND_NS;
}

static void
log_check_output (struct supervisor *supervisor, bool good) {
  g_auto (GStrv) lines = g_strsplit (supervisor->check.output->str, "\n", -1);
  for (char **line = lines; *line; line++)
    if (**line)
      logger_event (supervisor->logger, good ? PTN_LOG_WARNING : PTN_LOG_ERROR,
                    good ? "config.warning" : "config.error", "error", *line, NULL);
}

/* The worker's listeners, certificates and settings come from a configuration whose sockets are
 * bound and whose certificates are read: all or nothing. */
static bool
take_resources (struct supervisor *supervisor, struct config *config,
                struct config_errors *errors) {
  return config_errors_count (errors) == 0
         && strcmp (config->server.run_directory, supervisor->config->server.run_directory) == 0
         && listen_bind (supervisor->listeners, config, errors)
         && certificates_load (supervisor->certificates, config, errors);
}

static void
take_over (struct supervisor *supervisor) {
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_load (supervisor->config_path, NULL, errors);
  g_autoptr (GError) error = NULL;

  if (strcmp (config->server.run_directory, supervisor->config->server.run_directory) != 0)
    config_error (errors, config->server.place.file, config->server.place.line,
                  "run_directory cannot change while the server runs; stop it, and start it anew");
  if (!take_resources (supervisor, config, errors)) {
    supervise_log_errors (supervisor, errors);
    listen_keep (supervisor->listeners, supervisor->config);
    g_autofree char *text = config_errors_text (errors);
    config_errors_free (&errors);
    config_unref (&config);
    reload_done (supervisor, text);
    return;
  }
  supervise_log_errors (supervisor, errors);
  config_errors_free (&errors);
  if (!logger_configure (supervisor->logger, &config->server.log, &error))
    logger_event (supervisor->logger, PTN_LOG_ERROR, "log.failed", "error", error->message, NULL);
  config_unref (&supervisor->config);
  supervisor->config = config;
  faults_forget (supervisor->faults);
  if (supervisor->state == WORKER_SERVING) {
    supervisor->reload = RELOAD_APPLYING;
    supervise_hand_listeners (supervisor);
    supervise_hand_certificates (supervisor);
    channel_send (supervisor->worker.channel, CHANNEL_APPLY, -1, NULL);
  } else { /* none runs: the next one begins with it */
    listen_keep (supervisor->listeners, config);
    supervisor->reload = RELOAD_REPLACING;
    supervisor->restart_at = supervise_now ();
  }
}

void
reload_check_ended (struct supervisor *supervisor, int status) {
  bool good = WIFEXITED (status) && WEXITSTATUS (status) == 0;

  check_read (&supervisor->check);
  log_check_output (supervisor, good);
  g_autofree char *text = g_strdup (supervisor->check.output->str);
  check_clear (&supervisor->check);
  supervisor->check_ends_at = INT64_MAX;
  if (supervisor->stopping) {
    supervisor->reload = RELOAD_NONE;
  } else if (good) {
    take_over (supervisor);
  } else {
    g_strchomp (text);
    reload_done (supervisor, *text ? text : "the check crashed");
  }
}

void
reload_applied (struct supervisor *supervisor, bool good, const char *why_not) {
  if (supervisor->reload != RELOAD_APPLYING)
    return;
  listen_keep (supervisor->listeners, supervisor->config);
  if (good) {
    reload_done (supervisor, NULL);
    return;
  }
  logger_event (supervisor->logger, PTN_LOG_NOTICE, "worker.replace", "reason", why_not, NULL);
  supervisor->reload = RELOAD_REPLACING;
  /* In this order: who has the answer and connects again meets the new worker. */
  supervise_stop (supervisor, true);
  answer (supervisor, true, "The new configuration is taken over by a new worker.");
}

void
reload_tick (struct supervisor *supervisor, int64_t now) {
  if (supervisor->check.pid && now >= supervisor->check_ends_at) {
    supervisor->check_ends_at = INT64_MAX;
    kill (supervisor->check.pid, SIGKILL);
  }
  if (supervisor->reload_again && supervisor->reload == RELOAD_NONE
      && supervisor->state != WORKER_STARTING)
    reload_begin (supervisor, false);
}
