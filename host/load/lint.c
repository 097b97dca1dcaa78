/* SPDX-License-Identifier: Apache-2.0 */
/* lint.c - words of the configuration that nobody will ever look at: lanes that no plugin uses, names
 * of providers that there are none of, and what plugins find.  All are warnings: the server is right
 * to start. */
#include "config/suggest.h"
#include "load/internal.h"
#include "load/lint.h"
#include "log/escape.h"

#include <string.h>

/* A plugin that is not there may be the one that uses the word. */
static bool
all_loaded (const struct loader *loader) {
  for (size_t i = 0; i < loader->count; i++)
    if (!loader->plugins[i].configured)
      return false;
  return true;
}

/* "; did you mean X?", or "; known are: X Y", or nothing; g_free it. */
static char *
hint (const char *word, const GPtrArray *known) {
  struct suggestion suggestion;
  suggest_begin (&suggestion, word);
  for (guint i = 0; i < known->len; i++)
    suggest_show (&suggestion, known->pdata[i]);
  if (suggestion.best)
    return g_strdup_printf ("; did you mean %s?", suggestion.best);
  GString *text = g_string_new (known->len ? "; known are:" : "");
  for (guint i = 0; i < known->len; i++)
    g_string_append_printf (text, " %s", (const char *)known->pdata[i]);
  return g_string_free (text, false);
}

static bool
knows (const GPtrArray *known, const char *word) {
  for (guint i = 0; i < known->len; i++)
    if (g_ascii_strcasecmp (known->pdata[i], word) == 0)
      return true;
  return false;
}

/* --- lanes ------------------------------------------------------------------------------------ */

static void
check_lanes (struct loader *loader, struct config *config, struct config_errors *errors) {
  g_autoptr (GPtrArray) known = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < loader->count; i++) {
    const struct ptn_plugin *plugin = &loader->plugins[i].table.plugin;
    g_auto (GStrv) lanes = g_strsplit (plugin->lanes ? plugin->lanes : "", " ", -1);
    for (char **lane = lanes; *lane; lane++)
      if (**lane && !knows (known, *lane))
        g_ptr_array_add (known, g_strdup (*lane));
  }
  for (size_t i = 0; i < config->lane_count; i++) {
    const char *name = config->lanes[i].name;
    if (knows (known, name))
      continue;
    g_autofree char *title = g_strdup_printf ("lane %s", name);
    g_autofree char *shown = escape_dup (name), *hint_text = hint (name, known);
    struct config_place place = config_place_of (config, title, "");
    config_warning (errors, place.file, place.line, "[lane %s]: no plugin here uses this lane%s",
                    shown, hint_text);
  }
}

/* --- names of providers ------------------------------------------------------------------------ */

static void
check_words (struct loader *loader, struct config *config, const struct config_listener *listener,
             const struct ptn_setting *setting, struct config_errors *errors) {
  g_autoptr (GPtrArray) known = g_ptr_array_new ();
  const struct load_provider *provider = NULL;
  while ((provider = loader_next (loader, setting->choices + 1, provider)))
    g_ptr_array_add (known, (char *)provider->name);
  struct ptn_strings words = settings_words (listener->settings, setting->name);
  for (size_t i = 0; i < words.count; i++) {
    if (knows (known, words.items[i]))
      continue;
    g_autofree char *title = g_strdup_printf ("listener %s", listener->name);
    g_autofree char *shown = escape_dup (words.items[i]);
    g_autofree char *hint_text = hint (words.items[i], known);
    struct config_place place = config_place_of (config, title, setting->name);
    config_warning (errors, place.file, place.line, "%s: no plugin here provides %s%s",
                    setting->name, shown, hint_text);
  }
}

static void
check_listener (struct loader *loader, struct config *config,
                const struct config_listener *listener, struct config_errors *errors) {
  for (size_t i = 0; i < loader->count; i++) {
    const struct plugin_table *table = &loader->plugins[i].table;
    for (size_t j = 0; j < table->setting_count; j++) {
      const struct ptn_setting *setting = &table->settings[j];
      if (setting->scope != PTN_SCOPE_PLUGIN && config_names_providers (setting)
          && settings_given (listener->settings, setting->name))
        check_words (loader, config, listener, setting, errors);
    }
  }
}

/* --- what plugins find -------------------------------------------------------------------------- */

struct warning {
  struct config *config;
  const char *title; /* of the section */
  struct config_errors *errors;
};

static void
warn (void *to, const char *setting, const char *text) {
  const struct warning *warning = to;
  struct config_place place = config_place_of (warning->config, warning->title, setting);
  g_autofree char *shown = escape_dup (text);
  config_warning (warning->errors, place.file, place.line, "%s: %s", setting, shown);
}

static void
ask_plugin (const struct plugin *plugin, struct config *config, struct config_errors *errors) {
  const struct ptn_plugin *table = &plugin->table.plugin;
  const char *instance = plugin->config->instance;
  g_autofree char *own =
      g_strdup_printf ("plugin %s%s%s", plugin->config->name, *instance ? " " : "", instance);
  struct note_state note = note_begin (plugin->loader, plugin, LOAD_CONFIGURING);
  table->check (plugin->instance, plugin->settings, PTN_SCOPE_PLUGIN, warn,
                &(struct warning){ config, own, errors });
  for (size_t i = 0; i < config->listener_count; i++) {
    const struct config_listener *listener = &config->listeners[i];
    g_autofree char *title = g_strdup_printf ("listener %s", listener->name);
    if (listener->settings && !listener->off)
      table->check (plugin->instance, listener->settings, PTN_SCOPE_LISTENER, warn,
                    &(struct warning){ config, title, errors });
  }
  note_end (plugin->loader, note);
}

void
lint_config (struct loader *loader, struct config *config, struct config_errors *errors) {
  if (!all_loaded (loader))
    return;
  check_lanes (loader, config, errors);
  for (size_t i = 0; i < config->listener_count; i++)
    if (config->listeners[i].settings)
      check_listener (loader, config, &config->listeners[i], errors);
  for (size_t i = 0; i < loader->count; i++)
    if (loader->plugins[i].table.plugin.check)
      ask_plugin (&loader->plugins[i], config, errors);
}
