/* SPDX-License-Identifier: Apache-2.0 */
/* sequence.c - sequence sets (RFC 9051 section 9: sequence-set, "$" of RFC 5182). */
#include "syntax/reader.h"

#include "common/uid_set.h"

void
sequence_set_clear (struct sequence_set *set) {
  g_free (set->ranges);
  *set = (struct sequence_set){ 0 };
}

static bool
take_number (struct reader *r, uint32_t *number) {
  if (reader_accept (r, '*')) {
    *number = 0;
    return true;
  }
  int c = reader_peek (r);
  if (c < '0' || c > '9')
    return reader_fail (r, "expected a sequence set");
  return reader_nz_number (r, number);
}

bool
reader_sequence_set (struct reader *r, struct sequence_set *set) {
  *set = (struct sequence_set){ 0 };
  if (reader_accept (r, '$')) {
    set->saved = true;
    return true;
  }
  size_t room = 0;
  do {
    struct ptn_uid_range range;
    if (!take_number (r, &range.first))
      return false;
    range.last = range.first;
    if (reader_accept (r, ':') && !take_number (r, &range.last))
      return false;
    if (set->count == room) { /* no more than octets of the command */
      room = room ? room * 2 : 4;
      set->ranges = g_renew (struct ptn_uid_range, set->ranges, room);
    }
    set->ranges[set->count++] = range;
  } while (reader_accept (r, ','));
  return true;
}

static int
by_first (const void *a, const void *b) {
  const struct ptn_uid_range *left = a, *right = b;
  return left->first < right->first ? -1 : left->first > right->first;
}

GArray *
sequence_set_ranges (const struct sequence_set *set, uint32_t largest) {
  GArray *ranges =
      g_array_sized_new (FALSE, FALSE, sizeof (struct ptn_uid_range), (guint)set->count);
  for (size_t i = 0; i < set->count; i++) {
    struct ptn_uid_range range = set->ranges[i];
    if (!largest && (!range.first || !range.last))
      continue;
    if (!range.first)
      range.first = largest;
    if (!range.last)
      range.last = largest;
    if (range.first > range.last)
      range = (struct ptn_uid_range){ range.last, range.first };
    g_array_append_val (ranges, range);
  }
  if (ranges->len < 2)
    return ranges;
  struct ptn_uid_range *items = (struct ptn_uid_range *)(void *)ranges->data;
  qsort (items, ranges->len, sizeof *items, by_first);
  size_t used = 0;
  for (size_t i = 1; i < ranges->len; i++)
    if (items[i].first <= items[used].last || items[i].first == items[used].last + 1) {
      if (items[i].last > items[used].last)
        items[used].last = items[i].last;
    } else
      items[++used] = items[i];
  g_array_set_size (ranges, (guint)used + 1);
  return ranges;
}
