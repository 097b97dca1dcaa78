/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - see local.h. */
#include "ctl/local.h"
#include "ctl/builtin.h"
#include "ctl/connection.h"
#include "run/privileges.h"

#include <errno.h>
#include <glib-unix.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct local {
  struct config *config;
  struct logger *logger;
  struct metrics *metrics;
  struct engine *engine;
  struct loader *loader;
  /* What the strand asks the main thread, where plugins are started: */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  const struct load_provider *wanted; /* start its plugin */
  const struct load_provider *tried;  /* its plugin was started, or not */
  bool started;
  struct ptn_waker *waker;
  bool gone;
};

/* [task] */
static ptn_status
local_prepare (void *user, struct ptn_task *task, const struct load_provider *provider) {
  struct local *local = user;
  ptn_status status = PTN_PENDING;

  pthread_mutex_lock (&local->lock);
  if (local->tried == provider) {
    status = local->started ? PTN_OK : PTN_E_TEMPORARY;
  } else if (!local->wanted) {
    local->wanted = provider;
    local->waker = task_waker (task);
    pthread_cond_signal (&local->changed);
  }
  pthread_mutex_unlock (&local->lock);
  if (status == PTN_E_TEMPORARY)
    return task_fail (task, status, "a plugin that this command needs cannot be started",
                      "start failed");
  return status;
}

static void
local_gone (void *user, struct connection *connection) {
  struct local *local = user;
  pthread_mutex_lock (&local->lock);
  local->gone = true;
  pthread_cond_signal (&local->changed);
  pthread_mutex_unlock (&local->lock);
}

static bool
never_draining (void *user) {
  return false;
}

static bool
print_errors (struct config_errors *errors) {
  bool any = config_errors_count (errors) > 0;
  if (any) {
    g_autofree char *text = config_errors_text (errors);
    fputs (text, stderr);
  }
  return any;
}

static bool
local_load (struct local *local, const char *config_path, struct config_errors *errors) {
  const struct log_settings quiet = { .format = LOG_FORMAT_TEXT, .level = PTN_LOG_WARNING };
  const struct engine_settings small = { .workers = 2 };
  g_autoptr (GError) error = NULL;
  struct privileges privileges;

  local->config = config_load (config_path, NULL, errors);
  if (config_errors_count (errors) > 0)
    return false;
  bool good = privileges_init (&privileges, local->config->server.user, &error);
  if (good && privileges.drop) /* the first command may come before the first start */
    good = privileges_folder (&privileges, local->config->server.state_directory, 0700, &error);
  if (good && privileges.drop && !privileges_drop (&privileges)) {
    g_set_error (&error, G_FILE_ERROR, G_FILE_ERROR_PERM, "cannot become user %s", privileges.name);
    good = false;
  }
  privileges_clear (&privileges);
  if (good)
    local->logger = logger_new (&quiet, &error);
  if (local->logger)
    local->engine = engine_new (&small, &error);
  if (!local->engine) {
    fprintf (stderr, "posternctl: %s\n", error ? error->message : "out of memory");
    return false;
  }
  local->metrics = metrics_new ();
  const struct loader_settings settings = { .config = local->config,
                                            .logger = local->logger,
                                            .metrics = local->metrics,
                                            .engine = local->engine };
  local->loader = loader_new (&settings);
  builtin_provide (local->loader, NULL, NULL);
  return loader_load (local->loader, errors) && engine_start (local->engine, NULL);
}

/* Starts what the strand asks for, until the connection is gone. */
static void
local_serve (struct local *local) {
  pthread_mutex_lock (&local->lock);
  while (!local->gone) {
    const struct load_provider *wanted = local->wanted;
    if (!wanted) {
      pthread_cond_wait (&local->changed, &local->lock);
      continue;
    }
    pthread_mutex_unlock (&local->lock);
    struct config_errors *errors = config_errors_new ();
    bool started = loader_start_one (local->loader, wanted->plugin, errors);
    print_errors (errors);
    config_errors_free (&errors);
    pthread_mutex_lock (&local->lock);
    local->tried = wanted;
    local->started = started;
    local->wanted = NULL;
    waker_wake (g_steal_pointer (&local->waker));
  }
  pthread_mutex_unlock (&local->lock);
}

static int
local_main (const char *config_path, int fd) {
  struct local local = { 0 };
  struct config_errors *errors = config_errors_new ();
  bool loaded = local_load (&local, config_path, errors);

  print_errors (errors);
  config_errors_free (&errors);
  if (!loaded)
    return EXIT_FAILURE; /* as a process that only read: nothing has to be ended in order */
  pthread_mutex_init (&local.lock, NULL);
  pthread_cond_init (&local.changed, NULL);
  const struct connection_settings settings = { .loader = local.loader,
                                                .logger = local.logger,
                                                .engine = local.engine,
                                                .fd = fd,
                                                .peer_user = getuid (),
                                                .gone = local_gone,
                                                .prepare = local_prepare,
                                                .draining = never_draining,
                                                .user = &local };
  pthread_mutex_lock (&local.lock);
  connection_new (&settings);
  pthread_mutex_unlock (&local.lock);
  local_serve (&local);
  loader_stop (local.loader);
  engine_stop (local.engine);
  loader_free (&local.loader);
  engine_free (&local.engine);
  metrics_free (&local.metrics);
  config_unref (&local.config);
  logger_free (&local.logger);
  return EXIT_SUCCESS;
}

int
local_start (const char *config_path, pid_t *child, GError **error) {
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0
      || (fflush (NULL), (*child = fork ()) < 0)) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno), "%s",
                 g_strerror (errno));
    return -1;
  }
  if (*child == 0) {
    close (pair[0]);
    signal (SIGINT, SIG_IGN); /* the parent's end tells us by closing the connection */
    signal (SIGPIPE, SIG_IGN);
    g_unix_set_fd_nonblocking (pair[1], TRUE, NULL);
    int code = local_main (config_path, pair[1]);
    fflush (NULL);
    _exit (code);
  }
  close (pair[1]);
  return pair[0];
}

int
local_wait (pid_t child) {
  int status;
  while (waitpid (child, &status, 0) < 0)
    if (errno != EINTR)
      return EXIT_FAILURE;
  if (WIFSIGNALED (status))
    fprintf (stderr, "posternctl: a plugin crashed (%s)\n", g_strsignal (WTERMSIG (status)));
  return WIFEXITED (status) ? WEXITSTATUS (status) : EXIT_FAILURE;
}
