/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.c - list, status, create, remove, rename, subscribe, special uses.
 *
 * A name that has mailboxes below it and no folder of its own is NOSELECT; Maildir++ needs
 * nothing to remember that. */
#include "cursor.h"

#include "change.h"
#include "folders.h"

/* Whose mailboxes a name speaks of: only the account's own are there. */
static bool
is_own (const struct ptn_account *account, struct ptn_mailbox_name name) {
  return !name.owner || strcmp (name.owner, account->owner->name) == 0;
}

static ptn_status
fill_row (const struct ptn_account *account, struct mailbox *mailbox, struct ptn_task *task,
          struct ptn_mailbox *row) {
  struct owner *owner = account->owner;
  ptn_status status = mailbox_look (mailbox, task);
  if (status != PTN_OK)
    return status;
  mailbox_count (mailbox);
  *row = (struct ptn_mailbox){
    .size = sizeof *row,
    .attributes =
        mailbox->uses
        | (g_hash_table_contains (owner->subscribed, mailbox->path) ? PTN_MAILBOX_SUBSCRIBED : 0u)
        | (box_has_children (owner, mailbox->path) ? PTN_MAILBOX_HAS_CHILDREN : 0u),
    .id = mailbox->id,
    .name = { NULL, mailbox->path },
    .uidvalidity = mailbox->uidvalidity,
    .uidnext = mailbox->uidnext,
    .messages = mailbox->messages->len,
    .unseen = mailbox->unseen,
    .recent_uid = MAX (mailbox->recent, 1),
    .deleted = mailbox->deleted,
    .highest_modseq = mailbox->modseq,
    .octets = mailbox->octets,
    .rights = account_rights (account),
  };
  return PTN_OK;
}

static void
fill_parent (const struct ptn_account *account, const char *path, struct ptn_mailbox *row) {
  const struct owner *owner = account->owner;
  *row = (struct ptn_mailbox){
    .size = sizeof *row,
    .attributes = PTN_MAILBOX_NOSELECT | PTN_MAILBOX_HAS_CHILDREN
                  | (g_hash_table_contains (owner->subscribed, path) ? PTN_MAILBOX_SUBSCRIBED : 0u),
    .id = email_id_of (path, strlen (path)),
    .name = { NULL, path },
    .rights = account_rights (account),
  };
}

static gint
compare_names (gconstpointer a, gconstpointer b) {
  return strcmp (*(char *const *)a, *(char *const *)b);
}

/* All names there are: of mailboxes, and of the parents that have no folder; in order. */
static GPtrArray *
all_names (const struct owner *owner) {
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const char *path = ((struct mailbox *)owner->mailboxes->pdata[i])->path;
    for (const char *slash = path; (slash = strchr (slash, '/')); slash++) {
      char *parent = g_strndup (path, (gsize)(slash - path));
      if (g_hash_table_add (seen, parent))
        g_ptr_array_add (names, g_strdup (parent));
    }
    if (g_hash_table_add (seen, g_strdup (path)))
      g_ptr_array_add (names, g_strdup (path));
  }
  g_ptr_array_sort (names, compare_names);
  return names;
}

ptn_status
maildir_list (struct ptn_account *account, struct ptn_call *call, const char *pattern,
              struct ptn_cursor **result) {
  struct owner *owner = account->owner;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  status = boxes_look (owner, call->task);
  if (status == PTN_OK)
    status = subscriptions_look (owner, call->task);
  struct ptn_cursor *cursor = cursor_new (account);
  cursor->mailboxes = g_array_new (FALSE, FALSE, sizeof (struct ptn_mailbox));
  g_autoptr (GPtrArray) names = status == PTN_OK ? all_names (owner) : NULL;
  for (guint i = 0; names && i < names->len && status == PTN_OK; i++) {
    const char *path = names->pdata[i];
    struct ptn_mailbox row;
    if (!path_matches (pattern, path))
      continue;
    struct mailbox *mailbox = box_by_path (owner, path);
    if (mailbox)
      status = fill_row (account, mailbox, call->task, &row);
    else
      fill_parent (account, path, &row);
    if (status != PTN_OK)
      break;
    row.name.path = g_strdup (path);
    g_array_append_val (cursor->mailboxes, row);
  }
  owner_leave (owner, call->task);
  if (status == PTN_OK)
    *result = cursor;
  else
    maildir_close_cursor (cursor);
  return status;
}

