/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deliver.c - see deliver.h.
 *
 * The call's state is a job with one operation for each shard that has a target.  Within a shard
 * the first target gets the body, the others a reference to it. */
#include "deliver.h"

#include "body.h"
#include "described.h"
#include "place.h"
#include "request.h"

struct target {
  struct shard *shard;
  char *account, *path;
  uint64_t flags, storage_limit, messages_limit;
  struct ptn_delivered result;
};

struct delivery;

struct deliver_op {
  struct op op;
  struct delivery *delivery;
  uint64_t body; /* its id in this shard; 0: no record names it */
};

struct delivery {
  struct job job;
  struct body body;
  struct described described;
  int64_t internal_date, save_date;
  uint64_t flags;
  bool submitted;
  struct target *targets;
  struct deliver_op *ops;
  size_t target_count, op_count;
};

static void
delivery_free (struct job *job) {
  struct delivery *delivery = (struct delivery *)job;

  for (size_t i = 0; i < delivery->op_count && delivery->body.big && delivery->body.big->named; i++)
    if (delivery->ops[i].body == 0 || delivery->ops[i].op.status == PTN_E_TEMPORARY)
      big_remove_later (delivery->ops[i].op.shard, &delivery->body.big->number, 1);
  body_clear (&delivery->body);
  described_clear (&delivery->described);
  for (size_t i = 0; i < delivery->target_count; i++) {
    g_free (delivery->targets[i].account);
    g_free (delivery->targets[i].path);
  }
  g_free (delivery->targets);
  g_free (delivery->ops);
  g_free (delivery);
}

static ptn_status
check_quota (struct txn *txn, const struct target *target, uint64_t octets) {
  struct user_row row = { .storage_limit = UINT64_MAX, .messages_limit = UINT64_MAX };
  uint32_t user;
  ptn_status status = edit_user_id (&txn->edit, target->account, &user);
  uint64_t storage, messages;

  if (status == PTN_OK)
    status = edit_user (&txn->edit, user, &row);
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  storage = target->storage_limit != UINT64_MAX ? target->storage_limit : row.storage_limit;
  messages = target->messages_limit != UINT64_MAX ? target->messages_limit : row.messages_limit;
  if (row.messages >= messages || octets > storage || row.octets > storage - octets)
    return PTN_E_OVERQUOTA;
  return PTN_OK;
}

/* body: the lsn of the DELIVER record of this unit; 0: not yet. */
static ptn_status
deliver_one (struct deliver_op *op, struct txn *txn, struct target *target, uint64_t *body) {
  struct delivery *delivery = op->delivery;
  struct record record = { .type = RECORD_COPY };
  struct mailbox_row mailbox;
  ptn_status status = check_quota (txn, target, delivery->body.octets);

  if (status == PTN_OK)
    status = place_user (txn, target->account, &record.user);
  if (status == PTN_OK)
    status = place_mailbox (txn, record.user, target->path, &record.mailbox);
  if (status == PTN_OK)
    status = edit_mailbox (&txn->edit, record.user, record.mailbox, &mailbox);
  if (status == PTN_OK && mailbox.uidnext == UINT32_MAX)
    status = PTN_E_LIMIT;
  if (status != PTN_OK)
    return status;
  record.uid = mailbox.uidnext;
  record.modseq = mailbox.modseq + 1;
  record.message.flags = delivery->flags | target->flags;
  record.message.internal_date = delivery->internal_date;
  record.message.save_date = delivery->save_date;
  record.message.octets = delivery->body.octets;
  record.message.unterminated = body_unterminated (&delivery->body);
  record.message.body = *body;
  record.delivered = true;
  if (*body == 0)
    body_describe (&delivery->body, &record);
  status = flags_known (txn, record.user, record.mailbox, &record.message.flags);
  if (status == PTN_OK)
    status = described_put (&delivery->described, &txn->edit, &record);
  if (status == PTN_OK)
    status = txn_emit (txn, &record);
  if (status == PTN_OK && *body == 0)
    *body = record.lsn;
  target->result.uid = record.uid;
  return status;
}

static ptn_status
deliver_prepare (struct op *base, struct txn *txn) {
  struct deliver_op *op = (struct deliver_op *)base;
  uint64_t body = 0;

  op->body = 0;
  for (size_t i = 0; i < op->delivery->target_count; i++) {
    struct target *target = &op->delivery->targets[i];

    if (target->shard != base->shard || target->result.status == PTN_E_INVALID)
      continue;
    target->result.status = deliver_one (op, txn, target, &body);
    if (target->result.status == PTN_E_CORRUPT)
      return PTN_E_CORRUPT; /* the unit may be half made */
  }
  op->body = body;
  return PTN_OK;
}

