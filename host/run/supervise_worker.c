/* SPDX-License-Identifier: Apache-2.0 */
/* supervise_worker.c - the worker from its start to its end, see supervise.h. */
#include "run/notify.h"
#include "run/supervise.h"
#include "run/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
  STOP_GRACE_S = 60,   /* beyond drain_time: plugins close their stores */
  NOW_GRACE_S = 10,    /* after CHANNEL_NOW */
  PING_EVERY_S = 10,   /* is the worker alive? */
  PONG_WITHIN_S = 120, /* it is not: a deadlock, or worse */
  LASTING_S = 60,      /* a worker that served so long did not fail at once */
  SLOWEST_RESTART_S = 30,
  FAILURES_WITHOUT_SERVING = 5
};

static void
hand_socket (void *user, const struct config_listener *listener, const char *endpoint, int fd) {
  struct supervisor *supervisor = user;
  channel_send (supervisor->worker.channel, CHANNEL_LISTENER, fd, listener->name, endpoint, NULL);
}

void
supervise_hand_listeners (struct supervisor *supervisor) {
  listen_for_each (supervisor->listeners, supervisor->config, hand_socket, supervisor);
}

void
supervise_hand_certificate (void *user, const struct certificate_pair *pair) {
  struct supervisor *supervisor = user;
  if (supervisor->worker.channel >= 0)
    channel_send (supervisor->worker.channel, pair->trust ? CHANNEL_TRUST : CHANNEL_CERTIFICATE, -1,
                  pair->certificate, pair->key, pair->certificate_pem, pair->key_pem, NULL);
}

void
supervise_hand_certificates (struct supervisor *supervisor) {
  certificates_for_each (supervisor->certificates, supervise_hand_certificate, supervisor);
}

static void
restart_later (struct supervisor *supervisor) {
  int64_t now = supervise_now ();
  bool lasted = supervisor->ever_served && now - supervisor->started_at > LASTING_S * SECOND_NS;
  supervisor->failures = lasted ? 0 : supervisor->failures + 1;
  unsigned doublings = MIN (supervisor->failures, 10);
  int64_t delay = supervisor->failures ? SECOND_NS / 20 << doublings : 0;
  delay = MIN (delay, SLOWEST_RESTART_S * SECOND_NS);
  supervisor->restart_at = now + delay;
  if (supervisor->failures > 1)
    logger_message (supervisor->logger, PTN_LOG_NOTICE, "worker.restart", "seconds", "%.1f",
                    (double)delay / (double)SECOND_NS);
}

void
supervise_start (struct supervisor *supervisor) {
  g_autoptr (GError) error = NULL;
  const char *label, *reason;

  supervisor->restart_at = INT64_MAX;
  supervisor->killed = NULL;
  supervisor->started_at = supervise_now ();
  if (!worker_spawn (&supervisor->worker, supervisor->config->file, &supervisor->privileges,
                     &error)) {
    logger_event (supervisor->logger, PTN_LOG_ERROR, "worker.failed", "error", error->message,
                  NULL);
    restart_later (supervisor);
    return;
  }
  supervisor->state = WORKER_STARTING;
  config_unref (&supervisor->worker_config);
  supervisor->worker_config = config_ref (supervisor->config);
  supervise_hand_listeners (supervisor);
  supervise_hand_certificates (supervisor);
  for (size_t i = 0; (label = faults_left_out (supervisor->faults, i, &reason)); i++)
    channel_send (supervisor->worker.channel, CHANNEL_LEFT_OUT, -1, label, reason, NULL);
  channel_send (supervisor->worker.channel, CHANNEL_CONTROL, supervisor->control, NULL);
  channel_send (supervisor->worker.channel, CHANNEL_BEGIN, -1, NULL);
  char pid[16];
  snprintf (pid, sizeof pid, "%d", supervisor->worker.pid);
  logger_event (supervisor->logger, PTN_LOG_INFO, "worker.start", "worker", pid, NULL);
}

void
supervise_stop (struct supervisor *supervisor, bool for_reload) {
  if (!supervisor->worker.pid)
    return;
  supervisor->state = WORKER_STOPPING;
  supervisor->kill_at =
      supervise_now () + supervisor->config->server.drain_time * 1000000 + STOP_GRACE_S * SECOND_NS;
  channel_send (supervisor->worker.channel, CHANNEL_STOP, -1, for_reload ? "reload" : "stop", NULL);
}

