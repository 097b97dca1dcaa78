/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - see values.h.  One function a type; each says what it expected, with an example. */
#include "config/values.h"
#include "log/escape.h"
#include "config/suggest.h"

#include <string.h>

#define SECRET_LIMIT 65536

const char *
setting_type_name (ptn_setting_type type) {
  static const char *const names[] = { "text", "number",   "yes or no", "size", "duration",
                                       "path", "endpoint", "secret",    "word", "list of words" };
  return type >= PTN_SETTING_STRING && type <= PTN_SETTING_LIST ? names[type - 1] : "unknown";
}

bool
config_read_file (const struct config_options *options, const char *path, char **data, size_t *size,
                  GError **error) {
  if (options && options->read)
    return options->read (options->user, path, data, size, error);
  return g_file_get_contents (path, data, size, error);
}

/* --- numbers ----------------------------------------------------------------------------- */

/* Digits at the start of text; false: none, or more than an int64_t holds. */
static bool
read_digits (const char **text, int64_t *value) {
  const char *start = *text;
  int64_t sum = 0;
  for (; g_ascii_isdigit (**text); (*text)++)
    if (__builtin_mul_overflow (sum, 10, &sum) || __builtin_add_overflow (sum, **text - '0', &sum))
      return false;
  *value = sum;
  return *text > start;
}

static const char *
parse_integer (const char *text, int64_t *number) {
  static const char expected[] = "expected a number, such as 100";
  bool negative = *text == '-';
  const char *digits = text + negative;
  if (!read_digits (&digits, number) || *digits)
    return expected;
  if (negative)
    *number = -*number;
  return NULL;
}

static const char *
parse_boolean (const char *text, int64_t *number) {
  static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (text, words[i]) == 0) {
      *number = (int64_t)(i & 1);
      return NULL;
    }
  return "expected yes or no";
}

static const char *
parse_size (const char *text, int64_t *number) {
  static const char expected[] = "expected a size, such as 100, 50 MB, 64 KiB or unlimited";
  static const struct {
    const char *unit;
    int64_t factor;
  } units[] = {
    { "", 1 },
    { "B", 1 },
    { "k", 1000 },
    { "kB", 1000 },
    { "Ki", INT64_C (1) << 10 },
    { "KiB", INT64_C (1) << 10 },
    { "M", 1000000 },
    { "MB", 1000000 },
    { "Mi", INT64_C (1) << 20 },
    { "MiB", INT64_C (1) << 20 },
    { "G", 1000000000 },
    { "GB", 1000000000 },
    { "Gi", INT64_C (1) << 30 },
    { "GiB", INT64_C (1) << 30 },
    { "T", INT64_C (1000000000000) },
    { "TB", INT64_C (1000000000000) },
    { "Ti", INT64_C (1) << 40 },
    { "TiB", INT64_C (1) << 40 },
  };
  if (g_ascii_strcasecmp (text, "unlimited") == 0) {
    *number = INT64_MAX;
    return NULL;
  }
  if (!read_digits (&text, number))
    return expected;
  while (*text == ' ' || *text == '\t')
    text++;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_strcasecmp (text, units[i].unit) == 0)
      return __builtin_mul_overflow (*number, units[i].factor, number) ? expected : NULL;
  return expected;
}

static const char *
parse_duration (const char *text, int64_t *number) {
  static const char expected[] =
      "expected a duration with its unit (ms, s, m, h, d), such as 500ms, 30s or 10m";
  static const struct {
    const char *unit;
    int64_t factor;
  } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
  if (!read_digits (&text, number))
    return expected;
  if (*number == 0 && *text == 0)
    return NULL;
  while (*text == ' ' || *text == '\t')
    text++;
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (strcmp (text, units[i].unit) == 0)
      return __builtin_mul_overflow (*number, units[i].factor, number) ? expected : NULL;
  return expected;
}

/* --- texts --------------------------------------------------------------------------------- */

static char *
absolute (const char *path, const char *folder) {
  return g_canonicalize_filename (path, folder);
}

static char *
parse_path (const char *text, const struct value_source *source, struct setting_item *item) {
  if (!*text)
    return g_strdup ("expected a path, such as /var/lib/postern");
  item->text = absolute (text, source->folder);
  return NULL;
}

static char *
parse_secret (const char *text, const struct value_source *source, struct setting_item *item) {
  if (!g_str_has_prefix (text, "file:")) {
    item->text = g_strdup (text);
    return *text ? NULL : g_strdup ("expected a secret, or file:PATH");
  }
  g_autofree char *path = absolute (text + 5, source->folder);
  g_autoptr (GError) error = NULL;
  char *data = NULL, *problem = NULL;
  size_t size = 0;
  if (!config_read_file (source->options, path, &data, &size, &error)) {
    g_autofree char *shown = escape_dup (error->message);
    return g_strdup_printf ("the secret cannot be read: %s", shown);
  }
  size_t length = size;
  if (length > 0 && data[length - 1] == '\n')
    length--;
  if (length > 0 && data[length - 1] == '\r')
    length--;
  if (length == 0 || length > SECRET_LIMIT || memchr (data, 0, length))
    problem = g_strdup ("the secret's file is empty, over 64 KiB, or has NUL octets");
  else
    item->text = g_strndup (data, length);
  explicit_bzero (data, size);
  g_free (data);
  return problem;
}

