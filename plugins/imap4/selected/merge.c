/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - see merge.h.
 *
 * A delivery to a mailbox with 10,000 sessions in IDLE makes each of them compare the same two views.
 * Where the store shares the columns of both, that is no work at all; where it is, the first session
 * does it and the others take its result, which is found by what makes a state of a mailbox: its id,
 * modseq and number of messages. */
#include "selected/merge.h"

#include <stddef.h>

#define SLOTS 32
#define SHARED_ENTRIES_MAX 65536 /* greater ones are not kept */

struct key {
  struct ptn_id mailbox;
  uint64_t told_modseq, now_modseq;
  uint32_t told_count, now_count;
};

struct slot {
  struct key key;
  struct difference *difference;
};

struct differences {
  pthread_mutex_t lock;
  unsigned next;
  struct slot slots[SLOTS];
};

struct differences *
differences_new (void) {
  struct differences *differences = g_new0 (struct differences, 1);
  pthread_mutex_init (&differences->lock, NULL);
  return differences;
}

void
differences_free (struct differences **pointer) {
  struct differences *differences = *pointer;
  if (!differences)
    return;
  for (unsigned i = 0; i < SLOTS; i++)
    difference_unref (differences->slots[i].difference);
  pthread_mutex_destroy (&differences->lock);
  g_clear_pointer (pointer, g_free);
}

void
difference_unref (struct difference *difference) {
  if (!difference || !g_atomic_int_dec_and_test (&difference->references))
    return;
  if (difference->gone)
    g_array_unref (difference->gone);
  if (difference->changed)
    g_array_unref (difference->changed);
  g_free (difference);
}

static void
note_gone (struct difference *d, uint32_t place) {
  if (!d->gone)
    d->gone = g_array_new (FALSE, FALSE, sizeof place);
  g_array_append_val (d->gone, place);
}

static void
note_changed (struct difference *d, uint32_t told, uint32_t now) {
  struct changed both = { told, now };
  if (!d->changed)
    d->changed = g_array_new (FALSE, FALSE, sizeof both);
  g_array_append_val (d->changed, both);
}

/* The same messages in the same places at the beginning. */
static bool
same_beginning (const struct ptn_view *told, const struct ptn_view *now) {
  return now->count >= told->count
         && (told->uid == now->uid || !told->count
             || memcmp (told->uid, now->uid, told->count * sizeof *told->uid) == 0);
}

static struct difference *
compute (const struct ptn_view *told, const struct ptn_view *now) {
  struct difference *d = g_new0 (struct difference, 1);
  uint32_t i = 0, j = 0;
  d->references = 1;
  if (same_beginning (told, now)) {
    d->fresh = now->count - told->count;
    if (told->message_modseq != now->message_modseq)
      for (i = 0; i < told->count; i++)
        if (now->message_modseq[i] > told->modseq)
          note_changed (d, i, i);
    return d;
  }
  for (; i < told->count; i++)
    if (j == now->count || now->uid[j] != told->uid[i])
      note_gone (d, i);
    else {
      if (now->message_modseq[j] > told->modseq)
        note_changed (d, i, j);
      j++;
    }
  d->fresh = now->count - j;
  return d;
}

static struct difference *
find (struct differences *differences, const struct key *key) {
  struct difference *found = NULL;
  pthread_mutex_lock (&differences->lock);
  for (unsigned i = 0; i < SLOTS && !found; i++)
    if (differences->slots[i].difference
        && memcmp (&differences->slots[i].key, key, sizeof *key) == 0) {
      found = differences->slots[i].difference;
      g_atomic_int_inc (&found->references);
    }
  pthread_mutex_unlock (&differences->lock);
  return found;
}

static void
keep (struct differences *differences, const struct key *key, struct difference *d) {
  size_t entries = (d->gone ? d->gone->len : 0) + (d->changed ? d->changed->len : 0);
  if (entries > SHARED_ENTRIES_MAX)
    return;
  g_atomic_int_inc (&d->references);
  pthread_mutex_lock (&differences->lock);
  struct slot *slot = &differences->slots[differences->next++ % SLOTS];
  struct difference *old = slot->difference;
  *slot = (struct slot){ *key, d };
  pthread_mutex_unlock (&differences->lock);
  difference_unref (old);
}

struct difference *
difference_between (struct differences *differences, const struct ptn_id *mailbox,
                    const struct ptn_view *told, const struct ptn_view *now, bool share) {
  bool trivial = told->uid == now->uid && told->message_modseq == now->message_modseq;
  if (!share || trivial || told->count < 64)
    return compute (told, now);
  struct key key;
  memset (&key, 0, sizeof key);
  key.mailbox = *mailbox;
  key.told_modseq = told->modseq;
  key.now_modseq = now->modseq;
  key.told_count = told->count;
  key.now_count = now->count;
  struct difference *d = find (differences, &key);
  if (!d) {
    d = compute (told, now);
    keep (differences, &key, d);
  }
  return d;
}

/* --- views between ---------------------------------------------------------------------------- */

struct mixed {
  struct ptn_view table;
  const struct ptn_view *from; /* its keywords are ours too */
  uint32_t *uid;
  ptn_flag_bits *flags;
  uint64_t *modseq;
};

struct ptn_view *
view_mix (const struct ptn_view *told, const struct ptn_view *now, const struct difference *d) {
  struct mixed *mixed = g_new0 (struct mixed, 1);
  uint32_t count = told->count + d->fresh, j = 0;
  guint gone = 0;
  mixed->from = now;
  mixed->uid = g_new (uint32_t, count);
  mixed->flags = g_new (ptn_flag_bits, count);
  mixed->modseq = g_new (uint64_t, count);
  for (uint32_t i = 0; i < count; i++) {
    bool left = gone < d->gone->len && g_array_index (d->gone, uint32_t, gone) == i;
    const struct ptn_view *from = left ? told : now;
    uint32_t place = left ? i : j++;
    gone += left;
    mixed->uid[i] = from->uid[place];
    mixed->flags[i] = from->flags[place];
    mixed->modseq[i] = from->message_modseq[place];
  }
  mixed->table = *now;
  mixed->table.size = sizeof mixed->table;
  mixed->table.count = count;
  mixed->table.uid = mixed->uid;
  mixed->table.flags = mixed->flags;
  mixed->table.message_modseq = mixed->modseq;
  return &mixed->table;
}

const struct ptn_view *
view_mixed_from (const struct ptn_view *view) {
  return ((const struct mixed *)(const void *)view)->from;
}

static void
release (const struct ptn_store *store, const struct ptn_view *view, bool is_mixed) {
  if (!view)
    return;
  if (!is_mixed) {
    store->release_view (view);
    return;
  }
  struct mixed *mixed = (struct mixed *)(uintptr_t)view;
  store->release_view (mixed->from);
  g_free (mixed->uid);
  g_free (mixed->flags);
  g_free (mixed->modseq);
  g_free (mixed);
}

void
selected_tell (struct session *s, const struct ptn_view *view, bool mixed) {
  struct selected *selected = s->selected;
  release (s->imap4->store, selected->told, selected->mixed);
  selected->told = view;
  selected->mixed = mixed;
}