ptn_status
maildir_next_mailbox (struct ptn_cursor *cursor, struct ptn_call *call,
                      const struct ptn_mailbox **row) {
  if (!cursor->mailboxes || cursor->at >= cursor->mailboxes->len)
    return PTN_END;
  *row = &g_array_index (cursor->mailboxes, struct ptn_mailbox, cursor->at++);
  return PTN_OK;
}

/* Enters the owner and finds the mailbox of a name.  *mailbox NULL with PTN_OK: NOSELECT.  If it
 * fails the owner is not entered.  *path is to be freed in any case. */
static ptn_status
enter_name (struct ptn_account *account, struct ptn_task *task, struct ptn_mailbox_name name,
            char **path, struct mailbox **mailbox) {
  struct owner *owner = account->owner;
  *mailbox = NULL;
  *path = path_canonical (name.path);
  if (!*path)
    return PTN_E_INVALID;
  if (!is_own (account, name))
    return PTN_E_NOT_FOUND;
  ptn_status status = owner_enter (owner, task);
  if (status != PTN_OK)
    return status;
  status = boxes_look (owner, task);
  if (status == PTN_OK)
    status = subscriptions_look (owner, task);
  if (status == PTN_OK)
    *mailbox = box_by_path (owner, *path);
  if (status == PTN_OK && !*mailbox && !box_has_children (owner, *path))
    status = PTN_E_NOT_FOUND;
  if (status != PTN_OK)
    owner_leave (owner, task);
  return status;
}

ptn_status
maildir_status (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                const struct ptn_mailbox **row) {
  struct operation *operation = call_operation (call);
  struct mailbox *mailbox;
  g_clear_pointer (&operation->path, g_free);
  ptn_status status = enter_name (account, call->task, name, &operation->path, &mailbox);
  if (status != PTN_OK)
    return call_done (call, status);
  if (mailbox)
    status = fill_row (account, mailbox, call->task, &operation->mailbox);
  else
    fill_parent (account, operation->path, &operation->mailbox);
  owner_leave (account->owner, call->task);
  if (status != PTN_OK)
    return call_done (call, status);
  operation->mailbox.name.path = operation->path;
  *row = &operation->mailbox;
  return call_results (call);
}

