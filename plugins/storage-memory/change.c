/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - begin, the steps, commit, outcome, end; see change.h. */
#include "change.h"

#include "common/kept_name.h"

#include <string.h>

static void
step_clear (void *data) {
  struct step *step = data;
  g_clear_pointer (&step->uids, g_array_unref);
  g_clear_pointer (&step->body, body_unref);
  g_clear_pointer (&step->references, g_strfreev);
  g_clear_pointer (&step->key, g_free);
  g_clear_pointer (&step->value, g_bytes_unref);
}

void
outcomes_unref (struct outcomes *outcomes) {
  if (!g_atomic_int_dec_and_test (&outcomes->references))
    return;
  g_array_unref (outcomes->items);
  g_free (outcomes);
}

ptn_status
memory_begin (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *token,
              struct ptn_change **result) {
  if (wait_enter (account->store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct ptn_change *change = g_new0 (struct ptn_change, 1);
  change->store = account->store;
  change->asker = asker_ref (account->asker);
  change->has_token = token != NULL;
  if (token)
    change->token = *token;
  change->steps = g_array_new (FALSE, TRUE, sizeof (struct step));
  g_array_set_clear_func (change->steps, step_clear);
  *result = change;
  return wait_leave (call, PTN_OK);
}

void
memory_end (struct ptn_change *change) {
  g_array_unref (change->steps);
  g_clear_pointer (&change->outcomes, outcomes_unref);
  asker_unref (change->asker);
  g_free (change);
}

static struct step
step_of (enum step_kind kind, const struct ptn_id *mailbox, struct ptn_uid_set uids) {
  struct step step = { .kind = kind, .of_account = mailbox == NULL };
  if (mailbox)
    step.mailbox = *mailbox;
  step.uids = g_array_sized_new (FALSE, FALSE, sizeof (struct ptn_uid_range), (guint)uids.count);
  if (uids.count)
    g_array_append_vals (step.uids, uids.ranges, (guint)uids.count);
  return step;
}

ptn_status
memory_append (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
               const struct ptn_append *append) {
  if (wait_enter (change->store, call) == PTN_PENDING)
    return PTN_PENDING;
  ptn_status status = wait_pull (change->store, call, append);
  if (status == PTN_PENDING)
    return PTN_PENDING;
  if (status != PTN_OK) {
    change->broken = true; /* what was collected is not what the caller wanted */
    return wait_leave (call, status);
  }
  struct step step = step_of (STEP_APPEND, mailbox, (struct ptn_uid_set){ 0 });
  step.body = wait_take_body (call);
  step.references = g_steal_pointer (&wait_operation (call)->references);
  step.flags = append->flags;
  step.internal_date = append->internal_date;
  g_array_append_val (change->steps, step);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_copy (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *from,
             struct ptn_uid_set uids, const struct ptn_id *to, int move) {
  if (wait_enter (change->store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct step step = step_of (STEP_COPY, from, uids);
  step.to = *to;
  step.move = move != 0;
  g_array_append_val (change->steps, step);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_set_flags (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                  struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits flags,
                  uint64_t unchanged_since) {
  if (wait_enter (change->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (mode < PTN_FLAGS_ADD || mode > PTN_FLAGS_REPLACE)
    return wait_leave (call, PTN_E_INVALID);
  struct step step = step_of (STEP_FLAGS, mailbox, uids);
  step.mode = mode;
  step.flags = flags;
  step.unchanged_since = unchanged_since;
  g_array_append_val (change->steps, step);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_expunge (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                struct ptn_uid_set uids, int only_deleted) {
  if (wait_enter (change->store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct step step = step_of (STEP_EXPUNGE, mailbox, uids);
  step.only_deleted = only_deleted != 0;
  g_array_append_val (change->steps, step);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_annotate (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                 struct ptn_uid_set uids, const char *name, struct ptn_bytes value) {
  if (wait_enter (change->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!annotation_name_valid (name))
    return wait_leave (call, PTN_E_INVALID);
  if (value.data && value.size > ANNOTATION_MAX)
    return wait_leave (call, PTN_E_LIMIT);
  struct step step = step_of (STEP_ANNOTATE, mailbox, uids);
  step.private = annotation_name_private (name);
  step.key = annotation_key (change->asker, name);
  step.value = value.data ? g_bytes_new (value.data, value.size) : NULL;
  g_array_append_val (change->steps, step);
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_commit (struct ptn_change *change, struct ptn_call *call) {
  struct memory *store = change->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (change->broken || change->outcomes)
    return wait_leave (call, PTN_E_INVALID);
  if (wait_roll (store, store->failures))
    return wait_leave (call, store->host->fail (call->task, PTN_E_TEMPORARY, NULL,
                                                "injected failure of a commit"));
  model_lock (store);
  ptn_status status = change_apply (change, call->task);
  model_unlock (store, call->task);
  return wait_leave (call, status);
}

ptn_status
memory_outcome (struct ptn_change *change, uint32_t step, const struct ptn_outcome **outcome) {
  if (!change->outcomes || step >= change->outcomes->items->len)
    return PTN_E_INVALID;
  *outcome = &g_array_index (change->outcomes->items, struct outcome, step).table;
  return PTN_OK;
}
