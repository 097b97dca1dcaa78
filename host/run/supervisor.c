/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.c - see supervisor.h: start, loop, signals, end. */
#include "run/supervisor.h"
#include "load/describe.h"
#include "run/notify.h"
#include "run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  LOOK_EVERY_S = 2,    /* at certificates */
  START_LOOK_MS = 100, /* at a worker that starts */
  SPARE_FILES = 4096   /* beside sessions: stores, logs, modules */
};

int64_t
supervise_now (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* --- start ------------------------------------------------------------------------------------ */

/* One supervisor a run directory: whoever holds the lock. */
static bool
take_lock (struct supervisor *supervisor, GError **error) {
  g_autofree char *path =
      g_build_filename (supervisor->config->server.run_directory, "posternd.pid", NULL);
  char text[16];

  supervisor->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (supervisor->lock < 0 || flock (supervisor->lock, LOCK_EX | LOCK_NB) < 0) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno), "%s: %s", path,
                 errno == EWOULDBLOCK ? "another server runs with this run_directory"
                                      : g_strerror (errno));
    return false;
  }
  int length = snprintf (text, sizeof text, "%d\n", (int)getpid ());
  if (ftruncate (supervisor->lock, 0) < 0 || write (supervisor->lock, text, (size_t)length) < 0) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno), "%s: %s", path,
                 g_strerror (errno));
    return false;
  }
  return true;
}

static bool
open_control (struct supervisor *supervisor, GError **error) {
  const struct config_server *server = &supervisor->config->server;
  const char *group_name = settings_text (server->settings, "control_group");
  g_autofree char *path = g_build_filename (server->run_directory, "control.sock", NULL);
  const struct group *group = group_name && *group_name ? getgrnam (group_name) : NULL;

  if (group_name && *group_name && !group) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                 "There is no group \"%s\" ([server] control_group)", group_name);
    return false;
  }
  supervisor->control = listen_control (path, supervisor->privileges.user,
                                        group ? group->gr_gid : supervisor->privileges.group,
                                        group ? 0660 : 0600, error);
  return supervisor->control >= 0;
}

/* Before the listeners: their UNIX sockets may lie in there. */
static bool
make_folders (struct supervisor *supervisor, GError **error) {
  const struct config_server *server = &supervisor->config->server;
  return privileges_init (&supervisor->privileges, server->user, error)
         && privileges_folder (&supervisor->privileges, server->run_directory, 0755, error)
         && privileges_folder (&supervisor->privileges, server->state_directory, 0700, error);
}

static bool
prepare_places (struct supervisor *supervisor, GError **error) {
  const struct config_server *server = &supervisor->config->server;

  if (!take_lock (supervisor, error) || !open_control (supervisor, error))
    return false;
  if (server->log.file && supervisor->privileges.drop /* the worker writes there too */
      && chown (server->log.file, supervisor->privileges.user, supervisor->privileges.group) < 0) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno), "%s: %s",
                 server->log.file, g_strerror (errno));
    return false;
  }
  guint64 wanted = (guint64)server->max_connections + SPARE_FILES;
  guint64 files = privileges_raise_files (wanted);
  if (files < wanted)
    logger_message (supervisor->logger, PTN_LOG_WARNING, "server.descriptors", "error",
                    "%" G_GUINT64_FORMAT " file descriptors are allowed, max_connections = %u may "
                    "need %" G_GUINT64_FORMAT " (LimitNOFILE= of the unit, or ulimit -n)",
                    files, server->max_connections, wanted);
  return true;
}

static bool
supervisor_start (struct supervisor *supervisor) {
  g_autoptr (GError) error = NULL;

  if (!check_start (supervisor->config_path, stderr))
    return false;
  struct config_errors *errors = config_errors_new ();
  supervisor->config = config_load (supervisor->config_path, NULL, errors);
  supervisor->logger = logger_new (&supervisor->config->server.log, &error);
  if (!supervisor->logger) {
    fprintf (stderr, "posternd: %s\n", error->message);
    config_errors_free (&errors);
    return false;
  }
  bool good = config_errors_count (errors) == 0 && make_folders (supervisor, &error)
              && listen_bind (supervisor->listeners, supervisor->config, errors)
              && certificates_load (supervisor->certificates, supervisor->config, errors)
              && prepare_places (supervisor, &error);
  supervise_log_errors (supervisor, errors);
  config_errors_free (&errors);
  if (error)
    logger_event (supervisor->logger, PTN_LOG_ERROR, "server.not-started", "error", error->message,
                  NULL);
  return good;
}

/* --- signals ----------------------------------------------------------------------------------- */

