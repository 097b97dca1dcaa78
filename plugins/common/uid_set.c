/* SPDX-License-Identifier: Apache-2.0 */
/* uid_set.c - see uid_set.h. */
#include "uid_set.h"

void
set_append (GArray *ranges, uint32_t uid) {
  struct ptn_uid_range range = { uid, uid };

  if (ranges->len > 0) {
    struct ptn_uid_range *last = &g_array_index (ranges, struct ptn_uid_range, ranges->len - 1);

    if (last->last + 1 == uid) {
      last->last = uid;
      return;
    }
  }
  g_array_append_val (ranges, range);
}

bool
set_contains (struct ptn_uid_set set, uint32_t uid) {
  size_t low = 0, high = set.count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (set.ranges[middle].last < uid)
      low = middle + 1;
    else
      high = middle;
  }
  return low < set.count && set.ranges[low].first <= uid;
}

GArray *
set_intersection (struct ptn_uid_set a, struct ptn_uid_set b) {
  GArray *both = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  for (size_t i = 0, j = 0; i < a.count && j < b.count;) {
    struct ptn_uid_range common = { MAX (a.ranges[i].first, b.ranges[j].first),
                                    MIN (a.ranges[i].last, b.ranges[j].last) };

    if (common.first <= common.last)
      g_array_append_val (both, common);
    if (a.ranges[i].last < b.ranges[j].last)
      i++;
    else
      j++;
  }
  return both;
}

GArray *
set_union (struct ptn_uid_set a, struct ptn_uid_set b) {
  GArray *all = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  for (size_t i = 0, j = 0; i < a.count || j < b.count;) {
    bool from_a = j == b.count || (i < a.count && a.ranges[i].first < b.ranges[j].first);
    struct ptn_uid_range next = from_a ? a.ranges[i++] : b.ranges[j++], *last = NULL;

    if (all->len > 0)
      last = &g_array_index (all, struct ptn_uid_range, all->len - 1);
    if (last && next.first - 1 <= last->last)
      last->last = MAX (last->last, next.last);
    else
      g_array_append_val (all, next);
  }
  return all;
}
