/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - list, status, create, remove, rename, subscribe. */
#include "memory.h"

#include <string.h>

/* Does an RFC 9051 LIST pattern match?  `reached[p]`: the first p octets of the pattern match
 * the octets of path seen so far; linear in both, whatever the client wrote. */
static bool
pattern_matches (const char *pattern, const char *path) {
  size_t length = strlen (pattern);
  bool *reached = g_new0 (bool, length + 1);
  bool inbox = strncmp (path, "INBOX", 5) == 0 && (path[5] == '\0' || path[5] == '/');
  reached[0] = true;
  for (size_t p = 0; p < length && (pattern[p] == '*' || pattern[p] == '%'); p++)
    reached[p + 1] = true;
  for (size_t i = 0; path[i]; i++) {
    bool before = false; /* reached[p] as it was before this octet */
    for (size_t p = 0; p <= length; p++) {
      bool now = false;
      if (p > 0) {
        char c = pattern[p - 1];
        bool wild = c == '*' || (c == '%' && path[i] != '/');
        bool same = c == path[i] || (inbox && i < 5 && g_ascii_toupper (c) == path[i]);
        if (c == '*' || c == '%')
          now = wild ? before || reached[p] || reached[p - 1] : reached[p - 1];
        else
          now = before && same;
      }
      before = reached[p];
      reached[p] = now;
    }
  }
  bool matches = reached[length];
  g_free (reached);
  return matches;
}

/* The row of a mailbox; the path is the mailbox's own. */
static void
fill_row (const struct owner *owner, const struct mailbox *mailbox, struct ptn_mailbox *row) {
  *row = (struct ptn_mailbox){
    .size = sizeof *row,
    .attributes = (mailbox->noselect ? PTN_MAILBOX_NOSELECT : 0u)
                  | (mailbox->subscribed ? PTN_MAILBOX_SUBSCRIBED : 0u)
                  | (owner_has_children (owner, mailbox) ? PTN_MAILBOX_HAS_CHILDREN : 0u),
    .id = mailbox->id,
    .name = { *owner->name ? NULL : "", mailbox->path },
    .uidvalidity = mailbox->uidvalidity,
    .uidnext = mailbox->uidnext,
    .messages = mailbox->messages->len,
    .highest_modseq = mailbox->modseq,
  };
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    row->unseen += !(message->flags & PTN_SEEN);
    row->deleted += !!(message->flags & PTN_DELETED);
    row->octets += message->body->size;
  }
}

