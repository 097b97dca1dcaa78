/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change.c - the task's side of change sets; see change.h. */
#include "change.h"

#include "annotations.h"
#include "place.h"
#include "read.h"

#include "common/kept_name.h"

enum {
  STEPS_MAX = 100000,
  LOADED_MAX = 64 << 20, /* memory for messages that go into another shard */
  VALUE_MAX = 64 * 1024
};

static void
clear_loaded (void *argument) {
  struct loaded *loaded = argument;

  body_clear (&loaded->body);
  described_clear (&loaded->described);
  g_clear_pointer (&loaded->carried, g_ptr_array_unref);
}

static void
step_free (void *argument) {
  struct step *step = argument;

  g_clear_pointer (&step->set, g_array_unref);
  g_clear_pointer (&step->loaded, g_array_unref);
  g_clear_pointer (&step->source_uids, g_array_unref);
  g_clear_pointer (&step->uids, g_array_unref);
  g_clear_pointer (&step->conflicts, g_array_unref);
  g_clear_pointer (&step->value, g_bytes_unref);
  g_free (step->name);
  carry_clear (&step->carry);
  body_clear (&step->body);
  described_clear (&step->described);
  g_free (step);
}

/* Files that no record names, because their operation failed, go with the step. */
static void
disown (const struct ptn_change *change, const struct shard *shard, struct big *big) {
  for (size_t i = 0; big && i < change->first_count; i++) {
    const struct op *op = &change->ops[i].op;

    if (op->shard == shard && op->status != PTN_OK && op->status != PTN_E_OUTCOME_UNKNOWN)
      big->named = false;
  }
}

static void
change_free (struct job *job) {
  struct ptn_change *change = (struct ptn_change *)job;

  for (guint i = 0; i < change->steps->len; i++) {
    struct step *step = change->steps->pdata[i];

    disown (change, step->place.shard, step->body.big);
    for (guint m = 0; step->loaded && m < step->loaded->len; m++)
      disown (change, step->place.shard, g_array_index (step->loaded, struct loaded, m).body.big);
  }
  g_free (change->account_name);
  g_ptr_array_unref (change->steps);
  if (change->pulled)
    step_free (change->pulled);
  g_free (change->ops);
  g_free (change);
}

ptn_status
change_begin (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *token,
              struct ptn_change **result) {
  struct ptn_change *change = g_new0 (struct ptn_change, 1);

  job_init (&change->job, account->store->host, change_free);
  change->account = account;
  change->account_name = g_strdup (account->name);
  change->store = account->store;
  change->steps = g_ptr_array_new_with_free_func (step_free);
  if (token) {
    change->token = *token;
    change->has_token = true;
  }
  *result = change;
  return PTN_OK;
}

void
change_end (struct ptn_change *change) {
  job_unref (&change->job);
}

/* A new step about a mailbox of the account; NULL with its status. */
static struct step *
step_new (struct ptn_change *change, struct ptn_call *call, enum step_kind kind,
          const struct ptn_id *mailbox, uint32_t rights, ptn_status *status) {
  struct step *step;
  struct place place;

  if (change->submitted || change->steps->len >= STEPS_MAX) {
    *status = change->submitted ? PTN_E_INVALID : PTN_E_LIMIT;
    return NULL;
  }
  *status = account_place (change->account, mailbox, rights, &place);
  if (*status != PTN_OK) {
    index_trouble (change->account->shard, call->task, *status);
    return NULL;
  }
  step = g_new0 (struct step, 1);
  step->kind = kind;
  step->place = place;
  step->allowed = rights_flags (place.rights);
  return step;
}

static GArray *
copy_set (struct ptn_uid_set set) {
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));

  if (set.count > 0)
    g_array_append_vals (copy, set.ranges, (guint)set.count);
  return copy;
}

/* A step that takes UIDs. */
static struct step *
step_new_uids (struct ptn_change *change, struct ptn_call *call, enum step_kind kind,
               const struct ptn_id *mailbox, uint32_t rights, struct ptn_uid_set uids,
               ptn_status *status) {
  struct step *step;

  if (!set_valid (uids)) {
    *status = PTN_E_INVALID;
    return NULL;
  }
  step = step_new (change, call, kind, mailbox, rights, status);
  if (step)
    step->set = copy_set (uids);
  return step;
}

