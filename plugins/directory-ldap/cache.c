/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - a hash table and the order in which its rows came; see cache.h.  A row is owned by the
 * table, and holds a reference to what was found. */
#include "cache.h"

#include <pthread.h>
#include <string.h>

/* ---- What was found ---------------------------------------------------------------------- */

struct found *
found_new (bool known, const char *detail, struct entry *const *entries, gsize count) {
  struct found *found = g_malloc0 (sizeof *found + count * sizeof *entries);
  found->references = 1;
  found->known = known;
  found->detail = g_strdup (detail);
  found->count = count;
  for (gsize i = 0; i < count; i++)
    found->entries[i] = entry_ref (entries[i]);
  return found;
}

struct found *
found_ref (struct found *found) {
  g_atomic_int_inc (&found->references);
  return found;
}

void
found_unref (struct found *found) {
  if (!g_atomic_int_dec_and_test (&found->references))
    return;
  for (gsize i = 0; i < found->count; i++)
    entry_unref (found->entries[i]);
  g_free (found->detail);
  g_free (found);
}

/* ---- The table --------------------------------------------------------------------------- */

struct row {
  GList link; /* in the order; data is the row */
  char *key;
  struct found *found;
  int64_t until_ns;
};

struct cache {
  gint references;
  gsize limit;
  pthread_mutex_t lock;
  GHashTable *rows; /* by key */
  GQueue order;     /* the oldest first */
  gsize filled;     /* the weight of all rows */
};

static void
free_row (void *data) {
  struct row *row = data;
  found_unref (row->found);
  g_free (row->key);
  g_free (row);
}

struct cache *
cache_new (gsize limit) {
  struct cache *cache = g_new0 (struct cache, 1);
  cache->references = 1;
  cache->limit = limit;
  pthread_mutex_init (&cache->lock, NULL);
  cache->rows = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_row);
  g_queue_init (&cache->order);
  return cache;
}

struct cache *
cache_ref (struct cache *cache) {
  g_atomic_int_inc (&cache->references);
  return cache;
}

void
cache_unref (struct cache *cache) {
  if (!g_atomic_int_dec_and_test (&cache->references))
    return;
  g_hash_table_unref (cache->rows);
  pthread_mutex_destroy (&cache->lock);
  g_free (cache);
}

/* A group has entries of its own for all its members, under each address that leads to it: anybody
 * can make up more of those, with a '+'. */
static gsize
weight_of (const struct found *found) {
  return MAX (found->count, 1);
}

/* The lock is held. */
static void
remove_row (struct cache *cache, struct row *row) {
  cache->filled -= weight_of (row->found);
  g_queue_unlink (&cache->order, &row->link);
  g_hash_table_remove (cache->rows, row->key);
}

struct found *
cache_get (struct cache *cache, const char *key, int64_t now_ns) {
  struct found *found = NULL;
  pthread_mutex_lock (&cache->lock);
  struct row *row = g_hash_table_lookup (cache->rows, key);
  if (row && row->until_ns > now_ns)
    found = found_ref (row->found);
  else if (row)
    remove_row (cache, row);
  pthread_mutex_unlock (&cache->lock);
  return found;
}

void
cache_put (struct cache *cache, const char *key, struct found *found, int64_t until_ns) {
  const gsize weight = weight_of (found);
  if (weight > cache->limit || (weight > 1 && weight > cache->limit / 2))
    return; /* all others would have to go for it */
  struct row *row = g_new0 (struct row, 1);
  *row = (struct row){ { row, NULL, NULL }, g_strdup (key), found_ref (found), until_ns };
  pthread_mutex_lock (&cache->lock);
  struct row *old = g_hash_table_lookup (cache->rows, key);
  if (old)
    remove_row (cache, old);
  while (cache->filled + weight > cache->limit)
    remove_row (cache, cache->order.head->data);
  cache->filled += weight;
  g_hash_table_insert (cache->rows, row->key, row);
  g_queue_push_tail_link (&cache->order, &row->link);
  pthread_mutex_unlock (&cache->lock);
}

static bool
leads_to (const struct found *found, const char *account) {
  for (gsize i = 0; i < found->count; i++)
    if (strcmp (found->entries[i]->account, account) == 0)
      return true;
  return found->count == 0;
}

void
cache_flush (struct cache *cache, const char *account) {
  pthread_mutex_lock (&cache->lock);
  for (GList *link = cache->order.head; link;) {
    struct row *row = link->data;
    link = link->next;
    if (!account || leads_to (row->found, account))
      remove_row (cache, row);
  }
  pthread_mutex_unlock (&cache->lock);
}
