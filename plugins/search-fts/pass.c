/* SPDX-License-Identifier: Apache-2.0 */
/* pass.c - brings one mailbox up to date.
 *
 * The first pass after the file was opened compares all rows with the store (by email_id); later
 * ones ask what vanished, and begin with the first new UID.  Messages are immutable: a row that was
 * true once stays true. */
#include "follow.h"

#include <string.h>
#include <unistd.h>

enum { ROWS = 256, PIECE = 128 << 10 };

static phase pass_view, pass_vanished, pass_fetch, pass_rows, pass_reconciled, pass_read,
    pass_octets, pass_apply, pass_applied, pass_end;

static struct item *
item_at (struct follower *follower, guint index) {
  return &g_array_index (follower->items, struct item, index);
}

static void
forget_documents (struct follower *follower) {
  for (guint i = 0; i < follower->items->len; i++)
    document_free (&item_at (follower, i)->document);
  g_array_set_size (follower->items, 0);
  follower->at = follower->applied = 0;
  follower->held = 0;
}

void
pass_clear (struct follower *follower) {
  if (follower->source)
    follower->source->ops->close (follower->source);
  follower->source = NULL;
  message_free (&follower->message);
  follow_call_end (follower);
  if (follower->cursor)
    follower->store->close_cursor (follower->cursor);
  follower->cursor = NULL;
  if (follower->items)
    forget_documents (follower);
}

/* Tells those who waited for this pass. */
static void
tell (struct follower *follower, ptn_status status) {
  struct account *account = follower->account;
  pthread_mutex_lock (&account->lock);
  for (guint i = account->waiting->len; i-- > 0;) {
    struct request *request = account->waiting->pdata[i];
    if (!request->in_pass)
      continue;
    request_ready (request, status);
    g_ptr_array_remove_index_fast (account->waiting, i);
  }
  pthread_mutex_unlock (&account->lock);
}

static ptn_status
failed (struct follower *follower, ptn_status status, const char *why) {
  struct account *account = follower->account;
  pass_clear (follower);
  follower->phase = choose;
  if (status == PTN_E_CORRUPT && why == follower->why) { /* the file: a new one, then once more */
    pthread_mutex_lock (&account->lock);
    account->damaged = true;
    pthread_mutex_unlock (&account->lock);
    follow_warn (follower, "search.damaged", why);
    return PTN_OK;
  }
  if (status != PTN_E_NOT_FOUND && status != PTN_E_CANCELLED)
    follow_warn (follower, "search.not-indexed", why);
  follower->failed = follower->host->monotonic_ns ();
  pthread_mutex_lock (&account->lock);
  follower->box->validated = false;
  pthread_mutex_unlock (&account->lock);
  tell (follower, status);
  return PTN_OK;
}

static ptn_status
store_failed (struct follower *follower, ptn_status status) {
  char text[48];
  g_snprintf (text, sizeof text, "the store failed with status %d", (int)status);
  return failed (follower, status, text);
}

static void
tell_progress (struct follower *follower) {
  struct account *account = follower->account;
  pthread_mutex_lock (&account->lock);
  for (guint i = 0; i < account->waiting->len; i++) {
    struct request *request = account->waiting->pdata[i];
    if (request->in_pass) {
      request->done = follower->looked;
      request->total = MAX (follower->total, follower->looked);
    }
  }
  pthread_mutex_unlock (&account->lock);
}

/* --- what is there ------------------------------------------------------------------------------ */

ptn_status
pass_begin (struct follower *follower) {
  struct account *account = follower->account;
  struct box *box = follower->box;
  uint32_t uidvalidity = box->row.uidvalidity;
  follower->seen = 0;
  pthread_mutex_lock (&account->lock);
  for (guint i = 0; i < account->waiting->len; i++) {
    struct request *request = account->waiting->pdata[i];
    if (memcmp (&request->mailbox, &box->row.id, sizeof box->row.id) != 0)
      continue;
    request->in_pass = true;
    follower->seen = MAX (follower->seen, request->uidnext);
    uidvalidity = request->uidvalidity;
  }
  if (uidvalidity != box->row.uidvalidity)
    box->validated = false;
  box->row.uidvalidity = uidvalidity;
  box->dirty = false;
  pthread_mutex_unlock (&account->lock);
  follower->full = !box->validated;
  follower->first = box->validated ? box->next : 1;
  follower->looked = follower->total = 0;
  follower->phase = pass_view;
  return PTN_OK;
}

static void
forget_work (struct follower *follower) {
  follower->result =
      database_forget (follower->account->database, &follower->box->row.id, follower->why);
}

static ptn_status
pass_forgotten (struct follower *follower) {
  struct account *account = follower->account;
  if (follower->result != PTN_OK)
    return failed (follower, follower->result, follower->why);
  tell (follower, PTN_E_NOT_FOUND);
  pthread_mutex_lock (&account->lock);
  g_hash_table_remove (account->boxes, &follower->box->row.id);
  pthread_mutex_unlock (&account->lock);
  follower->box = NULL;
  follower->sweep = true;
  follower->phase = choose;
  return PTN_OK;
}

