/* SPDX-License-Identifier: Apache-2.0 */
/* hub.c - see hub.h.
 *
 * Subscriptions hang in lists by topic: an account as a whole, or one mailbox of it.  Topics are
 * divided over shards by the account alone, so that a publish needs one lock, and one atomic load
 * where nobody in the shard listens.  A subscription's rows are written by publishers and taken
 * by its task under the shard's lock: so between the look of `occurred` that finds nothing and the
 * waker that it leaves nothing can slip through. */
#include "event/hub.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 128, STRIPES = 16 };

struct topic {
  char *account;
  struct ptn_id mailbox; /* all zero: the account as a whole */
  guint hash;
  struct ptn_subscription *first;
};

struct shard {
  pthread_mutex_t lock;
  _Atomic unsigned count; /* subscriptions */
  GHashTable *topics;     /* set of struct topic */
} __attribute__ ((__aligned__ (64)));

/* How many subscriptions each task has. */
struct stripe {
  pthread_mutex_t lock;
  GHashTable *counts; /* struct ptn_task to GUINT_TO_POINTER */
};

struct event_hub {
  struct event_hub_settings settings;
  struct shard shards[SHARDS];
  struct stripe stripes[STRIPES];
};

struct ptn_subscription {
  struct event_hub *hub;
  struct shard *shard;
  struct topic *topic;
  struct ptn_subscription *next, *previous; /* of the topic */
  struct ptn_task *task;
  uint32_t kinds;
  /* The rest is written by publishers too: shard->lock. */
  uint32_t count, room;       /* of rows */
  struct ptn_happening *rows; /* &one, or EVENT_ROWS of them when one is not enough */
  struct ptn_happening one;
  struct ptn_waker *waker; /* NULL: it was used, `occurred` leaves another */
};

static const struct ptn_id whole; /* all zero */

static bool
same_id (const struct ptn_id *a, const struct ptn_id *b) {
  return memcmp (a, b, sizeof *a) == 0;
}

/* --- topics ------------------------------------------------------------------------------ */

static guint
topic_hash (const void *key) {
  return ((const struct topic *)key)->hash;
}

static gboolean
topic_equal (const void *left, const void *right) {
  const struct topic *a = left, *b = right;
  return a->hash == b->hash && same_id (&a->mailbox, &b->mailbox)
         && strcmp (a->account, b->account) == 0;
}

static void
topic_free (void *key) {
  struct topic *topic = key;
  g_free (topic->account);
  g_free (topic);
}

static guint
hash_both (guint account, const struct ptn_id *mailbox) {
  uint64_t word[2];
  memcpy (word, mailbox, sizeof word);
  uint64_t mixed = (word[0] ^ word[1]) * UINT64_C (0x9e3779b97f4a7c15);
  return account ^ (guint)(mixed >> 32);
}

static struct shard *
shard_of (struct event_hub *hub, guint account_hash) {
  return &hub->shards[(account_hash * 2654435769u) >> 25]; /* the upper 7 bits */
}
G_STATIC_ASSERT (SHARDS == 1 << (32 - 25));

/* A key to look up with; the account is borrowed. */
static struct topic
topic_key (const char *account, guint account_hash, const struct ptn_id *mailbox) {
  return (struct topic){ .account = (char *)account,
                         .mailbox = *mailbox,
                         .hash = hash_both (account_hash, mailbox) };
}

/* --- the hub ------------------------------------------------------------------------------ */

struct event_hub *
event_hub_new (const struct event_hub_settings *settings) {
  struct event_hub *hub = aligned_alloc (_Alignof(struct event_hub), sizeof *hub);
  g_assert (hub);
  memset (hub, 0, sizeof *hub);
  hub->settings = *settings;
  if (!hub->settings.per_task)
    hub->settings.per_task = EVENT_PER_TASK;
  for (unsigned i = 0; i < SHARDS; i++) {
    pthread_mutex_init (&hub->shards[i].lock, NULL);
    hub->shards[i].topics = g_hash_table_new_full (topic_hash, topic_equal, topic_free, NULL);
  }
  for (unsigned i = 0; i < STRIPES; i++) {
    pthread_mutex_init (&hub->stripes[i].lock, NULL);
    hub->stripes[i].counts = g_hash_table_new (g_direct_hash, g_direct_equal);
  }
  return hub;
}

static void
subscription_free (struct ptn_subscription *subscription) {
  if (subscription->waker)
    subscription->hub->settings.forget (subscription->waker);
  if (subscription->rows != &subscription->one)
    g_free (subscription->rows);
  g_free (subscription);
}

