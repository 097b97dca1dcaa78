/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - what left a mailbox, and what nobody was told of yet. */
#include "memory.h"

void
mailbox_bury (struct mailbox *mailbox, uint32_t uid) {
  struct tombstone tombstone = { uid, mailbox->modseq };
  GArray *all = mailbox->tombstones;
  g_array_append_val (all, tombstone);
  if (all->len <= mailbox->owner->store->tombstones)
    return;
  guint dropped = all->len / 2 + 1; /* many at once, so that one costs little */
  mailbox->forgotten = g_array_index (all, struct tombstone, dropped - 1).modseq;
  g_array_remove_range (all, 0, dropped);
}

static gint
compare_uids (gconstpointer a, gconstpointer b) {
  const uint32_t *left = a, *right = b;
  return *left < *right ? -1 : *left > *right;
}

static GArray *
collect (const struct mailbox *mailbox, uint64_t since, const struct ptn_uid_set *uids) {
  g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (guint i = 0; i < mailbox->tombstones->len; i++) {
    const struct tombstone *tombstone = &g_array_index (mailbox->tombstones, struct tombstone, i);
    if (tombstone->modseq > since)
      g_array_append_val (gone, tombstone->uid);
  }
  g_array_sort (gone, compare_uids);
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  size_t range = 0;
  for (guint i = 0; i < gone->len; i++) {
    uint32_t uid = g_array_index (gone, uint32_t, i);
    if (!uids || uid_set_has (*uids, &range, uid))
      set_append (ranges, uid);
  }
  return ranges;
}

ptn_status
memory_vanished (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                 uint64_t since, const struct ptn_uid_set *uids, struct ptn_uid_set *gone) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct operation *operation = wait_operation (call);
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
  if (mailbox && since < mailbox->forgotten)
    status = PTN_E_EXPIRED;
  else if (mailbox)
    operation->uids = collect (mailbox, since, uids);
  model_unlock (store, NULL);
  if (status != PTN_OK)
    return wait_leave (call, status);
  *gone = (struct ptn_uid_set){ (const struct ptn_uid_range *)(void *)operation->uids->data,
                                operation->uids->len };
  return wait_leave_results (call);
}

ptn_status
memory_claim_recent (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                     uint32_t *first_uid) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (wait_roll (store, store->failures))
    return wait_leave (call, PTN_E_TEMPORARY);
  struct mailbox *mailbox;
  model_lock (store);
  ptn_status status = model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
  if (mailbox) {
    *first_uid = mailbox->recent;
    if (!account->asker->reads)
      mailbox->recent = mailbox->uidnext;
  }
  model_unlock (store, NULL);
  return wait_leave (call, status);
}
