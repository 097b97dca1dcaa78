/* SPDX-License-Identifier: Apache-2.0 */
/* thread_references.c - THREAD=REFERENCES (RFC 5256 section 4, its steps by their numbers), and REFS
 * (draft-ietf-morg-inthread section 3): the same without merging by subject, threads by their latest
 * message. */
#include "search/thread_private.h"

#include <string.h>

enum { DEPTH_MOST = 500 };

/* Is `node` above `below`, or the same?  Deeper than anybody reads it is said to be: then a new thread
 * begins, and time stays in bounds. */
static bool
is_above (const struct thread *t, uint32_t node, uint32_t below) {
  for (unsigned depth = 0; below != NONE; below = node_at (t, below)->parent)
    if (below == node || ++depth > DEPTH_MOST)
      return true;
  return false;
}

/* Nodes that are not linked yet have no place in any list: placed says whether they do. */
static void
link_to (struct thread *t, uint32_t parent, uint32_t child) {
  if (node_at (t, child)->placed)
    node_detach (t, child);
  node_append (t, parent, child);
  node_at (t, child)->placed = true;
}

/* Step 1: parents from references. */
static void
link_all (struct thread *t) {
  const uint32_t *r = (const uint32_t *)(void *)t->references->data;
  for (guint at = 0; at < t->references->len;) {
    uint32_t message = r[at], count = r[at + 1], before = NONE;
    const uint32_t *ids = r + at + 2;
    /* (A): each below the one before it, unless it has a parent or that would be a loop. */
    for (uint32_t i = 0; i < count; i++) {
      if (before != NONE && node_at (t, ids[i])->parent == NONE && !is_above (t, ids[i], before))
        link_to (t, before, ids[i]);
      before = ids[i];
    }
    /* (B): the message below the last of them, whatever was thought before. */
    if (node_at (t, message)->parent != NONE)
      node_detach (t, message);
    node_at (t, message)->placed = false;
    if (before != NONE && !is_above (t, message, before))
      link_to (t, before, message);
    at += 2 + count;
  }
  for (uint32_t i = 0; i < t->nodes->len; i++) /* step 2: the rest are roots */
    if (node_at (t, i)->parent == NONE)
      node_append (t, NONE, i);
}

/* Step 3: nodes without message give their children to who is above; a root keeps several.
 * Children first: from the deepest up, in an order made without recursion. */
static void
prune (struct thread *t) {
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (uint32_t at = t->root; at != NONE; at = node_at (t, at)->next)
    g_array_append_val (order, at);
  for (guint i = 0; i < order->len; i++)
    for (uint32_t at = node_at (t, g_array_index (order, uint32_t, i))->child; at != NONE;
         at = node_at (t, at)->next)
      g_array_append_val (order, at);
  for (guint i = order->len; i-- > 0;) {
    uint32_t n = g_array_index (order, uint32_t, i);
    struct node *node = node_at (t, n);
    bool several = node->child != NONE && node_at (t, node->child)->next != NONE;
    if (node->uid || (node->parent == NONE && several))
      continue;
    uint32_t parent = node->parent, child;
    node_detach (t, n);
    while ((child = node_at (t, n)->child) != NONE) {
      node_detach (t, child);
      node_append (t, parent, child);
    }
  }
}

/* A node of no message is as old as its first child, and has its subject. */
static void
sort_below (struct thread *t, uint32_t root) {
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_array_append_val (order, root);
  for (guint i = 0; i < order->len; i++)
    for (uint32_t at = node_at (t, g_array_index (order, uint32_t, i))->child; at != NONE;
         at = node_at (t, at)->next)
      g_array_append_val (order, at);
  for (guint i = order->len; i-- > 0;) {
    struct node *node = node_at (t, g_array_index (order, uint32_t, i));
    node_sort (t, g_array_index (order, uint32_t, i));
    if (!node->uid && node->child != NONE) {
      const struct node *first = node_at (t, node->child);
      node->date = first->date;
      node->subject = first->subject;
      node->reply = first->reply;
    }
  }
}

