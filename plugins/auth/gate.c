/* SPDX-License-Identifier: Apache-2.0 */
/* gate.c - the counts behind the growing delay; see gate.h.  Owns its table. */
#include "gate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#define SETS 4096u
#define WAYS 4u
#define NETWORK_FREE 4 /* users who may fail in a network before it is held up */
#define USER_FREE 8    /* failures of a user, from anywhere, before others wait */
#define USER_DIVISOR 4 /* of the longest delay: what a user can be made to wait by others */
#define GOOD_FOR_NS (G_GINT64_CONSTANT (86400) * 1000000000)

struct entry {
  guint64 key;       /* 0: empty */
  gint64 counted_ns; /* when `failures` was true */
  gint64 turn_ns;    /* of the latest attempt let in, or failure */
  gint64 good_ns;    /* the latest success; 0: none */
  guint32 failures;
};

struct gate {
  pthread_mutex_t lock;
  struct gate_settings settings;
  guint64 seed;
  struct entry entries[SETS * WAYS];
};

struct gate *
gate_new (const struct gate_settings *settings) {
  struct gate *gate = g_new0 (struct gate, 1);
  pthread_mutex_init (&gate->lock, NULL);
  gate->settings = *settings;
  gate->seed = (guint64)g_random_int () << 32 | g_random_int ();
  return gate;
}

void
gate_free (struct gate **gate) {
  if (*gate)
    pthread_mutex_destroy (&(*gate)->lock);
  g_clear_pointer (gate, g_free);
}

void
gate_set (struct gate *gate, const struct gate_settings *settings) {
  pthread_mutex_lock (&gate->lock);
  gate->settings = *settings;
  pthread_mutex_unlock (&gate->lock);
}

/* ---- Keys -------------------------------------------------------------------------------- */

static guint64
hash (guint64 seed, const char *data, size_t size) {
  guint64 value = seed;
  for (size_t i = 0; i < size; i++) {
    value ^= (unsigned char)g_ascii_tolower (data[i]);
    value *= G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
    value ^= value >> 29;
  }
  return value | 1; /* 0 is the empty entry */
}

/* The octets that name the network of an address. */
static size_t
network_of (const char *address, char octets[16]) {
  if (inet_pton (AF_INET, address, octets) == 1)
    return 3;
  if (inet_pton (AF_INET6, address, octets) != 1)
    return 0;
  static const char mapped[12] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";
  if (memcmp (octets, mapped, sizeof mapped) != 0)
    return 6;
  memmove (octets, octets + 12, 4);
  return 3;
}

struct gate_keys
gate_keys (struct gate *gate, const char *user, size_t user_length, const char *address) {
  char octets[16];
  const size_t size = network_of (address, octets);
  struct gate_keys keys = { .trusted = false };
  keys.user = hash (gate->seed, user, user_length);
  keys.network =
      size ? hash (gate->seed ^ size, octets, size) : hash (~gate->seed, address, strlen (address));
  keys.both = hash (keys.user, (const char *)&keys.network, sizeof keys.network);
  return keys;
}

/* ---- The table --------------------------------------------------------------------------- */

static struct entry *
find (struct gate *gate, guint64 key) {
  struct entry *set = &gate->entries[(key >> 32) % SETS * WAYS];
  for (unsigned i = 0; i < WAYS; i++)
    if (set[i].key == key)
      return &set[i];
  return NULL;
}

/* What an entry is worth keeping: a flood of invented names must not push out who is known. */
static gint64
worth (const struct entry *entry) {
  if (!entry->key)
    return G_MININT64;
  return entry->good_ns ? entry->good_ns : entry->counted_ns - GOOD_FOR_NS;
}

static struct entry *
take (struct gate *gate, guint64 key) {
  struct entry *entry = find (gate, key);
  if (entry)
    return entry;
  struct entry *set = &gate->entries[(key >> 32) % SETS * WAYS];
  entry = set;
  for (unsigned i = 1; i < WAYS; i++)
    if (worth (&set[i]) < worth (entry))
      entry = &set[i];
  *entry = (struct entry){ .key = key };
  return entry;
}