void
event_hub_free (struct event_hub **pointer) {
  struct event_hub *hub = *pointer;
  *pointer = NULL;
  if (!hub)
    return;
  for (unsigned i = 0; i < SHARDS; i++) {
    struct shard *shard = &hub->shards[i];
    GHashTableIter walk;
    gpointer key;
    g_hash_table_iter_init (&walk, shard->topics);
    while (g_hash_table_iter_next (&walk, &key, NULL))
      for (struct ptn_subscription *next, *one = ((struct topic *)key)->first; one; one = next) {
        next = one->next;
        subscription_free (one);
      }
    g_hash_table_unref (shard->topics);
    pthread_mutex_destroy (&shard->lock);
  }
  for (unsigned i = 0; i < STRIPES; i++) {
    g_hash_table_unref (hub->stripes[i].counts);
    pthread_mutex_destroy (&hub->stripes[i].lock);
  }
  free (hub);
}

unsigned
event_hub_count (const struct event_hub *hub) {
  unsigned count = 0;
  for (unsigned i = 0; i < SHARDS; i++)
    count += atomic_load_explicit (&hub->shards[i].count, memory_order_relaxed);
  return count;
}

/* --- publishing ---------------------------------------------------------------------------- */

static bool
is_overflow (const struct ptn_subscription *subscription) {
  return subscription->count == 1 && subscription->rows[0].kinds == UINT32_MAX
         && same_id (&subscription->rows[0].mailbox, &whole);
}

/* A row for this mailbox; NULL: there is room for no more. */
static struct ptn_happening *
row_for (struct ptn_subscription *subscription, const struct ptn_id *mailbox) {
  for (uint32_t i = 0; i < subscription->count; i++)
    if (same_id (&subscription->rows[i].mailbox, mailbox))
      return &subscription->rows[i];
  if (subscription->count == subscription->room) {
    if (subscription->rows != &subscription->one)
      return NULL;
    subscription->rows = g_new (struct ptn_happening, EVENT_ROWS);
    subscription->rows[0] = subscription->one;
    subscription->room = EVENT_ROWS;
  }
  struct ptn_happening *row = &subscription->rows[subscription->count++];
  *row = (struct ptn_happening){ .mailbox = *mailbox };
  return row;
}

static void
merge (struct ptn_subscription *subscription, const struct ptn_event *event, uint32_t kinds) {
  if (is_overflow (subscription))
    return;
  struct ptn_happening *row = row_for (subscription, &event->mailbox);
  if (!row) {
    subscription->count = 1;
    subscription->rows[0] = (struct ptn_happening){ .kinds = UINT32_MAX };
    return;
  }
  row->kinds |= kinds;
  row->modseq = MAX (row->modseq, event->modseq);
}

/* Wakes under the lock: a waker is a compare-and-swap and a place in the run queue. */
static void
tell (struct event_hub *hub, struct shard *shard, const struct topic *key,
      const struct ptn_event *event) {
  const struct topic *topic = g_hash_table_lookup (shard->topics, key);
  for (struct ptn_subscription *one = topic ? topic->first : NULL; one; one = one->next) {
    uint32_t kinds = one->kinds & event->kinds;
    if (!kinds || one->task == event->origin)
      continue;
    merge (one, event, kinds);
    struct ptn_waker *waker = one->waker;
    one->waker = NULL;
    if (waker)
      hub->settings.wake (waker);
  }
}

void
event_publish (struct event_hub *hub, const struct ptn_event *event) {
  if (!PTN_HAS (event, origin) || !event->account || !event->kinds)
    return;
  guint account = g_str_hash (event->account);
  struct shard *shard = shard_of (hub, account);
  /* Who subscribed before the change was made has counted itself before we come here. */
  if (atomic_load (&shard->count) == 0)
    return;
  struct topic all = topic_key (event->account, account, &whole);
  pthread_mutex_lock (&shard->lock);
  tell (hub, shard, &all, event);
  if (!same_id (&event->mailbox, &whole)) {
    struct topic one = topic_key (event->account, account, &event->mailbox);
    tell (hub, shard, &one, event);
  }
  pthread_mutex_unlock (&shard->lock);
}

/* --- subscribing ----------------------------------------------------------------------------- */

/* One more (or less) of this task's; false: it has as many as it may. */
static bool
count_task (struct event_hub *hub, struct ptn_task *task, int change) {
  struct stripe *stripe = &hub->stripes[((uintptr_t)task >> 6) % STRIPES];
  pthread_mutex_lock (&stripe->lock);
  unsigned count = GPOINTER_TO_UINT (g_hash_table_lookup (stripe->counts, task));
  bool good = change < 0 || count < hub->settings.per_task;
  if (good && count + (unsigned)change == 0)
    g_hash_table_remove (stripe->counts, task);
  else if (good)
    g_hash_table_insert (stripe->counts, task, GUINT_TO_POINTER (count + (unsigned)change));
  pthread_mutex_unlock (&stripe->lock);
  return good;
}

