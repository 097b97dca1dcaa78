/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - views, keywords, and rows of messages. */
#include "memory.h"

#include "common/kept_name.h"

#include <string.h>

ptn_status
memory_view (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
             const struct ptn_view **view) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
  if (mailbox)
    *view = &mailbox_view (mailbox)->table;
  model_unlock (store, NULL);
  return wait_leave (call, status);
}

void
memory_release_view (const struct ptn_view *view) {
  view_unref ((struct view *)view); /* the table is its first member */
}

/* Adds a keyword; false: there are as many as bits. */
static bool
make_keyword (struct mailbox *mailbox, const char *keyword, int *index) {
  if (mailbox->keywords->len == KEYWORDS_MAX)
    return false;
  *index = (int)mailbox->keywords->len;
  g_ptr_array_add (mailbox->keywords, g_strdup (keyword));
  mailbox_forget_view (mailbox);
  return true;
}

ptn_status
memory_keyword (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                const char *keyword, int make, uint32_t *bit) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct mailbox *mailbox;
  int index = -1;
  const unsigned make_with = RIGHT_W | RIGHT_I, look_with = make_with | RIGHT_R;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, 0, &mailbox);
  unsigned rights = mailbox ? rights_of (account->asker, mailbox) : 0;
  if (mailbox)
    index = mailbox_keyword (mailbox, keyword);
  if (mailbox && !(rights & look_with))
    status = PTN_E_DENIED;
  else if (mailbox && !keyword_valid (keyword))
    status = PTN_E_INVALID;
  else if (mailbox && index < 0)
    status = !make                                      ? PTN_E_NOT_FOUND
             : !(rights & make_with)                    ? PTN_E_DENIED
             : !make_keyword (mailbox, keyword, &index) ? PTN_E_LIMIT
                                                        : PTN_OK;
  model_unlock (store, NULL);
  if (status == PTN_OK)
    *bit = 16 + (uint32_t)index;
  return wait_leave (call, status);
}

struct ptn_cursor *
cursor_new (struct memory *store) {
  struct ptn_cursor *cursor = g_new0 (struct ptn_cursor, 1);
  cursor->store = store;
  return cursor;
}

void
memory_close_cursor (struct ptn_cursor *cursor) {
  for (guint i = 0; cursor->annotations && i < cursor->annotations->len; i++) {
    struct annotation_row *row = &g_array_index (cursor->annotations, struct annotation_row, i);
    g_free (row->name);
    g_bytes_unref (row->value);
  }
  g_clear_pointer (&cursor->mailboxes, g_ptr_array_unref);
  g_clear_pointer (&cursor->messages, g_array_unref);
  g_clear_pointer (&cursor->digests, g_ptr_array_unref);
  g_clear_pointer (&cursor->annotations, g_array_unref);
  g_free (cursor);
}

static void
add_row (struct ptn_cursor *cursor, const struct message *message, uint32_t items) {
  GBytes *digest = items & PTN_FETCH_DIGEST ? message->body->digest : NULL;
  struct ptn_message row = {
    .size = sizeof row,
    .items = digest ? items : items & ~(uint32_t)PTN_FETCH_DIGEST,
    .uid = message->uid,
    .unterminated = message->body->unterminated,
    .modseq = message->modseq,
    .octets = message->body->size,
    .internal_date = message->internal_date,
    .save_date = message->save_date,
    .flags = message->flags,
    .email_id = message->body->email_id,
    .thread_id = message->thread_id,
  };
  if (digest) {
    row.digest.data = g_bytes_get_data (digest, &row.digest.size);
    g_ptr_array_add (cursor->digests, g_bytes_ref (digest));
  }
  g_array_append_val (cursor->messages, row);
}

static void
add_rows (struct ptn_cursor *cursor, const struct mailbox *mailbox, const struct ptn_fetch *fetch) {
  size_t range = 0;
  cursor->messages = g_array_new (FALSE, FALSE, sizeof (struct ptn_message));
  cursor->digests = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    if (fetch->uids.count && !uid_set_has (fetch->uids, &range, message->uid))
      continue;
    if (message->modseq > fetch->changed_since)
      add_row (cursor, message, fetch->items);
  }
}

ptn_status
memory_fetch (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              const struct ptn_fetch *fetch, struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
  if (mailbox) {
    *result = cursor_new (store);
    add_rows (*result, mailbox, fetch);
  }
  model_unlock (store, NULL);
  return wait_leave (call, status);
}

ptn_status
memory_next_messages (struct ptn_cursor *cursor, struct ptn_call *call,
                      const struct ptn_message **rows, size_t room, size_t *count) {
  if (wait_enter (cursor->store, call) == PTN_PENDING)
    return PTN_PENDING;
  *count = 0;
  while (*count < room && cursor->messages && cursor->at < cursor->messages->len)
    rows[(*count)++] = &g_array_index (cursor->messages, struct ptn_message, cursor->at++);
  return wait_leave (call, *count || !room ? PTN_OK : PTN_END);
}

void
memory_remember (struct ptn_account *account, const struct ptn_id *id, uint32_t uid,
                 struct ptn_bytes digest) {
  struct memory *store = account->store;
  struct mailbox *mailbox;
  if (!digest.data || !digest.size || digest.size > DIGEST_MAX)
    return;
  model_lock (store);
  model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
  const struct message *message = mailbox ? mailbox_find (mailbox, uid) : NULL;
  if (message) {
    g_clear_pointer (&message->body->digest, g_bytes_unref);
    message->body->digest = g_bytes_new (digest.data, digest.size);
  }
  model_unlock (store, NULL);
}
