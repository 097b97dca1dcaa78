/* SPDX-License-Identifier: Apache-2.0 */
/* thread_subject.c - THREAD=ORDEREDSUBJECT (RFC 5256 section 4): messages with the same base subject, the
 * first by date with all others below it. */
#include "search/thread_private.h"

static gint
by_subject (gconstpointer a, gconstpointer b, gpointer user) {
  const struct node *left = node_at (user, *(const uint32_t *)a);
  const struct node *right = node_at (user, *(const uint32_t *)b);
  int order = strcmp (left->subject, right->subject);
  if (order != 0)
    return order;
  if (left->date != right->date)
    return left->date < right->date ? -1 : 1;
  return left->uid < right->uid ? -1 : left->uid > right->uid;
}

void
thread_by_subject (struct thread *t) {
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (uint32_t i = 0; i < t->nodes->len; i++)
    g_array_append_val (list, i);
  g_array_sort_with_data (list, by_subject, t);
  uint32_t first = NONE;
  for (guint i = 0; i < list->len; i++) {
    uint32_t node = g_array_index (list, uint32_t, i);
    if (first != NONE && strcmp (node_at (t, first)->subject, node_at (t, node)->subject) == 0)
      node_append (t, first, node);
    else
      node_append (t, NONE, first = node);
  }
  node_sort (t, NONE);
}
