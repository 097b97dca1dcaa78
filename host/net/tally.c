/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - see tally.h. */
#include "net/tally.h"

#include <glib.h>
#include <pthread.h>
#include <stdio.h>

struct tally {
  pthread_mutex_t lock;
  GHashTable *counts; /* char * -> unsigned *, never 0, both owned */
};

struct tally *
tally_new (void) {
  struct tally *tally = g_new0 (struct tally, 1);

  pthread_mutex_init (&tally->lock, NULL);
  tally->counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return tally;
}

void
tally_free (struct tally **tally) {
  if (!*tally)
    return;
  g_hash_table_unref ((*tally)->counts);
  pthread_mutex_destroy (&(*tally)->lock);
  g_free (*tally);
  *tally = NULL;
}

bool
tally_take (struct tally *tally, const char *key, unsigned most) {
  bool taken = true;
  unsigned *count;

  pthread_mutex_lock (&tally->lock);
  count = g_hash_table_lookup (tally->counts, key);
  if (!count)
    g_hash_table_insert (tally->counts, g_strdup (key), count = g_new0 (unsigned, 1));
  if (most && *count >= most)
    taken = false;
  else
    ++*count;
  pthread_mutex_unlock (&tally->lock);
  return taken;
}

void
tally_give (struct tally *tally, const char *key) {
  unsigned *count;

  pthread_mutex_lock (&tally->lock);
  count = g_hash_table_lookup (tally->counts, key);
  g_assert (count && *count > 0);
  if (--*count == 0)
    g_hash_table_remove (tally->counts, key);
  pthread_mutex_unlock (&tally->lock);
}

unsigned
tally_count (struct tally *tally, const char *key) {
  const unsigned *count;
  unsigned result;

  pthread_mutex_lock (&tally->lock);
  count = g_hash_table_lookup (tally->counts, key);
  result = count ? *count : 0;
  pthread_mutex_unlock (&tally->lock);
  return result;
}

bool
peer_key (const struct net_address *address, char key[PEER_KEY]) {
  if (address->kind != ADDRESS_IP)
    return false;
  if (address_is_ip4 (address))
    snprintf (key, PEER_KEY, "%u.%u.%u.%u", address->ip[12], address->ip[13], address->ip[14],
              address->ip[15]);
  else
    snprintf (key, PEER_KEY, "%02x%02x%02x%02x%02x%02x%02x%02x/64", address->ip[0], address->ip[1],
              address->ip[2], address->ip[3], address->ip[4], address->ip[5], address->ip[6],
              address->ip[7]);
  return true;
}
