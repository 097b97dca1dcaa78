/* SPDX-License-Identifier: Apache-2.0 */
/* accounts.c - open, delivery, quota, administration. */
#include "memory.h"

#include <string.h>

#define ACCOUNTS_MAX 1000 /* of one list_accounts */

ptn_status
memory_open (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
             struct ptn_account **result) {
  struct memory *store = instance;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!identity->account || !*identity->account)
    return wait_leave (call, PTN_E_INVALID);
  struct ptn_account *account = g_new0 (struct ptn_account, 1);
  account->store = store;
  account->asker = asker_new (identity);
  *result = account;
  return wait_leave (call, PTN_OK);
}

void
memory_close (struct ptn_account *account) {
  asker_unref (account->asker);
  g_free (account);
}

struct arrival {
  struct body *body;
  char *const *references;
};

/* One target, lock held. */
static ptn_status
deliver_to (struct memory *store, const struct ptn_append *append, const struct arrival *arrival,
            const struct ptn_target *target, uint32_t *uid) {
  struct body *body = arrival->body;
  g_autofree char *path = path_canonical (target->path);
  if (!path)
    return PTN_E_INVALID;
  struct owner *owner = model_owner (store, target->account, false);
  uint64_t octets = 0, messages = 0;
  if (owner)
    owner_usage (owner, &octets, &messages);
  uint64_t storage_limit = target->storage_limit, messages_limit = target->messages_limit;
  if (storage_limit == UINT64_MAX && owner)
    storage_limit = owner->storage_limit;
  if (messages_limit == UINT64_MAX && owner)
    messages_limit = owner->messages_limit;
  if (octets + body->size > storage_limit || messages + 1 > messages_limit)
    return PTN_E_OVERQUOTA;
  owner = model_owner (store, target->account, true);
  struct mailbox *mailbox = owner_mailbox (owner, path);
  if (!mailbox || mailbox->noselect)
    mailbox = owner_make_mailbox (owner, path);
  store->change++;
  struct ptn_id thread = owner_thread (owner, arrival->references);
  *uid = mailbox_add (mailbox, body, append->flags | target->flags, append->internal_date, &thread)
             ->uid;
  note_mailbox (mailbox, PTN_MESSAGE_NEW);
  return PTN_OK;
}

ptn_status
memory_deliver (void *instance, struct ptn_call *call, const struct ptn_append *append,
                const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  struct memory *store = instance;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  ptn_status status = wait_pull (store, call, append);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status != PTN_OK)
    return wait_leave (call, status);
  struct arrival arrival = { wait_take_body (call), wait_operation (call)->references };
  model_lock (store);
  for (size_t i = 0; i < count; i++) {
    results[i].uid = 0;
    results[i].status = wait_roll (store, store->failures)
                            ? PTN_E_TEMPORARY
                            : deliver_to (store, append, &arrival, &targets[i], &results[i].uid);
  }
  model_unlock (store, call->task);
  body_unref (arrival.body);
  return wait_leave (call, PTN_OK);
}

struct listing {
  const char *after;
  GPtrArray *names;
};

static gboolean
list_owner (gpointer key, gpointer value, gpointer data) {
  struct listing *listing = data;
  const char *name = key;
  if (*name && strcmp (name, listing->after) > 0)
    g_ptr_array_add (listing->names, g_strdup (name));
  return listing->names->len == ACCOUNTS_MAX;
}

ptn_status
memory_list_accounts (void *instance, struct ptn_call *call, const char *after,
                      struct ptn_strings *accounts) {
  struct memory *store = instance;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct listing listing = { after, g_ptr_array_new () };
  model_lock (store);
  g_tree_foreach (store->owners, list_owner, &listing);
  model_unlock (store, NULL);
  size_t count = listing.names->len;
  g_ptr_array_add (listing.names, NULL);
  struct operation *operation = wait_operation (call);
  operation->strings = (char **)g_ptr_array_free (listing.names, FALSE);
  if (count == 0)
    return wait_leave (call, PTN_END);
  *accounts = (struct ptn_strings){ (const char *const *)operation->strings, count };
  return wait_leave_results (call);
}

/* What it subscribed to of others. */
static gboolean
drop_subscriptions (gpointer key, gpointer value, gpointer account) {
  const struct owner *owner = value;
  for (guint i = 0; i < owner->mailboxes->len; i++)
    g_hash_table_remove (((struct mailbox *)owner->mailboxes->pdata[i])->subscribers, account);
  return FALSE;
}

ptn_status
memory_remove_account (void *instance, struct ptn_call *call, const char *account) {
  struct memory *store = instance;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  model_lock (store);
  struct owner *owner = *account ? model_owner (store, account, false) : NULL;
  if (owner) {
    note_account (store, account, PTN_ACCOUNT_CLOSE);
    for (guint i = 0; i < owner->mailboxes->len; i++)
      note_mailbox (owner->mailboxes->pdata[i], PTN_MAILBOX_DELETE);
    g_tree_foreach (store->owners, drop_subscriptions, (gpointer)account);
    g_tree_remove (store->owners, account);
  }
  model_unlock (store, call->task);
  return wait_leave (call, owner ? PTN_OK : PTN_E_NOT_FOUND);
}

ptn_status
memory_quota (struct ptn_account *account, struct ptn_call *call, const struct ptn_quota **quota) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct ptn_quota *row = &wait_operation (call)->quota;
  *row = (struct ptn_quota){ .size = sizeof *row,
                             .storage_limit = UINT64_MAX,
                             .messages_limit = UINT64_MAX };
  model_lock (store);
  struct owner *owner = model_owner (store, account->asker->account, false);
  if (owner) {
    owner_usage (owner, &row->storage_used, &row->messages_used);
    row->storage_limit = owner->storage_limit;
    row->messages_limit = owner->messages_limit;
  }
  model_unlock (store, NULL);
  *quota = row;
  return wait_leave_results (call);
}

ptn_status
memory_set_quota (struct ptn_account *account, struct ptn_call *call,
                  const struct ptn_quota *quota) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (account->asker->reads)
    return wait_leave (call, PTN_E_DENIED);
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  model_lock (store);
  struct owner *owner = model_owner (store, account->asker->account, true);
  owner->storage_limit = quota->storage_limit;
  owner->messages_limit = quota->messages_limit;
  note_account (store, owner->name, PTN_QUOTA_CHANGE);
  model_unlock (store, call->task);
  return wait_leave (call, PTN_OK);
}