/* Failures that are not forgotten yet. */
static guint32
failures (const struct gate *gate, struct entry *entry, gint64 now_ns) {
  if (!entry || !entry->failures)
    return 0;
  const gint64 forgotten =
      gate->settings.forget_ns > 0 ? (now_ns - entry->counted_ns) / gate->settings.forget_ns : 0;
  if (forgotten > 0) {
    entry->failures -= (guint32)MIN (forgotten, (gint64)entry->failures);
    entry->counted_ns += forgotten * gate->settings.forget_ns;
  }
  return entry->failures;
}

static void
count (struct gate *gate, struct entry *entry, gint64 now_ns) {
  if (failures (gate, entry, now_ns) == 0)
    entry->counted_ns = now_ns;
  if (entry->failures < 1000)
    entry->failures++;
  entry->turn_ns = MAX (entry->turn_ns, now_ns);
}

/* ---- Delays ------------------------------------------------------------------------------ */

/* Half, once, twice, four times ... the setting. */
static gint64
gap (const struct gate *gate, guint32 failed) {
  if (failed == 0)
    return 0;
  gint64 delay = gate->settings.delay_ns / 2;
  while (--failed > 0 && delay < gate->settings.max_ns)
    delay *= 2;
  return MIN (delay, gate->settings.max_ns);
}

/* The next turn of an entry whose attempts are kept apart. */
static gint64
next_turn (const struct gate *gate, const struct entry *entry, guint32 failed, gint64 now_ns) {
  return failed ? MAX (now_ns, entry->turn_ns + gap (gate, failed)) : now_ns;
}

gint64
gate_admit (struct gate *gate, const struct gate_keys *keys, gint64 now_ns) {
  if (gate->settings.delay_ns <= 0)
    return now_ns;
  pthread_mutex_lock (&gate->lock);
  struct entry *both = find (gate, keys->both);
  struct entry *network = find (gate, keys->network), *user = find (gate, keys->user);
  const guint32 failed_both = failures (gate, both, now_ns);
  gint64 turn = next_turn (gate, both, failed_both, now_ns);

  const bool known =
      keys->trusted || (both && both->good_ns && now_ns - both->good_ns < GOOD_FOR_NS);
  const guint32 failed_network = failures (gate, network, now_ns);
  const bool held = !known && failed_network > NETWORK_FREE;
  if (held)
    turn = MAX (turn, next_turn (gate, network, failed_network - NETWORK_FREE, now_ns));
  const guint32 failed_user = failures (gate, user, now_ns);
  if (!known && failed_user > USER_FREE) {
    const gint64 wait = gap (gate, failed_user - USER_FREE);
    turn = MAX (turn, now_ns + MIN (wait, gate->settings.max_ns / USER_DIVISOR));
  }

  if (turn - now_ns > gate->settings.max_ns) {
    turn = G_MAXINT64;
  } else {
    if (failed_both)
      both->turn_ns = turn;
    if (held)
      network->turn_ns = turn;
  }
  pthread_mutex_unlock (&gate->lock);
  return turn;
}

void
gate_failed (struct gate *gate, const struct gate_keys *keys, gint64 now_ns) {
  if (gate->settings.delay_ns <= 0)
    return;
  pthread_mutex_lock (&gate->lock);
  /* A device with an old password fails for ever; its network is not to blame for that. */
  struct entry *both = take (gate, keys->both);
  const bool first = failures (gate, both, now_ns) == 0;
  count (gate, both, now_ns);
  count (gate, take (gate, keys->user), now_ns);
  if (first)
    count (gate, take (gate, keys->network), now_ns);
  pthread_mutex_unlock (&gate->lock);
}

void
gate_succeeded (struct gate *gate, const struct gate_keys *keys, gint64 now_ns) {
  if (gate->settings.delay_ns <= 0)
    return;
  pthread_mutex_lock (&gate->lock);
  struct entry *both = take (gate, keys->both);
  both->failures = 0;
  both->good_ns = now_ns;
  pthread_mutex_unlock (&gate->lock);
}
