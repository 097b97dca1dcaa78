/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - everything that could refuse a change set: mailboxes, rights, quota.  Lock held. */
#include "change.h"

#include <string.h>

struct sum { /* what a change adds to one owner's mailboxes */
  uint64_t octets, messages;
};

static void
add_to (GHashTable *sums, struct owner *owner, uint64_t octets, uint64_t messages) {
  struct sum *sum = g_hash_table_lookup (sums, owner);
  if (!sum) {
    sum = g_new0 (struct sum, 1);
    g_hash_table_insert (sums, owner, sum);
  }
  sum->octets += octets;
  sum->messages += messages;
}

/* A move within an owner adds nothing. */
static ptn_status
check_copy (struct ptn_change *change, const struct step *step, struct mailbox *from,
            GHashTable *sums) {
  struct mailbox *to;
  ptn_status status = model_mailbox (change->store, change->asker, &step->to, RIGHT_I, &to);
  if (status != PTN_OK || (step->move && to->owner == from->owner))
    return status;
  uint64_t octets = 0;
  g_autoptr (GPtrArray) found = step_matched (from, step);
  for (guint i = 0; i < found->len; i++)
    octets += ((struct message *)found->pdata[i])->body->size;
  add_to (sums, to->owner, octets, found->len);
  return PTN_OK;
}

/* Flags that may not be changed are passed over, but not all of them. */
static ptn_status
check_flags (const struct step *step, unsigned rights) {
  ptn_flag_bits named = step->mode == PTN_FLAGS_REPLACE ? ~(ptn_flag_bits)0 : step->flags;
  return named && !(named & rights_flags (rights)) ? PTN_E_DENIED : PTN_OK;
}

static unsigned
rights_needed (const struct step *step, bool reads) {
  switch (step->kind) {
  case STEP_APPEND:
    return RIGHT_I;
  case STEP_COPY:
    return step->move ? RIGHT_R | RIGHT_E : RIGHT_R;
  case STEP_EXPUNGE:
    return RIGHT_E;
  case STEP_ANNOTATE:
    return step->private && !reads ? RIGHT_R : RIGHT_W;
  case STEP_FLAGS:
    break; /* check_flags */
  }
  return 0;
}

static ptn_status
check_step (struct ptn_change *change, const struct step *step, GHashTable *sums) {
  struct mailbox *mailbox;
  const bool reads = change->asker->reads;
  if (step->of_account)
    return reads ? PTN_E_DENIED : PTN_OK;
  ptn_status status = model_mailbox (change->store, change->asker, &step->mailbox,
                                     rights_needed (step, reads), &mailbox);
  if (status != PTN_OK)
    return status;
  if (step->kind == STEP_APPEND)
    add_to (sums, mailbox->owner, step->body->size, 1);
  else if (step->kind == STEP_COPY)
    return check_copy (change, step, mailbox, sums);
  else if (step->kind == STEP_FLAGS)
    return check_flags (step, rights_of (change->asker, mailbox));
  return PTN_OK;
}

/* Quota counts what is added against what is there before; what the same change expunges does
 * not make room. */
static const struct owner *
over_quota (GHashTable *sums) {
  GHashTableIter walk;
  gpointer key, value;
  g_hash_table_iter_init (&walk, sums);
  while (g_hash_table_iter_next (&walk, &key, &value)) {
    const struct owner *owner = key;
    const struct sum *sum = value;
    uint64_t octets, messages;
    owner_usage (owner, &octets, &messages);
    if ((sum->octets || sum->messages)
        && (octets + sum->octets > owner->storage_limit
            || messages + sum->messages > owner->messages_limit))
      return owner;
  }
  return NULL;
}

ptn_status
change_check (struct ptn_change *change, struct ptn_task *task) {
  const struct ptn_host *host = change->store->host;
  g_autoptr (GHashTable) sums = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  for (guint i = 0; i < change->steps->len; i++) {
    ptn_status status = check_step (change, &g_array_index (change->steps, struct step, i), sums);
    if (status == PTN_E_DENIED)
      return host->fail (task, status, NULL, "step %u needs rights that are missing", i);
    if (status != PTN_OK)
      return host->fail (task, status, NULL, "step %u names no mailbox", i);
  }
  const struct owner *full = over_quota (sums);
  return full ? host->fail (task, PTN_E_OVERQUOTA, NULL, "over the quota of \"%s\"", full->name)
              : PTN_OK;
}
