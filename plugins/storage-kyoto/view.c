/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.c - see view.h.
 *
 * A mailbox is live while somebody has a view of it.  Then whoever publishes changes of the index
 * also notes which of its messages have become what, and the next view is made of the newest one
 * and these notes, without a look at the index.  Only the first view is read from the index: in
 * turns, so that no commit waits long, and made right by the notes of what changed meanwhile.
 * Notes are bounded; too many, and the mailbox is read again.
 *
 * The newest view of a large mailbox stays for a while when nobody has one any more (view_cache):
 * clients leave mailboxes and come back.  The oldest of them goes first.
 *
 * The notes are written inside the index's lock: who has seen a change in the index finds its
 * note.  One thread at a time builds a mailbox's next view; others wait for it. */
#include "view.h"

#include "columns.h"

struct words { /* the keywords of a mailbox; under views_lock */
  uint32_t references;
  GPtrArray *list;
};

struct live {
  uint64_t key; /* user and mailbox */
  struct shard *shard;
  uint32_t users; /* references to views, and calls that want one */
  uint64_t kept;  /* octets of `newest`, while there are no users: in shard->kept_views */
  GList link;
  bool building;
  struct view *newest; /* one reference is ours; NULL: to be read */
  /* Since `newest`, or since the reading began: */
  GArray *notes; /* struct note */
  bool overflow; /* there were too many */
  bool bad;      /* one made no sense */
  bool words_stale;
  uint64_t modseq;
};

struct view {
  struct ptn_view table;
  struct view *next;   /* of those to be freed */
  uint32_t references; /* under views_lock */
  struct live *live;
  struct columns columns;
  struct words *words;
};

enum { ROWS_A_TURN = 4096, NOTES_LEAST = 8192, NOTES_READING = 4 << 20, TRIES = 4 };
enum { KEPT_LEAST = 512 }; /* messages: smaller mailboxes are read again as fast */
enum { ROW_OCTETS = 20 };

/* --- notes: inside the index's lock, by who publishes --------------------------------------- */

static GArray *
notes_new (void) {
  return g_array_new (FALSE, FALSE, sizeof (struct note));
}

static void
note_message (struct live *live, const struct overlay_node *node) {
  struct note note = { .uid = key_number (node->key, node->key_size, AT_UID),
                       .order = live->notes->len,
                       .gone = node->state == OVERLAY_REMOVED };
  /* As many as all flags twice: applying them is far cheaper than reading the rows. */
  guint room =
      live->newest ? MAX (2 * live->newest->columns.count, (guint)NOTES_LEAST) : NOTES_READING;
  struct message_row row;

  if (live->overflow)
    return;
  live->bad |= !note.gone && !message_row_get (READER (node->value, node->value_size), &row);
  if (live->notes->len >= room || live->bad) {
    live->overflow = true;
    g_array_unref (live->notes);
    live->notes = notes_new ();
    return;
  }
  if (!note.gone) {
    note.flags = row.flags;
    note.modseq = row.modseq;
  }
  g_array_append_val (live->notes, note);
}

static void
note_node (struct live *live, const struct overlay_node *node) {
  struct mailbox_row row;

  switch (node->key[0]) {
  case KEY_MESSAGE:
    note_message (live, node);
    break;
  case KEY_KEYWORDS:
    live->words_stale = true;
    break;
  case KEY_MAILBOX:
    if (node->state == OVERLAY_VALUE
        && mailbox_row_get (READER (node->value, node->value_size), &row))
      live->modseq = row.modseq;
    break;
  }
}

/* All changes of a publish, in order of keys: those of one mailbox stand together. */
static void
note_changes (void *argument, const struct overlay *changes) {
  struct shard *shard = argument;
  struct live *live = NULL;
  uint64_t known = 0; /* what `live` was looked up for; no mailbox is 0 */

  pthread_mutex_lock (&shard->views_lock);
  for (const struct overlay_node *node = overlay_first (changes); node; node = node->next[0]) {
    uint8_t kind = node->key[0];
    uint64_t key;

    if (node->state == OVERLAY_NOTHING || node->key_size < AT_UID
        || (kind != KEY_MESSAGE && kind != KEY_KEYWORDS && kind != KEY_MAILBOX))
      continue;
    key = (uint64_t)key_number (node->key, node->key_size, AT_USER) << 32
          | key_number (node->key, node->key_size, AT_MAILBOX);
    if (key != known) {
      live = g_hash_table_lookup (shard->views, &key);
      known = key;
    }
    if (live)
      note_node (live, node);
  }
  pthread_mutex_unlock (&shard->views_lock);
}