/* One operation for each shard, in the order of their first targets. */
static void
make_ops (struct delivery *delivery) {
  delivery->ops = g_new0 (struct deliver_op, delivery->target_count);
  for (size_t i = 0; i < delivery->target_count; i++) {
    struct shard *shard = delivery->targets[i].shard;
    size_t known = 0;

    if (!shard)
      continue;
    while (known < delivery->op_count && delivery->ops[known].op.shard != shard)
      known++;
    if (known == delivery->op_count) {
      struct deliver_op *op = &delivery->ops[delivery->op_count++];

      op->delivery = delivery;
      op->op.shard = shard;
      op->op.prepare = deliver_prepare;
      op->op.grows = true;
    }
  }
}

static struct delivery *
delivery_new (struct store *store, const struct ptn_append *append,
              const struct ptn_target *targets, size_t count) {
  struct delivery *delivery = g_new0 (struct delivery, 1);

  job_init (&delivery->job, store->host, delivery_free);
  delivery->target_count = count;
  delivery->targets = g_new0 (struct target, count);
  delivery->flags = append->flags;
  delivery->internal_date = append->internal_date;
  delivery->save_date = store->host->realtime_ms () / 1000;
  for (size_t i = 0; i < count; i++) {
    struct target *target = &delivery->targets[i];

    target->account = g_strdup (targets[i].account);
    target->path = path_canonical (targets[i].path);
    target->flags = targets[i].flags;
    target->storage_limit = targets[i].storage_limit;
    target->messages_limit = targets[i].messages_limit;
    if (!target->path || !account_valid (target->account))
      target->result.status = PTN_E_INVALID;
    else
      target->shard = store_shard_of (store, target->account);
  }
  described_init (&delivery->described, store);
  make_ops (delivery);
  body_init (&delivery->body, delivery->op_count ? delivery->ops[0].op.shard : &store->shards[0]);
  return delivery;
}

static void
delivery_drop (void *state) {
  job_unref (state);
}

static void
submit (struct store *store, struct delivery *delivery, struct ptn_task *task) {
  g_autofree struct op **ops = g_new (struct op *, delivery->op_count);

  for (size_t i = 0; i < delivery->op_count; i++) {
    ops[i] = &delivery->ops[i].op;
    ops[i]->octets = delivery->body.octets;
  }
  delivery->submitted = true;
  job_arm (&delivery->job, task, ops, delivery->op_count);
  if (delivery->body.big)
    spiller_submit (store, &delivery->body.big, 1, true, ops, delivery->op_count);
  else
    committer_submit (ops, delivery->op_count);
}

/* What became of it, into the caller's results. */
static ptn_status
harvest (struct store *store, struct delivery *delivery, struct ptn_task *task,
         struct ptn_delivered *results) {
  for (size_t i = 0; i < delivery->op_count; i++) {
    const struct op *op = &delivery->ops[i].op;

    if (op->status == PTN_OK) {
      if (delivery->ops[i].body != 0)
        body_remember (&delivery->body, op->shard, delivery->ops[i].body);
      continue;
    }
    store->host->fail (task, PTN_E_TEMPORARY, op->client_text, "delivery: %s",
                       op->log_text ? op->log_text : "the index is corrupt");
    for (size_t t = 0; t < delivery->target_count; t++)
      if (delivery->targets[t].shard == op->shard) {
        delivery->targets[t].result.status = PTN_E_TEMPORARY;
        delivery->targets[t].result.uid = 0;
      }
  }
  for (size_t t = 0; t < delivery->target_count; t++) {
    results[t] = delivery->targets[t].result;
    if (results[t].status == PTN_OK) {
      store->host->observe (store->metrics.messages, 1);
      store->host->observe (store->metrics.octets, (int64_t)delivery->body.octets);
    } else
      results[t].uid = 0;
  }
  return PTN_OK;
}

ptn_status
store_deliver (void *instance, struct ptn_call *call, const struct ptn_append *append,
               const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  struct store *store = instance;
  struct delivery *delivery = call->state;
  ptn_status status = PTN_OK;

  if (!delivery) {
    if (count == 0)
      return PTN_E_INVALID;
    delivery = call->state = delivery_new (store, append, targets, count);
    call->release = delivery_drop;
  }
  call->cancel = NULL;
  if (!delivery->submitted) {
    status = body_pull (&delivery->body, append->source, call->task);
    if (status == PTN_OK)
      status = described_ask (&delivery->described, store, append);
    if (status == PTN_OK && delivery->op_count > 0)
      submit (store, delivery, call->task);
  }
  if (status == PTN_OK)
    status =
        job_done (&delivery->job) ? harvest (store, delivery, call->task, results) : PTN_PENDING;
  if (status == PTN_PENDING)
    call->cancel = delivery_drop;
  return status;
}