static ptn_status
pass_view (struct follower *follower) {
  const struct ptn_view *view;
  struct box *box = follower->box;
  ptn_status status =
      follower->store->view (follower->opened, &follower->call, &box->row.id, &view);
  if (status == PTN_PENDING)
    return status;
  follow_call_end (follower);
  if (status == PTN_E_NOT_FOUND)
    return lane (follower, forget_work, pass_forgotten);
  if (status != PTN_OK)
    return store_failed (follower, status);
  bool same = !follower->full && view->modseq == box->modseq;
  follower->modseq = view->modseq;
  follower->last = view->count ? view->uid[view->count - 1] : 0;
  for (uint32_t i = view->count; i > 0 && view->uid[i - 1] >= follower->first; i--)
    follower->total++;
  follower->store->release_view (view);
  follower->phase = same ? pass_end : follower->full ? pass_fetch : pass_vanished;
  tell_progress (follower);
  return PTN_OK;
}

static void
vanish_work (struct follower *follower) {
  follower->result = database_vanish (follower->account->database, &follower->box->row.id,
                                      follower->gone, follower->why);
}

static ptn_status
pass_vanish_done (struct follower *follower) {
  follow_call_end (follower);
  if (follower->result != PTN_OK)
    return failed (follower, follower->result, follower->why);
  follower->sweep = true;
  follower->phase = pass_fetch;
  return PTN_OK;
}

/* Where the store no longer knows, everything is compared. */
static ptn_status
pass_vanished (struct follower *follower) {
  ptn_status status = PTN_E_UNSUPPORTED;
  if (PTN_CAN (follower->store, vanished))
    status = follower->store->vanished (follower->opened, &follower->call, &follower->box->row.id,
                                        follower->box->modseq, NULL, &follower->gone);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && follower->gone.count)
    return lane (follower, vanish_work, pass_vanish_done);
  follow_call_end (follower);
  if (status != PTN_OK) {
    follower->full = true;
    follower->first = 1;
  }
  follower->phase = pass_fetch;
  return PTN_OK;
}

/* --- rows ----------------------------------------------------------------------------------------- */

static void
reconcile_work (struct follower *follower) {
  /* Without ids nothing tells that a row of an older file means the same message. */
  bool trust =
      follower->box->validated || (follower->store->capabilities & PTN_STORE_OBJECT_IDS) != 0;
  follower->result =
      database_reconcile (follower->account->database, &follower->box->row.id, follower->first,
                          follower->chunk_last, (struct item *)(void *)follower->items->data,
                          follower->items->len, trust, follower->why);
}

static ptn_status
pass_fetch (struct follower *follower) {
  struct ptn_uid_range range = { follower->first, follower->last };
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_IDS, .uids = { &range, 1 } };
  forget_documents (follower);
  follower->chunk_last = UINT32_MAX;
  if (follower->first > follower->last) { /* what is behind the last one must not be in the file */
    if (follower->full)
      return lane (follower, reconcile_work, pass_reconciled);
    follower->phase = pass_end;
    return PTN_OK;
  }
  ptn_status status = follower->store->fetch (follower->opened, &follower->call,
                                              &follower->box->row.id, &fetch, &follower->cursor);
  if (status == PTN_PENDING)
    return status;
  follow_call_end (follower);
  if (status != PTN_OK) {
    follower->cursor = NULL;
    return store_failed (follower, status);
  }
  follower->phase = pass_rows;
  return PTN_OK;
}

static void
add_rows (struct follower *follower, const struct ptn_message *const *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct item item = { .uid = rows[i]->uid, .has_email = (rows[i]->items & PTN_FETCH_IDS) != 0 };
    if (item.has_email)
      item.email = rows[i]->email_id;
    g_array_append_val (follower->items, item);
  }
}

static ptn_status
pass_rows (struct follower *follower) {
  const struct ptn_message *rows[ROWS];
  ptn_status status = PTN_OK;
  while (status == PTN_OK && follower->items->len < CHUNK) {
    size_t count = 0;
    status = follower->store->next_messages (follower->cursor, &follower->call, rows, ROWS, &count);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK)
      add_rows (follower, rows, count);
    follow_call_end (follower);
  }
  follower->store->close_cursor (follower->cursor);
  follower->cursor = NULL;
  if (status != PTN_OK && status != PTN_END)
    return store_failed (follower, status);
  if (status == PTN_OK)
    follower->chunk_last = item_at (follower, follower->items->len - 1)->uid;
  return lane (follower, reconcile_work, pass_reconciled);
}

