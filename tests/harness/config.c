/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - settings of a plugin under test, typed by its list as the real host does it. */
#include "internal.h"

#include <string.h>

struct value {
  ptn_setting_type type;
  char *text;
  int64_t number;
  char **words;
};

struct ptn_config {
  GHashTable *values;
};

static void
value_free (gpointer data) {
  struct value *value = data;
  g_free (value->text);
  g_strfreev (value->words);
  g_free (value);
}

struct ptn_config *
config_new (void) {
  struct ptn_config *config = g_new0 (struct ptn_config, 1);
  config->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, value_free);
  return config;
}

void
config_free (struct ptn_config *config) {
  g_hash_table_unref (config->values);
  g_free (config);
}

static int64_t
unit_of (ptn_setting_type type, const char *unit) {
  static const struct {
    ptn_setting_type type;
    const char *unit;
    int64_t factor;
  } units[] = {
    { PTN_SETTING_DURATION, "ms", 1 },       { PTN_SETTING_DURATION, "s", 1000 },
    { PTN_SETTING_DURATION, "m", 60000 },    { PTN_SETTING_DURATION, "h", 3600000 },
    { PTN_SETTING_DURATION, "d", 86400000 }, { PTN_SETTING_SIZE, "k", 1000 },
    { PTN_SETTING_SIZE, "kB", 1000 },        { PTN_SETTING_SIZE, "KiB", 1024 },
    { PTN_SETTING_SIZE, "M", 1000000 },      { PTN_SETTING_SIZE, "MB", 1000000 },
    { PTN_SETTING_SIZE, "MiB", 1048576 },    { PTN_SETTING_SIZE, "G", 1000000000 },
    { PTN_SETTING_SIZE, "GB", 1000000000 },  { PTN_SETTING_SIZE, "GiB", 1073741824 },
  };
  while (*unit == ' ')
    unit++;
  if (!*unit)
    return 1;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (units[i].type == type && strcmp (units[i].unit, unit) == 0)
      return units[i].factor;
  g_error ("harness: unknown unit '%s'", unit);
}

static void
assign (struct value *value, const char *text) {
  g_free (value->text);
  g_strfreev (value->words);
  value->text = g_strdup (text);
  value->words = NULL;
  switch (value->type) {
  case PTN_SETTING_INTEGER:
  case PTN_SETTING_SIZE:
  case PTN_SETTING_DURATION: {
    char *end = NULL;
    if (strcmp (text, "unlimited") == 0) {
      value->number = INT64_MAX;
      break;
    }
    value->number = g_ascii_strtoll (text, &end, 10);
    value->number *= unit_of (value->type, end);
    break;
  }
  case PTN_SETTING_BOOLEAN:
    value->number =
        strcmp (text, "yes") == 0 || strcmp (text, "true") == 0 || strcmp (text, "on") == 0;
    break;
  case PTN_SETTING_LIST: {
    GPtrArray *words = g_ptr_array_new ();
    char **pieces = g_strsplit_set (text, " ,", -1);
    for (char **piece = pieces; *piece; piece++) {
      if (**piece)
        g_ptr_array_add (words, g_strdup (*piece));
    }
    g_ptr_array_add (words, NULL);
    value->words = (char **)g_ptr_array_free (words, FALSE);
    g_strfreev (pieces);
    break;
  }
  default:
    break;
  }
}

void
config_declare (struct ptn_config *config, const struct ptn_plugin *plugin, bool listener) {
  for (size_t i = 0; i < plugin->setting_count; i++) {
    const struct ptn_setting *setting =
        (const void *)((const char *)plugin->settings + i * plugin->setting_size);
    if ((setting->scope != PTN_SCOPE_PLUGIN) != listener)
      continue;
    struct value *value = g_new0 (struct value, 1);
    value->type = setting->type;
    if (setting->default_value)
      assign (value, setting->default_value);
    g_hash_table_insert (config->values, g_strdup (setting->name), value);
  }
}

void
config_set (struct ptn_config *config, const char *assignment) {
  const char *equals = strchr (assignment, '=');
  g_assert_nonnull (equals);
  g_autofree char *name = g_strndup (assignment, (gsize)(equals - assignment));
  struct value *value = g_hash_table_lookup (config->values, name);
  if (!value)
    g_error ("harness: no setting '%s'", name);
  assign (value, equals + 1);
}

static const char *
get_text (const struct ptn_config *config, const char *name) {
  struct value *value = g_hash_table_lookup (config->values, name);
  if (!value)
    g_error ("harness: the plugin asks for a setting it did not declare: '%s'", name);
  return value->text;
}

static int64_t
get_number (const struct ptn_config *config, const char *name) {
  struct value *value = g_hash_table_lookup (config->values, name);
  if (!value)
    g_error ("harness: the plugin asks for a setting it did not declare: '%s'", name);
  return value->number;
}

static struct ptn_strings
get_words (const struct ptn_config *config, const char *name) {
  struct value *value = g_hash_table_lookup (config->values, name);
  if (!value)
    g_error ("harness: the plugin asks for a setting it did not declare: '%s'", name);
  return (struct ptn_strings){ (const char *const *)value->words,
                               value->words ? g_strv_length (value->words) : 0 };
}

void
harness_fill_config_services (struct ptn_host *host) {
  host->text = get_text;
  host->number = get_number;
  host->words = get_words;
}
