/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - struct ptn_host for one plugin.  Most members are the engine's functions as they are;
 * those that carry the plugin's name find it behind the table. */
#include "event/hub.h"
#include "load/internal.h"
#include "log/escape.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifndef POSTERN_VERSION
#define POSTERN_VERSION "0"
#endif

static struct plugin *
plugin_of (const struct ptn_host *host) {
  return ((const struct plugin_host *)host)->plugin;
}

static ptn_status
host_provide (const struct ptn_host *host, const char *id, const char *name, const void *table,
              void *instance) {
  struct plugin *plugin = plugin_of (host);
  if (plugin->state != LOAD_STATE_LOADED) {
    logger_event (plugin->loader->settings.logger, PTN_LOG_ERROR, "plugin.provide-refused", "name",
                  plugin->config->label, "interface", id ? id : "?", "error",
                  "provide is only for configure", NULL);
    return PTN_E_INVALID;
  }
  return registry_provide (plugin->loader, plugin, id, name, table, instance);
}

static ptn_status
host_find (const struct ptn_host *host, const char *id, const char *name,
           struct ptn_binding *found) {
  struct plugin *plugin = plugin_of (host);
  *found = (struct ptn_binding){ NULL, NULL };
  if (!id || plugin->state < LOAD_STATE_STARTING)
    return PTN_E_NOT_FOUND;
  ptn_status status = registry_find (plugin->loader, plugin, id, name, found);
  if (status != PTN_OK && plugin->state == LOAD_STATE_STARTING) {
    g_free (plugin->missing);
    plugin->missing = name ? g_strdup_printf ("%s named %s", id, name) : g_strdup (id);
  }
  return status;
}

static ptn_status
host_list (const struct ptn_host *host, const char *id, struct ptn_strings *names) {
  *names = (struct ptn_strings){ NULL, 0 };
  return id ? registry_list (plugin_of (host)->loader, id, names) : PTN_E_NOT_FOUND;
}

/* --- tasks --------------------------------------------------------------------------------- */

struct spawned {
  struct plugin *plugin;
  ptn_status (*step) (void *, struct ptn_task *);
  void (*done) (void *);
  void *argument;
};

static ptn_status
spawned_step (void *argument, struct ptn_task *task) {
  struct spawned *spawned = argument;
  uint32_t before = engine_enter (spawned->plugin->number);
  ptn_status status = spawned->step (spawned->argument, task);
  engine_enter (before);
  return status;
}

static void
spawned_done (void *argument) {
  struct spawned *spawned = argument;
  uint32_t before = engine_enter (spawned->plugin->number);
  struct plugin *plugin = spawned->plugin;
  /* Counted out first: `done` may be what lets the plugin's stop return. */
  atomic_fetch_sub (&plugin->tasks, 1);
  if (spawned->done)
    spawned->done (spawned->argument);
  engine_enter (before);
  g_free (spawned);
}

static ptn_status
host_spawn (const struct ptn_host *host, const char *name,
            ptn_status (*step) (void *, struct ptn_task *), void (*done) (void *), void *argument,
            struct ptn_task **task) {
  struct plugin *plugin = plugin_of (host);
  if (!plugin->loader->settings.engine || !step || plugin->state < LOAD_STATE_STARTING)
    return PTN_E_INVALID;
  struct spawned *spawned = g_new (struct spawned, 1);
  *spawned = (struct spawned){ plugin, step, done, argument };
  atomic_fetch_add (&plugin->tasks, 1);
  g_autofree char *whole = g_strdup_printf ("%s:%s", plugin->config->label, name ? name : "task");
  struct ptn_task *made =
      task_spawn (plugin->loader->settings.engine, whole, spawned_step, spawned_done, spawned);
  if (task)
    *task = made;
  return PTN_OK;
}

static ptn_status
claim_nothing (struct ptn_task *task, const char *account) {
  return PTN_E_UNSUPPORTED;
}