static char *
parse_endpoint (const char *text, const struct value_source *source, struct setting_item *item) {
  struct config_endpoint endpoint;
  const char *expected;
  if (!config_endpoint_parse (text, source->folder, &endpoint, &expected))
    return g_strdup (expected);
  item->text =
      endpoint.path ? g_strdup_printf ("unix:%s", endpoint.path) : g_strdup (endpoint.text);
  config_endpoint_clear (&endpoint);
  return NULL;
}

/* The choice as its author writes it; NULL: none of them, and *problem says so. */
static char *
choose (const char *word, const char *choices, char **problem) {
  g_auto (GStrv) known = g_strsplit (choices, " ", -1);
  struct suggestion suggestion;
  suggest_begin (&suggestion, word);
  for (char **choice = known; *choice; choice++) {
    if (g_ascii_strcasecmp (*choice, word) == 0)
      return g_strdup (*choice);
    if (**choice)
      suggest_show (&suggestion, *choice);
  }
  g_autofree char *shown = escape_dup (word);
  GString *text = g_string_new (NULL);
  g_string_printf (text, "\"%s\" is not one of: %s", shown, choices);
  if (suggestion.best)
    g_string_append_printf (text, "; did you mean %s?", suggestion.best);
  *problem = g_string_free (text, false);
  return NULL;
}

static char *
parse_enum (const struct ptn_setting *setting, const char *text, struct setting_item *item) {
  char *problem = NULL;
  item->text = choose (text, setting->choices ? setting->choices : "", &problem);
  return problem;
}

bool
config_names_providers (const struct ptn_setting *setting) {
  return setting->type == PTN_SETTING_LIST && setting->choices && setting->choices[0] == '=';
}

static char *
parse_list (const struct ptn_setting *setting, const char *text, struct setting_item *item) {
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) parts = g_strsplit_set (text, " ,\t\n\r", -1);
  char *problem = NULL;
  for (char **part = parts; *part; part++) {
    if (!**part)
      continue;
    char *word = setting->choices && !config_names_providers (setting)
                     ? choose (*part, setting->choices, &problem)
                     : g_strdup (*part);
    if (!word)
      return problem;
    g_ptr_array_add (words, word);
  }
  item->word_count = words->len;
  g_ptr_array_add (words, NULL);
  item->words = (char **)g_ptr_array_free (g_steal_pointer (&words), false);
  item->text = g_strdup (text);
  return NULL;
}

/* --- all together -------------------------------------------------------------------------- */

/* "expected ..., not "10"", with a hint for who wrote a comment behind a value. */
static char *
not_this (const char *expected, const char *written) {
  g_autofree char *shown = escape_dup (written);
  bool comment = strstr (written, " #") || strstr (written, " ;");
  return g_strdup_printf ("%s, not \"%s\"%s", expected, shown,
                          comment ? " (a comment needs a line of its own)" : "");
}

char *
value_parse (const struct ptn_setting *setting, const char *written,
             const struct value_source *source, struct setting_item *item) {
  const char *expected = NULL;
  char *problem = NULL;
  switch (setting->type) {
  case PTN_SETTING_INTEGER:
    expected = parse_integer (written, &item->number);
    break;
  case PTN_SETTING_BOOLEAN:
    expected = parse_boolean (written, &item->number);
    break;
  case PTN_SETTING_SIZE:
    expected = parse_size (written, &item->number);
    break;
  case PTN_SETTING_DURATION:
    expected = parse_duration (written, &item->number);
    break;
  case PTN_SETTING_PATH:
    problem = parse_path (written, source, item);
    break;
  case PTN_SETTING_ENDPOINT:
    problem = parse_endpoint (written, source, item);
    break;
  case PTN_SETTING_SECRET:
    return parse_secret (written, source, item);
  case PTN_SETTING_ENUM:
    return parse_enum (setting, written, item);
  case PTN_SETTING_LIST:
    return parse_list (setting, written, item);
  default:
    break;
  }
  if (problem)
    expected = problem;
  if (expected) {
    char *text = not_this (expected, written);
    g_free (problem);
    item->number = 0;
    return text;
  }
  if (!item->text)
    item->text = g_strdup (written);
  return NULL;
}

void
setting_item_clear (struct setting_item *item) {
  if (item->text && item->type == PTN_SETTING_SECRET)
    explicit_bzero (item->text, strlen (item->text));
  g_free (item->name);
  g_free (item->text);
  g_strfreev (item->words);
  memset (item, 0, sizeof *item);
}

char *
config_setting_mistake (const struct ptn_setting *setting) {
  static const struct value_source nowhere = { .folder = "/" };
  struct setting_item item = { .type = setting->type };
  if (!setting->default_value || setting->type == PTN_SETTING_SECRET)
    return NULL;
  char *problem = value_parse (setting, setting->default_value, &nowhere, &item);
  setting_item_clear (&item);
  return problem;
}
