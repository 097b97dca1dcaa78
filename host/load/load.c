/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - from a config of phase 1 to plugins that are configured. */
#include "event/hub.h"
#include "load/internal.h"
#include "load/lint.h"
#include "log/escape.h"

#include <string.h>

/* The hub of all events between plugins, which tasks find through their engine. */
static struct event_hub *
make_hub (struct engine *engine) {
  if (!engine)
    return NULL;
  struct event_hub *hub = event_hub_new (&(struct event_hub_settings){ .waker = task_waker,
                                                                       .wake = waker_wake,
                                                                       .forget = waker_forget,
                                                                       .charge = task_charge,
                                                                       .refund = task_refund });
  engine_set_events (engine, hub);
  return hub;
}

struct loader *
loader_new (const struct loader_settings *settings) {
  struct loader *loader = g_new0 (struct loader, 1);
  loader->settings = *settings;
  loader->config = config_ref (settings->config);
  loader->count = settings->config->plugin_count;
  loader->plugins = g_new0 (struct plugin, loader->count);
  loader->providers = g_ptr_array_new ();
  loader->started = g_ptr_array_new ();
  loader->lists = g_ptr_array_new ();
  pthread_mutex_init (&loader->lock, NULL);
  loader->events = make_hub (settings->engine);
  for (size_t i = 0; i < loader->count; i++) {
    struct plugin *plugin = &loader->plugins[i];
    plugin->loader = loader;
    plugin->number = (uint32_t)i + 1;
    plugin->config = &settings->config->plugins[i];
    plugin->path =
        table_find_module (plugin->config->module, settings->config->server.plugin_directories);
    plugin->up = metrics_get (settings->metrics, PTN_METRIC_GAUGE, "postern_plugin_up",
                              "1: the plugin runs; 0: it was left out or has not been started.",
                              plugin->config->label, NULL);
    host_assemble (plugin);
  }
  return loader;
}

void
loader_free (struct loader **handle) {
  struct loader *loader = *handle;
  if (!loader)
    return;
  *handle = NULL;
  for (size_t i = loader->count; i-- > 0;)
    plugin_destroy (&loader->plugins[i]);
  registry_free (loader);
  if (loader->events)
    engine_set_events (loader->settings.engine, NULL);
  event_hub_free (&loader->events);
  for (size_t i = 0; i < loader->count; i++) {
    struct plugin *plugin = &loader->plugins[i];
    settings_unref (&plugin->settings);
    settings_unref (&plugin->previous);
    table_clear (&plugin->table);
    g_free (plugin->path);
    g_free (plugin->reason);
    g_free (plugin->complaint);
    g_free (plugin->missing);
  }
  g_free (loader->plugins);
  g_ptr_array_free (loader->started, true);
  pthread_mutex_destroy (&loader->lock);
  config_unref (&loader->config);
  g_free (loader);
}

void
loader_provide (struct loader *loader, const char *id, const char *name, const void *table,
                void *instance) {
  ptn_status status = registry_provide (loader, NULL, id, name, table, instance);
  g_assert (status == PTN_OK); /* our own table */
}

/* --- the supervisor's list ------------------------------------------------------------------- */

static bool
leave_out (struct plugin *plugin) {
  const struct loader_settings *settings = &plugin->loader->settings;
  for (size_t i = 0; i < settings->left_out_count; i++) {
    const struct load_left_out *left_out = &settings->left_out[i];
    if (strcmp (left_out->label, plugin->config->label) != 0)
      continue;
    if (plugin->config->required) {
      plugin_fail (plugin, "%s", left_out->reason);
      return true;
    }
    plugin->state = LOAD_STATE_LEFT_OUT;
    plugin->reason = g_strdup (left_out->reason);
    config_warning (plugin->loader->errors, plugin->config->place.file, plugin->config->place.line,
                    "[plugin %s] is left out: %s", plugin->config->label, left_out->reason);
    logger_event (settings->logger, PTN_LOG_WARNING, "plugin.left-out", "name",
                  plugin->config->label, "reason", left_out->reason, NULL);
    return true;
  }
  return false;
}

/* --- the steps --------------------------------------------------------------------------------- */

