/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.c - a table of sets of four, the oldest of which gives way; see verdicts.h.  Owns its table
 * and key; both are wiped. */
#include "common/secret/verdicts.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#define WAYS 4
#define KEY_SIZE 64 /* one block of SHA-256 */

struct entry {
  struct verdict_tag tag;
  int64_t until_ns; /* 0: empty */
  guint32 user;     /* hash of the name */
  verdict verdict;
};

struct verdicts {
  gint references;
  pthread_mutex_t lock;
  size_t wanted; /* entries, as asked for */
  struct entry *entries;
  size_t set_mask;
  int64_t right_ns, wrong_ns;
  uint64_t flushes;                               /* so far */
  unsigned char inner[KEY_SIZE], outer[KEY_SIZE]; /* the key with HMAC's two pads */
};

struct verdicts *
verdicts_new (size_t entries, int64_t right_ns, int64_t wrong_ns) {
  unsigned char key[32];
  if (RAND_bytes (key, sizeof key) != 1)
    return NULL;
  struct verdicts *verdicts = g_new0 (struct verdicts, 1);
  verdicts->references = 1;
  verdicts->wanted = entries;
  pthread_mutex_init (&verdicts->lock, NULL);
  memset (verdicts->inner, 0x36, KEY_SIZE);
  memset (verdicts->outer, 0x5c, KEY_SIZE);
  for (size_t i = 0; i < sizeof key; i++) {
    verdicts->inner[i] ^= key[i];
    verdicts->outer[i] ^= key[i];
  }
  explicit_bzero (key, sizeof key);
  verdicts->right_ns = right_ns;
  verdicts->wrong_ns = wrong_ns;
  if (entries > 0 && (right_ns > 0 || wrong_ns > 0)) {
    size_t sets = 1;
    while (sets * WAYS < entries && sets < 1u << 22)
      sets *= 2;
    verdicts->set_mask = sets - 1;
    verdicts->entries = g_new0 (struct entry, sets * WAYS);
  }
  return verdicts;
}

struct verdicts *
verdicts_ref (struct verdicts *verdicts) {
  g_atomic_int_inc (&verdicts->references);
  return verdicts;
}

void
verdicts_unref (struct verdicts *verdicts) {
  if (!g_atomic_int_dec_and_test (&verdicts->references))
    return;
  pthread_mutex_destroy (&verdicts->lock);
  g_free (verdicts->entries);
  explicit_bzero (verdicts, sizeof *verdicts);
  g_free (verdicts);
}

bool
verdicts_are_like (const struct verdicts *verdicts, size_t entries, int64_t right_ns,
                   int64_t wrong_ns) {
  return verdicts->wanted == entries && verdicts->right_ns == right_ns
         && verdicts->wrong_ns == wrong_ns;
}

/* HMAC-SHA-256 by hand: with OpenSSL 3 a keyed context costs more than the two hashes. */
void
verdicts_tag (struct verdicts *verdicts, struct ptn_bytes depends_on, struct ptn_bytes password,
              struct verdict_tag *tag) {
  const uint64_t divides = depends_on.size; /* "ab" "c" is not "a" "bc" */
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  const EVP_MD *sha256 = EVP_sha256 ();
  const bool done = context && EVP_DigestInit_ex (context, sha256, NULL)
                    && EVP_DigestUpdate (context, verdicts->inner, KEY_SIZE)
                    && EVP_DigestUpdate (context, &divides, sizeof divides)
                    && EVP_DigestUpdate (context, depends_on.data, depends_on.size)
                    && EVP_DigestUpdate (context, password.data, password.size)
                    && EVP_DigestFinal_ex (context, tag->octets, NULL)
                    && EVP_DigestInit_ex (context, sha256, NULL)
                    && EVP_DigestUpdate (context, verdicts->outer, KEY_SIZE)
                    && EVP_DigestUpdate (context, tag->octets, sizeof tag->octets)
                    && EVP_DigestFinal_ex (context, tag->octets, NULL);
  EVP_MD_CTX_free (context);
  /* A tag that can not be made must not be found by another that can not. */
  if (!done && RAND_bytes (tag->octets, sizeof tag->octets) != 1)
    g_error ("no random octets");
}

static struct entry *
set_of (struct verdicts *verdicts, const struct verdict_tag *tag) {
  uint64_t place;
  memcpy (&place, tag->octets, sizeof place);
  return &verdicts->entries[(place & verdicts->set_mask) * WAYS];
}

/* Tags are keyed, so how far a comparison of them comes tells nothing. */
static struct entry *
find (struct entry *set, const struct verdict_tag *tag) {
  for (unsigned i = 0; i < WAYS; i++)
    if (set[i].until_ns && memcmp (&set[i].tag, tag, sizeof *tag) == 0)
      return &set[i];
  return NULL;
}

verdict
verdicts_find (struct verdicts *verdicts, const struct verdict_tag *tag, int64_t now_ns) {
  if (!verdicts->entries)
    return VERDICT_NONE;
  pthread_mutex_lock (&verdicts->lock);
  const struct entry *entry = find (set_of (verdicts, tag), tag);
  const verdict found = entry && entry->until_ns > now_ns ? entry->verdict : VERDICT_NONE;
  pthread_mutex_unlock (&verdicts->lock);
  return found;
}

/* With the lock. */
static void
add (struct verdicts *verdicts, const struct verdict_tag *tag, const char *user, verdict what,
     int64_t until_ns) {
  struct entry *set = set_of (verdicts, tag);
  struct entry *entry = find (set, tag);
  if (!entry) {
    entry = set;
    for (unsigned i = 1; i < WAYS; i++)
      if (set[i].until_ns < entry->until_ns)
        entry = &set[i];
  }
  *entry = (struct entry){ *tag, until_ns, g_str_hash (user), what };
}

void
verdicts_add (struct verdicts *verdicts, const struct verdict_tag *tag, const char *user,
              verdict what, int64_t now_ns) {
  verdicts_add_since (verdicts, verdicts_flushes (verdicts), tag, user, what, now_ns);
}

uint64_t
verdicts_flushes (struct verdicts *verdicts) {
  pthread_mutex_lock (&verdicts->lock);
  const uint64_t flushes = verdicts->flushes;
  pthread_mutex_unlock (&verdicts->lock);
  return flushes;
}

void
verdicts_add_since (struct verdicts *verdicts, uint64_t flushes, const struct verdict_tag *tag,
                    const char *user, verdict what, int64_t now_ns) {
  const int64_t lifetime_ns = what == VERDICT_RIGHT ? verdicts->right_ns : verdicts->wrong_ns;
  if (!verdicts->entries || lifetime_ns <= 0)
    return;
  pthread_mutex_lock (&verdicts->lock);
  if (flushes == verdicts->flushes)
    add (verdicts, tag, user, what, now_ns + lifetime_ns);
  pthread_mutex_unlock (&verdicts->lock);
}

void
verdicts_flush (struct verdicts *verdicts, const char *user) {
  if (!verdicts->entries)
    return;
  const guint32 hash = user ? g_str_hash (user) : 0;
  pthread_mutex_lock (&verdicts->lock);
  verdicts->flushes++;
  for (size_t i = 0; i < (verdicts->set_mask + 1) * WAYS; i++)
    if (!user || verdicts->entries[i].user == hash)
      verdicts->entries[i] = (struct entry){ .until_ns = 0 };
  pthread_mutex_unlock (&verdicts->lock);
}
