/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - status, create, remove, rename, subscribe, special uses. */
#include "memory.h"

#include <string.h>

/* Whose mailboxes a name speaks of. */
static const char *
name_owner (const struct ptn_account *account, struct ptn_mailbox_name name) {
  return name.owner ? name.owner : account->asker->account;
}

/* Looks a name up, lock held: with all these rights.  *path is to be freed in any case. */
static ptn_status
find_mailbox (struct ptn_account *account, struct ptn_mailbox_name name, unsigned rights,
              char **path, struct mailbox **mailbox) {
  *path = path_canonical (name.path);
  *mailbox = NULL;
  if (!*path)
    return PTN_E_INVALID;
  struct owner *owner = model_owner (account->store, name_owner (account, name), false);
  struct mailbox *found = owner ? owner_mailbox (owner, *path) : NULL;
  if (!found)
    return PTN_E_NOT_FOUND;
  ptn_status status = rights_check (rights_of (account->asker, found), rights);
  if (status == PTN_OK)
    *mailbox = found;
  return status;
}

ptn_status
memory_status (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
               const struct ptn_mailbox **row) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct operation *operation = wait_operation (call);
  g_autofree char *path = NULL;
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = find_mailbox (account, name, RIGHT_R, &path, &mailbox);
  if (mailbox)
    operation->mailbox = mailbox_row_new (account->asker, mailbox);
  model_unlock (store, NULL);
  if (status != PTN_OK)
    return wait_leave (call, status);
  *row = &operation->mailbox->table;
  return wait_leave_results (call);
}

ptn_status
memory_create (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
               uint32_t attributes) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  g_autofree char *path = path_canonical (name.path);
  if (!path || attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
    return wait_leave (call, PTN_E_INVALID);
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  ptn_status status = PTN_OK;
  const char *owner_name = name_owner (account, name);
  model_lock (store);
  struct owner *owner = model_owner (store, owner_name, false);
  const struct mailbox *there = owner ? owner_mailbox (owner, path) : NULL;
  if (!rights_may_make (account->asker, owner, owner_name, path))
    status = PTN_E_DENIED;
  else if (there && !there->noselect)
    status = PTN_E_EXISTS;
  else
    owner_make_mailbox (model_owner (store, owner_name, true), path)->special_uses = attributes;
  model_unlock (store, call->task);
  return wait_leave (call, status);
}

static void
remove_mailbox (struct mailbox *mailbox) {
  note_mailbox (mailbox, PTN_MAILBOX_DELETE);
  if (mailbox_has_children (mailbox, NULL)) {
    mailbox_empty (mailbox);
    mailbox->noselect = true;
    mailbox->special_uses = 0;
  } else
    g_ptr_array_remove (mailbox->owner->mailboxes, mailbox);
}

ptn_status
memory_remove (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  g_autofree char *path = NULL;
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = find_mailbox (account, name, RIGHT_X, &path, &mailbox);
  if (mailbox
      && (strcmp (path, "INBOX") == 0
          || (mailbox->noselect && mailbox_has_children (mailbox, NULL))))
    status = PTN_E_INVALID;
  else if (mailbox)
    remove_mailbox (mailbox);
  model_unlock (store, call->task);
  return wait_leave (call, status);
}

/* RFC 9051 section 6.3.6: the messages move to a new mailbox, INBOX itself stays. */
static void
rename_inbox (struct mailbox *inbox, const char *path) {
  struct mailbox *made = owner_make_mailbox (inbox->owner, path);
  inbox->owner->store->change++;
  for (guint i = 0; i < inbox->keywords->len; i++)
    g_ptr_array_add (made->keywords, g_strdup (inbox->keywords->pdata[i]));
  for (guint i = 0; i < inbox->messages->len; i++) {
    struct message *from = inbox->messages->pdata[i];
    struct message *to =
        mailbox_add (made, from->body, from->flags, from->internal_date, &from->thread_id);
    to->save_date = from->save_date;
    to->annotations = g_steal_pointer (&from->annotations);
  }
  if (inbox->messages->len == 0)
    return;
  mailbox_touch (inbox);
  mailbox_empty (inbox);
  note_mailbox (made, PTN_MESSAGE_APPEND);
  note_mailbox (inbox, PTN_MESSAGE_EXPUNGE);
}

static ptn_status
rename_tree (struct mailbox *mailbox, const char *path) {
  struct owner *owner = mailbox->owner;
  size_t length = strlen (mailbox->path);
  if (strncmp (path, mailbox->path, length) == 0 && path[length] == '/')
    return PTN_E_INVALID; /* into itself */
  const char *slash = strrchr (path, '/');
  g_autofree char *parent = slash ? g_strndup (path, (gsize)(slash - path)) : NULL;
  if (parent && !owner_mailbox (owner, parent))
    owner_make_mailbox (owner, parent);
  g_autofree char *old = g_strdup (mailbox->path);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *each = owner->mailboxes->pdata[i];
    if (strncmp (each->path, old, length) != 0
        || (each->path[length] != '/' && each->path[length] != '\0'))
      continue;
    char *renamed = g_strconcat (path, each->path + length, NULL);
    g_free (each->path);
    each->path = renamed;
    note_mailbox (each, PTN_MAILBOX_RENAME);
  }
  owner_sort (owner);
  return PTN_OK;
}

ptn_status
memory_rename (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name from,
               struct ptn_mailbox_name to) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  g_autofree char *old_path = NULL, *new_path = path_canonical (to.path);
  const char *destination = name_owner (account, to);
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = find_mailbox (account, from, RIGHT_X, &old_path, &mailbox);
  struct owner *owner = mailbox ? mailbox->owner : NULL;
  if (!new_path)
    status = PTN_E_INVALID;
  else if (mailbox && strcmp (destination, owner->name) != 0)
    status = PTN_E_UNSUPPORTED;
  else if (mailbox && !rights_may_make (account->asker, owner, destination, new_path))
    status = PTN_E_DENIED;
  else if (mailbox && owner_mailbox (owner, new_path))
    status = PTN_E_EXISTS;
  else if (mailbox && strcmp (old_path, "INBOX") == 0)
    rename_inbox (mailbox, new_path);
  else if (mailbox)
    status = rename_tree (mailbox, new_path);
  model_unlock (store, call->task);
  return wait_leave (call, status);
}

ptn_status
memory_subscribe (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                  int on) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  g_autofree char *path = NULL;
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = find_mailbox (account, name, RIGHT_L, &path, &mailbox);
  bool changed = false;
  if (mailbox && account->asker->reads)
    status = PTN_E_DENIED; /* the subscriptions are the account's, not the asker's */
  else if (mailbox && on)
    changed = g_hash_table_add (mailbox->subscribers, g_strdup (account->asker->account));
  else if (mailbox)
    changed = g_hash_table_remove (mailbox->subscribers, account->asker->account);
  if (changed)
    note_mailbox (mailbox, PTN_MAILBOX_SUBSCRIBE);
  model_unlock (store, call->task);
  return wait_leave (call, status);
}

ptn_status
memory_set_attributes (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                       uint32_t attributes) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
    return wait_leave (call, PTN_E_INVALID);
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_A, &mailbox);
  if (mailbox && mailbox->special_uses != attributes) {
    mailbox->special_uses = attributes;
    note_mailbox (mailbox, PTN_ANNOTATION_CHANGE);
  }
  model_unlock (store, call->task);
  return wait_leave (call, status);
}
