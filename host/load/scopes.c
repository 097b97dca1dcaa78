/* SPDX-License-Identifier: Apache-2.0 */
/* scopes.c - settings that plugins add to listeners. */
#include "load/internal.h"

#include <string.h>

static bool
is_live (const struct plugin *plugin) {
  return plugin->state >= LOAD_STATE_CONFIGURED && plugin->state <= LOAD_STATE_RUNNING;
}

/* It was loaded, and then its section had errors: those of its listeners are told in the same
 * run, unless mail is to go on without it. */
static bool
is_known (const struct plugin *plugin) {
  return plugin->state == LOAD_STATE_FAILED && plugin->table.setting_count
         && (plugin->config->required || plugin->loader->settings.strict);
}

static const char *const *
protocols_of (struct loader *loader, const struct plugin *plugin) {
  GPtrArray *names = g_ptr_array_new ();
  for (unsigned i = 0; i < loader->providers->len; i++) {
    const struct provider *provider = loader->providers->pdata[i];
    if (provider->plugin == plugin && !provider->withdrawn
        && strcmp (provider->id, PTN_PROTOCOL_ID) == 0)
      g_ptr_array_add (names, provider->name);
  }
  g_ptr_array_add (names, NULL);
  return (const char *const *)g_ptr_array_free (names, false);
}

bool
scopes_check (struct loader *loader, struct config *config, bool check_files,
              struct config_errors *errors) {
  struct config_scope *scopes = g_new0 (struct config_scope, loader->count);
  struct config_checks checks = { .scopes = scopes, .check_files = check_files };
  for (size_t i = 0; i < loader->count; i++) {
    const struct plugin *plugin = &loader->plugins[i];
    bool live = is_live (plugin);
    if (!live) {
      checks.incomplete = true;
      checks.failed |= plugin->config->required;
    }
    if (!live && !is_known (plugin)) {
      checks.unloaded = true;
      continue;
    }
    scopes[checks.scope_count++] =
        (struct config_scope){ plugin->config->name, plugin->table.settings,
                               plugin->table.setting_count, protocols_of (loader, plugin), !live };
  }
  bool good = config_check_listeners (config, &checks, errors);
  for (size_t i = 0; i < checks.scope_count; i++)
    g_free ((void *)scopes[i].protocols);
  g_free (scopes);
  return good;
}

/* Two plugins may both have a PROTOCOL setting of one name: a listener has one protocol. */
static bool
collide (const struct ptn_setting *a, const struct ptn_setting *b) {
  if (a->scope == PTN_SCOPE_PLUGIN || b->scope == PTN_SCOPE_PLUGIN)
    return false;
  if (a->scope == PTN_SCOPE_PROTOCOL && b->scope == PTN_SCOPE_PROTOCOL)
    return false;
  return strcmp (a->name, b->name) == 0;
}

char *
scopes_collision (struct loader *loader, const struct plugin *plugin) {
  for (const struct plugin *other = loader->plugins; other < plugin; other++) {
    if (strcmp (other->config->name, plugin->config->name) == 0)
      continue;
    for (size_t i = 0; i < other->table.setting_count; i++)
      for (size_t j = 0; j < plugin->table.setting_count; j++)
        if (collide (&other->table.settings[i], &plugin->table.settings[j]))
          return g_strdup_printf ("its listener setting %s is one of plugin %s already",
                                  plugin->table.settings[j].name, other->config->name);
  }
  return NULL;
}