/* --- it speaks ----------------------------------------------------------------------------- */

static void
worker_serves (struct supervisor *supervisor) {
  int64_t now = supervise_now ();

  supervisor->state = WORKER_SERVING;
  supervisor->ever_served = true;
  supervisor->ping_at = now + PING_EVERY_S * SECOND_NS;
  supervisor->pong_at = now;
  logger_message (supervisor->logger, PTN_LOG_NOTICE, "server.serving", "milliseconds", "%d",
                  (int)((now - supervisor->started_at) / 1000000));
  if (supervisor->reload == RELOAD_REPLACING)
    reload_done (supervisor, NULL);
  else
    notify_send ("READY=1\nSTATUS=Serving\nMAINPID=%d", (int)getpid ());
}

void
supervise_message (struct supervisor *supervisor) {
  struct channel_message message;

  if (channel_receive (supervisor->worker.channel, &message) != 1)
    return; /* its end is told by SIGCHLD */
  switch (message.kind) {
  case CHANNEL_SERVING:
    if (supervisor->state == WORKER_STARTING)
      worker_serves (supervisor);
    break;
  case CHANNEL_PONG:
    supervisor->pong_at = supervise_now ();
    break;
  case CHANNEL_ASK:
    reload_begin (supervisor, true);
    break;
  case CHANNEL_APPLIED:
    reload_applied (supervisor, strcmp (message.field[0], "1") == 0, message.field[1]);
    break;
  default:
    break;
  }
  channel_clear (&message);
}

/* --- it ends ---------------------------------------------------------------------------------- */

static void
give_up (struct supervisor *supervisor, int code) {
  supervisor->ended = true;
  supervisor->exit_code = code;
}

/* A plugin did it. */
static void
judge_plugin (struct supervisor *supervisor, uint32_t number, uint32_t phase, const char *how) {
  const struct config_plugin *plugin = &supervisor->worker_config->plugins[number - 1];
  bool setting_up = phase == LOAD_LOADING || phase == LOAD_CONFIGURING || phase == LOAD_STARTING;
  g_autofree char *reason = phase == LOAD_NOTHING
                                ? g_strdup (how)
                                : g_strdup_printf ("%s in %s", how, load_phase_name (phase));
  enum fault_verdict verdict = faults_judge (supervisor->faults, plugin->label, plugin->required,
                                             setting_up, reason, supervise_now ());
  logger_event (supervisor->logger, PTN_LOG_ERROR, "plugin.crashed", "name", plugin->label,
                "reason", reason, "consequence",
                verdict == FAULT_RESTART     ? "restart"
                : verdict == FAULT_LEAVE_OUT ? "left out"
                                             : "given up",
                NULL);
  if (verdict == FAULT_GIVE_UP) {
    logger_event (supervisor->logger, PTN_LOG_ERROR, "server.gave-up", "name", plugin->label,
                  "error", "a required plugin brings the worker down", NULL);
    give_up (supervisor, POSTERND_GAVE_UP);
  } else if (verdict == FAULT_LEAVE_OUT) {
    supervisor->restart_at = supervise_now ();
  } else {
    restart_later (supervisor);
  }
}

static void
worker_crashed (struct supervisor *supervisor, int status) {
  char how[64];
  uint32_t phase = LOAD_NOTHING, number;

  /* A sanitizer takes the signal and ends the process by itself: the note knows. */
  int fatal = WIFSIGNALED (status) ? WTERMSIG (status)
                                   : (int)atomic_load (&supervisor->worker.note->signal);
  if (supervisor->killed)
    g_strlcpy (how, supervisor->killed, sizeof how);
  else if (fatal)
    snprintf (how, sizeof how, "crashed (SIG%s)", sigabbrev_np (fatal) ?: "?");
  else
    snprintf (how, sizeof how, "ended with code %d", WEXITSTATUS (status));
  number =
      crash_guilty (supervisor->worker.note, WIFSIGNALED (status) ? WTERMSIG (status) : 0, &phase);
  if (number > supervisor->worker_config->plugin_count)
    number = 0;
  logger_event (supervisor->logger, PTN_LOG_ERROR, "worker.crashed", "error", how, "name",
                number ? supervisor->worker_config->plugins[number - 1].label : NULL, "phase",
                phase != LOAD_NOTHING ? load_phase_name (phase) : NULL, NULL);
  if (supervisor->stopping)
    return;
  if (number)
    judge_plugin (supervisor, number, phase, how);
  else
    restart_later (supervisor);
}

