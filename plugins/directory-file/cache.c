/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - a table of sets of four, the oldest of which gives way; see cache.h.  Owns its table
 * and key; both are wiped. */
#include "cache.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#define WAYS 4
#define KEY_SIZE 64 /* one block of SHA-256 */

struct entry {
  struct cache_tag tag;
  int64_t until_ns; /* 0: empty */
};

struct cache {
  gint references;
  pthread_mutex_t lock;
  size_t wanted; /* entries, as asked for */
  struct entry *entries;
  size_t set_mask;
  int64_t lifetime_ns;
  unsigned char inner[KEY_SIZE], outer[KEY_SIZE]; /* the key with HMAC's two pads */
};

struct cache *
cache_new (size_t entries, int64_t lifetime_ns) {
  unsigned char key[32];
  if (RAND_bytes (key, sizeof key) != 1)
    return NULL;
  struct cache *cache = g_new0 (struct cache, 1);
  cache->references = 1;
  cache->wanted = entries;
  pthread_mutex_init (&cache->lock, NULL);
  memset (cache->inner, 0x36, KEY_SIZE);
  memset (cache->outer, 0x5c, KEY_SIZE);
  for (size_t i = 0; i < sizeof key; i++) {
    cache->inner[i] ^= key[i];
    cache->outer[i] ^= key[i];
  }
  explicit_bzero (key, sizeof key);
  cache->lifetime_ns = lifetime_ns;
  if (entries > 0 && lifetime_ns > 0) {
    size_t sets = 1;
    while (sets * WAYS < entries && sets < 1u << 22)
      sets *= 2;
    cache->set_mask = sets - 1;
    cache->entries = g_new0 (struct entry, sets * WAYS);
  }
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
  pthread_mutex_destroy (&cache->lock);
  g_free (cache->entries);
  explicit_bzero (cache, sizeof *cache);
  g_free (cache);
}

bool
cache_is_like (const struct cache *cache, size_t entries, int64_t lifetime_ns) {
  return cache->wanted == entries && cache->lifetime_ns == lifetime_ns;
}

/* HMAC-SHA-256 by hand: with OpenSSL 3 a keyed context costs more than the two hashes. */
void
cache_tag (struct cache *cache, const char *stored, struct ptn_bytes password,
           struct cache_tag *tag) {
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  const EVP_MD *sha256 = EVP_sha256 ();
  /* The NUL divides the two: "ab" "c" is not "a" "bc". */
  const bool done = context && EVP_DigestInit_ex (context, sha256, NULL)
                    && EVP_DigestUpdate (context, cache->inner, KEY_SIZE)
                    && EVP_DigestUpdate (context, stored, strlen (stored) + 1)
                    && EVP_DigestUpdate (context, password.data, password.size)
                    && EVP_DigestFinal_ex (context, tag->octets, NULL)
                    && EVP_DigestInit_ex (context, sha256, NULL)
                    && EVP_DigestUpdate (context, cache->outer, KEY_SIZE)
                    && EVP_DigestUpdate (context, tag->octets, sizeof tag->octets)
                    && EVP_DigestFinal_ex (context, tag->octets, NULL);
  EVP_MD_CTX_free (context);
  /* A tag that can not be made must not be found by another that can not. */
  if (!done && RAND_bytes (tag->octets, sizeof tag->octets) != 1)
    g_error ("no random octets");
}

static struct entry *
set_of (struct cache *cache, const struct cache_tag *tag) {
  uint64_t place;
  memcpy (&place, tag->octets, sizeof place);
  return &cache->entries[(place & cache->set_mask) * WAYS];
}

/* Tags are keyed, so how far a comparison of them comes tells nothing. */
static struct entry *
find (struct entry *set, const struct cache_tag *tag) {
  for (unsigned i = 0; i < WAYS; i++)
    if (set[i].until_ns && memcmp (&set[i].tag, tag, sizeof *tag) == 0)
      return &set[i];
  return NULL;
}

bool
cache_holds (struct cache *cache, const struct cache_tag *tag, int64_t now_ns) {
  if (!cache->entries)
    return false;
  pthread_mutex_lock (&cache->lock);
  const struct entry *entry = find (set_of (cache, tag), tag);
  const bool holds = entry && entry->until_ns > now_ns;
  pthread_mutex_unlock (&cache->lock);
  return holds;
}

void
cache_add (struct cache *cache, const struct cache_tag *tag, int64_t now_ns) {
  if (!cache->entries)
    return;
  pthread_mutex_lock (&cache->lock);
  struct entry *set = set_of (cache, tag);
  struct entry *entry = find (set, tag);
  if (!entry) {
    entry = set;
    for (unsigned i = 1; i < WAYS; i++)
      if (set[i].until_ns < entry->until_ns)
        entry = &set[i];
  }
  *entry = (struct entry){ *tag, now_ns + cache->lifetime_ns };
  pthread_mutex_unlock (&cache->lock);
}
