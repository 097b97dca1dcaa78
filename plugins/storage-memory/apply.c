/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - a change set against the model, lock held: first everything that could be refused
 * is looked at, then nothing can fail any more. */
#include "change.h"

#include <string.h>

#define TOKENS_MAX 1000 /* remembered for each account */

static void
outcome_clear (void *data) {
  struct outcome *outcome = data;
  g_array_unref (outcome->source_uids);
  g_array_unref (outcome->uids);
  g_array_unref (outcome->conflicts);
}

static struct outcome
outcome_new (void) {
  return (struct outcome){
    .table.size = sizeof (struct ptn_outcome),
    .source_uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range)),
    .uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range)),
    .conflicts = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range)),
  };
}

static struct ptn_uid_set
set_of (const GArray *ranges) {
  return (struct ptn_uid_set){ (const struct ptn_uid_range *)(void *)ranges->data, ranges->len };
}

/* The messages of a mailbox that a step names. */
static GPtrArray *
matched (const struct mailbox *mailbox, const GArray *uids) {
  GPtrArray *found = g_ptr_array_new ();
  size_t range = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    if (uid_set_has (set_of (uids), &range, message->uid))
      g_ptr_array_add (found, message);
  }
  return found;
}

/* What one step adds to whom: a move within an owner adds nothing. */
static ptn_status
check_step (struct memory *store, const char *account, const struct step *step,
            struct owner **owner, uint64_t *octets, uint64_t *messages) {
  struct owner *from_owner = NULL;
  *octets = *messages = 0;
  if (step->kind == STEP_ANNOTATE && step->of_account)
    return PTN_OK;
  struct mailbox *from = model_mailbox (store, account, &step->mailbox, &from_owner);
  if (!from)
    return PTN_E_NOT_FOUND;
  *owner = from_owner;
  if (step->kind == STEP_APPEND) {
    *octets = step->body->size;
    *messages = 1;
  }
  if (step->kind != STEP_COPY)
    return PTN_OK;
  if (!model_mailbox (store, account, &step->to, owner))
    return PTN_E_NOT_FOUND;
  if (step->move && *owner == from_owner)
    return PTN_OK;
  g_autoptr (GPtrArray) found = matched (from, step->uids);
  for (guint i = 0; i < found->len; i++)
    *octets += ((struct message *)found->pdata[i])->body->size;
  *messages = found->len;
  return PTN_OK;
}

/* Quota counts what is added against what is there before; what the same change expunges does
 * not make room. */
static ptn_status
check (struct ptn_change *change, struct ptn_task *task) {
  const char *names[] = { change->account, "" };
  uint64_t octets[2] = { 0 }, messages[2] = { 0 };
  for (guint i = 0; i < change->steps->len; i++) {
    const struct step *step = &g_array_index (change->steps, struct step, i);
    struct owner *owner = NULL;
    uint64_t more_octets, more_messages;
    ptn_status status =
        check_step (change->store, change->account, step, &owner, &more_octets, &more_messages);
    if (status != PTN_OK)
      return change->store->host->fail (task, status, NULL, "step %u names no mailbox", i);
    unsigned which = owner && strcmp (owner->name, change->account) != 0;
    octets[which] += more_octets;
    messages[which] += more_messages;
  }
  for (unsigned i = 0; i < 2; i++) {
    struct owner *owner = model_owner (change->store, names[i], false);
    uint64_t used_octets, used_messages;
    if (!owner || (!octets[i] && !messages[i]))
      continue;
    owner_usage (owner, &used_octets, &used_messages);
    if (used_octets + octets[i] > owner->storage_limit
        || used_messages + messages[i] > owner->messages_limit)
      return change->store->host->fail (task, PTN_E_OVERQUOTA, NULL, "over the quota of \"%s\"",
                                        names[i]);
  }
  return PTN_OK;
}

static void
remove_all (struct memory *store, struct mailbox *mailbox, const GPtrArray *gone) {
  if (gone->len == 0)
    return;
  guint kept = 0, next = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    if (next < gone->len && message == gone->pdata[next]) {
      next++;
      message_free (message);
    } else
      mailbox->messages->pdata[kept++] = message;
  }
  memset (mailbox->messages->pdata + kept, 0,
          (mailbox->messages->len - kept) * sizeof mailbox->messages->pdata[0]);
  /* The slots cut off were moved or freed above, so no free function may see them. */
  g_ptr_array_set_free_func (mailbox->messages, NULL);
  g_ptr_array_set_size (mailbox->messages, (gint)kept);
  g_ptr_array_set_free_func (mailbox->messages, (GDestroyNotify)message_free);
  mailbox_touch (store, mailbox);
}

/* Keywords go by name; one that no longer fits is left behind. */
static ptn_flag_bits
translate (const struct mailbox *from, struct mailbox *to, ptn_flag_bits flags) {
  ptn_flag_bits result = flags & 0xffff;
  for (guint i = 0; i < from->keywords->len; i++) {
    if (!(flags >> (16 + i) & 1))
      continue;
    int index = mailbox_keyword (to, from->keywords->pdata[i]);
    if (index < 0 && to->keywords->len < KEYWORDS_MAX) {
      index = (int)to->keywords->len;
      g_ptr_array_add (to->keywords, g_strdup (from->keywords->pdata[i]));
    }
    if (index >= 0)
      result |= UINT64_C (1) << (16 + index);
  }
  return result;
}