static void
sort_all (struct thread *t) {
  for (uint32_t at = t->root; at != NONE; at = node_at (t, at)->next)
    sort_below (t, at);
  node_sort (t, NONE);
}

/* Step 5 (B): the root of each subject: one without message is preferred, then one that is no reply. */
static GHashTable *
subject_table (struct thread *t) {
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);
  for (uint32_t at = t->root; at != NONE; at = node_at (t, at)->next) {
    const struct node *node = node_at (t, at);
    gpointer found = node->subject[0] ? g_hash_table_lookup (table, node->subject) : NULL;
    if (!node->subject[0])
      continue;
    const struct node *other = found ? node_at (t, GPOINTER_TO_UINT (found) - 1) : NULL;
    if (!other || (!node->uid && other->uid)
        || (other->uid && other->reply && node->uid && !node->reply))
      g_hash_table_insert (table, (gpointer)node->subject, GUINT_TO_POINTER (at + 1));
  }
  return table;
}

/* Step 5 (C), for a root and the one of its subject. */
static void
merge (struct thread *t, GHashTable *table, uint32_t self, uint32_t other) {
  struct node *node = node_at (t, self), *kept = node_at (t, other);
  uint32_t child;
  if (!node->uid && !kept->uid) { /* both empty: one */
    while ((child = node_at (t, self)->child) != NONE) {
      node_detach (t, child);
      node_append (t, other, child);
    }
    node_detach (t, self);
  } else if (!kept->uid || (node->reply && !kept->reply)) {
    node_detach (t, self);
    node_append (t, other, self);
  } else { /* siblings of each other, below a new one */
    uint32_t empty = node_new (t);
    node_at (t, empty)->subject = node_at (t, other)->subject;
    node_detach (t, self);
    node_append (t, NONE, empty);
    node_detach (t, other);
    node_append (t, empty, other);
    node_append (t, empty, self);
    g_hash_table_insert (table, (gpointer)node_at (t, empty)->subject,
                         GUINT_TO_POINTER (empty + 1));
  }
}

static void
merge_subjects (struct thread *t) {
  g_autoptr (GHashTable) table = subject_table (t);
  g_autoptr (GArray) roots = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (uint32_t at = t->root; at != NONE; at = node_at (t, at)->next)
    g_array_append_val (roots, at);
  for (guint i = 0; i < roots->len; i++) {
    uint32_t self = g_array_index (roots, uint32_t, i);
    const char *subject = node_at (t, self)->subject;
    gpointer found = subject[0] ? g_hash_table_lookup (table, subject) : NULL;
    uint32_t other = GPOINTER_TO_UINT (found) - 1;
    if (found && other != self && node_at (t, self)->parent == NONE)
      merge (t, table, self, other);
  }
}

/* REFS: a thread is as old as its latest message. */
static void
date_by_latest (struct thread *t) {
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (uint32_t root = t->root; root != NONE; root = node_at (t, root)->next) {
    int64_t latest = node_at (t, root)->date;
    g_array_set_size (order, 0);
    g_array_append_val (order, root);
    for (guint i = 0; i < order->len; i++)
      for (uint32_t at = node_at (t, g_array_index (order, uint32_t, i))->child; at != NONE;
           at = node_at (t, at)->next) {
        g_array_append_val (order, at);
        latest = MAX (latest, node_at (t, at)->date);
      }
    node_at (t, root)->date = latest;
  }
  node_sort (t, NONE);
}

void
thread_by_references (struct thread *t) {
  link_all (t);
  prune (t);
  sort_all (t); /* step 4 */
  if (t->algorithm == THREAD_REFS) {
    date_by_latest (t);
    return;
  }
  merge_subjects (t);
  sort_all (t); /* step 6 */
}
