/* SPDX-License-Identifier: Apache-2.0 */
/* suggest.h - "did you mean ...?" for words that nobody knows. [any] */
#ifndef HOST_CONFIG_SUGGEST_H
#define HOST_CONFIG_SUGGEST_H

#include <stddef.h>

/* Collects the nearest of the words it is shown. */
struct suggestion {
  const char *word; /* what was written */
  const char *best; /* NULL: nothing near; points to what was shown */
  size_t distance;
};
void suggest_begin (struct suggestion *, const char *word);
void suggest_show (struct suggestion *, const char *candidate);

/* Insertions, deletions, replacements and swaps of neighbours that make b of a.  Words over 64
 * octets are infinitely far. */
size_t edit_distance (const char *a, const char *b);

#endif
