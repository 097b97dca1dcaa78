/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - a new configuration in a worker that runs: what can be taken over without ending
 * sessions is taken over, else the supervisor is told to replace the worker.
 *
 * The main thread does it, but for the plugins' `reload`, which wants a strand: it waits for that.
 * Should a plugin hang in its reload, the supervisor's watch ends the worker. */
#include "run/worker_state.h"

#include <pthread.h>
#include <string.h>

struct applying {
  struct worker *worker;
  struct config *config;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool done;
  ptn_status status;
};

static task_next
reload_plugins (struct ptn_task *task, void *user, unsigned events) {
  struct applying *applying = user;
  ptn_status status = loader_reload (applying->worker->loader, task, applying->config);

  if (status == PTN_PENDING)
    return TASK_WAIT;
  applying->status = status;
  return TASK_DONE;
}

static void
reload_finished (void *user) {
  struct applying *applying = user;
  pthread_mutex_lock (&applying->lock);
  applying->done = true;
  pthread_cond_signal (&applying->changed);
  pthread_mutex_unlock (&applying->lock);
}

static bool
plugins_take (struct worker *worker, struct config *config) {
  struct applying applying = { .worker = worker, .config = config, .status = PTN_E_TEMPORARY };

  pthread_mutex_init (&applying.lock, NULL);
  pthread_cond_init (&applying.changed, NULL);
  task_new (worker->engine, "reload", reload_plugins, reload_finished, &applying);
  pthread_mutex_lock (&applying.lock);
  while (!applying.done)
    pthread_cond_wait (&applying.changed, &applying.lock);
  pthread_mutex_unlock (&applying.lock);
  pthread_mutex_destroy (&applying.lock);
  pthread_cond_destroy (&applying.changed);
  return applying.status == PTN_OK;
}

static bool
same_lanes (const struct config *a, const struct config *b) {
  if (a->lane_count != b->lane_count)
    return false;
  for (size_t i = 0; i < a->lane_count; i++)
    if (strcmp (a->lanes[i].name, b->lanes[i].name) != 0
        || a->lanes[i].threads != b->lanes[i].threads || a->lanes[i].queue != b->lanes[i].queue)
      return false;
  return true;
}

/* A plugin that failed or was left out gets its new chance in a new worker. */
static bool
all_run (const struct loader *loader) {
  for (size_t i = 0; i < loader_count (loader); i++) {
    struct load_info info;
    loader_info (loader, i, &info);
    if (info.state != LOAD_STATE_RUNNING)
      return false;
  }
  return true;
}

/* NULL: all has been taken over.  Else why a new worker is needed; g_free it. */
static char *
take_over (struct worker *worker, struct config *config, struct config_errors *errors) {
  const struct config_server *server = &config->server;
  const struct config_error *error;

  if (config_errors_count (errors) > 0)
    return g_strdup ("the files changed meanwhile");
  if (!all_run (worker->loader))
    return g_strdup ("a plugin does not run");
  if (!same_lanes (worker->config, config))
    return g_strdup ("[lane] changes");
  loader_check (worker->loader, config, errors);
  if ((error = config_errors_get (errors, 0))) /* warnings say what needs a restart */
    return g_strdup (error->message);
  if (!plugins_take (worker, config))
    return g_strdup ("a plugin does not take its new settings while it runs");
  if (!logger_configure (worker->logger, &server->log, NULL))
    return g_strdup ("the log cannot be opened");
  net_set_log_level (worker->net, server->log.level);
  net_set_max_connections (worker->net, server->max_connections);
  if (!services_apply (worker->services, config, errors))
    return g_strdup ("a listener cannot be opened");
  return NULL;
}

void
apply_begin (struct worker *worker) {
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_load (worker->config_path, NULL, errors);
  g_autofree char *why_not = take_over (worker, config, errors);

  if (!why_not) {
    pthread_mutex_lock (&worker->asking);
    struct config *old = worker->config;
    worker->config = config_ref (config);
    pthread_mutex_unlock (&worker->asking);
    config_unref (&old);
  }
  config_unref (&config);
  config_errors_free (&errors);
  channel_send (worker->channel, CHANNEL_APPLIED, -1, why_not ? "0" : "1", why_not ? why_not : "",
                NULL);
}
