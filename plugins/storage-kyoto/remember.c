/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remember.c - see remember.h. */
#include "remember.h"

#include "described.h"

enum { WAITING_MAX = 1000 }; /* more are dropped: a hint may be lost */

struct remembering {
  struct job job;
  struct op op;
  uint32_t user;
  uint64_t body;
  GBytes *digest;
};

static void
remembering_free (struct job *job) {
  struct remembering *remembering = (struct remembering *)job;

  atomic_fetch_sub (&remembering->op.shard->store->remembering, 1);
  g_bytes_unref (remembering->digest);
  g_free (remembering);
}

static ptn_status
make_digest (struct op *op, struct txn *txn) {
  struct remembering *remembering =
      (struct remembering *)(void *)((char *)op - offsetof (struct remembering, op));
  struct record record = { .type = RECORD_DIGEST,
                           .user = remembering->user,
                           .number = remembering->body };
  struct value *known = &txn->edit.value;
  struct body_row row;
  struct key key;
  ptn_status status = edit_body (&txn->edit, remembering->body, &row);

  if (status != PTN_OK)
    return status;
  record.value.data = g_bytes_get_data (remembering->digest, &record.value.size);
  key_digest (&key, remembering->body);
  status = edit_get (&txn->edit, &key, known);
  if (status == PTN_OK && known->size == record.value.size
      && memcmp (known->data, record.value.data, known->size) == 0)
    return PTN_OK; /* several sessions have looked at the message at once */
  return status == PTN_E_CORRUPT ? status : txn_emit (txn, &record);
}

void
message_remember (struct ptn_account *account, const struct ptn_id *id, uint32_t uid,
                  struct ptn_bytes digest) {
  struct store *store = account->store;
  struct remembering *remembering;
  struct message_row row;
  struct place place;

  if (digest.size == 0 || digest.size > DIGEST_MAX
      || account_place (account, id, RIGHT_R, &place) != PTN_OK
      || read_message (&place, uid, &row) != PTN_OK)
    return;
  if (atomic_fetch_add (&store->remembering, 1) >= WAITING_MAX) {
    atomic_fetch_sub (&store->remembering, 1);
    return;
  }
  remembering = g_new0 (struct remembering, 1);
  job_init (&remembering->job, store->host, remembering_free);
  remembering->op.shard = place.shard;
  remembering->op.prepare = make_digest;
  remembering->op.grows = true; /* the first to go when the disk is full */
  remembering->user = place.user;
  remembering->body = row.body;
  remembering->digest = g_bytes_new (digest.data, digest.size);
  job_submit (&remembering->job, NULL, (struct op *[]){ &remembering->op }, 1);
  job_unref (&remembering->job);
}