static void
worker_did_not_start (struct supervisor *supervisor) {
  logger_event (supervisor->logger, PTN_LOG_ERROR, "worker.not-started", "error",
                "the worker could not start; the lines above say why", NULL);
  if (supervisor->stopping)
    return;
  if (!supervisor->ever_served)
    give_up (supervisor, POSTERND_START);
  else
    restart_later (supervisor);
  if (supervisor->reload == RELOAD_REPLACING)
    reload_done (supervisor, "the new worker could not start");
}

void
supervise_ended (struct supervisor *supervisor, int status) {
  bool asked = supervisor->state == WORKER_STOPPING;
  bool orderly = WIFEXITED (status) && WEXITSTATUS (status) == WORKER_EXIT_OK;

  /* What it said last may still be in the channel: that it serves, for one. */
  while (supervisor->worker.channel >= 0) {
    struct channel_message message;
    if (channel_receive (supervisor->worker.channel, &message) != 1)
      break;
    channel_clear (&message);
  }
  supervisor->state = WORKER_NONE;
  supervisor->kill_at = supervisor->ping_at = INT64_MAX;
  if (WIFEXITED (status) && WEXITSTATUS (status) == WORKER_EXIT_START)
    worker_did_not_start (supervisor);
  else if (!orderly)
    worker_crashed (supervisor, status);
  worker_clear (&supervisor->worker);
  if (supervisor->stopping) {
    give_up (supervisor, POSTERND_OK);
    return;
  }
  if (supervisor->reload == RELOAD_APPLYING)
    supervisor->reload = RELOAD_REPLACING; /* the next one reads it anyway */
  if (asked)
    supervisor->restart_at = supervise_now ();
  else if (orderly)
    restart_later (supervisor);
  if (!supervisor->ever_served && supervisor->failures >= FAILURES_WITHOUT_SERVING) {
    logger_event (supervisor->logger, PTN_LOG_ERROR, "server.gave-up", "error",
                  "no worker came to serve", NULL);
    give_up (supervisor, POSTERND_GAVE_UP);
  }
}

/* --- time passes ------------------------------------------------------------------------------- */

static void
kill_worker (struct supervisor *supervisor, int number, const char *why, uint32_t plugin) {
  logger_event (supervisor->logger, PTN_LOG_ERROR, "worker.kill", "reason", why, "name",
                plugin && plugin <= supervisor->worker_config->plugin_count
                    ? supervisor->worker_config->plugins[plugin - 1].label
                    : NULL,
                NULL);
  supervisor->killed = why;
  supervisor->kill_at = supervise_now () + NOW_GRACE_S * SECOND_NS;
  kill (supervisor->worker.pid, number);
}

static void
look_for_hang (struct supervisor *supervisor) {
  int64_t patience = settings_number (supervisor->config->server.settings, "start_time") * 1000000;
  uint32_t plugin = patience ? crash_hanging (supervisor->worker.note, patience) : 0;
  if (plugin && !supervisor->killed)
    kill_worker (supervisor, SIGKILL, "hung", plugin);
}

void
supervise_tick (struct supervisor *supervisor, int64_t now) {
  if (now >= supervisor->restart_at && !supervisor->worker.pid && !supervisor->ended)
    supervise_start (supervisor);
  if (supervisor->worker.pid && now >= supervisor->kill_at)
    kill_worker (supervisor, SIGKILL,
                 supervisor->killed ? supervisor->killed : "did not stop in time",
                 atomic_load (&supervisor->worker.note->load.plugin));
  if (supervisor->state == WORKER_STARTING)
    look_for_hang (supervisor);
  if (supervisor->state != WORKER_SERVING)
    return;
  if (now - supervisor->pong_at > PONG_WITHIN_S * SECOND_NS && !supervisor->killed)
    kill_worker (supervisor, SIGABRT, "stuck", 0);
  if (now >= supervisor->ping_at) {
    channel_send (supervisor->worker.channel, CHANNEL_PING, -1, NULL);
    supervisor->ping_at = now + PING_EVERY_S * SECOND_NS;
  }
}
