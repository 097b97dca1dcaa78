/* SPDX-License-Identifier: Apache-2.0 */
/* commit.c - a change becomes one record: planned, checked, synced, taken in, settled. */
#include "plan.h"

#include <unistd.h>

#define PLANS_MAX 4 /* when other programs rename files under us */

static void
outcome_clear (gpointer data) {
  struct outcome *outcome = data;
  g_array_unref (outcome->source_uids);
  g_array_unref (outcome->uids);
  g_array_unref (outcome->conflicts);
}

GArray *
outcomes_new (void) {
  GArray *outcomes = g_array_new (FALSE, FALSE, sizeof (struct outcome));
  g_array_set_clear_func (outcomes, outcome_clear);
  return outcomes;
}

/* --- outcomes, as a token keeps them --------------------------------------------------- */

static void
put_outcomes (GByteArray *out, const GArray *outcomes) {
  put_number (out, outcomes->len);
  for (guint i = 0; i < outcomes->len; i++) {
    const struct outcome *outcome = &g_array_index (outcomes, struct outcome, i);
    put_number (out, outcome->table.uidvalidity);
    put_number (out, outcome->table.modseq);
    put_set (out, SET_OF (outcome->source_uids));
    put_set (out, SET_OF (outcome->uids));
    put_set (out, SET_OF (outcome->conflicts));
  }
}

static void
point_outcomes (GArray *outcomes) {
  for (guint i = 0; i < outcomes->len; i++) {
    struct outcome *outcome = &g_array_index (outcomes, struct outcome, i);
    outcome->table.source_uids = SET_OF (outcome->source_uids);
    outcome->table.uids = SET_OF (outcome->uids);
    outcome->table.conflicts = SET_OF (outcome->conflicts);
  }
}

static GArray *
get_outcomes (GBytes *octets) {
  gsize size;
  const uint8_t *data = g_bytes_get_data (octets, &size);
  struct octets in = { data, data + size, false };
  GArray *outcomes = outcomes_new ();
  uint64_t count = get_number (&in);
  for (uint64_t i = 0; i < count && !in.bad; i++) {
    struct outcome outcome = {
      .table.size = sizeof (struct ptn_outcome),
      .source_uids = RANGES_NEW (),
      .uids = RANGES_NEW (),
      .conflicts = RANGES_NEW (),
    };
    outcome.table.uidvalidity = get_number32 (&in);
    outcome.table.modseq = get_number (&in);
    get_set (&in, outcome.source_uids);
    get_set (&in, outcome.uids);
    get_set (&in, outcome.conflicts);
    g_array_append_val (outcomes, outcome);
  }
  point_outcomes (outcomes);
  return outcomes;
}

/* The uidvalidity and modseq of each step's destination. */
static void
finish_outcomes (const struct plan *plan) {
  for (guint i = 0; i < plan->outcomes->len; i++) {
    const struct step *step = &g_array_index (plan->change->steps, struct step, i);
    struct outcome *outcome = &g_array_index (plan->outcomes, struct outcome, i);
    const struct ptn_id *id = step->kind == STEP_COPY ? &step->to : &step->mailbox;
    for (guint b = 0; b < plan->boxes->len && !step->of_account; b++) {
      const struct box *box = plan->boxes->pdata[b];
      if (!id_same (&box->id, id))
        continue;
      outcome->table.uidvalidity = box->mailbox->uidvalidity;
      outcome->table.modseq = box->touched ? box->modseq : box->mailbox->modseq;
    }
  }
  point_outcomes (plan->outcomes);
}

/* --- the record ------------------------------------------------------------------------ */

static gint
compare_edits (gconstpointer a, gconstpointer b) {
  const struct edit *x = *(struct edit *const *)a, *y = *(struct edit *const *)b;
  return x->message->uid < y->message->uid ? -1 : x->message->uid > y->message->uid;
}

static void
put_added (GByteArray *record, struct edit *edit) {
  struct message *message = edit->message;
  GTree *own = message->notes;
  message->flags = edit->flags;
  if (edit->noted)
    message->notes = edit->notes;
  entry_add (record, message);
  message->notes = own;
}

static void
put_box (GByteArray *record, const struct box *box) {
  g_autoptr (GPtrArray) edits = g_ptr_array_new ();
  g_autoptr (GArray) gone = RANGES_NEW ();
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, box->edits);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (edits, value);
  g_ptr_array_sort (edits, compare_edits);
  entry_box (record, box->mailbox, box->touched ? box->modseq : box->mailbox->modseq, box->uidnext);
  for (guint i = box->words_before; i < box->words->len; i++)
    entry_keyword (record, i, box->words->pdata[i]);
  for (guint i = 0; i < box->notes->len; i++) {
    const struct box_note *note = &g_array_index (box->notes, struct box_note, i);
    entry_note (record, ENTRY_BOX_NOTE, note->key, note->value);
  }
  for (guint i = 0; i < edits->len; i++) {
    const struct edit *edit = edits->pdata[i];
    if (edit->expunged)
      set_append (gone, edit->message->uid);
    else if (edit->flagged)
      entry_flags (record, edit->message->uid, edit->flags);
    if (!edit->expunged && edit->noted)
      entry_notes (record, edit->message->uid, edit->notes);
  }
  if (gone->len)
    entry_expunge (record, SET_OF (gone));
  for (guint i = 0; i < box->added->len; i++)
    if (!((struct edit *)box->added->pdata[i])->expunged)
      put_added (record, box->added->pdata[i]);
}

