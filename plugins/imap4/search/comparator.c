/* SPDX-License-Identifier: Apache-2.0 */
/* comparator.c - COMPARATOR (RFC 5255 section 4.7): how texts are compared. */
#include "search/search.h"

#include "commands.h"

enum comparator
session_comparator (const struct session *s) {
  return s->comparator ? (enum comparator) (s->comparator - 1) : COMPARATOR_UNICODE_CASEMAP;
}

/* RFC 4790 section 4.2: '*' is any octets. */
static bool
name_matches (const char *pattern, const char *name) {
  if (g_ascii_strcasecmp (pattern, "default") == 0)
    return strcmp (name, comparator_name (COMPARATOR_UNICODE_CASEMAP)) == 0;
  g_autofree char *lower = g_ascii_strdown (pattern, -1);
  for (char *p = lower; *p; p++)
    if (*p == '?')
      return false;
  return g_pattern_match_simple (lower, name);
}

static void
tell (struct session *s, unsigned matching) {
  struct writer *w = &s->out;
  const char *active = comparator_name (session_comparator (s));
  bool first = true;
  PUT (w, "* COMPARATOR ");
  put_string (w, active, strlen (active), false);
  if (matching) {
    PUT (w, " (");
    for (int i = 0; i < COMPARATORS; i++)
      if (matching >> i & 1) {
        const char *name = comparator_name ((enum comparator)i);
        if (!first)
          put_char (w, ' ');
        first = false;
        put_string (w, name, strlen (name), false);
      }
    put_char (w, ')');
  }
  PUT (w, "\r\n");
}

void
command_comparator (struct session *s, struct reader *r) {
  int chosen = -1;
  unsigned matching = 0, count = 0;
  while (reader_accept (r, ' ')) {
    const char *order = reader_astring (r, NULL);
    if (!order || (++count > 100 && !reader_fail (r, "too many comparators")))
      break;
    for (int i = 0; i < COMPARATORS; i++) {
      /* i;ascii-numeric has no substrings: no comparator for SEARCH. */
      if (i == COMPARATOR_ASCII_NUMERIC || !name_matches (order, comparator_name (i)))
        continue;
      matching |= 1u << i;
      if (chosen < 0)
        chosen = i;
    }
  }
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  if (r->size > strlen (s->tag) + sizeof "COMPARATOR" && chosen < 0) {
    answer_no (s, "BADCOMPARATOR", "none of these is known");
    return;
  }
  if (chosen >= 0)
    s->comparator = (unsigned char)(chosen + 1);
  tell (s, matching);
  answer_ok (s, NULL, "COMPARATOR completed");
}
