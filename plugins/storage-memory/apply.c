/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - a change set against the model, lock held: after change_check nothing can fail. */
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

GPtrArray *
step_matched (const struct mailbox *mailbox, const struct step *step) {
  GPtrArray *found = g_ptr_array_new ();
  size_t range = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    if (uid_set_has (set_of (step->uids), &range, message->uid))
      g_ptr_array_add (found, message);
  }
  return found;
}

static void
remove_all (struct mailbox *mailbox, const GPtrArray *gone) {
  if (gone->len == 0)
    return;
  mailbox_touch (mailbox);
  guint kept = 0, next = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    if (next < gone->len && message == gone->pdata[next]) {
      next++;
      mailbox_bury (mailbox, message->uid);
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
  note_mailbox (mailbox, PTN_MESSAGE_EXPUNGE);
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

/* Private annotations of others stay behind (RFC 5257 section 4.6). */
static void
apply_copy (const struct asker *asker, const struct step *step, struct mailbox *from,
            struct mailbox *to, struct outcome *outcome) {
  g_autoptr (GPtrArray) found = step_matched (from, step);
  unsigned rights = rights_of (asker, to);
  ptn_flag_bits allowed = rights_flags (rights);
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    /* First what belongs to no mailbox, so that no keyword is made that may not be set. */
    ptn_flag_bits flags = translate (from, to, message->flags & allowed);
    struct message *copy =
        mailbox_add (to, message->body, flags, message->internal_date, &message->thread_id);
    copy->annotations = annotations_copy (message->annotations, asker, rights & RIGHT_W);
    set_append (outcome->source_uids, message->uid);
    set_append (outcome->uids, copy->uid);
  }
  if (found->len)
    note_mailbox (to, PTN_MESSAGE_APPEND);
  if (step->move)
    remove_all (from, found);
}

static ptn_flag_bits
combine (ptn_flag_bits old, ptn_flag_mode mode, ptn_flag_bits bits) {
  return mode == PTN_FLAGS_ADD ? old | bits : mode == PTN_FLAGS_REMOVE ? old & ~bits : bits;
}

static void
apply_flags (const struct asker *asker, const struct step *step, struct mailbox *mailbox,
             struct outcome *outcome) {
  g_autoptr (GPtrArray) found = step_matched (mailbox, step);
  ptn_flag_bits bits = mailbox_known_bits (mailbox, step->flags);
  ptn_flag_bits allowed = rights_flags (rights_of (asker, mailbox));
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    ptn_flag_bits flags = combine (message->flags, step->mode, bits);
    flags = (flags & allowed) | (message->flags & ~allowed);
    if (message->modseq > step->unchanged_since)
      set_append (outcome->conflicts, message->uid);
    else if (flags != message->flags) {
      message->flags = flags;
      message->modseq = mailbox_touch (mailbox);
      set_append (outcome->uids, message->uid);
    }
  }
  if (outcome->uids->len)
    note_mailbox (mailbox, PTN_FLAGS_CHANGE);
}

static void
apply_expunge (const struct step *step, struct mailbox *mailbox, struct outcome *outcome) {
  g_autoptr (GPtrArray) found = step_matched (mailbox, step);
  g_autoptr (GPtrArray) gone = g_ptr_array_new ();
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    if (step->only_deleted && !(message->flags & PTN_DELETED))
      continue;
    g_ptr_array_add (gone, message);
    set_append (outcome->uids, message->uid);
  }
  remove_all (mailbox, gone);
}

static void
apply_annotate (struct ptn_change *change, const struct step *step, struct mailbox *mailbox,
                struct outcome *outcome) {
  if (!mailbox) {
    struct owner *owner = model_owner (change->store, change->asker->account, true);
    annotations_set (&owner->annotations, step->key, step->value);
    note_account (change->store, owner->name, PTN_ANNOTATION_CHANGE);
    return;
  }
  if (step->uids->len == 0) {
    annotations_set (&mailbox->annotations, step->key, step->value);
    note_mailbox (mailbox, PTN_ANNOTATION_CHANGE);
    return;
  }
  g_autoptr (GPtrArray) found = step_matched (mailbox, step);
  for (guint i = 0; i < found->len; i++) {
    struct message *message = found->pdata[i];
    annotations_set (&message->annotations, step->key, step->value);
    message->modseq = mailbox_touch (mailbox);
    set_append (outcome->uids, message->uid);
  }
  if (found->len)
    note_mailbox (mailbox, PTN_ANNOTATION_CHANGE);
}

static void
apply_append (const struct asker *asker, const struct step *step, struct mailbox *mailbox,
              struct outcome *outcome) {
  struct ptn_id thread = owner_thread (mailbox->owner, step->references);
  ptn_flag_bits flags = step->flags & rights_flags (rights_of (asker, mailbox));
  const struct message *message =
      mailbox_add (mailbox, step->body, flags, step->internal_date, &thread);
  set_append (outcome->uids, message->uid);
  note_mailbox (mailbox, PTN_MESSAGE_APPEND);
}

static void
apply_step (struct ptn_change *change, const struct step *step, struct outcome *outcome) {
  struct memory *store = change->store;
  struct mailbox *mailbox = NULL, *destination;
  if (!step->of_account)
    model_mailbox (store, change->asker, &step->mailbox, 0, &mailbox);
  g_assert (mailbox || step->kind == STEP_ANNOTATE); /* change_check has found it */
  destination = mailbox;
  switch (step->kind) {
  case STEP_APPEND:
    apply_append (change->asker, step, mailbox, outcome);
    break;
  case STEP_COPY:
    model_mailbox (store, change->asker, &step->to, 0, &destination);
    g_assert (destination);
    apply_copy (change->asker, step, mailbox, destination, outcome);
    break;
  case STEP_FLAGS:
    apply_flags (change->asker, step, mailbox, outcome);
    break;
  case STEP_EXPUNGE:
    apply_expunge (step, mailbox, outcome);
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
  struct owner *owner = model_owner (change->store, change->asker->account, false);
  if (change->has_token && owner) {
    struct outcomes *before = g_hash_table_lookup (owner->tokens, &change->token);
    if (before) { /* it happened the first time */
      g_atomic_int_inc (&before->references);
      change->outcomes = before;
      return PTN_OK;
    }
  }
  ptn_status status = change_check (change, task);
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
  owner = model_owner (change->store, change->asker->account, false);
  if (change->has_token && owner)
    remember_token (owner, &change->token, outcomes);
  return PTN_OK;
}
