/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c - a new configuration for plugins that go on running. */
#include "load/internal.h"

#include <string.h>

static struct plugin *
plugin_by_label (struct loader *loader, const char *label) {
  for (size_t i = 0; i < loader->count; i++)
    if (strcmp (loader->plugins[i].config->label, label) == 0)
      return &loader->plugins[i];
  return NULL;
}

static const struct config_plugin *
section_by_label (const struct config *config, const char *label) {
  for (size_t i = 0; i < config->plugin_count; i++)
    if (strcmp (config->plugins[i].label, label) == 0)
      return &config->plugins[i];
  return NULL;
}

/* --- checking ---------------------------------------------------------------------------------- */

static void
check_section (struct loader *loader, struct config *config, struct config_plugin *section,
               struct config_errors *errors) {
  const struct config_place *place = &section->place;
  struct plugin *plugin = plugin_by_label (loader, section->label);
  if (!plugin) {
    config_warning (errors, place->file, place->line,
                    "[plugin %s] is new: it is loaded by a restart", section->label);
    return;
  }
  g_autofree char *path = table_find_module (section->module, config->server.plugin_directories);
  if (strcmp (path, plugin->path) != 0)
    config_warning (errors, place->file, place->line,
                    "[plugin %s] has another module: it is loaded by a restart", section->label);
  if (plugin->state != LOAD_STATE_RUNNING)
    return;
  if (config_check_plugin (config, section, plugin->table.settings, plugin->table.setting_count,
                           errors)
      && !plugin->table.plugin.reload && !settings_equal (plugin->settings, section->settings))
    config_warning (errors, place->file, place->line,
                    "[plugin %s] takes new settings by a restart only", section->label);
}

/* What was read once, at the start. */
static void
check_server (struct loader *loader, struct config *config, struct config_errors *errors) {
  static const char *const fixed[] = {
    "name",  "user",      "state_directory", "run_directory", "plugin_directory", "workers",
    "store", "directory", "credentials",     "login",         "delivery"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (fixed); i++) {
    const char *old = settings_text (loader->config->server.settings, fixed[i]);
    const char *new = settings_text (config->server.settings, fixed[i]);
    struct config_place place = config_place_of (config, "server", fixed[i]);
    if (g_strcmp0 (old, new) != 0)
      config_warning (errors, place.file, place.line, "%s is changed by a restart only", fixed[i]);
  }
}

bool
loader_check (struct loader *loader, struct config *config, struct config_errors *errors) {
  size_t before = config_errors_count (errors);
  check_server (loader, config, errors);
  for (size_t i = 0; i < config->plugin_count; i++)
    check_section (loader, config, &config->plugins[i], errors);
  for (size_t i = 0; i < loader->count; i++)
    if (!section_by_label (config, loader->plugins[i].config->label))
      config_warning (errors, config->file, 0, "[plugin %s] is gone: it stays until a restart",
                      loader->plugins[i].config->label);
  scopes_check (loader, config, loader->settings.check_files, errors);
  return config_errors_count (errors) == before;
}

/* --- taking over ---------------------------------------------------------------------------------- */

static ptn_status
call_reload (struct plugin *plugin, struct ptn_task *task, const struct ptn_config *settings) {
  uint32_t before = engine_enter (plugin->number);
  ptn_status status = plugin->table.plugin.reload (plugin->instance, task, settings);
  engine_enter (before);
  return status;
}

static void
log_refusal (struct plugin *plugin, struct ptn_task *task, const char *event) {
  const char *text = task ? task_failure_log (task) : NULL;
  logger_event (plugin->loader->settings.logger, PTN_LOG_ERROR, event, "name",
                plugin->config->label, "error", text ? text : "the plugin did not say why", NULL);
}

/* PTN_OK also where there is nothing to do. */
static ptn_status
take_one (struct plugin *plugin, struct ptn_task *task, struct ptn_config *settings) {
  if (plugin->state != LOAD_STATE_RUNNING || !plugin->table.plugin.reload || !settings
      || settings_equal (plugin->settings, settings))
    return PTN_OK;
  ptn_status status = call_reload (plugin, task, settings);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status != PTN_OK) {
    log_refusal (plugin, task, "plugin.reload-refused");
    return PTN_E_INVALID;
  }
  settings_unref (&plugin->previous);
  plugin->previous = plugin->settings;
  plugin->settings = settings_ref (settings);
  plugin->reloaded = true;
  return PTN_OK;
}

/* Back to the settings from before.  Those that it gives up live on as `previous`, as after any
 * reload. */
static ptn_status
undo_one (struct plugin *plugin, struct ptn_task *task) {
  if (!plugin->reloaded)
    return PTN_OK;
  ptn_status status = call_reload (plugin, task, plugin->previous);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  plugin->reloaded = false;
  if (status != PTN_OK) {
    log_refusal (plugin, task, "plugin.reload-stuck");
    return PTN_OK;
  }
  struct ptn_config *new = plugin->settings;
  plugin->settings = plugin->previous;
  plugin->previous = new;
  return PTN_OK;
}

static void
begin_reload (struct loader *loader, struct config *config) {
  loader->reloading = config_ref (config);
  loader->reload_next = 0;
  loader->reload_refused = false;
  for (size_t i = 0; i < loader->count; i++)
    loader->plugins[i].reloaded = false;
}

ptn_status
loader_reload (struct loader *loader, struct ptn_task *task, struct config *config) {
  if (!loader->reloading)
    begin_reload (loader, config);
  for (; !loader->reload_refused && loader->reload_next < config->plugin_count;
       loader->reload_next++) {
    const struct config_plugin *section = &config->plugins[loader->reload_next];
    struct plugin *plugin = plugin_by_label (loader, section->label);
    ptn_status status = plugin ? take_one (plugin, task, section->settings) : PTN_OK;
    if (status == PTN_PENDING)
      return PTN_PENDING;
    if (status != PTN_OK) {
      loader->reload_refused = true;
      break;
    }
  }
  while (loader->reload_refused && loader->reload_next > 0) { /* the last one first */
    const char *label = config->plugins[loader->reload_next - 1].label;
    struct plugin *plugin = plugin_by_label (loader, label);
    if (plugin && undo_one (plugin, task) == PTN_PENDING)
      return PTN_PENDING;
    loader->reload_next--;
  }
  config_unref (&loader->reloading);
  return loader->reload_refused ? PTN_E_INVALID : PTN_OK;
}
