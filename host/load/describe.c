/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - settings for people: a text, or scdoc source of a manual page. */
#include "load/describe.h"
#include "config/check.h"
#include "config/suggest.h"
#include "config/values.h"
#include "load/table.h"

#include <string.h>

#define WIDTH 78

struct group {       /* settings that stand in one kind of section */
  const char *title; /* "[plugin pop3]" */
  const struct ptn_setting *settings;
  size_t count;
  uint32_t scope;
};

struct subject {
  const char *name, *version, *summary;
  struct group groups[3];
  size_t group_count;
};

/* --- text ------------------------------------------------------------------------------------ */

static void
print_wrapped (FILE *output, const char *text, int indent) {
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  int column = 0;
  for (char **word = words; *word; word++) {
    int length = (int)g_utf8_strlen (*word, -1);
    if (column > 0 && column + 1 + length > WIDTH) {
      fputc ('\n', output);
      column = 0;
    }
    if (column == 0)
      column = fprintf (output, "%*s", indent, "");
    else
      column += fprintf (output, " ");
    fputs (*word, output);
    column += length;
  }
  fputc ('\n', output);
}

static void
print_setting_text (FILE *output, const struct ptn_setting *setting) {
  fprintf (output, "  %s", setting->name);
  if (setting->default_value)
    fprintf (output, " = %s", setting->default_value);
  fprintf (output, "   (%s%s)\n", setting_type_name (setting->type),
           setting->required ? ", required" : "");
  if (setting->choices && *setting->choices) {
    g_autofree char *line = config_names_providers (setting)
                                ? g_strdup_printf ("names of %s", setting->choices + 1)
                                : g_strdup_printf ("one of: %s", setting->choices);
    print_wrapped (output, line, 6);
  }
  print_wrapped (output, setting->help, 6);
}

static void
print_text (const struct subject *subject, FILE *output) {
  fprintf (output, "%s%s%s", subject->name, *subject->version ? " " : "", subject->version);
  fprintf (output, "%s%s\n", *subject->summary ? " - " : "", subject->summary);
  for (size_t i = 0; i < subject->group_count; i++) {
    const struct group *group = &subject->groups[i];
    fprintf (output, "\n%s\n", group->title);
    for (size_t j = 0; j < group->count; j++)
      if (group->settings[j].scope == group->scope)
        print_setting_text (output, &group->settings[j]);
  }
}

/* --- scdoc(5) ---------------------------------------------------------------------------------- */

static void
print_escaped (FILE *output, const char *text) {
  for (; *text; text++) {
    if (strchr ("\\_*#[]<>.~", *text))
      fputc ('\\', output);
    fputc (*text == '\n' || *text == '\t' ? ' ' : *text, output);
  }
}

static void
print_setting_man (FILE *output, const struct ptn_setting *setting) {
  fputc ('*', output);
  print_escaped (output, setting->name);
  fprintf (output, "* = _%s_\n\t", setting_type_name (setting->type));
  print_escaped (output, setting->help);
  if (setting->choices && *setting->choices) {
    bool names = config_names_providers (setting);
    fputs (names ? " Names of " : " One of: ", output);
    print_escaped (output, setting->choices + names);
    fputc ('.', output);
  }
  if (setting->required)
    fputs (" Required.", output);
  else if (setting->default_value) {
    fputs (" Default: ", output);
    print_escaped (output, *setting->default_value ? setting->default_value : "empty");
    fputc ('.', output);
  }
  fputs ("\n\n", output);
}

static void
print_man (const struct subject *subject, FILE *output) {
  fprintf (output, "postern-%s(5) \"Postern %s\"\n\n# NAME\n\npostern-%s - ", subject->name,
           subject->version, subject->name);
  print_escaped (output, *subject->summary ? subject->summary : "settings");
  fputs ("\n\n", output);
  for (size_t i = 0; i < subject->group_count; i++) {
    const struct group *group = &subject->groups[i];
    fputs ("# SETTINGS OF ", output);
    print_escaped (output, group->title);
    fputs ("\n\n", output);
    for (size_t j = 0; j < group->count; j++)
      if (group->settings[j].scope == group->scope)
        print_setting_man (output, &group->settings[j]);
  }
  fputs ("# SEE ALSO\n\n*postern.conf*(5), *posternd*(8)\n", output);
}

/* --- what is described ------------------------------------------------------------------------- */