static bool
open_plugin (struct plugin *plugin) {
  char *problem = NULL;
  const struct config_server *server = &plugin->loader->config->server;
  if (!strchr (plugin->config->module, '/') && !g_file_test (plugin->path, G_FILE_TEST_EXISTS)) {
    g_autofree char *places = g_strjoinv (":", (char **)server->plugin_directories);
    plugin_fail (plugin, "there is no %s in plugin_directory (%s)", plugin->config->module, places);
    return false;
  }
  struct note_state note = note_begin (plugin->loader, plugin, LOAD_LOADING);
  bool good = table_open (plugin->path, plugin->config->name, &plugin->table, &problem);
  note_end (plugin->loader, note);
  if (good)
    problem = scopes_collision (plugin->loader, plugin);
  if (problem) {
    plugin_fail (plugin, "%s", problem);
    g_free (problem);
    table_clear (&plugin->table);
    return false;
  }
  plugin->state = LOAD_STATE_LOADED;
  return true;
}

/* Mistakes in the section of a plugin that is not required leave it out; in --check, where a
 * person reads them, they count as errors. */
static bool
check_section (struct plugin *plugin) {
  struct loader *loader = plugin->loader;
  struct config_errors *errors = config_errors_new ();
  struct config_plugin *section = &loader->config->plugins[plugin->number - 1];
  bool good = config_check_plugin (loader->config, section, plugin->table.settings,
                                   plugin->table.setting_count, errors);
  bool soften = !plugin->config->required && !loader->settings.strict;
  const struct config_error *error;
  for (size_t i = 0; (error = config_errors_get (errors, i)); i++)
    if (error->warning || soften)
      config_warning (loader->errors, error->file, error->line, "%s", error->message);
    else
      config_error (loader->errors, error->file, error->line, "%s", error->message);
  config_errors_free (&errors);
  if (good)
    plugin->settings = settings_ref (section->settings);
  else if (soften)
    plugin_fail (plugin, "its settings have errors");
  else { /* already reported, each in its line */
    plugin->state = LOAD_STATE_FAILED;
    plugin->reason = g_strdup ("its settings have errors");
  }
  return good;
}

static void
configure (struct plugin *plugin) {
  struct note_state note = note_begin (plugin->loader, plugin, LOAD_CONFIGURING);
  ptn_status status =
      plugin->table.plugin.configure (&plugin->host.table, plugin->settings, &plugin->instance);
  note_end (plugin->loader, note);
  if (status == PTN_OK) {
    plugin->configured = true;
    plugin->state = LOAD_STATE_CONFIGURED;
  } else
    plugin_fail (plugin, "configure failed: %s",
                 plugin->complaint ? plugin->complaint : "the plugin did not say why");
}

bool
loader_load (struct loader *loader, struct config_errors *errors) {
  loader->errors = errors;
  size_t before = config_errors_count (errors);
  for (size_t i = 0; i < loader->count; i++) {
    struct plugin *plugin = &loader->plugins[i];
    if (leave_out (plugin) || !open_plugin (plugin))
      continue;
    if (check_section (plugin))
      configure (plugin);
  }
  registry_check_choices (loader, loader->config, errors);
  scopes_check (loader, loader->config, loader->settings.check_files, errors);
  lint_config (loader, loader->config, errors);
  loader->errors = NULL;
  return config_errors_count (errors) == before;
}

/* --- what is there ------------------------------------------------------------------------------- */

size_t
loader_count (const struct loader *loader) {
  return loader->count;
}

void
loader_info (const struct loader *loader, size_t index, struct load_info *info) {
  const struct plugin *plugin = &loader->plugins[index];
  const char *version = plugin->table.plugin.version, *summary = plugin->table.plugin.summary;
  *info = (struct load_info){ .label = plugin->config->label,
                              .name = plugin->config->name,
                              .version = version ? version : "",
                              .summary = summary ? summary : "",
                              .module = plugin->path,
                              .state = plugin->state,
                              .reason = plugin->reason ? plugin->reason : "",
                              .required = plugin->config->required };
}

const char *
load_state_name (enum load_state state) {
  static const char *const names[] = { "new",     "loaded",  "configured", "starting",
                                       "running", "stopped", "failed",     "left out" };
  return names[state];
}