void
views_init (struct shard *shard) {
  pthread_mutex_init (&shard->views_lock, NULL);
  pthread_cond_init (&shard->views_built, NULL);
  shard->views = g_hash_table_new (g_int64_hash, g_int64_equal);
  g_queue_init (&shard->kept_views);
  shard->index.watch = note_changes;
  shard->index.watch_argument = shard;
}

void
views_forget (struct shard *shard) {
  GHashTableIter iterator;
  void *value;

  pthread_mutex_lock (&shard->views_lock);
  g_hash_table_iter_init (&iterator, shard->views);
  while (g_hash_table_iter_next (&iterator, NULL, &value))
    ((struct live *)value)->overflow = true;
  pthread_mutex_unlock (&shard->views_lock);
}

/* --- lives, under views_lock ---------------------------------------------------------------- */

static void
words_unref (struct words *words) {
  if (words && --words->references == 0) {
    g_ptr_array_unref (words->list);
    g_free (words);
  }
}

/* The columns are freed later, outside the lock. */
static struct view *
view_unref (struct view *view) {
  if (!view || --view->references > 0)
    return NULL;
  words_unref (view->words);
  return view;
}

/* This one and those behind it. */
static void
view_free (struct view *view) {
  while (view) {
    struct view *next = view->next;

    columns_clear (&view->columns);
    g_free (view);
    view = next;
  }
}

static void
live_unkeep (struct live *live) {
  struct store *store = live->shard->store;

  if (!live->kept)
    return;
  g_queue_unlink (&live->shard->kept_views, &live->link);
  atomic_fetch_sub (&store->kept_views, live->kept);
  live->kept = 0;
}

static struct live *
live_take (struct shard *shard, uint64_t key) {
  struct live *live = g_hash_table_lookup (shard->views, &key);

  if (!live) {
    live = g_new0 (struct live, 1);
    live->key = key;
    live->shard = shard;
    live->notes = notes_new ();
    live->words_stale = true;
    g_hash_table_insert (shard->views, &live->key, live);
    atomic_fetch_add (&shard->index.watched, 1);
  }
  live_unkeep (live);
  live->users++;
  return live;
}

/* What is left to be freed is returned. */
static struct view *
live_end (struct live *live) {
  struct shard *shard = live->shard;
  struct view *unused;

  live_unkeep (live);
  atomic_fetch_sub (&shard->index.watched, 1);
  g_hash_table_remove (shard->views, &live->key);
  unused = view_unref (live->newest);
  g_array_unref (live->notes);
  g_free (live);
  return unused;
}

/* Nobody has a view of it: keeps the newest one, and lets the oldest kept ones go. */
static struct view *
live_keep (struct live *live) {
  struct shard *shard = live->shard;
  struct store *store = shard->store;
  struct view *unused = NULL;

  live->kept = (uint64_t)live->newest->columns.count * ROW_OCTETS;
  live->link.data = live;
  g_queue_push_tail_link (&shard->kept_views, &live->link);
  atomic_fetch_add (&store->kept_views, live->kept);
  while (atomic_load (&store->kept_views) > store->settings.view_cache && shard->kept_views.head) {
    struct view *one = live_end (shard->kept_views.head->data);

    if (one) {
      one->next = unused;
      unused = one;
    }
  }
  return unused;
}

/* What is left to be freed is returned. */
static struct view *
live_give (struct live *live) {
  if (--live->users > 0)
    return NULL;
  if (live->newest && !live->overflow && live->newest->columns.count >= KEPT_LEAST)
    return live_keep (live);
  return live_end (live);
}

void
view_release (const struct ptn_view *table) {
  struct view *view = (struct view *)(uintptr_t)table;
  struct shard *shard = view->live->shard;
  struct live *live = view->live;
  struct view *unused, *newest;

  pthread_mutex_lock (&shard->views_lock);
  unused = view_unref (view);
  newest = live_give (live);
  pthread_mutex_unlock (&shard->views_lock);
  view_free (unused);
  view_free (newest);
}

