/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c - mailboxes by pattern: the account's own, and those of others. */
#include "memory.h"

#include <string.h>

struct mailbox_row *
mailbox_row_new (const struct asker *asker, const struct mailbox *mailbox) {
  struct mailbox_row *row = g_new0 (struct mailbox_row, 1);
  const char *owner = mailbox->owner->name;
  bool subscribed = g_hash_table_contains (mailbox->subscribers, asker->account);
  row->owner = strcmp (owner, asker->account) == 0 ? NULL : g_strdup (owner);
  row->path = g_strdup (mailbox->path);
  rights_format (rights_of (asker, mailbox), row->rights);
  row->table = (struct ptn_mailbox){
    .size = sizeof row->table,
    .attributes = (mailbox->noselect ? PTN_MAILBOX_NOSELECT : 0u)
                  | (subscribed ? PTN_MAILBOX_SUBSCRIBED : 0u)
                  | (mailbox_has_children (mailbox, asker) ? PTN_MAILBOX_HAS_CHILDREN : 0u)
                  | mailbox->special_uses,
    .id = mailbox->id,
    .name = { row->owner, row->path },
    .uidvalidity = mailbox->uidvalidity,
    .uidnext = mailbox->uidnext,
    .recent_uid = MAX (mailbox->recent, 1),
    .messages = mailbox->messages->len,
    .highest_modseq = mailbox->modseq,
    .rights = row->rights,
  };
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    row->table.unseen += !(message->flags & PTN_SEEN);
    row->table.deleted += !!(message->flags & PTN_DELETED);
    row->table.octets += message->body->size;
  }
  return row;
}

void
mailbox_row_free (struct mailbox_row *row) {
  g_free (row->owner);
  g_free (row->path);
  g_free (row);
}

static void
list_owner (const struct owner *owner, const struct asker *asker, const char *pattern,
            GPtrArray *rows) {
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (rights_of (asker, mailbox) & RIGHT_L && path_matches (pattern, mailbox->path))
      g_ptr_array_add (rows, mailbox_row_new (asker, mailbox));
  }
}

static struct ptn_cursor *
list_cursor (struct memory *store) {
  struct ptn_cursor *cursor = cursor_new (store);
  cursor->mailboxes = g_ptr_array_new_with_free_func ((GDestroyNotify)mailbox_row_free);
  return cursor;
}

ptn_status
memory_list (struct ptn_account *account, struct ptn_call *call, const char *pattern,
             struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  *result = list_cursor (store);
  model_lock (store);
  struct owner *owner = model_owner (store, account->asker->account, false);
  if (owner)
    list_owner (owner, account->asker, pattern, (*result)->mailboxes);
  model_unlock (store, NULL);
  return wait_leave (call, PTN_OK);
}

struct listing {
  const struct asker *asker;
  const char *owner, *pattern;
  GPtrArray *rows;
};

static gboolean
list_other (gpointer name, gpointer owner, gpointer data) {
  const struct listing *listing = data;
  bool wanted = listing->owner ? strcmp (name, listing->owner) == 0 : *(const char *)name != '\0';
  if (wanted && strcmp (name, listing->asker->account) != 0)
    list_owner (owner, listing->asker, listing->pattern, listing->rows);
  return FALSE;
}

ptn_status
memory_list_others (struct ptn_account *account, struct ptn_call *call, const char *owner,
                    const char *pattern, struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  *result = list_cursor (store);
  struct listing listing = { account->asker, owner, pattern, (*result)->mailboxes };
  model_lock (store);
  g_tree_foreach (store->owners, list_other, &listing);
  model_unlock (store, NULL);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_next_mailbox (struct ptn_cursor *cursor, struct ptn_call *call,
                     const struct ptn_mailbox **row) {
  if (wait_enter (cursor->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!cursor->mailboxes || cursor->at >= cursor->mailboxes->len)
    return wait_leave (call, PTN_END);
  *row = &((struct mailbox_row *)cursor->mailboxes->pdata[cursor->at++])->table;
  return wait_leave (call, PTN_OK);
}