static ptn_status
pass_reconciled (struct follower *follower) {
  if (follower->result != PTN_OK)
    return failed (follower, follower->result, follower->why);
  follower->sweep |= follower->full;
  follower->phase = pass_read;
  return PTN_OK;
}

/* --- messages --------------------------------------------------------------------------------------- */

static ptn_status
next_item (struct follower *follower) {
  follower->at++;
  follower->looked++;
  follower->phase = pass_read;
  return PTN_OK;
}

static ptn_status
pass_read (struct follower *follower) {
  while (follower->at < follower->items->len && item_at (follower, follower->at)->placed) {
    follower->at++;
    follower->looked++;
  }
  if (follower->at == follower->items->len || follower->held >= follower->fts->batch) {
    follower->phase = pass_apply;
    return PTN_OK;
  }
  struct item *item = item_at (follower, follower->at);
  ptn_status status =
      follower->store->read (follower->opened, &follower->call, &follower->box->row.id, item->uid,
                             0, UINT64_MAX, &follower->source);
  if (status == PTN_PENDING)
    return status;
  follow_call_end (follower);
  if (status != PTN_OK)
    follower->source = NULL;
  item->skipped = status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND;
  if (item->skipped || status == PTN_E_CORRUPT) /* CORRUPT: it stays unknown */
    return next_item (follower);
  if (status != PTN_OK)
    return store_failed (follower, status);
  follower->message = message_new (follower->fts->text_limit);
  follower->phase = pass_octets;
  return PTN_OK;
}

/* A chunk may lie in a file.  False: it could not be read. */
static bool
feed_chunk (struct follower *follower, const struct ptn_chunk *chunk, bool *more) {
  if (chunk->data) {
    *more = message_feed (follower->message, chunk->data, chunk->size);
    return true;
  }
  g_autofree char *piece = g_malloc (PIECE);
  for (size_t at = 0; at < chunk->size && *more;) {
    ssize_t got =
        pread (chunk->fd, piece, MIN (chunk->size - at, PIECE), chunk->file_offset + (int64_t)at);
    if (got <= 0)
      return false;
    *more = message_feed (follower->message, piece, (size_t)got);
    at += (size_t)got;
  }
  return true;
}

static ptn_status
message_done (struct follower *follower, bool known) {
  struct item *item = item_at (follower, follower->at);
  follower->source->ops->close (follower->source);
  follower->source = NULL;
  if (known)
    item->document = message_end (&follower->message);
  message_free (&follower->message);
  if (item->document)
    follower->held += document_size (item->document);
  follower->host->observe (follower->fts->indexed, 1);
  return next_item (follower);
}

static ptn_status
pass_octets (struct follower *follower) {
  struct ptn_source *source = follower->source;
  bool more = true;
  while (more) {
    struct ptn_chunk chunk = { 0 };
    if (follower->host->budget_spent (follower->task))
      return PTN_OK;
    ptn_status status = source->ops->read (source, follower->task, PIECE, &chunk);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_END || status == PTN_E_CORRUPT)
      return message_done (follower, status == PTN_END);
    if (status != PTN_OK)
      return store_failed (follower, status);
    bool read = feed_chunk (follower, &chunk, &more);
    if (chunk.release)
      chunk.release (chunk.owner);
    if (!read)
      return store_failed (follower, PTN_E_TEMPORARY);
  }
  return message_done (follower, true);
}

/* --- into the file -------------------------------------------------------------------------------- */

static void
apply_work (struct follower *follower) {
  follower->result = database_apply (follower->account->database, &follower->box->row,
                                     item_at (follower, follower->applied),
                                     follower->at - follower->applied, follower->why);
}

static ptn_status
pass_apply (struct follower *follower) {
  return lane (follower, apply_work, pass_applied);
}

static ptn_status
pass_applied (struct follower *follower) {
  if (follower->result != PTN_OK)
    return failed (follower, follower->result, follower->why);
  for (guint i = follower->applied; i < follower->at; i++)
    document_free (&item_at (follower, i)->document);
  follower->applied = follower->at;
  follower->held = 0;
  tell_progress (follower);
  if (follower->at < follower->items->len) {
    follower->phase = pass_read;
    return PTN_OK;
  }
  follower->phase = pass_end;
  if (follower->chunk_last != UINT32_MAX) {
    follower->first = follower->chunk_last + 1;
    follower->phase = pass_fetch;
  }
  return PTN_OK;
}

static ptn_status
pass_end (struct follower *follower) {
  struct box *box = follower->box;
  forget_documents (follower);
  pthread_mutex_lock (&follower->account->lock);
  box->validated = true;
  box->modseq = follower->modseq;
  box->next = MAX (follower->full ? 1 : box->next, follower->last + 1);
  box->seen = MAX (MAX (box->next, follower->full ? 0 : box->seen), follower->seen);
  pthread_mutex_unlock (&follower->account->lock);
  follower->phase = choose;
  tell (follower, PTN_OK);
  return PTN_OK;
}