void
views_destroy (struct shard *shard) {
  while (shard->kept_views.head)
    view_free (live_end (shard->kept_views.head->data));
  g_hash_table_unref (shard->views);
  pthread_cond_destroy (&shard->views_built);
  pthread_mutex_destroy (&shard->views_lock);
}

/* --- building ------------------------------------------------------------------------------- */

struct reading {
  struct columns *columns;
  struct columns_space space;
  uint32_t filled; /* of the space */
  uint32_t last;
  bool bad;
};

static void
next_space (struct reading *reading) {
  columns_added (reading->columns, reading->filled);
  reading->space = columns_space (reading->columns);
  reading->filled = 0;
}

static bool
add_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct reading *reading = argument;
  struct reader reader = READER (value, size);
  uint32_t at = reading->filled;

  if (at == reading->space.room) {
    next_space (reading);
    at = 0;
  }
  reading->last = key_number (key, key_size, AT_UID);
  reading->space.uid[at] = reading->last;
  reading->space.flags[at] = reader_varint_short (&reader);
  reading->space.modseq[at] = reader_varint_short (&reader);
  reading->filled = at + 1;
  reading->bad = reader.bad;
  return !reader.bad;
}

/* All rows, in turns.  What changes meanwhile is in the notes. */
static ptn_status
read_rows (const struct place *place, struct columns *columns, uint64_t *modseq) {
  struct reading reading = { .columns = columns };
  struct mailbox_row row;
  struct key from, end;
  ptn_status status = read_mailbox (place->shard, place->user, place->mailbox, &row);

  if (status != PTN_OK)
    return status;
  *modseq = row.modseq;
  columns_init (columns, row.messages);
  next_space (&reading);
  key_mailbox (&end, place->user, place->mailbox);
  end.octets[0] = KEY_MESSAGE;
  key_after (&end, &end);
  do {
    key_message (&from, place->user, place->mailbox, reading.last + 1);
    status = index_scan (&place->shard->index, NULL, &from, &end, ROWS_A_TURN, add_row, &reading);
  } while (status == PTN_OK && !reading.bad);
  columns_added (columns, reading.filled);
  if (status == PTN_END && !reading.bad)
    return PTN_OK;
  columns_clear (columns);
  return reading.bad ? PTN_E_CORRUPT : status;
}

static ptn_status
read_words (const struct place *place, struct words **result) {
  struct value value;
  struct key key;
  ptn_status status;

  key_keywords (&key, place->user, place->mailbox);
  value_init (&value);
  status = index_get (&place->shard->index, NULL, &key, &value);
  if (status == PTN_OK || status == PTN_E_NOT_FOUND) {
    struct reader reader = VALUE_READER (&value);
    GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

    while (status == PTN_OK && reader.at < reader.end && !reader.bad)
      g_ptr_array_add (list, reader_text (&reader));
    status = reader.bad ? PTN_E_CORRUPT : PTN_OK;
    if (status == PTN_OK) {
      *result = g_new0 (struct words, 1);
      (*result)->references = 1;
      (*result)->list = list;
    } else
      g_ptr_array_unref (list);
  }
  value_clear (&value);
  return status;
}

/* What the next view is made of, with the notes. */
struct parts {
  struct columns columns;
  struct words *words;
  uint64_t modseq;
};

static void
parts_clear (struct parts *parts) { /* with the lock */
  if (parts->columns.uid)
    columns_clear (&parts->columns);
  words_unref (parts->words);
  memset (parts, 0, sizeof *parts);
}

/* A view that nobody has yet, of the parts and the notes.  Nothing of them is left. */
static struct view *
assemble (struct live *live, struct parts *parts, GArray *notes) {
  struct view *view = g_new0 (struct view, 1);

  columns_apply (&view->columns, &parts->columns, (struct note *)(void *)notes->data, notes->len);
  columns_clear (&parts->columns);
  g_array_unref (notes);
  view->live = live;
  view->references = 1;
  view->words = parts->words;
  view->table.size = sizeof view->table;
  view->table.count = view->columns.count;
  view->table.modseq = parts->modseq;
  view->table.uid = columns_uid (&view->columns);
  view->table.flags = columns_flags (&view->columns);
  view->table.message_modseq = columns_modseq (&view->columns);
  view->table.keywords.items = (const char *const *)view->words->list->pdata;
  view->table.keywords.count = view->words->list->len;
  return view;
}