static void
drop_pulled (void *state) {
  struct ptn_change *change = state;

  g_clear_pointer (&change->pulled, step_free);
}

ptn_status
change_append (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
               const struct ptn_append *append) {
  ptn_status status;

  if (!change->pulled) {
    change->pulled = step_new (change, call, STEP_APPEND, mailbox, RIGHT_I, &status);
    if (!change->pulled)
      return status;
    change->pulled->flags = append->flags & change->pulled->allowed;
    change->pulled->internal_date = append->internal_date;
    body_init (&change->pulled->body, change->pulled->place.shard);
    described_init (&change->pulled->described, change->store);
  }
  status = body_pull (&change->pulled->body, append->source, call->task);
  if (status == PTN_OK)
    status = described_ask (&change->pulled->described, change->store, append);
  call->state = change;
  call->cancel = status == PTN_PENDING ? drop_pulled : NULL;
  if (status == PTN_OK)
    g_ptr_array_add (change->steps, g_steal_pointer (&change->pulled));
  else if (status != PTN_PENDING)
    g_clear_pointer (&change->pulled, step_free);
  return status;
}

/* Messages that go into another shard are read now. */
static ptn_status
load_message (struct step *step, struct ptn_task *task, struct loaded *loaded) {
  struct ptn_source *source;
  ptn_status status = message_open (&step->from, task, loaded->uid, &source);

  if (status != PTN_OK)
    return status;
  body_init (&loaded->body, step->place.shard);
  do
    status = body_pull (&loaded->body, source, task);
  while (status == PTN_PENDING); /* our own source: it only gives others a turn */
  source->ops->close (source);
  if (status == PTN_OK)
    status =
        described_of_message (&loaded->described, step->from.shard, step->from.user, &loaded->row);
  if (status == PTN_OK)
    status = carry_load (&step->carry, &step->from, loaded->uid, &loaded->carried);
  /* Gone meanwhile: its octets were still there. */
  return status == PTN_E_NOT_FOUND ? PTN_E_EXPUNGED : status;
}

struct loading {
  GArray *loaded;
  bool bad;
};

static bool
load_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct loading *loading = argument;
  struct loaded loaded = { .uid = key_number (key, key_size, AT_UID) };

  if (!message_row_get (READER (value, size), &loaded.row)) {
    loading->bad = true;
    return false;
  }
  g_array_append_val (loading->loaded, loaded);
  return true;
}

static ptn_status
load (struct step *step, struct ptn_task *task) {
  struct loading loading = { g_array_new (FALSE, TRUE, sizeof (struct loaded)), false };
  struct ptn_uid_set set = SET_OF (step->set);
  uint64_t memory = 0;
  ptn_status status = PTN_OK;

  step->loaded = loading.loaded;
  g_array_set_clear_func (step->loaded, clear_loaded);
  for (size_t i = 0; i < set.count && status >= 0; i++) {
    struct key from, end;

    key_message (&from, step->from.user, step->from.mailbox, set.ranges[i].first);
    key_message (&end, step->from.user, step->from.mailbox, set.ranges[i].last);
    key_after (&end, &end);
    status = index_scan (&step->from.shard->index, NULL, &from, &end, SIZE_MAX, load_row, &loading);
  }
  if (status < 0 || loading.bad)
    return index_trouble (step->from.shard, task, PTN_E_CORRUPT);
  for (guint i = 0; i < step->loaded->len; i++) {
    struct loaded *loaded = &g_array_index (step->loaded, struct loaded, i);

    status = load_message (step, task, loaded);
    if (status == PTN_E_EXPUNGED) { /* between the two looks */
      g_array_remove_index (step->loaded, i--);
      continue;
    }
    if (status != PTN_OK)
      return status;
    memory += loaded->body.room;
    if (memory > LOADED_MAX)
      return PTN_E_LIMIT;
  }
  return PTN_OK;
}

