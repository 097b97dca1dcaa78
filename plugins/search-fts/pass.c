/* SPDX-License-Identifier: Apache-2.0 */
/* pass.c - brings one mailbox up to date.
 *
 * The first pass after the file was opened compares all rows with the store (by email_id); later
 * ones ask what vanished, and begin with the first new UID.  Messages are immutable: a row that was
 * true once stays true. */
#include "follow.h"

#include <string.h>

enum { ROWS = 256, DIGESTS_MOST = 4 << 20 };

static phase pass_view, pass_vanished, pass_fetch, pass_rows, pass_reconciled, pass_digests,
    pass_digest_rows, pass_read, pass_whole, pass_structure, pass_parts, pass_text, pass_apply,
    pass_applied, pass_end;

static struct item *
item_at (struct follower *follower, guint index) {
  return &g_array_index (follower->items, struct item, index);
}

static void
forget_documents (struct follower *follower) {
  for (guint i = 0; i < follower->items->len; i++) {
    document_free (&item_at (follower, i)->document);
    g_clear_pointer (&item_at (follower, i)->digest, g_bytes_unref);
  }
  g_array_set_size (follower->items, 0);
  follower->at = follower->applied = 0;
  follower->held = follower->digests = 0;
}

void
pass_clear (struct follower *follower) {
  if (follower->source)
    follower->source->ops->close (follower->source);
  follower->source = NULL;
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

/* Who waits is woken, too: it may tell its client. */
static void
tell_progress (struct follower *follower) {
  struct account *account = follower->account;
  pthread_mutex_lock (&account->lock);
  for (guint i = 0; i < account->waiting->len; i++) {
    struct request *request = account->waiting->pdata[i];
    if (request->in_pass) {
      request->done = follower->looked;
      request->total = MAX (follower->total, follower->looked);
      request_wake (request);
    }
  }
  pthread_mutex_unlock (&account->lock);
}

/* --- what is there ------------------------------------------------------------------------------ */

ptn_status
pass_begin (struct follower *follower) {
  struct account *account = follower->account;
  struct box *box = follower->box;
  follower->seen = 0;
  pthread_mutex_lock (&account->lock);
  uint32_t uidvalidity = box->asked ? box->asked : box->row.uidvalidity;
  box->asked = 0;
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
  box->reached = box->validated ? box->next : 1;
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
  follower->phase = pass_digests;
  return PTN_OK;
}

/* Of those that will be read the store may know where their texts are. */
static void
gather_ranges (struct follower *follower) {
  g_array_set_size (follower->ranges, 0);
  for (guint i = 0; i < follower->items->len; i++) {
    const struct item *item = item_at (follower, i);
    struct ptn_uid_range range = { item->uid, item->uid };
    struct ptn_uid_range *last =
        follower->ranges->len
            ? &g_array_index (follower->ranges, struct ptn_uid_range, follower->ranges->len - 1)
            : NULL;
    if (item->placed)
      continue;
    if (last && last->last + 1 == item->uid)
      last->last++;
    else
      g_array_append_val (follower->ranges, range);
  }
}

static ptn_status
pass_digests (struct follower *follower) {
  gather_ranges (follower);
  follower->phase = pass_read;
  if (!follower->ranges->len || !(follower->store->capabilities & PTN_STORE_DIGESTS))
    return PTN_OK;
  struct ptn_fetch fetch = {
    .size = sizeof fetch,
    .items = PTN_FETCH_DIGEST,
    .uids = { (const void *)follower->ranges->data, follower->ranges->len },
  };
  ptn_status status = follower->store->fetch (follower->opened, &follower->call,
                                              &follower->box->row.id, &fetch, &follower->cursor);
  if (status == PTN_PENDING) {
    follower->phase = pass_digests;
    return status;
  }
  follow_call_end (follower);
  if (status == PTN_OK)
    follower->phase = pass_digest_rows;
  else
    follower->cursor = NULL; /* they are a help, no more */
  return PTN_OK;
}

static void
keep_digest (struct follower *follower, const struct ptn_message *row, guint *at) {
  while (*at < follower->items->len && item_at (follower, *at)->uid < row->uid)
    ++*at;
  if (*at == follower->items->len || item_at (follower, *at)->uid != row->uid
      || !(row->items & PTN_FETCH_DIGEST) || item_at (follower, *at)->digest)
    return;
  item_at (follower, *at)->digest = g_bytes_new (row->digest.data, row->digest.size);
  follower->digests += row->digest.size;
}

static ptn_status
pass_digest_rows (struct follower *follower) {
  const struct ptn_message *rows[ROWS];
  ptn_status status = PTN_OK;
  guint at = 0;
  while (status == PTN_OK && follower->digests < DIGESTS_MOST) {
    size_t count = 0;
    status = follower->store->next_messages (follower->cursor, &follower->call, rows, ROWS, &count);
    if (status == PTN_PENDING)
      return status;
    for (size_t i = 0; status == PTN_OK && i < count; i++)
      keep_digest (follower, rows[i], &at);
    follow_call_end (follower);
  }
  follower->store->close_cursor (follower->cursor);
  follower->cursor = NULL;
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
  bool known = message_begin (follower->message, item_at (follower, follower->at)->digest);
  follower->built = !known;
  follower->phase = known ? pass_parts : pass_whole;
  if (known)
    message_text_start (follower->message, follower->fts->text_limit, &follower->offset,
                        &follower->size);
  return PTN_OK;
}

static void
close_source (struct follower *follower) {
  if (follower->source)
    follower->source->ops->close (follower->source);
  follower->source = NULL;
}

/* The message is as far as it comes: with its text, or unknown. */
static ptn_status
message_done (struct follower *follower, bool known) {
  struct item *item = item_at (follower, follower->at);
  close_source (follower);
  if (known)
    item->document = message_take (follower->message);
  if (item->document)
    follower->held += document_size (item->document);
  follower->host->observe (follower->fts->indexed, 1);
  return next_item (follower);
}

/* Opens octets of the message; PTN_END: there is nothing to read, the next one is set. */
static ptn_status
open_source (struct follower *follower, uint64_t offset, uint64_t size) {
  struct item *item = item_at (follower, follower->at);
  ptn_status status =
      follower->store->read (follower->opened, &follower->call, &follower->box->row.id, item->uid,
                             offset, size, &follower->source);
  if (status == PTN_PENDING || status == PTN_OK) {
    if (status == PTN_OK)
      follow_call_end (follower);
    return status;
  }
  follow_call_end (follower);
  follower->source = NULL;
  item->skipped = status == PTN_E_EXPUNGED || status == PTN_E_NOT_FOUND;
  if (item->skipped)
    next_item (follower);
  else if (status == PTN_E_CORRUPT)
    message_done (follower, false);
  else
    store_failed (follower, status);
  return PTN_END;
}

static ptn_status
pass_whole (struct follower *follower) {
  ptn_status status = open_source (follower, 0, UINT64_MAX);
  if (status == PTN_OK)
    follower->phase = pass_structure;
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
pass_structure (struct follower *follower) {
  ptn_status status = PTN_OK;
  while (status == PTN_OK) {
    if (follower->host->budget_spent (follower->task))
      return PTN_OK;
    status = message_structure (follower->message, follower->source, follower->task);
  }
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_CORRUPT)
    return message_done (follower, false);
  if (status != PTN_END)
    return store_failed (follower, status);
  close_source (follower);
  message_text_start (follower->message, follower->fts->text_limit, &follower->offset,
                      &follower->size);
  follower->phase = pass_parts;
  return PTN_OK;
}

static ptn_status
pass_parts (struct follower *follower) {
  if (follower->size == 0)
    return message_done (follower, true);
  ptn_status status = open_source (follower, follower->offset, follower->size);
  if (status == PTN_OK)
    follower->phase = pass_text;
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
pass_text (struct follower *follower) {
  ptn_status status = PTN_OK;
  while (status == PTN_OK) {
    if (follower->host->budget_spent (follower->task))
      return PTN_OK;
    status = message_text_more (follower->message, follower->source, follower->task);
  }
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_END)
    return message_done (follower, true);
  if (status != PTN_E_CORRUPT)
    return store_failed (follower, status);
  if (follower->built)
    return message_done (follower, false);
  close_source (follower); /* perhaps only the kept structure is wrong */
  message_begin (follower->message, NULL);
  follower->built = true;
  follower->phase = pass_whole;
  return PTN_OK;
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
  for (guint i = follower->applied; i < follower->at; i++) {
    document_free (&item_at (follower, i)->document);
    g_clear_pointer (&item_at (follower, i)->digest, g_bytes_unref);
  }
  follower->applied = follower->at;
  follower->held = 0;
  if (follower->at > 0) {
    pthread_mutex_lock (&follower->account->lock);
    follower->box->reached = item_at (follower, follower->at - 1)->uid + 1;
    pthread_mutex_unlock (&follower->account->lock);
  }
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
