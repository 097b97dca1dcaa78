/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - begin, the steps, commit, outcome, end; see change.h. */
#include "change.h"

#include "common/kept_name.h"

#include <unistd.h>

static void
step_clear (void *data) {
  struct step *step = data;
  if (step->file)
    unlink (step->file);
  g_clear_pointer (&step->file, g_free);
  g_clear_pointer (&step->appended, message_free);
  g_clear_pointer (&step->uids, g_array_unref);
  g_clear_pointer (&step->key, g_free);
  g_clear_pointer (&step->value, g_bytes_unref);
}

struct ptn_change *
change_new (struct owner *owner, const char *authzid, const struct ptn_id *token) {
  struct ptn_change *change = g_new0 (struct ptn_change, 1);
  change->store = owner->store;
  change->owner = owner_get (owner->store, owner->name);
  change->authzid = g_strdup (authzid);
  change->has_token = token != NULL;
  if (token)
    change->token = *token;
  change->steps = g_array_new (FALSE, TRUE, sizeof (struct step));
  g_array_set_clear_func (change->steps, step_clear);
  return change;
}

ptn_status
maildir_begin (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *token,
               struct ptn_change **result) {
  *result = change_new (account->owner, account->authzid, token);
  (*result)->reads = account->reads;
  return PTN_OK;
}

void
maildir_end (struct ptn_change *change) {
  g_array_unref (change->steps);
  if (change->outcomes)
    g_array_unref (change->outcomes);
  owner_put (change->owner);
  g_free (change->authzid);
  g_free (change);
}

struct step *
change_step (struct ptn_change *change, enum step_kind kind, const struct ptn_id *mailbox,
             struct ptn_uid_set uids) {
  struct step step = { .kind = kind, .of_account = mailbox == NULL, .uids = RANGES_NEW () };
  if (mailbox)
    step.mailbox = *mailbox;
  if (uids.count)
    g_array_append_vals (step.uids, uids.ranges, (guint)uids.count);
  g_array_append_val (change->steps, step);
  return &g_array_index (change->steps, struct step, change->steps->len - 1);
}

/* The whole mail is in the spool: into tmp/ of its mailbox. */
static ptn_status
store_append (struct ptn_change *change, struct ptn_task *task, struct spool *spool,
              const struct ptn_id *id, const struct ptn_append *append) {
  struct owner *owner = change->owner;
  struct message *message = NULL;
  ptn_status status = owner_enter (owner, task);
  if (status != PTN_OK)
    return status;
  struct mailbox *mailbox = box_by_id (owner, id);
  status = mailbox ? spool_store (spool, task, mailbox, append->internal_date, NULL, &message)
                   : trouble (change->store, task, PTN_E_NOT_FOUND, "an append names no mailbox");
  if (status == PTN_OK) {
    struct step *step = change_step (change, STEP_APPEND, id, (struct ptn_uid_set){ 0 });
    step->file = message_file (mailbox, message);
    step->appended = message;
    step->flags = append->flags;
  }
  owner_leave (owner, task);
  return status;
}

ptn_status
maildir_append (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                const struct ptn_append *append) {
  if (change->reads)
    return PTN_E_DENIED;
  struct operation *operation = call_operation (call);
  if (!operation->spool)
    operation->spool = spool_new (change->store);
  ptn_status status = spool_pull (operation->spool, call->task, append->source);
  if (status == PTN_PENDING)
    return call_pending (call);
  if (status == PTN_OK && PTN_HAS (append, argument) && append->describe) {
    struct ptn_description description = { .size = sizeof description };
    status = append->describe (append->argument, &description);
  }
  if (status == PTN_OK)
    status = store_append (change, call->task, operation->spool, mailbox, append);
  if (status != PTN_OK)
    change->broken = true; /* what was collected is not what the caller wanted */
  return call_done (call, status);
}

ptn_status
maildir_copy (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *from,
              struct ptn_uid_set uids, const struct ptn_id *to, int move) {
  if (change->reads)
    return PTN_E_DENIED;
  struct step *step = change_step (change, STEP_COPY, from, uids);
  step->to = *to;
  step->move = move != 0;
  return PTN_OK;
}

ptn_status
maildir_set_flags (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                   struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits flags,
                   uint64_t unchanged_since) {
  if (mode < PTN_FLAGS_ADD || mode > PTN_FLAGS_REPLACE)
    return PTN_E_INVALID;
  if (change->reads)
    return PTN_E_DENIED;
  struct step *step = change_step (change, STEP_FLAGS, mailbox, uids);
  step->mode = mode;
  step->flags = flags;
  step->unchanged_since = unchanged_since;
  return PTN_OK;
}

ptn_status
maildir_expunge (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                 struct ptn_uid_set uids, int only_deleted) {
  if (change->reads)
    return PTN_E_DENIED;
  struct step *step = change_step (change, STEP_EXPUNGE, mailbox, uids);
  step->only_deleted = only_deleted != 0;
  return PTN_OK;
}

ptn_status
maildir_annotate (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                  struct ptn_uid_set uids, const char *name, struct ptn_bytes value) {
  if (!annotation_name_valid (name))
    return PTN_E_INVALID;
  if (value.data && value.size > ANNOTATION_MAX)
    return PTN_E_LIMIT;
  if (change->reads)
    return PTN_E_DENIED;
  struct step *step = change_step (change, STEP_ANNOTATE, mailbox, uids);
  step->key = note_key (name, change->authzid);
  step->value = value.data ? g_bytes_new (value.data, value.size) : NULL;
  return PTN_OK;
}

ptn_status
maildir_commit (struct ptn_change *change, struct ptn_call *call) {
  if (change->broken || change->done)
    return PTN_E_INVALID;
  ptn_status status = owner_enter (change->owner, call->task);
  if (status != PTN_OK)
    return status;
  status = change_commit (change, call->task);
  owner_leave (change->owner, call->task);
  return status;
}

ptn_status
maildir_outcome (struct ptn_change *change, uint32_t step, const struct ptn_outcome **outcome) {
  if (!change->outcomes || step >= change->outcomes->len)
    return PTN_E_INVALID;
  *outcome = &g_array_index (change->outcomes, struct outcome, step).table;
  return PTN_OK;
}
