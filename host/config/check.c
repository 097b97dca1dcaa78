/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - see check.h. */
#include "config/check.h"
#include "config/suggest.h"
#include "log/escape.h"

#include <string.h>

struct check {
  struct raw_section *section;
  const char *title;
  struct config_place place; /* of the section */
  const struct section_rules *rules;
  const struct value_source *source;
  struct config_errors *errors;
  bool *good;
  GArray *items; /* struct setting_item */
};

static bool
counts_here (const struct setting_set *set, const struct ptn_setting *setting) {
  return (set->scopes >> setting->scope) & 1;
}

static const struct ptn_setting *
declared (const struct setting_set *sets, size_t count, const char *key,
          const struct setting_set **which) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < sets[i].count; j++)
      if (counts_here (&sets[i], &sets[i].settings[j])
          && strcmp (sets[i].settings[j].name, key) == 0) {
        *which = &sets[i];
        return &sets[i].settings[j];
      }
  return NULL;
}

static const char *
nearest (const struct check *check, const char *key) {
  struct suggestion suggestion;
  suggest_begin (&suggestion, key);
  for (size_t i = 0; i < check->rules->count; i++) {
    const struct setting_set *set = &check->rules->sets[i];
    for (size_t j = 0; j < set->count; j++)
      if (counts_here (set, &set->settings[j]))
        suggest_show (&suggestion, set->settings[j].name);
  }
  return suggestion.best;
}

static void
report_unknown (struct check *check, const struct raw_entry *entry) {
  const struct setting_set *elsewhere = NULL;
  g_autofree char *hint = NULL;
  const char *near = nearest (check, entry->key);
  if (declared (check->rules->others, check->rules->other_count, entry->key, &elsewhere))
    hint = g_strdup_printf ("; it is a setting of %s", elsewhere->belongs);
  else if (near)
    hint = g_strdup_printf ("; did you mean %s?", near);
  if (check->rules->unknown == UNKNOWN_NEAR && (elsewhere || !near))
    return;
  if (check->rules->unknown == UNKNOWN_WARN) {
    config_warning (check->errors, entry->place.file, entry->place.line,
                    "[%s] has no setting %s that is known without the plugin that was left out%s",
                    check->title, entry->key, hint ? hint : "");
    return;
  }
  config_error (check->errors, entry->place.file, entry->place.line, "[%s] has no setting %s%s",
                check->title, entry->key, hint ? hint : "");
  *check->good = false;
}

static void
report_unknowns (struct check *check) {
  const struct setting_set *set;
  if (check->rules->unknown == UNKNOWN_IGNORE || !check->section)
    return;
  for (unsigned i = 0; i < check->section->entries->len; i++) {
    const struct raw_entry *entry = check->section->entries->pdata[i];
    if (!declared (check->rules->sets, check->rules->count, entry->key, &set))
      report_unknown (check, entry);
  }
}

/* NULL, or what was expected. */
static char *
out_of_range (const struct setting_set *set, const struct setting_item *item) {
  for (const struct setting_range *range = set->ranges; range && range->name; range++)
    if (strcmp (range->name, item->name) == 0
        && (item->number < range->least || item->number > range->most))
      return g_strdup_printf ("expected %s, not \"%s\"", range->words, item->text);
  return NULL;
}

static char *
take_written (const struct setting_set *set, const struct ptn_setting *setting, const char *written,
              const struct value_source *source, struct setting_item *item) {
  char *problem = value_parse (setting, written, source, item);
  if (!problem && item->given)
    problem = out_of_range (set, item);
  return problem;
}

static void
take_default (struct check *check, const struct ptn_setting *setting, struct setting_item *item) {
  if (!setting->default_value)
    return;
  char *problem = value_parse (setting, setting->default_value, check->source, item);
  if (problem) { /* tables are checked before they come here: a secret's file, say */
    config_error (check->errors, check->place.file, check->place.line,
                  "[%s] %s, by its default: %s", check->title, setting->name, problem);
    *check->good = false;
    g_free (problem);
  }
}

static void
check_one (struct check *check, const struct setting_set *set, const struct ptn_setting *setting) {
  struct raw_entry *entry = raw_entry_find (check->section, setting->name);
  struct setting_item item = { .name = g_strdup (setting->name),
                               .type = setting->type,
                               .given = entry != NULL };
  char *problem = NULL;
  if (entry)
    problem = setting->required && !*entry->value
                  ? g_strdup_printf ("a value is needed (%s)", setting_type_name (setting->type))
                  : take_written (set, setting, entry->value, check->source, &item);
  else if (setting->required && !set->quiet) {
    config_error (check->errors, check->place.file, check->place.line,
                  "[%s] needs the setting %s (%s)", check->title, setting->name,
                  setting_type_name (setting->type));
    *check->good = false;
  } else
    take_default (check, setting, &item);
  if (problem) {
    if (!set->quiet)
      config_error (check->errors, entry->place.file, entry->place.line, "%s: %s", setting->name,
                    problem);
    *check->good = false;
    g_free (problem);
    /* What follows is checked with the default. */
    setting_item_clear (&item);
    item.name = g_strdup (setting->name);
    item.type = setting->type;
    if (setting->default_value)
      g_free (value_parse (setting, setting->default_value, check->source, &item));
  }
  g_array_append_val (check->items, item);
}

struct ptn_config *
section_check (struct raw_section *section, const char *title, const char *file,
               const struct section_rules *rules, const struct value_source *source,
               struct config_errors *errors, bool *good) {
  struct check check = { .section = section,
                         .title = section ? section->title : title,
                         .place = { file, 0 },
                         .rules = rules,
                         .source = source,
                         .errors = errors,
                         .good = good,
                         .items = g_array_new (false, true, sizeof (struct setting_item)) };
  if (section)
    check.place = section->place;
  report_unknowns (&check);
  for (size_t i = 0; i < rules->count; i++)
    for (size_t j = 0; j < rules->sets[i].count; j++)
      if (counts_here (&rules->sets[i], &rules->sets[i].settings[j]))
        check_one (&check, &rules->sets[i], &rules->sets[i].settings[j]);
  size_t count = check.items->len;
  return settings_build ((struct setting_item *)g_array_free (check.items, false), count);
}