ptn_status
maildir_create (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                uint32_t attributes) {
  struct owner *owner = account->owner;
  g_autofree char *path = path_canonical (name.path);
  if (!path || attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
    return PTN_E_INVALID;
  if (!is_own (account, name) || account->reads)
    return PTN_E_DENIED;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  status = boxes_look (owner, call->task);
  if (status == PTN_OK)
    status = box_by_path (owner, path) ? PTN_E_EXISTS
                                       : box_make (owner, call->task, path, attributes, NULL);
  owner_leave (owner, call->task);
  return status;
}

ptn_status
maildir_remove (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name) {
  g_autofree char *path = NULL;
  struct mailbox *mailbox;
  ptn_status status = enter_name (account, call->task, name, &path, &mailbox);
  if (status != PTN_OK)
    return status;
  if (account->reads)
    status = PTN_E_DENIED;
  else if (!mailbox || strcmp (path, "INBOX") == 0)
    status = PTN_E_INVALID;
  else
    status = box_remove (account->owner, call->task, mailbox);
  owner_leave (account->owner, call->task);
  return status;
}

/* RFC 9051 section 6.3.6: the messages move to a new mailbox, INBOX itself stays. */
static ptn_status
rename_inbox (struct ptn_account *account, struct ptn_task *task, struct mailbox *inbox,
              const char *path) {
  struct owner *owner = account->owner;
  struct ptn_id from = inbox->id;
  struct mailbox *made = NULL;
  const struct ptn_uid_range all = { 1, UINT32_MAX };
  ptn_status status = box_make (owner, task, path, 0, &made);
  if (status != PTN_OK)
    return status;
  struct ptn_change *change = change_new (owner, account->authzid, NULL);
  struct step *step = change_step (change, STEP_COPY, &from, (struct ptn_uid_set){ &all, 1 });
  step->to = made->id;
  step->move = step->keep_dates = true;
  status = change_commit (change, task);
  maildir_end (change);
  return status;
}

ptn_status
maildir_rename (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name from,
                struct ptn_mailbox_name to) {
  struct owner *owner = account->owner;
  g_autofree char *old_path = NULL, *new_path = path_canonical (to.path);
  struct mailbox *mailbox;
  if (!new_path)
    return PTN_E_INVALID;
  if (!is_own (account, to) || account->reads)
    return PTN_E_DENIED;
  ptn_status status = enter_name (account, call->task, from, &old_path, &mailbox);
  if (status != PTN_OK)
    return status;
  size_t length = strlen (old_path);
  const char *slash = strrchr (new_path, '/');
  g_autofree char *parent = slash ? g_strndup (new_path, (gsize)(slash - new_path)) : NULL;
  bool inbox = strcmp (old_path, "INBOX") == 0;
  if (box_by_path (owner, new_path))
    status = PTN_E_EXISTS;
  else if (!inbox && strncmp (new_path, old_path, length) == 0 && new_path[length] == '/')
    status = PTN_E_INVALID; /* into itself */
  else if (inbox && mailbox)
    status = rename_inbox (account, call->task, mailbox, new_path);
  else {
    if (parent && !box_by_path (owner, parent))
      status = box_make (owner, call->task, parent, 0, NULL);
    if (status == PTN_OK)
      status = subscriptions_rename (owner, call->task, old_path, new_path, false);
    if (status == PTN_OK)
      status = boxes_rename (owner, call->task, old_path, new_path);
    if (status == PTN_OK)
      status = subscriptions_rename (owner, call->task, old_path, new_path, true);
  }
  owner_leave (owner, call->task);
  return status;
}

ptn_status
maildir_subscribe (struct ptn_account *account, struct ptn_call *call, struct ptn_mailbox_name name,
                   int on) {
  g_autofree char *path = NULL;
  struct mailbox *mailbox;
  ptn_status status = enter_name (account, call->task, name, &path, &mailbox);
  if (status != PTN_OK)
    return status;
  status =
      account->reads ? PTN_E_DENIED : subscriptions_set (account->owner, call->task, path, on != 0);
  if (status == PTN_OK && mailbox)
    publish (account->owner, call->task, &mailbox->id, PTN_MAILBOX_SUBSCRIBE, mailbox->modseq);
  owner_leave (account->owner, call->task);
  return status;
}

ptn_status
maildir_set_attributes (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                        uint32_t attributes) {
  struct owner *owner = account->owner;
  if (attributes & ~(uint32_t)PTN_MAILBOX_SPECIAL_USES)
    return PTN_E_INVALID;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  struct mailbox *mailbox = box_by_id (owner, id);
  status = mailbox ? mailbox_look (mailbox, call->task) : PTN_E_NOT_FOUND;
  if (status == PTN_OK && account->reads)
    status = PTN_E_DENIED;
  if (status == PTN_OK && mailbox->uses != attributes) {
    g_autoptr (GByteArray) record = g_byte_array_new ();
    entry_box (record, mailbox, mailbox->modseq, mailbox->uidnext);
    entry_number (record, ENTRY_USES, attributes);
    status = log_commit (owner, call->task, record);
    if (status == PTN_OK)
      publish (owner, call->task, id, PTN_ANNOTATION_CHANGE, mailbox->modseq);
  }
  owner_leave (owner, call->task);
  return status;
}