static bool
box_changes (const struct box *box) {
  return box->touched || box->notes->len || box->words->len > box->words_before;
}

static GByteArray *
make_record (struct plan *plan) {
  GByteArray *record = g_byte_array_new ();
  const struct ptn_change *change = plan->change;
  for (guint i = 0; i < plan->boxes->len; i++)
    if (box_changes (plan->boxes->pdata[i]))
      put_box (record, plan->boxes->pdata[i]);
  for (guint i = 0; i < plan->notes->len; i++) {
    const struct box_note *note = &g_array_index (plan->notes, struct box_note, i);
    entry_note (record, ENTRY_ACCOUNT_NOTE, note->key, note->value);
  }
  if (change->has_token) {
    g_autoptr (GByteArray) outcomes = g_byte_array_new ();
    put_outcomes (outcomes, plan->outcomes);
    entry_token (record, &change->token, g_get_real_time () / G_USEC_PER_SEC, outcomes);
  }
  return record;
}

/* --- committing ------------------------------------------------------------------------ */

static ptn_status
check_quota (const struct plan *plan) {
  struct owner *owner = plan->owner;
  uint64_t octets, messages;
  if (!plan->messages
      || (owner->storage_limit == UINT64_MAX && owner->messages_limit == UINT64_MAX))
    return PTN_OK;
  ptn_status status = owner_usage (owner, plan->task, &octets, &messages);
  if (status == PTN_OK
      && (octets + plan->octets > owner->storage_limit
          || messages + plan->messages > owner->messages_limit))
    status =
        trouble (owner->store, plan->task, PTN_E_OVERQUOTA, "over the quota of %s", owner->name);
  return status;
}

/* Links that copies made in tmp/ are to be durable before the record that counts on them. */
static ptn_status
sync_copies (const struct plan *plan) {
  for (guint b = 0; b < plan->boxes->len; b++) {
    const struct box *box = plan->boxes->pdata[b];
    bool copied = false;
    for (guint i = 0; i < box->added->len && !copied; i++)
      copied = ((struct edit *)box->added->pdata[i])->file != NULL;
    g_autofree char *tmp = g_build_filename (box->mailbox->directory, "tmp", NULL);
    if (copied && plan->owner->store->sync && !folder_sync (tmp))
      return trouble_errno (plan->owner->store, plan->task, "cannot sync", tmp);
  }
  return PTN_OK;
}

static void
keep_files (struct plan *plan) {
  plan->keep_files = true;
  for (guint i = 0; i < plan->change->steps->len; i++) {
    struct step *step = &g_array_index (plan->change->steps, struct step, i);
    g_clear_pointer (&step->file, g_free);
  }
}

static ptn_status
commit_plan (struct plan *plan) {
  struct ptn_change *change = plan->change;
  finish_outcomes (plan);
  g_autoptr (GByteArray) record = make_record (plan);
  ptn_status status = check_quota (plan);
  if (status == PTN_OK)
    status = sync_copies (plan);
  if (status == PTN_OK && record->len)
    status = owner_make (plan->owner, plan->task);
  if (status == PTN_OK && record->len)
    status = log_commit (plan->owner, plan->task, record);
  if (status == PTN_OK || status == PTN_E_OUTCOME_UNKNOWN)
    keep_files (plan);
  if (status != PTN_OK)
    return status;
  for (guint i = 0; i < plan->boxes->len && record->len; i++) {
    struct box *box = plan->boxes->pdata[i];
    if (!box_changes (box))
      continue;
    for (guint a = 0; a < box->added->len; a++) { /* added and expunged at once */
      struct edit *edit = box->added->pdata[a];
      g_autofree char *file = message_file (box->mailbox, edit->message);
      if (edit->expunged)
        unlink (file);
    }
    mailbox_settle (box->mailbox, box->locked);
  }
  change->outcomes = g_steal_pointer (&plan->outcomes);
  plan->outcomes = outcomes_new ();
  change->done = true;
  for (guint i = 0; change->delivery && i < plan->owner->changed->len; i++) {
    struct changed *changed = &g_array_index (plan->owner->changed, struct changed, i);
    changed->kinds = (changed->kinds & ~(uint32_t)PTN_MESSAGE_APPEND) | PTN_MESSAGE_NEW;
  }
  publish_changed (plan->owner, plan->task);
  return PTN_OK;
}

static bool
done_before (struct ptn_change *change) {
  const struct token *token =
      change->has_token ? g_hash_table_lookup (change->owner->tokens, &change->token) : NULL;
  if (!token)
    return false;
  change->outcomes = get_outcomes (token->outcomes);
  change->done = true;
  return true;
}

ptn_status
change_commit (struct ptn_change *change, struct ptn_task *task) {
  ptn_status status = PTN_E_TEMPORARY;
  bool again = true;
  if (done_before (change))
    return PTN_OK;
  for (int i = 0; i < PLANS_MAX && again; i++) {
    struct plan *plan = plan_new (change, task);
    status = plan_enter (plan);
    if (status == PTN_OK)
      status = plan_steps (plan);
    again = plan->again;
    for (guint b = 0; b < plan->boxes->len && again; b++)
      ((struct box *)plan->boxes->pdata[b])->mailbox->looked = 0;
    if (status == PTN_OK)
      status = commit_plan (plan);
    plan_free (plan);
  }
  return status;
}
