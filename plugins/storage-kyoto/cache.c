/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.c - see cache.h.  Divided into parts with a lock each; in each the least recently used goes
 * first. */
#include "cache.h"

#include <glib.h>
#include <pthread.h>

enum { PARTS = 8, OVERHEAD = 128 /* octets of memory for an entry, about */ };

struct key {
  uint64_t body;
  uint32_t shard;
};

struct entry {
  struct key key; /* of the table */
  struct buffer *buffer;
  struct entry *newer, *older;
  uint32_t age; /* the part's when it was used last */
};

struct part {
  pthread_mutex_t lock;
  GHashTable *entries; /* struct key -> struct entry, which it owns */
  struct entry *newest, *oldest;
  uint64_t octets;
  uint32_t age;
};

struct cache {
  uint64_t most; /* octets of a part */
  struct part parts[PARTS];
};

struct buffer *
buffer_new (size_t size) {
  struct buffer *buffer = g_malloc (sizeof *buffer + size);

  atomic_init (&buffer->references, 1);
  buffer->size = size;
  return buffer;
}

void
buffer_unref (void *argument) {
  struct buffer *buffer = argument;

  if (atomic_fetch_sub (&buffer->references, 1) == 1)
    g_free (buffer);
}

struct buffer *
buffer_ref (struct buffer *buffer) {
  atomic_fetch_add (&buffer->references, 1);
  return buffer;
}

static guint
key_hash (gconstpointer argument) {
  const struct key *key = argument;

  return (guint)((key->body * 0x9e3779b97f4a7c15u) >> 32) ^ key->shard;
}

static gboolean
key_equal (gconstpointer a, gconstpointer b) {
  const struct key *left = a, *right = b;

  return left->body == right->body && left->shard == right->shard;
}

static void
entry_free (void *argument) {
  struct entry *entry = argument;

  buffer_unref (entry->buffer);
  g_free (entry);
}

struct cache *
cache_new (uint64_t octets) {
  struct cache *cache = g_new0 (struct cache, 1);

  cache->most = octets / PARTS;
  for (size_t i = 0; i < PARTS; i++) {
    pthread_mutex_init (&cache->parts[i].lock, NULL);
    cache->parts[i].entries = g_hash_table_new_full (key_hash, key_equal, NULL, entry_free);
  }
  return cache;
}

void
cache_free (struct cache **cache) {
  if (!*cache)
    return;
  for (size_t i = 0; i < PARTS; i++) {
    g_hash_table_unref ((*cache)->parts[i].entries);
    pthread_mutex_destroy (&(*cache)->parts[i].lock);
  }
  g_clear_pointer (cache, g_free);
}

static struct part *
part_of (struct cache *cache, const struct key *key) {
  return &cache->parts[key_hash (key) % PARTS];
}

static void
unlink_entry (struct part *part, struct entry *entry) {
  *(entry->newer ? &entry->newer->older : &part->newest) = entry->older;
  *(entry->older ? &entry->older->newer : &part->oldest) = entry->newer;
}

static void
make_newest (struct part *part, struct entry *entry) {
  entry->age = part->age;
  entry->newer = NULL;
  entry->older = part->newest;
  *(part->newest ? &part->newest->newer : &part->oldest) = entry;
  part->newest = entry;
}

static void
drop (struct part *part, struct entry *entry) {
  unlink_entry (part, entry);
  part->octets -= entry->buffer->size + OVERHEAD;
  g_hash_table_remove (part->entries, &entry->key);
}

struct buffer *
cache_get (struct cache *cache, uint32_t shard, uint64_t body) {
  struct key key = { body, shard };
  struct part *part = part_of (cache, &key);
  struct buffer *buffer = NULL;
  struct entry *entry;

  if (cache->most == 0)
    return NULL;
  pthread_mutex_lock (&part->lock);
  entry = g_hash_table_lookup (part->entries, &key);
  if (entry) {
    unlink_entry (part, entry);
    make_newest (part, entry);
    buffer = buffer_ref (entry->buffer);
  }
  pthread_mutex_unlock (&part->lock);
  return buffer;
}

void
cache_put (struct cache *cache, uint32_t shard, uint64_t body, struct buffer *buffer) {
  struct key key = { body, shard };
  struct part *part = part_of (cache, &key);
  uint64_t octets = buffer->size + OVERHEAD;
  struct entry *entry;

  if (octets > cache->most)
    return;
  pthread_mutex_lock (&part->lock);
  if (!g_hash_table_contains (part->entries, &key)) {
    while (part->oldest && part->octets + octets > cache->most)
      drop (part, part->oldest);
    entry = g_new0 (struct entry, 1);
    entry->key = key;
    entry->buffer = buffer_ref (buffer);
    make_newest (part, entry);
    part->octets += octets;
    g_hash_table_insert (part->entries, &entry->key, entry);
  }
  pthread_mutex_unlock (&part->lock);
}

void
cache_age (struct cache *cache) {
  for (size_t i = 0; i < PARTS; i++) {
    struct part *part = &cache->parts[i];

    pthread_mutex_lock (&part->lock);
    while (part->oldest && part->age - part->oldest->age >= 2)
      drop (part, part->oldest);
    part->age++;
    pthread_mutex_unlock (&part->lock);
  }
}