/* Takes from the newest view, or reads, what the next one is made of.  Called and left with the
 * lock held, which is let go while the index is read. */
static ptn_status
gather (const struct place *place, struct live *live, struct parts *parts) {
  pthread_mutex_t *lock = &place->shard->views_lock;
  bool rows = !live->newest || live->overflow, words = live->words_stale || rows;
  ptn_status status = PTN_OK;

  live->words_stale = false;
  if (rows) {
    view_free (view_unref (live->newest));
    live->newest = NULL;
    live->overflow = live->bad = false;
    live->modseq = 0;
    g_array_set_size (live->notes, 0);
  } else {
    columns_share (&parts->columns, &live->newest->columns);
    parts->modseq = live->newest->table.modseq;
    parts->words = words ? NULL : live->newest->words;
    if (parts->words)
      parts->words->references++;
  }
  if (!words)
    return PTN_OK;
  pthread_mutex_unlock (lock);
  if (rows)
    status = read_rows (place, &parts->columns, &parts->modseq);
  if (status == PTN_OK)
    status = read_words (place, &parts->words);
  pthread_mutex_lock (lock);
  return status;
}

/* Lets the live mailbox have a newest view; the lock as above. */
static ptn_status
build (const struct place *place, struct live *live) {
  pthread_mutex_t *lock = &place->shard->views_lock;
  struct parts parts = { 0 };
  struct view *view, *old = NULL;
  GArray *notes;
  ptn_status status;

  live->building = true;
  status = gather (place, live, &parts);
  for (int try = 1; status == PTN_OK && live->overflow; try++) {
    /* More changes than can be noted came while the index was read. */
    parts_clear (&parts);
    status = live->bad     ? PTN_E_CORRUPT
             : try < TRIES ? gather (place, live, &parts)
                           : PTN_E_TEMPORARY;
  }
  if (status == PTN_OK) {
    notes = live->notes;
    live->notes = notes_new ();
    parts.modseq = MAX (parts.modseq, live->modseq);
    pthread_mutex_unlock (lock);
    view = assemble (live, &parts, notes);
    pthread_mutex_lock (lock);
    old = view_unref (live->newest);
    live->newest = view;
  } else {
    parts_clear (&parts);
    live->overflow = true; /* the next one reads it all */
  }
  live->building = false;
  pthread_cond_broadcast (&place->shard->views_built);
  if (old) {
    pthread_mutex_unlock (lock);
    view_free (old);
    pthread_mutex_lock (lock);
  }
  return status;
}

static bool
fresh (const struct live *live) {
  return live->newest && !live->overflow && !live->words_stale && live->notes->len == 0
         && live->modseq <= live->newest->table.modseq;
}

/* The newest view, with a reference more; the lock is held. */
static ptn_status
newest (const struct place *place, struct live *live, struct view **result) {
  ptn_status status = PTN_OK;

  while (live->building)
    pthread_cond_wait (&place->shard->views_built, &place->shard->views_lock);
  if (!fresh (live))
    status = build (place, live);
  if (status == PTN_OK) {
    *result = live->newest;
    live->newest->references++;
  }
  return status;
}

ptn_status
view_get (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
          const struct ptn_view **result) {
  const struct ptn_host *host = account->store->host;
  struct mailbox_row row;
  struct place place;
  struct live *live;
  struct view *view = NULL, *unused = NULL;
  bool wait;
  ptn_status status = account_place (account, id, RIGHT_R, &place);

  if (status == PTN_OK)
    status = read_mailbox (place.shard, place.user, place.mailbox, &row);
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  pthread_mutex_lock (&place.shard->views_lock);
  live = live_take (place.shard, (uint64_t)place.user << 32 | place.mailbox);
  wait = live->building || !fresh (live);
  if (wait) {
    pthread_mutex_unlock (&place.shard->views_lock);
    host->blocking (call->task, 1);
    pthread_mutex_lock (&place.shard->views_lock);
  }
  status = newest (&place, live, &view);
  if (status != PTN_OK) /* else it goes with the view */
    unused = live_give (live);
  pthread_mutex_unlock (&place.shard->views_lock);
  view_free (unused);
  if (wait)
    host->blocking (call->task, 0);
  if (status != PTN_OK)
    return index_trouble (place.shard, call->task, status);
  *result = &view->table;
  return PTN_OK;
}