ptn_status
change_copy (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *from,
             struct ptn_uid_set uids, const struct ptn_id *to, int move) {
  ptn_status status;
  struct step *step = step_new_uids (change, call, STEP_COPY, to, RIGHT_I, uids, &status);

  if (!step)
    return status;
  step->move = move != 0;
  status = account_place (change->account, from, move ? RIGHT_R | RIGHT_E : RIGHT_R, &step->from);
  if (status == PTN_OK)
    carry_init (&step->carry, change->account, &step->from, &step->place);
  if (status == PTN_OK && step->from.shard != step->place.shard)
    status = load (step, call->task);
  if (status != PTN_OK) {
    step_free (step);
    return status;
  }
  g_ptr_array_add (change->steps, step);
  return PTN_OK;
}

ptn_status
change_set_flags (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                  struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits flags,
                  uint64_t unchanged_since) {
  ptn_status status;
  struct step *step;

  if (mode < PTN_FLAGS_ADD || mode > PTN_FLAGS_REPLACE)
    return PTN_E_INVALID;
  step = step_new_uids (change, call, STEP_FLAGS, mailbox, 0, uids, &status);
  if (!step)
    return status;
  /* A replacement names all flags. */
  if (!(step->allowed & (mode == PTN_FLAGS_REPLACE ? UINT64_MAX : flags))
      && (mode == PTN_FLAGS_REPLACE || flags != 0)) {
    step_free (step);
    return PTN_E_DENIED;
  }
  step->mode = mode;
  step->flags = flags;
  step->unchanged_since = unchanged_since;
  g_ptr_array_add (change->steps, step);
  return PTN_OK;
}

ptn_status
change_expunge (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                struct ptn_uid_set uids, int only_deleted) {
  ptn_status status;
  struct step *step = step_new_uids (change, call, STEP_EXPUNGE, mailbox, RIGHT_E, uids, &status);

  if (!step)
    return status;
  step->only_deleted = only_deleted != 0;
  g_ptr_array_add (change->steps, step);
  return PTN_OK;
}

/* Of the account itself: it need not have been seen before. */
static struct step *
account_step (struct ptn_change *change) {
  struct step *step = g_new0 (struct step, 1);

  step->kind = STEP_ANNOTATE;
  step->place.shard = change->account->shard;
  step->name = NULL;
  step->set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  return step;
}

ptn_status
change_annotate (struct ptn_change *change, struct ptn_call *call, const struct ptn_id *mailbox,
                 struct ptn_uid_set uids, const char *name, struct ptn_bytes value) {
  const bool reads = asker_reads (&change->account->asker);
  ptn_status status;
  struct step *step;

  if (change->submitted || !annotation_name_valid (name))
    return PTN_E_INVALID;
  if (value.data && value.size > VALUE_MAX)
    return PTN_E_LIMIT;
  if (reads && !mailbox)
    return PTN_E_DENIED;
  step = mailbox ? step_new_uids (change, call, STEP_ANNOTATE, mailbox,
                                  annotation_name_private (name) && !reads ? RIGHT_R : RIGHT_W,
                                  uids, &status)
                 : account_step (change);
  if (!step)
    return status;
  step->name = annotation_kept_name (change->account, mailbox ? &step->place : NULL, name);
  if (value.data)
    step->value = g_bytes_new (value.data, value.size);
  g_ptr_array_add (change->steps, step);
  return PTN_OK;
}

static void
add_op (struct ptn_change *change, struct shard *shard, bool second) {
  struct change_op *op = &change->ops[change->op_count++];

  op->change = change;
  op->second = second;
  op->op.shard = shard;
  op->op.prepare = steps_prepare;
}

static bool
has_op (const struct ptn_change *change, const struct shard *shard, bool second) {
  for (size_t i = 0; i < change->op_count; i++)
    if (change->ops[i].op.shard == shard && change->ops[i].second == second)
      return true;
  return false;
}

