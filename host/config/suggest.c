/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.c - see suggest.h. */
#include "config/suggest.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

#define LONGEST 64

size_t
edit_distance (const char *a, const char *b) {
  size_t rows[3][LONGEST + 1];
  size_t n = strlen (a), m = strlen (b);
  if (n > LONGEST || m > LONGEST)
    return SIZE_MAX;
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= m; j++)
    last[j] = before[j] = j;
  for (size_t i = 1; i <= n; i++) {
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t change = last[j - 1] + (g_ascii_tolower (a[i - 1]) != g_ascii_tolower (b[j - 1]));
      now[j] = MIN (MIN (last[j], now[j - 1]) + 1, change);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = MIN (now[j], before[j - 2] + 1);
    }
    size_t *oldest = before;
    before = last;
    last = now;
    now = oldest;
  }
  return last[m];
}

void
suggest_begin (struct suggestion *suggestion, const char *word) {
  suggestion->word = word;
  suggestion->best = NULL;
  suggestion->distance = MIN (1 + strlen (word) / 4, (size_t)4) + 1;
}

void
suggest_show (struct suggestion *suggestion, const char *candidate) {
  size_t distance = edit_distance (suggestion->word, candidate);
  if (distance < suggestion->distance && distance < strlen (candidate)) {
    suggestion->distance = distance;
    suggestion->best = candidate;
  }
}