static void
unclaim_nothing (struct ptn_task *task) {
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t
host_monotonic_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t
host_realtime_ms (void) {
  struct timespec now;
  clock_gettime (CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- log and metrics --------------------------------------------------------------------------- */

/* Why a configure or start failed is what the plugin complained of before. */
static void
keep_complaint (struct plugin *plugin, const char *event, const struct ptn_field *fields,
                size_t count) {
  char room[512];
  struct escape_buffer out = { .data = room, .room = sizeof room - 1 };
  escape_text (&out, event ? event : "", 64);
  for (size_t i = 0; i < count; i++) {
    if (!fields[i].name || !fields[i].value)
      continue;
    escape_raw (&out, i ? ", " : ": ", 2);
    if (strcmp (fields[i].name, "text") == 0) { /* a sentence for people */
      escape_text (&out, fields[i].value, 300);
      continue;
    }
    escape_text (&out, fields[i].name, 64);
    escape_char (&out, ' ');
    escape_word (&out, fields[i].value, 200);
  }
  room[out.size] = 0;
  pthread_mutex_lock (&plugin->loader->lock);
  char *before = plugin->complaint;
  if (!before || strlen (before) < 2048) {
    plugin->complaint = before ? g_strdup_printf ("%s; %s", before, room) : g_strdup (room);
    g_free (before);
  }
  pthread_mutex_unlock (&plugin->loader->lock);
}

static void
host_log (const struct ptn_host *host, ptn_level level, const struct ptn_task *task,
          const char *event, const struct ptn_field *fields, size_t count) {
  struct plugin *plugin = plugin_of (host);
  struct logger *logger = plugin->loader->settings.logger;
  if (level >= PTN_LOG_WARNING && plugin->state < LOAD_STATE_RUNNING && fields)
    keep_complaint (plugin, event, fields, count);
  if (!logger_enabled (logger, level))
    return;
  size_t context_count = 0;
  const struct ptn_field *context = task ? task_fields (task, &context_count) : NULL;
  logger_write (logger, level, plugin->config->label, event, context, context_count, fields, count);
}

static int
host_logs (const struct ptn_host *host, ptn_level level) {
  return logger_enabled (plugin_of (host)->loader->settings.logger, level);
}

static struct ptn_metric *
host_metric (const struct ptn_host *host, ptn_metric_kind kind, const char *name,
             const char *help) {
  struct plugin *plugin = plugin_of (host);
  const char *mistake;
  struct ptn_metric *metric = metrics_get (plugin->loader->settings.metrics, kind, name, help,
                                           plugin->config->label, &mistake);
  if (mistake) {
    const struct ptn_field fields[] = { { "name", name ? name : "?" }, { "error", mistake } };
    logger_write (plugin->loader->settings.logger, PTN_LOG_WARNING, plugin->config->label,
                  "plugin.metric-refused", NULL, 0, fields, 2);
  }
  return metric;
}

/* --- events ------------------------------------------------------------------------------------ */

static void
host_publish (const struct ptn_host *host, const struct ptn_event *event) {
  struct event_hub *events = plugin_of (host)->loader->events;
  if (events && event)
    event_publish (events, event);
}

static ptn_status
host_subscribe (struct ptn_task *task, const char *account, const struct ptn_id *mailbox,
                uint32_t kinds, struct ptn_subscription **subscription) {
  struct event_hub *events = engine_events (task_engine (task));
  *subscription = NULL;
  return events ? event_subscribe (events, task, account, mailbox, kinds, subscription)
                : PTN_E_UNSUPPORTED;
}

/* --- the table ---------------------------------------------------------------------------------- */

void
host_assemble (struct plugin *plugin) {
  const struct loader_settings *settings = &plugin->loader->settings;
  plugin->host.plugin = plugin;
  plugin->host.table = (struct ptn_host){
    .size = sizeof (struct ptn_host),
    .abi_major = PTN_ABI_MAJOR,
    .abi_minor = PTN_ABI_MINOR,
    .version = POSTERN_VERSION,
    .state_directory = plugin->config->state_directory,
    .text = settings_text,
    .number = settings_number,
    .words = settings_words,
    .provide = host_provide,
    .find = host_find,
    .list = host_list,
    .fail = task_fail,
    .failure_text = task_failure_text,
    .failure_log = task_failure_log,
    .waker = task_waker,
    .wake = waker_wake,
    .forget = waker_forget,
    .wake_at = waker_wake_at,
    .cancelled = task_cancelled,
    .call_end = call_end,
    .offload = task_offload,
    .blocking = task_blocking,
    .spawn = host_spawn,
    .cancel = task_cancel,
    .budget_spent = task_budget_spent,
    .scratch = task_scratch,
    .command_done = task_command_done,
    .claim = settings->claim ? settings->claim : claim_nothing,
    .monotonic_ns = host_monotonic_ns,
    .realtime_ms = host_realtime_ms,
    .log = host_log,
    .logs = host_logs,
    .metric = host_metric,
    .observe = metric_observe,
    .publish = host_publish,
    .subscribe = host_subscribe,
    .occurred = event_occurred,
    .unsubscribe = event_unsubscribe,
    .unclaim = settings->unclaim ? settings->unclaim : unclaim_nothing,
  };
}