static int
watch_signals (void) {
  sigset_t watched;
  sigemptyset (&watched);
  sigaddset (&watched, SIGTERM);
  sigaddset (&watched, SIGINT);
  sigaddset (&watched, SIGHUP);
  sigaddset (&watched, SIGCHLD);
  sigprocmask (SIG_BLOCK, &watched, NULL);
  signal (SIGPIPE, SIG_IGN);
  return signalfd (-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
asked_to_stop (struct supervisor *supervisor) {
  supervisor->stop_signals++;
  if (supervisor->stop_signals == 1) {
    supervisor->stopping = true;
    notify_send ("STOPPING=1\nSTATUS=Ending sessions");
    logger_event (supervisor->logger, PTN_LOG_NOTICE, "server.stopping", NULL);
    supervise_stop (supervisor, false);
    if (!supervisor->worker.pid)
      supervisor->ended = true;
  } else if (supervisor->stop_signals == 2) {
    channel_send (supervisor->worker.channel, CHANNEL_NOW, -1, NULL);
    supervisor->kill_at = MIN (supervisor->kill_at, supervise_now () + 10 * SECOND_NS);
  } else if (supervisor->worker.pid) {
    kill (supervisor->worker.pid, SIGKILL);
  }
}

static void
reap (struct supervisor *supervisor) {
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    if (pid == supervisor->worker.pid)
      supervise_ended (supervisor, status);
    else if (pid == supervisor->check.pid)
      reload_check_ended (supervisor, status);
}

static void
take_signals (struct supervisor *supervisor) {
  struct signalfd_siginfo info;

  while (read (supervisor->signals, &info, sizeof info) == sizeof info)
    switch (info.ssi_signo) {
    case SIGHUP:
      reload_begin (supervisor, false);
      break;
    case SIGCHLD:
      reap (supervisor);
      break;
    default:
      asked_to_stop (supervisor);
      break;
    }
}

/* --- the loop ------------------------------------------------------------------------------------ */

static int
next_timeout (const struct supervisor *supervisor, int64_t now) {
  int64_t next = MIN (supervisor->restart_at, supervisor->kill_at);
  next = MIN (next, MIN (supervisor->ping_at, supervisor->look_at));
  next = MIN (next, MIN (supervisor->check_ends_at, supervisor->watchdog_at));
  if (supervisor->state == WORKER_STARTING)
    next = MIN (next, now + START_LOOK_MS * 1000000);
  return (int)CLAMP ((next - now) / 1000000 + 1, 0, 60000);
}

static void
supervisor_tick (struct supervisor *supervisor) {
  int64_t now = supervise_now ();

  supervise_tick (supervisor, now);
  reload_tick (supervisor, now);
  if (now >= supervisor->look_at) {
    certificates_look (supervisor->certificates, supervisor->logger, supervise_hand_certificate,
                       supervisor);
    supervisor->look_at = now + LOOK_EVERY_S * SECOND_NS;
  }
  if (now >= supervisor->watchdog_at) { /* the worker's own death is dealt with by ourselves */
    notify_send ("WATCHDOG=1");
    supervisor->watchdog_at = now + supervisor->watchdog_every;
  }
}

static void
supervisor_loop (struct supervisor *supervisor) {
  while (!supervisor->ended) {
    struct pollfd wait[] = { { .fd = supervisor->signals, .events = POLLIN },
                             { .fd = supervisor->worker.channel, .events = POLLIN },
                             { .fd = supervisor->check.pipe, .events = POLLIN } };
    int ready = poll (wait, G_N_ELEMENTS (wait), next_timeout (supervisor, supervise_now ()));
    if (ready > 0 && wait[2].revents)
      check_read (&supervisor->check);
    if (ready > 0 && (wait[1].revents & POLLIN))
      supervise_message (supervisor);
    else if (ready > 0 && wait[1].revents && !(wait[0].revents & POLLIN))
      usleep (1000); /* hung up: SIGCHLD is on its way */
    if (ready > 0 && (wait[0].revents & POLLIN))
      take_signals (supervisor);
    supervisor_tick (supervisor);
  }
}

static void
supervisor_end (struct supervisor *supervisor) {
  if (supervisor->check.pid) {
    kill (supervisor->check.pid, SIGKILL);
    waitpid (supervisor->check.pid, NULL, 0);
    check_clear (&supervisor->check);
  }
  if (supervisor->config) {
    g_autofree char *control =
        g_build_filename (supervisor->config->server.run_directory, "control.sock", NULL);
    if (supervisor->control >= 0)
      unlink (control);
  }
  if (supervisor->control >= 0)
    close (supervisor->control);
  if (supervisor->lock >= 0)
    close (supervisor->lock);
  if (supervisor->logger)
    logger_event (supervisor->logger, PTN_LOG_NOTICE, "server.stopped", NULL);
  listen_free (&supervisor->listeners);
  certificates_free (&supervisor->certificates);
  faults_free (&supervisor->faults);
  privileges_clear (&supervisor->privileges);
  config_unref (&supervisor->config);
  config_unref (&supervisor->worker_config);
  logger_free (&supervisor->logger);
}

int
supervisor_run (const char *config_path) {
  struct supervisor supervisor = { .config_path = config_path,
                                   .control = -1,
                                   .lock = -1,
                                   .worker.channel = -1,
                                   .check.pipe = -1,
                                   .restart_at = INT64_MAX,
                                   .kill_at = INT64_MAX,
                                   .ping_at = INT64_MAX,
                                   .watchdog_at = INT64_MAX,
                                   .check_ends_at = INT64_MAX,
                                   .exit_code = POSTERND_START };

  notify_init ();
  supervisor.listeners = listen_new ();
  supervisor.certificates = certificates_new ();
  supervisor.faults = faults_new ();
  if (supervisor_start (&supervisor)) {
    int64_t now = supervise_now ();
    supervisor.exit_code = POSTERND_OK;
    supervisor.signals = watch_signals ();
    supervisor.look_at = now + LOOK_EVERY_S * SECOND_NS;
    if (notify_watchdog_us ()) {
      supervisor.watchdog_every = MAX (notify_watchdog_us () * 1000 / 3, SECOND_NS / 10);
      supervisor.watchdog_at = now;
    }
    supervise_start (&supervisor);
    supervisor_loop (&supervisor);
    close (supervisor.signals);
  }
  int code = supervisor.exit_code;
  supervisor_end (&supervisor);
  return code;
}
