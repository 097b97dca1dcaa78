/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - starting in the order of need, failing, stopping. */
#include "load/internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

void
plugin_fail (struct plugin *plugin, const char *format, ...) {
  struct loader *loader = plugin->loader;
  const struct config_plugin *config = plugin->config;
  va_list list;
  va_start (list, format);
  char *reason = g_strdup_vprintf (format, list);
  va_end (list);
  plugin->state = LOAD_STATE_FAILED;
  g_free (plugin->reason);
  plugin->reason = reason;
  metric_set (plugin->up, 0);
  registry_withdraw (loader, plugin);
  logger_event (loader->settings.logger, config->required ? PTN_LOG_ERROR : PTN_LOG_WARNING,
                "plugin.failed", "name", config->label, "module", plugin->path, "required",
                config->required ? "yes" : "no", "reason", reason, NULL);
  if (!loader->errors)
    return;
  if (config->required)
    config_error (loader->errors, config->place.file, config->place.line, "[plugin %s] %s",
                  config->label, reason);
  else
    config_warning (loader->errors, config->place.file, config->place.line,
                    "[plugin %s] is left out: %s", config->label, reason);
}

void
plugin_destroy (struct plugin *plugin) {
  if (!plugin->configured)
    return;
  plugin->configured = false;
  struct note_state note = note_begin (plugin->loader, plugin, LOAD_STOPPING);
  plugin->table.plugin.destroy (plugin->instance);
  note_end (plugin->loader, note);
  plugin->instance = NULL;
}

static bool
make_folder (struct plugin *plugin) {
  if (g_mkdir_with_parents (plugin->config->state_directory, 0700) == 0)
    return true;
  plugin_fail (plugin, "its folder %s cannot be made: %s", plugin->config->state_directory,
               g_strerror (errno));
  return false;
}

static void
fail_start (struct plugin *plugin) {
  if (plugin->complaint)
    plugin_fail (plugin, "start failed: %s", plugin->complaint);
  else if (plugin->missing)
    plugin_fail (plugin, "start failed: no plugin that runs provides %s", plugin->missing);
  else
    plugin_fail (plugin, "start failed: the plugin did not say why");
}

bool
plugin_start (struct plugin *plugin) {
  struct loader *loader = plugin->loader;
  plugin->state = LOAD_STATE_STARTING;
  pthread_mutex_lock (&loader->lock);
  g_clear_pointer (&plugin->complaint, g_free);
  pthread_mutex_unlock (&loader->lock);
  bool good = make_folder (plugin);
  if (good) {
    struct note_state note = note_begin (loader, plugin, LOAD_STARTING);
    ptn_status status = plugin->table.plugin.start (plugin->instance);
    note_end (loader, note);
    good = status == PTN_OK;
    if (!good)
      fail_start (plugin);
  }
  if (!good) {
    plugin_destroy (plugin);
    return false;
  }
  plugin->state = LOAD_STATE_RUNNING;
  metric_set (plugin->up, 1);
  g_ptr_array_add (loader->started, plugin);
  logger_event (loader->settings.logger, PTN_LOG_DEBUG, "plugin.started", "name",
                plugin->config->label, "version", plugin->table.plugin.version, NULL);
  return true;
}

bool
loader_start (struct loader *loader, struct config_errors *errors) {
  size_t before = config_errors_count (errors);
  loader->errors = errors;
  loader->starting = true;
  for (size_t i = 0; i < loader->count; i++)
    if (loader->plugins[i].state == LOAD_STATE_CONFIGURED)
      plugin_start (&loader->plugins[i]);
  loader->starting = false;
  /* A protocol that failed to start takes its listeners along. */
  for (size_t i = 0; i < loader->config->listener_count; i++) {
    struct config_listener *listener = &loader->config->listeners[i];
    if (!listener->disabled && !loader_find (loader, PTN_PROTOCOL_ID, listener->protocol)) {
      listener->disabled = true;
      logger_event (loader->settings.logger, PTN_LOG_WARNING, "listener.disabled", "listener",
                    listener->name, "protocol", listener->protocol, NULL);
    }
  }
  loader->errors = NULL;
  if (config_errors_count (errors) == before)
    return true;
  loader_stop (loader);
  return false;
}

bool
loader_start_one (struct loader *loader, uint32_t number, struct config_errors *errors) {
  if (number == 0 || number > loader->count)
    return number == 0;
  struct plugin *plugin = &loader->plugins[number - 1];
  loader->errors = errors;
  loader->starting = true;
  if (plugin->state == LOAD_STATE_CONFIGURED)
    plugin_start (plugin);
  loader->starting = false;
  loader->errors = NULL;
  return plugin->state == LOAD_STATE_RUNNING;
}

static void
plugin_stop (struct plugin *plugin) {
  struct loader *loader = plugin->loader;
  if (plugin->table.plugin.stop) {
    struct note_state note = note_begin (loader, plugin, LOAD_STOPPING);
    plugin->table.plugin.stop (plugin->instance);
    note_end (loader, note);
  }
  plugin->state = LOAD_STATE_STOPPED;
  metric_set (plugin->up, 0);
  if (atomic_load (&plugin->tasks) > 0)
    logger_event (loader->settings.logger, PTN_LOG_ERROR, "plugin.tasks-left", "name",
                  plugin->config->label, NULL);
}

void
loader_stop (struct loader *loader) {
  for (unsigned i = loader->started->len; i-- > 0;)
    plugin_stop (loader->started->pdata[i]);
  for (unsigned i = loader->started->len; i-- > 0;)
    plugin_destroy (loader->started->pdata[i]);
  g_ptr_array_set_size (loader->started, 0);
  /* Those that were configured only, and providers of no use any more. */
  for (size_t i = loader->count; i-- > 0;)
    plugin_destroy (&loader->plugins[i]);
  for (size_t i = 0; i < loader->count; i++)
    registry_withdraw (loader, &loader->plugins[i]);
}
