/* SPDX-License-Identifier: Apache-2.0 */
/* language.c - LANGUAGE (RFC 5255 section 3): texts for people in another language than English.
 *
 * A language is a table from our English texts; what is not in it stays English.  The texts of German
 * are UTF-8, as the RFC demands. */
#include "commands.h"
#include "login/login.h"

struct text {
  const char *english, *other;
};

static const struct text german[] = {
#include "login/german.h"
};

static int
compare (const void *key, const void *row) {
  return strcmp (key, ((const struct text *)row)->english);
}

const char *
language_text (const struct session *s, const char *text) {
  if (!s->language || strcmp (s->language, "de") != 0)
    return text;
  const struct text *found =
      bsearch (text, german, G_N_ELEMENTS (german), sizeof german[0], compare);
  return found ? found->other : text;
}

static const char *const languages[] = { "en", "de", "i-default" };

/* RFC 4647 section 3.4, look-up: "de-AT-1996", then "de-AT", then "de". */
static const char *
look_up (const char *range) {
  g_autofree char *tag = g_ascii_strdown (range, -1);
  if (strcmp (tag, "*") == 0)
    return languages[0];
  if (strcmp (tag, "default") == 0)
    return languages[G_N_ELEMENTS (languages) - 1];
  for (;;) {
    for (size_t i = 0; i < G_N_ELEMENTS (languages); i++)
      if (strcmp (tag, languages[i]) == 0)
        return languages[i];
    char *dash = strrchr (tag, '-');
    if (!dash)
      return NULL;
    *dash = 0;
  }
}

static void
list_languages (struct session *s) {
  PUT (&s->out, "* LANGUAGE (");
  for (size_t i = 0; i < G_N_ELEMENTS (languages); i++)
    put_format (&s->out, "%s\"%s\"", i ? " " : "", languages[i]);
  PUT (&s->out, ")\r\n");
  answer_ok (s, NULL, "LANGUAGE completed");
}

void
command_language (struct session *s, struct reader *r) {
  const char *chosen = NULL;
  if (reader_peek (r) < 0) {
    list_languages (s);
    return;
  }
  do {
    const char *range = reader_space (r) ? reader_language (r) : NULL;
    if (!range) {
      answer_syntax (s, r);
      return;
    }
    if (!chosen)
      chosen = look_up (range);
  } while (reader_peek (r) == ' ');
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  if (!chosen) {
    answer_no (s, NULL, "none of these languages is spoken here");
    return;
  }
  s->language = chosen;
  put_format (&s->out, "* LANGUAGE (\"%s\")\r\n", chosen);
  answer_ok (s, NULL, "LANGUAGE completed");
}
