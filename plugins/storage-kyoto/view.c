/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.c - see view.h.
 *
 * A shard knows the newest view of each mailbox as long as somebody uses it.  Who asks while it is
 * still right gets another reference; else a new one is read from the index. */
#include "view.h"

struct view {
  struct ptn_view table;
  uint32_t references; /* under the shard's views_lock */
  struct shard *shard;
  uint64_t key; /* user and mailbox */
  GArray *uids, *flags, *modseqs;
  GPtrArray *keywords;
  bool bad;
};

enum { ROWS_A_TURN = 4096, TRIES = 4 };

static void
view_free (struct view *view) {
  g_array_unref (view->uids);
  g_array_unref (view->flags);
  g_array_unref (view->modseqs);
  g_ptr_array_unref (view->keywords);
  g_free (view);
}

void
view_release (const struct ptn_view *table) {
  struct view *view = (struct view *)(uintptr_t)table;
  struct shard *shard = view->shard;
  bool last;

  pthread_mutex_lock (&shard->views_lock);
  last = --view->references == 0;
  if (last && g_hash_table_lookup (shard->views, &view->key) == view)
    g_hash_table_remove (shard->views, &view->key);
  pthread_mutex_unlock (&shard->views_lock);
  if (last)
    view_free (view);
}

static bool
add_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct view *view = argument;
  struct message_row row;
  uint32_t uid = key_number (key, key_size, AT_UID);

  if (!message_row_get (READER (value, size), &row)) {
    view->bad = true;
    return false;
  }
  g_array_append_val (view->uids, uid);
  g_array_append_val (view->flags, row.flags);
  g_array_append_val (view->modseqs, row.modseq);
  return true;
}

static ptn_status
read_keywords (const struct place *place, struct view *view) {
  struct value value;
  struct key key;
  ptn_status status;

  g_ptr_array_set_size (view->keywords, 0);
  key_keywords (&key, place->user, place->mailbox);
  value_init (&value);
  status = index_get (&place->shard->index, NULL, &key, &value);
  if (status == PTN_OK) {
    struct reader reader = VALUE_READER (&value);

    while (reader.at < reader.end && !reader.bad)
      g_ptr_array_add (view->keywords, reader_text (&reader));
    if (reader.bad)
      status = PTN_E_CORRUPT;
  }
  value_clear (&value);
  return status == PTN_E_NOT_FOUND ? PTN_OK : status;
}

/* All rows, in turns, so that no commit waits long for the lock.  A change in between is seen by
 * the mailbox's modseq: then again, at last in one turn. */
static ptn_status
read_rows (const struct place *place, struct view *view) {
  struct mailbox_row before, after;
  struct key from, end;

  for (int try = 1;; try++) {
    ptn_status status = read_mailbox (place->shard, place->user, place->mailbox, &before);

    if (status == PTN_OK)
      status = read_keywords (place, view);
    g_array_set_size (view->uids, 0);
    g_array_set_size (view->flags, 0);
    g_array_set_size (view->modseqs, 0);
    key_message (&from, place->user, place->mailbox, 1);
    key_mailbox (&end, place->user, place->mailbox);
    end.octets[0] = KEY_MESSAGE;
    key_after (&end, &end);
    while (status == PTN_OK && !view->bad) {
      status = index_scan (&place->shard->index, NULL, &from, &end,
                           try < TRIES ? ROWS_A_TURN : SIZE_MAX, add_row, view);
      if (status == PTN_OK && view->uids->len > 0)
        key_message (&from, place->user, place->mailbox,
                     g_array_index (view->uids, uint32_t, view->uids->len - 1) + 1);
    }
    if (status == PTN_END)
      status = read_mailbox (place->shard, place->user, place->mailbox, &after);
    if (status != PTN_OK || view->bad)
      return view->bad ? PTN_E_CORRUPT : status;
    if (before.modseq == after.modseq || try == TRIES) {
      view->table.modseq = after.modseq;
      return PTN_OK;
    }
  }
}

static struct view *
view_new (const struct place *place, uint64_t key) {
  struct view *view = g_new0 (struct view, 1);

  view->shard = place->shard;
  view->key = key;
  view->references = 1;
  view->uids = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  view->flags = g_array_new (FALSE, FALSE, sizeof (ptn_flag_bits));
  view->modseqs = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  view->keywords = g_ptr_array_new_with_free_func (g_free);
  return view;
}

/* One more reference to what is known, if it is as new as `modseq` and has the keywords. */
static struct view *
known_view (struct shard *shard, uint64_t key, uint64_t modseq, uint32_t keywords) {
  struct view *view;

  pthread_mutex_lock (&shard->views_lock);
  view = g_hash_table_lookup (shard->views, &key);
  if (view && (view->table.modseq < modseq || view->keywords->len != keywords))
    view = NULL;
  if (view)
    view->references++;
  pthread_mutex_unlock (&shard->views_lock);
  return view;
}

static uint32_t
count_keywords (const struct place *place) {
  struct value value;
  struct key key;
  uint32_t count = 0;

  key_keywords (&key, place->user, place->mailbox);
  value_init (&value);
  if (index_get (&place->shard->index, NULL, &key, &value) == PTN_OK) {
    struct reader reader = VALUE_READER (&value);

    for (; reader.at < reader.end && !reader.bad; count++)
      reader_block (&reader);
  }
  value_clear (&value);
  return count;
}

static void
finish (struct view *view) {
  view->table.size = sizeof view->table;
  view->table.count = view->uids->len;
  view->table.uid = (const uint32_t *)(void *)view->uids->data;
  view->table.flags = (const ptn_flag_bits *)(void *)view->flags->data;
  view->table.message_modseq = (const uint64_t *)(void *)view->modseqs->data;
  view->table.keywords.items = (const char *const *)view->keywords->pdata;
  view->table.keywords.count = view->keywords->len;
}

ptn_status
view_get (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
          const struct ptn_view **result) {
  const struct ptn_host *host = account->store->host;
  struct mailbox_row row;
  struct place place;
  struct view *view;
  uint64_t key;
  ptn_status status = account_place (account, id, &place);

  if (status == PTN_OK)
    status = read_mailbox (place.shard, place.user, place.mailbox, &row);
  if (status != PTN_OK)
    return index_trouble (account->shard, call->task, status);
  key = (uint64_t)place.user << 32 | place.mailbox;
  view = known_view (place.shard, key, row.modseq, count_keywords (&place));
  if (!view) {
    view = view_new (&place, key);
    host->blocking (call->task, 1);
    status = read_rows (&place, view);
    host->blocking (call->task, 0);
    if (status != PTN_OK) {
      view_free (view);
      return index_trouble (place.shard, call->task, status);
    }
    finish (view);
    pthread_mutex_lock (&place.shard->views_lock);
    g_hash_table_replace (place.shard->views, &view->key, view);
    pthread_mutex_unlock (&place.shard->views_lock);
  }
  *result = &view->table;
  return PTN_OK;
}
