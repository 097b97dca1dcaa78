/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.c - one mail to many accounts: written once, then linked where the file system lets
 * us.  Each target is a change of its own, so that one that fails does not harm the others. */
#include "change.h"

#include "folders.h"

struct delivery {
  struct store *store;
  struct ptn_task *task;
  const struct ptn_append *append;
  struct spool *spool;
  char *written; /* a file that has the octets; NULL: none yet */
};

static ptn_status
check_limits (const struct delivery *delivery, struct owner *owner,
              const struct ptn_target *target) {
  uint64_t storage = target->storage_limit, count = target->messages_limit, octets, messages;
  if (storage == UINT64_MAX)
    storage = owner->storage_limit;
  if (count == UINT64_MAX)
    count = owner->messages_limit;
  if (storage == UINT64_MAX && count == UINT64_MAX)
    return PTN_OK;
  ptn_status status = owner_usage (owner, delivery->task, &octets, &messages);
  if (status == PTN_OK && (octets + delivery->spool->size > storage || messages + 1 > count))
    status = PTN_E_OVERQUOTA;
  return status;
}

static ptn_status
commit_delivery (struct delivery *delivery, struct owner *owner, struct mailbox *mailbox,
                 struct message *message, ptn_flag_bits flags, uint32_t *uid) {
  struct ptn_change *change = change_new (owner, owner->name, NULL);
  struct step *step =
      change_step (change, STEP_APPEND, &mailbox->id, (struct ptn_uid_set){ NULL, 0 });
  const struct ptn_outcome *outcome = NULL;
  struct ptn_id id = mailbox->id;
  step->file = message_file (mailbox, message);
  step->appended = message;
  step->flags = flags;
  change->delivery = true;
  /* The limits of the target have been looked at; the store's own it may replace. */
  uint64_t storage_limit = owner->storage_limit, messages_limit = owner->messages_limit;
  owner->storage_limit = owner->messages_limit = UINT64_MAX;
  ptn_status status = change_commit (change, delivery->task);
  owner->storage_limit = storage_limit;
  owner->messages_limit = messages_limit;
  if (status == PTN_OK && maildir_outcome (change, 0, &outcome) == PTN_OK) {
    *uid = outcome->uids.ranges[0].first;
    mailbox = box_by_id (owner, &id);
    const struct message *stored = mailbox ? mailbox_find (mailbox, *uid) : NULL;
    if (stored && !delivery->written)
      delivery->written = message_file (mailbox, stored);
  }
  maildir_end (change);
  return status;
}

/* One target, its owner entered. */
static ptn_status
deliver_to (struct delivery *delivery, struct owner *owner, const char *path,
            const struct ptn_target *target, uint32_t *uid) {
  struct message *message = NULL;
  ptn_status status = check_limits (delivery, owner, target);
  if (status == PTN_OK)
    status = boxes_look (owner, delivery->task);
  if (status != PTN_OK)
    return status;
  struct mailbox *mailbox = box_by_path (owner, path);
  if (!mailbox)
    status = box_make (owner, delivery->task, path, 0, &mailbox);
  if (status == PTN_OK)
    status = spool_store (delivery->spool, delivery->task, mailbox, delivery->append->internal_date,
                          delivery->written, &message);
  if (status == PTN_OK)
    status = commit_delivery (delivery, owner, mailbox, message,
                              delivery->append->flags | target->flags, uid);
  return status;
}

static ptn_status
deliver_target (struct delivery *delivery, const struct ptn_target *target, uint32_t *uid) {
  g_autofree char *path = path_canonical (target->path);
  struct owner *owner = path ? owner_get (delivery->store, target->account) : NULL;
  *uid = 0;
  if (!owner)
    return PTN_E_INVALID;
  ptn_status status = owner_enter (owner, delivery->task);
  if (status == PTN_OK) {
    status = deliver_to (delivery, owner, path, target, uid);
    owner_leave (owner, delivery->task);
  }
  owner_put (owner);
  return status;
}

ptn_status
maildir_deliver (void *instance, struct ptn_call *call, const struct ptn_append *append,
                 const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  struct store *store = instance;
  struct operation *operation = call_operation (call);
  if (!operation->spool)
    operation->spool = spool_new (store);
  ptn_status status = spool_pull (operation->spool, call->task, append->source);
  if (status == PTN_PENDING)
    return call_pending (call);
  if (status == PTN_OK && PTN_HAS (append, argument) && append->describe) {
    struct ptn_description description = { .size = sizeof description };
    status = append->describe (append->argument, &description);
  }
  if (status != PTN_OK)
    return call_done (call, status);
  struct delivery delivery = { store, call->task, append, operation->spool, NULL };
  for (size_t i = 0; i < count; i++)
    results[i].status = deliver_target (&delivery, &targets[i], &results[i].uid);
  g_free (delivery.written);
  return call_done (call, PTN_OK);
}
