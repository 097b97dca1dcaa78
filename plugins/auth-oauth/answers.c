/* SPDX-License-Identifier: Apache-2.0 */
/* answers.c - see answers.h. */
#include "answers.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

struct entry {
  unsigned char tag[32]; /* first: the key of the table */
  gint64 until_ns;
  struct grant grant;
  GList link; /* in `order` */
};

struct answers {
  pthread_mutex_t lock;
  unsigned char key[32];
  GHashTable *table; /* struct entry, by tag */
  GQueue order;      /* the oldest first */
};

static guint
hash_tag (gconstpointer tag) {
  guint hash;
  memcpy (&hash, tag, sizeof hash);
  return hash;
}

static gboolean
same_tag (gconstpointer a, gconstpointer b) {
  return CRYPTO_memcmp (a, b, 32) == 0;
}

struct answers *
answers_new (void) {
  struct answers *answers = g_new0 (struct answers, 1);
  if (getrandom (answers->key, sizeof answers->key, 0) != (ssize_t)sizeof answers->key) {
    g_free (answers);
    return NULL;
  }
  pthread_mutex_init (&answers->lock, NULL);
  answers->table = g_hash_table_new (hash_tag, same_tag);
  g_queue_init (&answers->order);
  return answers;
}

/* The lock is held. */
static void
drop (struct answers *answers, struct entry *entry) {
  g_hash_table_remove (answers->table, entry->tag);
  g_queue_unlink (&answers->order, &entry->link);
  grant_clear (&entry->grant);
  g_free (entry);
}

void
answers_flush (struct answers *answers) {
  pthread_mutex_lock (&answers->lock);
  while (answers->order.head)
    drop (answers, answers->order.head->data);
  pthread_mutex_unlock (&answers->lock);
}

void
answers_free (struct answers **at) {
  struct answers *answers = *at;
  if (!answers)
    return;
  answers_flush (answers);
  g_hash_table_destroy (answers->table);
  pthread_mutex_destroy (&answers->lock);
  explicit_bzero (answers->key, sizeof answers->key);
  g_clear_pointer (at, g_free);
}

static bool
make_tag (const struct answers *answers, struct ptn_bytes token, unsigned char tag[32]) {
  return HMAC (EVP_sha256 (), answers->key, sizeof answers->key, token.data, token.size, tag, NULL)
         != NULL;
}

static struct grant
copy_of (const struct grant *grant) {
  struct grant copy = *grant;
  copy.user = g_strdup (grant->user);
  return copy;
}

bool
answers_find (struct answers *answers, struct ptn_bytes token, gint64 now_ns, struct grant *grant) {
  unsigned char tag[32];
  if (!make_tag (answers, token, tag))
    return false;
  pthread_mutex_lock (&answers->lock);
  struct entry *entry = g_hash_table_lookup (answers->table, tag);
  if (entry && entry->until_ns <= now_ns) {
    drop (answers, entry);
    entry = NULL;
  }
  if (entry)
    *grant = copy_of (&entry->grant);
  pthread_mutex_unlock (&answers->lock);
  return entry != NULL;
}

void
answers_add (struct answers *answers, struct ptn_bytes token, gint64 until_ns,
             const struct grant *grant) {
  unsigned char tag[32];
  if (!make_tag (answers, token, tag))
    return;
  struct entry *entry = g_new0 (struct entry, 1);
  memcpy (entry->tag, tag, sizeof tag);
  entry->until_ns = until_ns;
  entry->grant = copy_of (grant);
  entry->link.data = entry;
  pthread_mutex_lock (&answers->lock);
  struct entry *old = g_hash_table_lookup (answers->table, tag);
  if (old)
    drop (answers, old);
  else if (answers->order.length >= ANSWERS_LIMIT)
    drop (answers, answers->order.head->data);
  g_hash_table_insert (answers->table, entry->tag, entry);
  g_queue_push_tail_link (&answers->order, &entry->link);
  pthread_mutex_unlock (&answers->lock);
}