ptn_status
memory_list (struct ptn_account *account, struct ptn_call *call, const char *pattern,
             struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct ptn_cursor *cursor = cursor_new (store);
  cursor->mailboxes = g_array_new (FALSE, FALSE, sizeof (struct ptn_mailbox));
  pthread_mutex_lock (&store->lock);
  struct owner *owner = model_owner (store, account->name, false);
  for (guint i = 0; owner && i < owner->mailboxes->len; i++) {
    const struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (!pattern_matches (pattern, mailbox->path))
      continue;
    struct ptn_mailbox row;
    fill_row (owner, mailbox, &row);
    row.name.path = g_strdup (mailbox->path);
    g_array_append_val (cursor->mailboxes, row);
  }
  pthread_mutex_unlock (&store->lock);
  *result = cursor;
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_next_mailbox (struct ptn_cursor *cursor, struct ptn_call *call,
                     const struct ptn_mailbox **row) {
  if (wait_enter (cursor->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!cursor->mailboxes || cursor->at >= cursor->mailboxes->len)
    return wait_leave (call, PTN_END);
  *row = &g_array_index (cursor->mailboxes, struct ptn_mailbox, cursor->at++);
  return wait_leave (call, PTN_OK);
}

/* Whose mailboxes a name speaks of; NULL: not ours to open. */
static const char *
name_owner (const struct ptn_account *account, struct ptn_mailbox_name name) {
  if (!name.owner || strcmp (name.owner, account->name) == 0)
    return account->name;
  return *name.owner ? NULL : "";
}

/* Looks a name up, lock held.  *path is to be freed by the caller in any case. */
static ptn_status
find_mailbox (struct ptn_account *account, struct ptn_mailbox_name name, char **path,
              struct owner **owner, struct mailbox **mailbox) {
  const char *owner_name = name_owner (account, name);
  *path = path_canonical (name.path);
  *mailbox = NULL;
  *owner = NULL;
  if (!*path)
    return PTN_E_INVALID;
  if (!owner_name)
    return PTN_E_DENIED;
  *owner = model_owner (account->store, owner_name, false);
  *mailbox = *owner ? owner_mailbox (*owner, *path) : NULL;
  return *mailbox ? PTN_OK : PTN_E_NOT_FOUND;
}

ptn_status
memory_status (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
               const struct ptn_mailbox **row) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct operation *operation = wait_operation (call);
  g_autofree char *path = NULL;
  struct owner *owner;
  struct mailbox *mailbox;
  pthread_mutex_lock (&store->lock);
  ptn_status status = find_mailbox (account, name, &path, &owner, &mailbox);
  if (status == PTN_OK) {
    fill_row (owner, mailbox, &operation->mailbox);
    operation->mailbox.name.path = operation->path = g_strdup (mailbox->path);
  }
  pthread_mutex_unlock (&store->lock);
  if (status != PTN_OK)
    return wait_leave (call, status);
  *row = &operation->mailbox;
  return wait_leave_results (call);
}

ptn_status
memory_create (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
               uint32_t attributes) {
  if (attributes != 0)
    return PTN_E_UNSUPPORTED; /* special uses are not kept */
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  g_autofree char *path = NULL;
  struct owner *owner;
  struct mailbox *mailbox;
  pthread_mutex_lock (&store->lock);
  ptn_status status = find_mailbox (account, name, &path, &owner, &mailbox);
  if (status == PTN_OK && !mailbox->noselect)
    status = PTN_E_EXISTS;
  else if (status == PTN_OK || status == PTN_E_NOT_FOUND) {
    owner = model_owner (store, name_owner (account, name), true);
    owner_make_mailbox (store, owner, path);
    status = PTN_OK;
  }
  pthread_mutex_unlock (&store->lock);
  return wait_leave (call, status);
}

ptn_status
memory_remove (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  g_autofree char *path = NULL;
  struct owner *owner;
  struct mailbox *mailbox;
  pthread_mutex_lock (&store->lock);
  ptn_status status = find_mailbox (account, name, &path, &owner, &mailbox);
  if (status == PTN_OK) {
    bool children = owner_has_children (owner, mailbox);
    if (strcmp (path, "INBOX") == 0 || (children && mailbox->noselect))
      status = PTN_E_INVALID;
    else if (children) {
      mailbox_empty (mailbox);
      mailbox->noselect = true;
    } else
      g_ptr_array_remove (owner->mailboxes, mailbox);
  }
  pthread_mutex_unlock (&store->lock);
  return wait_leave (call, status);
}

/* RFC 9051 section 6.3.6: the messages move to a new mailbox, INBOX itself stays. */
static void
rename_inbox (struct memory *store, struct owner *owner, struct mailbox *inbox, const char *path) {
  struct mailbox *made = owner_make_mailbox (store, owner, path);
  store->change++;
  for (guint i = 0; i < inbox->keywords->len; i++)
    g_ptr_array_add (made->keywords, g_strdup (inbox->keywords->pdata[i]));
  for (guint i = 0; i < inbox->messages->len; i++) {
    struct message *from = inbox->messages->pdata[i];
    struct message *to = mailbox_add (store, made, from->body, from->flags, from->internal_date);
    to->save_date = from->save_date;
    to->annotations = g_steal_pointer (&from->annotations);
  }
  mailbox_touch (store, inbox);
  mailbox_empty (inbox);
}

static ptn_status
rename_tree (struct memory *store, struct owner *owner, struct mailbox *mailbox, const char *path) {
  size_t length = strlen (mailbox->path);
  if (strncmp (path, mailbox->path, length) == 0 && path[length] == '/')
    return PTN_E_INVALID; /* into itself */
  const char *slash = strrchr (path, '/');
  g_autofree char *parent = slash ? g_strndup (path, (gsize)(slash - path)) : NULL;
  if (parent && !owner_mailbox (owner, parent))
    owner_make_mailbox (store, owner, parent);
  g_autofree char *old = g_strdup (mailbox->path);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    struct mailbox *each = owner->mailboxes->pdata[i];
    if (strncmp (each->path, old, length) != 0
        || (each->path[length] != '/' && each->path[length] != '\0'))
      continue;
    char *renamed = g_strconcat (path, each->path + length, NULL);
    g_free (each->path);
    each->path = renamed;
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
  struct owner *owner;
  struct mailbox *mailbox;
  pthread_mutex_lock (&store->lock);
  ptn_status status = find_mailbox (account, from, &old_path, &owner, &mailbox);
  const char *destination = name_owner (account, to);
  if (!new_path)
    status = PTN_E_INVALID;
  else if (!destination)
    status = PTN_E_DENIED;
  else if (status == PTN_OK && strcmp (destination, owner->name) != 0)
    status = PTN_E_UNSUPPORTED;
  else if (status == PTN_OK && owner_mailbox (owner, new_path))
    status = PTN_E_EXISTS;
  else if (status == PTN_OK && strcmp (old_path, "INBOX") == 0)
    rename_inbox (store, owner, mailbox, new_path);
  else if (status == PTN_OK)
    status = rename_tree (store, owner, mailbox, new_path);
  pthread_mutex_unlock (&store->lock);
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
  struct owner *owner;
  struct mailbox *mailbox;
  pthread_mutex_lock (&store->lock);
  ptn_status status = find_mailbox (account, name, &path, &owner, &mailbox);
  if (status == PTN_OK)
    mailbox->subscribed = on != 0;
  pthread_mutex_unlock (&store->lock);
  return wait_leave (call, status);
}