static void
add_group (struct subject *subject, const char *title, const struct plugin_table *table,
           uint32_t scope) {
  for (size_t i = 0; i < table->setting_count; i++)
    if (table->settings[i].scope == scope) {
      subject->groups[subject->group_count++] =
          (struct group){ title, table->settings, table->setting_count, scope };
      return;
    }
}

static void
print_subject (const struct subject *subject, enum describe_format format, FILE *output) {
  if (format == DESCRIBE_MAN)
    print_man (subject, output);
  else
    print_text (subject, output);
}

static int
by_name (const void *a, const void *b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static bool
describe_host (const char *what, enum describe_format format, FILE *output) {
  size_t count;
  const struct ptn_setting *settings = config_host_settings (what, &count);
  if (!settings)
    return false;
  g_autofree char *title =
      strcmp (what, "server") == 0 ? g_strdup ("[server]") : g_strdup_printf ("[%s NAME]", what);
  struct subject subject = { .name = what, .version = "", .summary = "settings of the host" };
  subject.groups[subject.group_count++] = (struct group){ title, settings, count, 0 };
  print_subject (&subject, format, output);
  return true;
}

/* A name that the configuration gives a module, else NAME.so in its directories. */
static char *
find_path (const struct config *config, const char *what) {
  if (strchr (what, '/'))
    return g_canonicalize_filename (what, NULL);
  for (size_t i = 0; i < config->plugin_count; i++)
    if (strcmp (config->plugins[i].name, what) == 0)
      return table_find_module (config->plugins[i].module, config->server.plugin_directories);
  g_autofree char *module = g_strdup_printf ("%s.so", what);
  return table_find_module (module, config->server.plugin_directories);
}

/* "there is no ... ": what could have been meant, and all there is. */
static void
print_unknown (const char *what, const struct config *config, FILE *errors) {
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  struct suggestion suggestion;
  for (const char *const *folder = config->server.plugin_directories; *folder; folder++) {
    GDir *directory = g_dir_open (*folder, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name (directory)))
      if (g_str_has_suffix (name, ".so"))
        g_ptr_array_add (names, g_strndup (name, strlen (name) - 3));
    g_clear_pointer (&directory, g_dir_close);
  }
  g_ptr_array_sort (names, by_name);
  suggest_begin (&suggestion, what);
  for (guint i = 0; i < names->len; i++)
    suggest_show (&suggestion, names->pdata[i]);
  for (const char *const *kind = host_section_kinds; *kind; kind++)
    suggest_show (&suggestion, *kind);
  fprintf (errors, "%s: there is no such section, and no such plugin in plugin_directory", what);
  if (suggestion.best)
    fprintf (errors, "; did you mean %s?", suggestion.best);
  fputs ("\nsections:", errors);
  for (const char *const *kind = host_section_kinds; *kind; kind++)
    fprintf (errors, " %s", *kind);
  fputs (names->len ? "\nplugins: " : "\nplugins: none", errors);
  for (guint i = 0; i < names->len; i++)
    fprintf (errors, "%s%s", i ? " " : "", (const char *)names->pdata[i]);
  fputc ('\n', errors);
}

bool
describe_print (const char *what, const char *config_path, enum describe_format format,
                FILE *output, FILE *errors) {
  if (describe_host (what, format, output))
    return true;
  struct config_errors *ignored = config_errors_new ();
  struct config *config =
      config_load (config_path ? config_path : config_default_path (), NULL, ignored);
  g_autofree char *path = find_path (config, what);
  bool found = strchr (what, '/') || g_file_test (path, G_FILE_TEST_EXISTS);
  if (!found)
    print_unknown (what, config, errors);
  config_unref (&config);
  config_errors_free (&ignored);

  if (!found)
    return false;

  struct plugin_table table;
  g_autofree char *problem = NULL;
  if (!table_open (path, NULL, &table, &problem)) {
    fprintf (errors, "%s: %s\n", what, problem);
    return false;
  }
  g_autofree char *own = g_strdup_printf ("[plugin %s]", table.plugin.name);
  struct subject subject = { .name = table.plugin.name,
                             .version = table.plugin.version,
                             .summary = table.plugin.summary };
  add_group (&subject, own, &table, PTN_SCOPE_PLUGIN);
  add_group (&subject, "[listener NAME] with its protocol", &table, PTN_SCOPE_PROTOCOL);
  add_group (&subject, "every [listener NAME]", &table, PTN_SCOPE_LISTENER);
  print_subject (&subject, format, output);
  table_clear (&table);
  return true;
}
