/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - views, keywords, and rows of messages and annotations. */
#include "memory.h"

#include <string.h>

ptn_status
memory_view (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
             const struct ptn_view **view) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  pthread_mutex_lock (&store->lock);
  struct mailbox *mailbox = model_mailbox (store, account->name, id, NULL);
  if (mailbox)
    *view = &mailbox_view (mailbox)->table;
  pthread_mutex_unlock (&store->lock);
  return wait_leave (call, mailbox ? PTN_OK : PTN_E_NOT_FOUND);
}

void
memory_release_view (const struct ptn_view *view) {
  view_unref ((struct view *)view); /* the table is its first member */
}

ptn_status
memory_keyword (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                const char *keyword, int make, uint32_t *bit) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  ptn_status status = PTN_OK;
  pthread_mutex_lock (&store->lock);
  struct mailbox *mailbox = model_mailbox (store, account->name, id, NULL);
  int index = mailbox ? mailbox_keyword (mailbox, keyword) : -1;
  if (!mailbox || (index < 0 && !make))
    status = PTN_E_NOT_FOUND;
  else if (!*keyword)
    status = PTN_E_INVALID;
  else if (index < 0 && mailbox->keywords->len == KEYWORDS_MAX)
    status = PTN_E_LIMIT;
  else if (index < 0) {
    index = (int)mailbox->keywords->len;
    g_ptr_array_add (mailbox->keywords, g_strdup (keyword));
    mailbox_forget_view (mailbox);
  }
  pthread_mutex_unlock (&store->lock);
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
  for (guint i = 0; cursor->mailboxes && i < cursor->mailboxes->len; i++)
    g_free ((char *)g_array_index (cursor->mailboxes, struct ptn_mailbox, i).name.path);
  for (guint i = 0; cursor->annotations && i < cursor->annotations->len; i++) {
    struct annotation_row *row = &g_array_index (cursor->annotations, struct annotation_row, i);
    g_free (row->name);
    g_bytes_unref (row->value);
  }
  g_clear_pointer (&cursor->mailboxes, g_array_unref);
  g_clear_pointer (&cursor->messages, g_array_unref);
  g_clear_pointer (&cursor->annotations, g_array_unref);
  g_free (cursor);
}

static struct ptn_message
message_row (const struct message *message, uint32_t items) {
  return (struct ptn_message){
    .size = sizeof (struct ptn_message),
    .items = items,
    .uid = message->uid,
    .unterminated = message->body->unterminated,
    .modseq = message->modseq,
    .octets = message->body->size,
    .internal_date = message->internal_date,
    .save_date = message->save_date,
    .flags = message->flags,
  };
}

ptn_status
memory_fetch (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              const struct ptn_fetch *fetch, struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  pthread_mutex_lock (&store->lock);
  struct mailbox *mailbox = model_mailbox (store, account->name, id, NULL);
  if (mailbox) {
    struct ptn_cursor *cursor = cursor_new (store);
    cursor->messages = g_array_new (FALSE, FALSE, sizeof (struct ptn_message));
    size_t range = 0;
    for (guint i = 0; i < mailbox->messages->len; i++) {
      const struct message *message = mailbox->messages->pdata[i];
      if ((fetch->uids.count && !uid_set_has (fetch->uids, &range, message->uid))
          || message->modseq <= fetch->changed_since)
        continue;
      struct ptn_message row = message_row (message, fetch->items);
      g_array_append_val (cursor->messages, row);
    }
    *result = cursor;
  }
  pthread_mutex_unlock (&store->lock);
  return wait_leave (call, mailbox ? PTN_OK : PTN_E_NOT_FOUND);
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

struct collect { /* what one walk over a tree of annotations needs */
  struct ptn_cursor *cursor;
  const char *name;
  uint32_t uid;
};

static gboolean
collect_annotation (gpointer name, gpointer value, gpointer data) {
  const struct collect *collect = data;
  if (collect->name && strcmp (name, collect->name) != 0)
    return FALSE;
  struct annotation_row row = { .name = g_strdup (name), .value = g_bytes_ref (value) };
  gsize size;
  const void *octets = g_bytes_get_data (row.value, &size);
  row.table = (struct ptn_annotation){
    .size = sizeof row.table,
    .uid = collect->uid,
    .name = row.name,
    .value = { octets ? octets : "", size }, /* an empty value is still one */
  };
  g_array_append_val (collect->cursor->annotations, row);
  return FALSE;
}

static void
collect_all (struct collect *collect, GTree *annotations, uint32_t uid) {
  collect->uid = uid;
  if (annotations)
    g_tree_foreach (annotations, collect_annotation, collect);
}

ptn_status
memory_annotations (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                    struct ptn_uid_set uids, int all_uids, const char *name,
                    struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct ptn_cursor *cursor = cursor_new (store);
  cursor->annotations = g_array_new (FALSE, FALSE, sizeof (struct annotation_row));
  struct collect collect = { cursor, name, 0 };
  pthread_mutex_lock (&store->lock);
  struct mailbox *mailbox = id ? model_mailbox (store, account->name, id, NULL) : NULL;
  struct owner *owner = id ? NULL : model_owner (store, account->name, false);
  if (owner)
    collect_all (&collect, owner->annotations, 0);
  else if (mailbox && !all_uids && uids.count == 0)
    collect_all (&collect, mailbox->annotations, 0);
  else if (mailbox) {
    size_t range = 0;
    for (guint i = 0; i < mailbox->messages->len; i++) {
      const struct message *message = mailbox->messages->pdata[i];
      if (all_uids || uid_set_has (uids, &range, message->uid))
        collect_all (&collect, message->annotations, message->uid);
    }
  }
  pthread_mutex_unlock (&store->lock);
  if (id && !mailbox) {
    memory_close_cursor (cursor);
    return wait_leave (call, PTN_E_NOT_FOUND);
  }
  *result = cursor;
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_next_annotation (struct ptn_cursor *cursor, struct ptn_call *call,
                        const struct ptn_annotation **row) {
  if (wait_enter (cursor->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!cursor->annotations || cursor->at >= cursor->annotations->len)
    return wait_leave (call, PTN_END);
  *row = &g_array_index (cursor->annotations, struct annotation_row, cursor->at++).table;
  return wait_leave (call, PTN_OK);
}
