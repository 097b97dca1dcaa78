/* SPDX-License-Identifier: Apache-2.0 */
/* accounts.c - open, quota, and administration. */
#include "maildir.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define ACCOUNTS_MAX 1000 /* of one list_accounts */

ptn_status
maildir_open (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
              struct ptn_account **result) {
  struct store *store = instance;
  if (!identity->account || !*identity->account)
    return PTN_E_INVALID;
  struct owner *owner = owner_get (store, identity->account);
  if (!owner)
    return trouble (store, call->task, PTN_E_INVALID, "\"%s\" has no place by the setting path",
                    identity->account);
  struct ptn_account *account = g_new0 (struct ptn_account, 1);
  account->store = store;
  account->owner = owner;
  account->authzid = g_strdup (identity->authzid ? identity->authzid : identity->account);
  account->reads = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  *result = account;
  return PTN_OK;
}

void
maildir_close (struct ptn_account *account) {
  owner_put (account->owner);
  g_free (account->authzid);
  g_free (account);
}

ptn_status
owner_usage (struct owner *owner, struct ptn_task *task, uint64_t *octets, uint64_t *messages) {
  *octets = *messages = 0;
  ptn_status status = boxes_look (owner, task);
  for (guint i = 0; status == PTN_OK && i < owner->mailboxes->len; i++) {
    struct mailbox *mailbox = owner->mailboxes->pdata[i];
    status = mailbox_look (mailbox, task);
    mailbox_count (mailbox);
    *octets += mailbox->octets;
    *messages += mailbox->messages->len;
  }
  return status;
}

static gint
compare_names (gconstpointer a, gconstpointer b) {
  return strcmp (*(char *const *)a, *(char *const *)b);
}

ptn_status
maildir_list_accounts (void *instance, struct ptn_call *call, const char *after,
                       struct ptn_strings *accounts) {
  struct store *store = instance;
  store->host->blocking (call->task, 1);
  g_autoptr (GPtrArray) names = place_list (store);
  store->host->blocking (call->task, 0);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len && found->len < ACCOUNTS_MAX; i++)
    if (strcmp (names->pdata[i], after) > 0)
      g_ptr_array_add (found, g_strdup (names->pdata[i]));
  size_t count = found->len;
  g_ptr_array_add (found, NULL);
  struct operation *operation = call_operation (call);
  operation->strings = (char **)g_ptr_array_steal (found, NULL);
  if (count == 0)
    return call_done (call, PTN_END);
  *accounts = (struct ptn_strings){ (const char *const *)operation->strings, count };
  return call_results (call);
}

/* The whole Maildir is renamed away, then taken apart: it is gone at once or not at all. */
ptn_status
maildir_remove_account (void *instance, struct ptn_call *call, const char *account) {
  struct store *store = instance;
  struct owner *owner = owner_get (store, account);
  if (!owner)
    return PTN_E_NOT_FOUND;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK) {
    owner_put (owner);
    return status;
  }
  bool present = owner->present;
  if (present) {
    g_autofree char *parent = g_path_get_dirname (owner->directory);
    g_autofree char *name = g_strdup_printf (".postern-removed-%08x", g_random_int ());
    g_autofree char *away = g_build_filename (parent, name, NULL);
    for (guint i = 0; i < owner->mailboxes->len; i++) {
      uint32_t used = ((struct mailbox *)owner->mailboxes->pdata[i])->uidvalidity;
      owner->last_uidvalidity = MAX (owner->last_uidvalidity, used);
    }
    uint32_t before = atomic_load (&store->last_uidvalidity);
    while (before < owner->last_uidvalidity
           && !atomic_compare_exchange_weak (&store->last_uidvalidity, &before,
                                             owner->last_uidvalidity))
      ;
    if (!store_keep_uidvalidity (store) || rename (owner->directory, away) != 0
        || !folder_sync (parent))
      status = trouble_errno (store, call->task, "cannot remove", owner->directory);
    else {
      owner->failed = true; /* nothing of it is written any more */
      owner_unload (owner);
      tree_remove (away);
      publish (owner, call->task, NULL, PTN_ACCOUNT_CLOSE, 0);
    }
  }
  owner_leave (owner, call->task);
  owner_put (owner);
  return status == PTN_OK && !present ? PTN_E_NOT_FOUND : status;
}

ptn_status
maildir_quota (struct ptn_account *account, struct ptn_call *call, const struct ptn_quota **quota) {
  struct owner *owner = account->owner;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  struct ptn_quota *row = &call_operation (call)->quota;
  *row = (struct ptn_quota){ .size = sizeof *row,
                             .storage_limit = owner->storage_limit,
                             .messages_limit = owner->messages_limit };
  status = owner_usage (owner, call->task, &row->storage_used, &row->messages_used);
  owner_leave (owner, call->task);
  if (status != PTN_OK)
    return call_done (call, status);
  *quota = row;
  return call_results (call);
}

ptn_status
maildir_set_quota (struct ptn_account *account, struct ptn_call *call,
                   const struct ptn_quota *quota) {
  struct owner *owner = account->owner;
  if (account->reads)
    return PTN_E_DENIED;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  g_autoptr (GByteArray) record = g_byte_array_new ();
  entry_quota (record, quota->storage_limit, quota->messages_limit);
  status = owner_make (owner, call->task);
  if (status == PTN_OK)
    status = log_commit (owner, call->task, record);
  if (status == PTN_OK)
    publish (owner, call->task, NULL, PTN_QUOTA_CHANGE, 0);
  owner_leave (owner, call->task);
  return status;
}
