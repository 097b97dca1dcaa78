/* SPDX-License-Identifier: Apache-2.0 */
/* locks.c - who holds which maildrop, and when it was last let in. */
#include "pop3.h"

struct lock_entry {
  bool locked;
  int64_t since_ns; /* last login, monotonic */
};

#define PRUNE_MIN 1024

void
locks_init (struct pop3 *pop3) {
  pthread_mutex_init (&pop3->lock, NULL);
  pthread_cond_init (&pop3->idle, NULL);
  pop3->maildrops = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  pop3->prune_at = PRUNE_MIN;
}

void
locks_clear (struct pop3 *pop3) {
  g_hash_table_unref (pop3->maildrops);
  pthread_cond_destroy (&pop3->idle);
  pthread_mutex_destroy (&pop3->lock);
}

struct pruning {
  int64_t now_ns, delay_ns;
};

static gboolean
is_stale (gpointer key, gpointer value, gpointer data) {
  const struct lock_entry *entry = value;
  const struct pruning *pruning = data;
  return !entry->locked && pruning->now_ns - entry->since_ns >= pruning->delay_ns;
}

enum lock_result
maildrop_lock (struct pop3 *pop3, const char *account, int64_t delay_ns) {
  int64_t now = pop3->host->monotonic_ns ();
  enum lock_result result = LOCK_TAKEN;
  pthread_mutex_lock (&pop3->lock);
  struct lock_entry *entry = g_hash_table_lookup (pop3->maildrops, account);
  if (entry && entry->locked)
    result = LOCK_IN_USE;
  else if (entry && now - entry->since_ns < delay_ns)
    result = LOCK_TOO_SOON;
  else {
    if (!entry) {
      entry = g_new0 (struct lock_entry, 1);
      g_hash_table_insert (pop3->maildrops, g_strdup (account), entry);
    }
    entry->locked = true;
    entry->since_ns = now;
  }
  pthread_mutex_unlock (&pop3->lock);
  return result;
}

void
maildrop_unlock (struct pop3 *pop3, const char *account, int64_t delay_ns) {
  struct pruning pruning = { pop3->host->monotonic_ns (), delay_ns };
  pthread_mutex_lock (&pop3->lock);
  struct lock_entry *entry = g_hash_table_lookup (pop3->maildrops, account);
  entry->locked = false;
  if (is_stale (NULL, entry, &pruning))
    g_hash_table_remove (pop3->maildrops, account);
  else if (g_hash_table_size (pop3->maildrops) >= pop3->prune_at) {
    g_hash_table_foreach_remove (pop3->maildrops, is_stale, &pruning);
    pop3->prune_at = MAX (PRUNE_MIN, 2 * g_hash_table_size (pop3->maildrops));
  }
  pthread_mutex_unlock (&pop3->lock);
}
