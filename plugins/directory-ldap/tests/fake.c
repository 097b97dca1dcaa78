/* SPDX-License-Identifier: Apache-2.0 */
/* fake.c - see fake.h.  What a reading hands out is freed at its end. */
#include "fake.h"

#include <stdlib.h>
#include <string.h>

static const char *
text_of (const struct ptn_config *config, const char *name) {
  const gsize length = strlen (name);
  for (const char *const *line = (const char *const *)config; *line; line++)
    if (strncmp (*line, name, length) == 0 && (*line)[length] == '=')
      return *line + length + 1;
  for (size_t i = 0; i < RULES_SETTINGS; i++)
    if (strcmp (rules_settings[i].name, name) == 0)
      return rules_settings[i].default_value;
  abort (); /* no such setting */
}

static int64_t
number_of (const struct ptn_config *config, const char *name) {
  const char *text = text_of (config, name);
  if (strcmp (text, "yes") == 0)
    return 1;
  if (strcmp (text, "unlimited") == 0)
    return INT64_MAX;
  char *end;
  const int64_t number = strtoll (text, &end, 10);
  return *end == 's' ? number * 1000 : *end == 'm' ? number * 60000 : number;
}

static GPtrArray *lists; /* what words_of gave out */

static struct ptn_strings
words_of (const struct ptn_config *config, const char *name) {
  const char *text = text_of (config, name);
  char **words = g_strsplit (text ? text : "", " ", 0);
  g_ptr_array_add (lists, words);
  return (struct ptn_strings){ (const char *const *)words, g_strv_length (words) };
}

static void
free_words (void *words) {
  g_strfreev (words);
}

struct rules *
fake_rules (const char *const *settings) {
  const struct ptn_host host = {
    .size = sizeof host, .text = text_of, .number = number_of, .words = words_of
  };
  char *fault = NULL;
  lists = g_ptr_array_new_with_free_func (free_words);
  struct rules *rules = rules_new (&host, (const struct ptn_config *)settings, &fault);
  g_clear_pointer (&lists, g_ptr_array_unref);
  if (!rules == !fault)
    abort ();
  g_free (fault);
  return rules;
}