/* An operation for each shard; behind them, one for each that a message leaves for another. */
static void
make_ops (struct ptn_change *change) {
  change->ops = g_new0 (struct change_op, (size_t)change->steps->len * 2);
  for (guint i = 0; i < change->steps->len; i++) {
    const struct step *step = change->steps->pdata[i];

    if (!has_op (change, step->place.shard, false))
      add_op (change, step->place.shard, false);
  }
  change->first_count = change->op_count;
  for (guint i = 0; i < change->steps->len; i++) {
    const struct step *step = change->steps->pdata[i];

    if (step->loaded && step->move && !has_op (change, step->from.shard, true))
      add_op (change, step->from.shard, true);
    for (size_t o = 0; o < change->first_count; o++)
      if (change->ops[o].op.shard == step->place.shard
          && (step->kind == STEP_APPEND || step->kind == STEP_COPY))
        change->ops[o].op.grows = true;
  }
}

static void
collect_bigs (struct ptn_change *change, GPtrArray *bigs) {
  for (guint i = 0; i < change->steps->len; i++) {
    struct step *step = change->steps->pdata[i];

    if (step->body.big)
      g_ptr_array_add (bigs, step->body.big);
    for (guint m = 0; step->loaded && m < step->loaded->len; m++)
      if (g_array_index (step->loaded, struct loaded, m).body.big)
        g_ptr_array_add (bigs, g_array_index (step->loaded, struct loaded, m).body.big);
  }
}

static void
submit (struct ptn_change *change, struct ptn_task *task, size_t first, size_t count) {
  g_autofree struct op **ops = g_new (struct op *, count);
  g_autoptr (GPtrArray) bigs = g_ptr_array_new ();

  for (size_t i = 0; i < count; i++)
    ops[i] = &change->ops[first + i].op;
  if (first == 0)
    collect_bigs (change, bigs);
  job_arm (&change->job, task, ops, count);
  if (bigs->len > 0)
    spiller_submit (change->store, (struct big *const *)bigs->pdata, bigs->len, false, ops, count);
  else
    committer_submit (ops, count);
}

/* The worst that has befallen a range of operations. */
static ptn_status
result_of (struct ptn_change *change, struct ptn_task *task, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++) {
    const struct op *op = &change->ops[i].op;

    if (op->status <= PTN_E_TEMPORARY)
      return change->store->host->fail (task, op->status, op->client_text, "commit: %s",
                                        op->log_text ? op->log_text : "the index is corrupt");
    if (op->status != PTN_OK)
      return op->status;
  }
  return PTN_OK;
}

ptn_status
change_commit (struct ptn_change *change, struct ptn_call *call) {
  ptn_status status;

  call->state = change;
  if (!change->submitted) {
    change->submitted = true;
    change->save_date = change->store->host->realtime_ms () / 1000;
    if (change->steps->len == 0)
      return PTN_OK;
    make_ops (change);
    submit (change, call->task, 0, change->first_count);
  }
  if (!job_done (&change->job))
    return PTN_PENDING; /* cancelled: the operations keep the change alive */
  if (!change->second_round) {
    status = result_of (change, call->task, 0, change->first_count);
    if (status != PTN_OK || change->op_count == change->first_count)
      return status;
    change->second_round = true;
    submit (change, call->task, change->first_count, change->op_count - change->first_count);
    if (!job_done (&change->job))
      return PTN_PENDING;
  }
  return result_of (change, call->task, change->first_count,
                    change->op_count - change->first_count);
}

ptn_status
change_outcome (struct ptn_change *change, uint32_t number, const struct ptn_outcome **outcome) {
  struct step *step;

  if (!change->submitted || !job_done (&change->job) || number >= change->steps->len)
    return PTN_E_INVALID;
  step = change->steps->pdata[number];
  step->outcome.size = sizeof step->outcome;
  if (step->source_uids)
    step->outcome.source_uids = SET_OF (step->source_uids);
  if (step->uids)
    step->outcome.uids = SET_OF (step->uids);
  if (step->conflicts)
    step->outcome.conflicts = SET_OF (step->conflicts);
  *outcome = &step->outcome;
  return PTN_OK;
}