/* What counts against its session's memory: itself, and the rows it may come to need. */
static size_t
cost_of (const struct ptn_id *mailbox) {
  size_t rows = same_id (mailbox, &whole) ? EVENT_ROWS * sizeof (struct ptn_happening) : 0;
  return sizeof (struct ptn_subscription) + sizeof (struct topic) + rows;
}

static void
link_in (struct ptn_subscription *subscription, const struct topic *key) {
  struct shard *shard = subscription->shard;
  pthread_mutex_lock (&shard->lock);
  struct topic *topic = g_hash_table_lookup (shard->topics, key);
  if (!topic) {
    topic = g_memdup2 (key, sizeof *key);
    topic->account = g_strdup (key->account);
    g_hash_table_add (shard->topics, topic);
  }
  subscription->topic = topic;
  subscription->next = topic->first;
  if (topic->first)
    topic->first->previous = subscription;
  topic->first = subscription;
  atomic_fetch_add (&shard->count, 1);
  pthread_mutex_unlock (&shard->lock);
}

/* Unlinks it; the topic goes with its last one. */
static void
link_out (struct ptn_subscription *subscription) {
  struct shard *shard = subscription->shard;
  struct topic *topic = subscription->topic;
  pthread_mutex_lock (&shard->lock);
  if (subscription->previous)
    subscription->previous->next = subscription->next;
  else
    topic->first = subscription->next;
  if (subscription->next)
    subscription->next->previous = subscription->previous;
  if (!topic->first)
    g_hash_table_remove (shard->topics, topic);
  atomic_fetch_sub (&shard->count, 1);
  pthread_mutex_unlock (&shard->lock);
}

ptn_status
event_subscribe (struct event_hub *hub, struct ptn_task *task, const char *account,
                 const struct ptn_id *mailbox, uint32_t kinds,
                 struct ptn_subscription **subscription) {
  *subscription = NULL;
  if (!account || !kinds)
    return PTN_E_INVALID;
  const struct ptn_id *which = mailbox ? mailbox : &whole;
  if (hub->settings.charge && !hub->settings.charge (task, cost_of (which)))
    return PTN_E_LIMIT;
  if (!count_task (hub, task, 1)) {
    if (hub->settings.refund)
      hub->settings.refund (task, cost_of (which));
    return PTN_E_LIMIT;
  }
  guint hash = g_str_hash (account);
  struct ptn_subscription *made = g_new0 (struct ptn_subscription, 1);
  *made = (struct ptn_subscription){ .hub = hub,
                                     .shard = shard_of (hub, hash),
                                     .task = task,
                                     .kinds = kinds,
                                     .rows = &made->one,
                                     .room = 1,
                                     .waker = hub->settings.waker (task) };
  struct topic key = topic_key (account, hash, which);
  link_in (made, &key);
  *subscription = made;
  return PTN_OK;
}

void
event_unsubscribe (struct ptn_subscription *subscription) {
  if (!subscription)
    return;
  struct event_hub *hub = subscription->hub;
  size_t cost = cost_of (&subscription->topic->mailbox);
  link_out (subscription); /* from here on no publisher knows it */
  count_task (hub, subscription->task, -1);
  if (hub->settings.refund)
    hub->settings.refund (subscription->task, cost);
  subscription_free (subscription);
}

/* --- being told ------------------------------------------------------------------------------ */

ptn_status
event_occurred (struct ptn_subscription *subscription, struct ptn_happening *rows, size_t room,
                size_t *count) {
  struct shard *shard = subscription->shard;
  const struct event_hub_settings *settings = &subscription->hub->settings;
  struct ptn_happening *done = NULL;
  pthread_mutex_lock (&shard->lock);
  size_t taken = MIN (room, subscription->count);
  if (taken)
    memcpy (rows, subscription->rows, taken * sizeof *rows);
  subscription->count -= (uint32_t)taken;
  if (!subscription->waker)
    subscription->waker = settings->waker (subscription->task);
  if (subscription->count) { /* the condition still holds: the task runs again */
    memmove (subscription->rows, subscription->rows + taken,
             subscription->count * sizeof *subscription->rows);
    settings->wake (subscription->waker);
    subscription->waker = NULL;
  } else if (subscription->rows != &subscription->one) {
    done = subscription->rows;
    subscription->rows = &subscription->one;
    subscription->room = 1;
  }
  pthread_mutex_unlock (&shard->lock);
  g_free (done);
  *count = taken;
  return taken ? PTN_OK : PTN_PENDING;
}