static void
apply_copy (struct memory *store, const struct step *step, struct mailbox *from, struct mailbox *to,
            struct outcome *outcome) {
  g_autoptr (GPtrArray) found = matched (from, step->uids);
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    struct message *copy =
        mailbox_add (store, to, message->body, translate (from, to, message->flags),
                     message->internal_date);
    copy->annotations = annotations_copy (message->annotations);
    uid_ranges_add (outcome->source_uids, message->uid);
    uid_ranges_add (outcome->uids, copy->uid);
  }
  if (step->move)
    remove_all (store, from, found);
}

static ptn_flag_bits
combine (ptn_flag_bits old, ptn_flag_mode mode, ptn_flag_bits bits) {
  return mode == PTN_FLAGS_ADD ? old | bits : mode == PTN_FLAGS_REMOVE ? old & ~bits : bits;
}

static void
apply_flags (struct memory *store, const struct step *step, struct mailbox *mailbox,
             struct outcome *outcome) {
  g_autoptr (GPtrArray) found = matched (mailbox, step->uids);
  ptn_flag_bits bits = mailbox_known_bits (mailbox, step->flags);
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    ptn_flag_bits flags = combine (message->flags, step->mode, bits);
    if (message->modseq > step->unchanged_since)
      uid_ranges_add (outcome->conflicts, message->uid);
    else if (flags != message->flags) {
      message->flags = flags;
      message->modseq = mailbox_touch (store, mailbox);
      uid_ranges_add (outcome->uids, message->uid);
    }
  }
}

static void
apply_expunge (struct memory *store, const struct step *step, struct mailbox *mailbox,
               struct outcome *outcome) {
  g_autoptr (GPtrArray) found = matched (mailbox, step->uids);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    if (step->only_deleted && !(message->flags & PTN_DELETED))
      continue;
    g_ptr_array_add (gone, message);
    uid_ranges_add (outcome->uids, message->uid);
  }
  remove_all (store, mailbox, gone);
}

static void
apply_annotate (struct ptn_change *change, const struct step *step, struct mailbox *mailbox,
                struct outcome *outcome) {
  if (!mailbox) {
    struct owner *owner = model_owner (change->store, change->account, true);
    annotations_set (&owner->annotations, step->name, step->value);
    return;
  }
  if (step->uids->len == 0) {
    annotations_set (&mailbox->annotations, step->name, step->value);
    return;
  }
  g_autoptr (GPtrArray) found = matched (mailbox, step->uids);
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    annotations_set (&message->annotations, step->name, step->value);
    message->modseq = mailbox_touch (change->store, mailbox);
    uid_ranges_add (outcome->uids, message->uid);
  }
}

static void
apply_step (struct ptn_change *change, const struct step *step, struct outcome *outcome) {
  struct memory *store = change->store;
  struct mailbox *mailbox =
      step->of_account ? NULL : model_mailbox (store, change->account, &step->mailbox, NULL);
  g_assert (mailbox || step->kind == STEP_ANNOTATE); /* check has found it */
  struct mailbox *destination = mailbox;
  switch (step->kind) {
  case STEP_APPEND:
    uid_ranges_add (
        outcome->uids,
        mailbox_add (store, mailbox, step->body, step->flags, step->internal_date)->uid);
    break;
  case STEP_COPY:
    destination = model_mailbox (store, change->account, &step->to, NULL);
    g_assert (destination);
    apply_copy (store, step, mailbox, destination, outcome);
    break;
  case STEP_FLAGS:
    apply_flags (store, step, mailbox, outcome);
    break;
  case STEP_EXPUNGE:
    apply_expunge (store, step, mailbox, outcome);
    break;
  case STEP_ANNOTATE:
    apply_annotate (change, step, mailbox, outcome);
    break;
  }
  if (destination) {
    outcome->table.uidvalidity = destination->uidvalidity;
    outcome->table.modseq = destination->modseq;
  }
  outcome->table.source_uids = set_of (outcome->source_uids);
  outcome->table.uids = set_of (outcome->uids);
  outcome->table.conflicts = set_of (outcome->conflicts);
}

static void
remember_token (struct owner *owner, const struct ptn_id *token, struct outcomes *outcomes) {
  struct ptn_id *key = g_memdup2 (token, sizeof *token);
  g_atomic_int_inc (&outcomes->references);
  g_hash_table_insert (owner->tokens, key, outcomes);
  g_queue_push_tail (&owner->token_order, key);
  if (owner->token_order.length > TOKENS_MAX)
    g_hash_table_remove (owner->tokens, g_queue_pop_head (&owner->token_order));
}

ptn_status
change_apply (struct ptn_change *change, struct ptn_task *task) {
  struct owner *owner = model_owner (change->store, change->account, false);
  if (change->has_token && owner) {
    struct outcomes *before = g_hash_table_lookup (owner->tokens, &change->token);
    if (before) { /* it happened the first time */
      g_atomic_int_inc (&before->references);
      change->outcomes = before;
      return PTN_OK;
    }
  }
  ptn_status status = check (change, task);
  if (status != PTN_OK)
    return status;
  change->store->change++;
  struct outcomes *outcomes = g_new0 (struct outcomes, 1);
  outcomes->references = 1;
  outcomes->items = g_array_new (FALSE, FALSE, sizeof (struct outcome));
  g_array_set_clear_func (outcomes->items, outcome_clear);
  for (guint i = 0; i < change->steps->len; i++) {
    struct outcome outcome = outcome_new ();
    apply_step (change, &g_array_index (change->steps, struct step, i), &outcome);
    g_array_append_val (outcomes->items, outcome);
  }
  change->outcomes = outcomes;
  owner = model_owner (change->store, change->account, false);
  if (change->has_token && owner)
    remember_token (owner, &change->token, outcomes);
  return PTN_OK;
}
