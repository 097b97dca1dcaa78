/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - see table.h.
 *
 * What a hostile or broken plugin says about itself is checked before it is used: the major
 * number before the size, the size before any member, the stride before any setting. */
#include "load/table.h"
#include "log/escape.h"

#include <dlfcn.h>
#include <string.h>

#define MOST_SETTINGS 1000
#define LONGEST_NAME 64

typedef const struct ptn_plugin *entry_function (uint32_t, uint32_t);

static bool
G_GNUC_PRINTF (2, 3) refuse (char **problem, const char *format, ...) {
  va_list list;
  va_start (list, format);
  *problem = g_strdup_vprintf (format, list);
  va_end (list);
  return false;
}

static bool
name_good (const char *name, const char *extra) {
  size_t n = 0;
  if (!name)
    return false;
  for (; name[n]; n++)
    if ((!g_ascii_islower (name[n]) && !g_ascii_isdigit (name[n]) && !strchr (extra, name[n]))
        || n >= LONGEST_NAME)
      return false;
  return n > 0;
}

/* --- settings ---------------------------------------------------------------------------- */

static bool
is_hosts_own (const struct ptn_setting *setting) {
  size_t count;
  const struct ptn_setting *own =
      config_host_settings (setting->scope == PTN_SCOPE_PLUGIN ? "plugin" : "listener", &count);
  for (size_t i = 0; i < count; i++)
    if (strcmp (own[i].name, setting->name) == 0)
      return true;
  return false;
}

static bool
setting_good (const struct ptn_setting *setting, size_t index, char **problem) {
  if (!name_good (setting->name, "_"))
    return refuse (problem, "its setting %zu has no name of the form [a-z0-9_]+", index + 1);
  if (setting->type == 0)
    return refuse (problem, "its setting %s has no type", setting->name);
  if (setting->type == PTN_SETTING_ENUM && (!setting->choices || !*setting->choices))
    return refuse (problem, "its setting %s has no choices", setting->name);
  if (is_hosts_own (setting))
    return refuse (problem, "its setting %s has the name of one of the host", setting->name);
  g_autofree char *mistake = config_setting_mistake (setting);
  if (mistake)
    return refuse (problem, "the default of its setting %s: %s", setting->name, mistake);
  return true;
}

static bool
settings_distinct (const struct plugin_table *table, char **problem) {
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (size_t i = 0; i < table->setting_count; i++)
    if (!g_hash_table_add (seen, (char *)table->settings[i].name))
      return refuse (problem, "it declares the setting %s twice", table->settings[i].name);
  return true;
}

/* Settings of a scope that this host does not know stand in sections that it does not know. */
static bool
settings_take (struct plugin_table *table, char **problem) {
  const struct ptn_plugin *plugin = &table->plugin;
  const unsigned char *from = (const unsigned char *)plugin->settings;
  size_t stride = plugin->setting_size, least = offsetof (struct ptn_setting, choices);
  if (plugin->setting_count == 0)
    return true;
  if (!from || plugin->setting_count > MOST_SETTINGS)
    return refuse (problem, "it declares %zu settings at %p", plugin->setting_count,
                   (const void *)from);
  if (stride < least || stride % sizeof (void *) != 0 || stride > 4096)
    return refuse (problem, "it says that a setting has %zu octets", stride);
  table->settings = g_new0 (struct ptn_setting, plugin->setting_count);
  for (size_t i = 0; i < plugin->setting_count; i++) {
    struct ptn_setting *setting = &table->settings[table->setting_count];
    memset (setting, 0, sizeof *setting);
    memcpy (setting, from + i * stride, MIN (stride, sizeof *setting));
    if (!setting->help)
      setting->help = "";
    if (setting->scope > PTN_SCOPE_LISTENER)
      continue;
    if (!setting_good (setting, i, problem))
      return false;
    table->setting_count++;
  }
  return settings_distinct (table, problem);
}

/* --- the plugin's own table ---------------------------------------------------------------- */

static bool
plugin_good (struct ptn_plugin *plugin, const char *name, char **problem) {
  if (!name_good (plugin->name, "-"))
    return refuse (problem, "its table has no name of the form [a-z0-9-]+");
  if (name && strcmp (plugin->name, name) != 0)
    return refuse (problem, "it is the plugin \"%s\", not \"%s\"", plugin->name, name);
  if (!plugin->configure || !plugin->start || !plugin->destroy)
    return refuse (problem, "its table has no %s function",
                   !plugin->configure ? "configure"
                   : !plugin->start   ? "start"
                                      : "destroy");
  if (!plugin->version)
    plugin->version = "";
  if (!plugin->summary)
    plugin->summary = "";
  return true;
}

bool
table_take (const struct ptn_plugin *from, const char *name, struct plugin_table *table,
            char **problem) {
  const size_t least = offsetof (struct ptn_plugin, destroy) + sizeof from->destroy;
  uint32_t head[2];
  memset (table, 0, sizeof *table);
  if (!from)
    return refuse (problem, "it says that it cannot serve this host (ABI %u.%u)", PTN_ABI_MAJOR,
                   PTN_ABI_MINOR);
  memcpy (head, from, sizeof head);
  if (head[0] >= sizeof head && head[1] != PTN_ABI_MAJOR)
    return refuse (problem, "it was built for ABI major %u, this host has %u", head[1],
                   PTN_ABI_MAJOR);
  if (head[0] < least)
    return refuse (problem, "its table has %u octets, %zu are the least", head[0], least);
  memcpy (&table->plugin, from, MIN (head[0], sizeof table->plugin));
  table->plugin.size = (uint32_t)MIN (head[0], sizeof table->plugin);
  bool good = plugin_good (&table->plugin, name, problem) && settings_take (table, problem);
  table->plugin.settings = NULL;
  if (!good)
    table_clear (table);
  return good;
}

void
table_clear (struct plugin_table *table) {
  g_free (table->settings);
  memset (table, 0, sizeof *table);
}

bool
table_open (const char *path, const char *name, struct plugin_table *table, char **problem) {
  memset (table, 0, sizeof *table);
  table->object = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (!table->object) {
    g_autofree char *shown = escape_dup (dlerror ());
    return refuse (problem, "it cannot be loaded: %s", shown);
  }
  void *symbol = dlsym (table->object, "postern_plugin_entry");
  if (!symbol)
    return refuse (problem, "%s is no plugin: it has no symbol postern_plugin_entry", path);
  entry_function *entry;
  memcpy (&entry, &symbol, sizeof entry);
  return table_take (entry (PTN_ABI_MAJOR, PTN_ABI_MINOR), name, table, problem);
}

char *
table_find_module (const char *module, const char *const *directories) {
  if (strchr (module, '/'))
    return g_strdup (module);
  char *first = NULL;
  for (const char *const *directory = directories; *directory; directory++) {
    char *path = g_build_filename (*directory, module, NULL);
    if (g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
      g_free (first);
      return path;
    }
    if (first)
      g_free (path);
    else
      first = path;
  }
  return first ? first : g_strdup (module);
}
