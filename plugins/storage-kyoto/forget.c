/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forget.c - see forget.h. */
#include "forget.h"

enum { ROWS_A_TURN = 10000, TURN_SECONDS = 60, EXPIRED_MAX = 1000 };
#define SECOND G_GINT64_CONSTANT (1000000000)

/* ---- by count ---- */

struct oldest {
  uint64_t surplus, gone; /* UIDs */
  uint64_t floor;
  GArray *uids; /* scratch */
  bool bad;
};

static bool
oldest_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
            size_t size) {
  struct oldest *oldest = argument;
  int64_t time;

  g_array_set_size (oldest->uids, 0);
  oldest->bad = !tombstone_row_get (READER (value, size), &time, oldest->uids);
  oldest->gone += set_count (SET_OF (oldest->uids));
  oldest->floor = key_number64 (key, key_size, AT_MODSEQ);
  return !oldest->bad && oldest->gone < oldest->surplus;
}

/* The oldest go, and some more, so that not every expunge has to do it. */
static ptn_status
trim (struct txn *txn, uint32_t user, uint32_t mailbox, uint64_t count) {
  uint64_t kept = txn->shard->store->settings.expunged_kept;
  struct record record = { .type = RECORD_TOMBSTONE_TRIM, .user = user, .mailbox = mailbox };
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct oldest oldest = { .surplus = count - (kept - kept / 8), .uids = uids };
  struct key from, end;
  ptn_status status;

  key_tombstone (&from, user, mailbox, 0);
  key_tombstone (&end, user, mailbox, UINT64_MAX);
  key_after (&end, &end);
  status =
      index_scan (txn->edit.index, txn->edit.changes, &from, &end, SIZE_MAX, oldest_row, &oldest);
  if (status < 0 || oldest.bad)
    return PTN_E_CORRUPT;
  record.number = oldest.floor;
  return oldest.floor > 0 ? txn_emit (txn, &record) : PTN_OK;
}

ptn_status
emit_expunge (struct txn *txn, uint32_t user, uint32_t mailbox, uint64_t modseq,
              struct ptn_uid_set uids) {
  struct record record = {
    .type = RECORD_EXPUNGE, .user = user, .mailbox = mailbox, .modseq = modseq, .set = uids
  };
  struct mailbox_row row;
  ptn_status status = txn_emit (txn, &record);

  if (status == PTN_OK)
    status = edit_mailbox (&txn->edit, user, mailbox, &row);
  if (status != PTN_OK || row.tombstones <= txn->shard->store->settings.expunged_kept)
    return status;
  return trim (txn, user, mailbox, row.tombstones);
}

/* ---- by age ---- */

struct forgetting {
  pthread_mutex_t lock; /* a turn at a time */
  int64_t next_turn;    /* monotonic ns */
  struct key from;      /* where to go on */
};

struct forgetting *
forgetting_new (void) {
  struct forgetting *forgetting = g_new0 (struct forgetting, 1);

  pthread_mutex_init (&forgetting->lock, NULL);
  forgetting->from.size = 1;
  forgetting->from.octets[0] = KEY_TOMBSTONE;
  return forgetting;
}

void
forgetting_free (struct forgetting **forgetting) {
  if (*forgetting)
    pthread_mutex_destroy (&(*forgetting)->lock);
  g_clear_pointer (forgetting, g_free);
}

struct expired {
  uint32_t user, mailbox;
  uint64_t modseq;     /* of a tombstone; 0: */
  struct ptn_id token; /* a token */
};

/* One turn: what it has found, and the operation that takes it away. */
struct turn {
  struct job job;
  struct op op;
  GArray *expired;
  int64_t before;         /* what was made earlier has expired */
  int64_t unknown_before; /* the same for what says no time */
  size_t rows;
  struct key last;
};

static void
turn_free (struct job *job) {
  struct turn *turn = (struct turn *)job;

  g_array_unref (turn->expired);
  g_free (turn);
}

static bool
has_expired (const struct turn *turn, int64_t time) {
  /* Version 1 of the log did not say when: then it counts from the start of this process. */
  return time == 0 ? turn->unknown_before < turn->before : time < turn->before;
}

static void
seen (struct turn *turn, const uint8_t *key, size_t size) {
  turn->rows++;
  turn->last.size = (uint32_t)MIN (size, sizeof turn->last.octets - 1);
  memcpy (turn->last.octets, key, turn->last.size);
}

static bool
old_tombstone (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
               size_t size) {
  struct turn *turn = argument;
  struct expired one = { .user = key_number (key, key_size, AT_USER),
                         .mailbox = key_number (key, key_size, AT_MAILBOX),
                         .modseq = key_number64 (key, key_size, AT_MODSEQ) };
  struct expired *last = turn->expired->len > 0 ? &g_array_index (turn->expired, struct expired,
                                                                  turn->expired->len - 1)
                                                : NULL;
  struct reader reader = READER (value, size);

  seen (turn, key, key_size);
  if (!has_expired (turn, reader_signed (&reader)) || reader.bad)
    return true;
  if (last && last->user == one.user && last->mailbox == one.mailbox)
    last->modseq = one.modseq; /* a floor takes all below it */
  else
    g_array_append_val (turn->expired, one);
  return turn->expired->len < EXPIRED_MAX;
}

static bool
old_token (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct turn *turn = argument;
  struct expired one = { .user = key_number (key, key_size, AT_USER) };
  struct reader reader = READER (value, size);
  int64_t time;

  seen (turn, key, key_size);
  if (key_size != AT_TOKEN + TOKEN_OCTETS || !token_row_get (&reader, &time)
      || !has_expired (turn, time))
    return true;
  memcpy (one.token.octets, key + AT_TOKEN, TOKEN_OCTETS);
  g_array_append_val (turn->expired, one);
  return turn->expired->len < EXPIRED_MAX;
}

static ptn_status
forget_one (struct txn *txn, const struct expired *one) {
  struct record record = { .user = one->user, .mailbox = one->mailbox };
  struct mailbox_row mailbox;
  struct key key;
  ptn_status status;

  if (one->modseq == 0) {
    key_token (&key, one->user, &one->token);
    status = edit_get (&txn->edit, &key, &txn->edit.value);
    record.type = RECORD_TOKEN_TRIM;
    record.value = (struct ptn_bytes){ one->token.octets, TOKEN_OCTETS };
  } else {
    status = edit_mailbox (&txn->edit, one->user, one->mailbox, &mailbox);
    if (status == PTN_OK && mailbox.floor >= one->modseq)
      return PTN_OK;
    record.type = RECORD_TOMBSTONE_TRIM;
    record.number = one->modseq;
  }
  if (status == PTN_E_NOT_FOUND)
    return PTN_OK; /* gone meanwhile */
  return status == PTN_OK ? txn_emit (txn, &record) : status;
}

static ptn_status
forget_prepare (struct op *op, struct txn *txn) {
  struct turn *turn = (struct turn *)(void *)((char *)op - offsetof (struct turn, op));
  ptn_status status = PTN_OK;

  for (guint i = 0; status == PTN_OK && i < turn->expired->len; i++)
    status = forget_one (txn, &g_array_index (turn->expired, struct expired, i));
  return status;
}

static ptn_status
walk (struct shard *shard, struct turn *turn, enum key_kind kind, size_t limit, index_row *row) {
  const struct store *store = shard->store;
  int64_t now = store->host->realtime_ms ();
  int64_t age = kind == KEY_TOKEN ? store->settings.token_age : store->settings.expunged_age;
  struct key *from = &shard->forgetting->from;
  struct key end = { .size = 1 };
  ptn_status status;

  turn->before = (now - age) / 1000;
  turn->unknown_before = store->opened;
  end.octets[0] = (uint8_t)(kind + 1);
  turn->last = *from;
  status = index_scan (&shard->index, NULL, from, &end, limit, row, turn);
  *from = turn->last;
  from->octets[from->size++] = 0; /* behind it */
  return status;
}

bool
forget_some (struct shard *shard, size_t limit) {
  struct key *from = &shard->forgetting->from;
  struct turn *turn = g_new0 (struct turn, 1);
  ptn_status status = PTN_END;

  job_init (&turn->job, shard->store->host, turn_free);
  turn->op.shard = shard;
  turn->op.prepare = forget_prepare;
  turn->expired = g_array_new (FALSE, FALSE, sizeof (struct expired));
  pthread_mutex_lock (&shard->forgetting->lock);
  if (from->octets[0] == KEY_TOMBSTONE) {
    status = walk (shard, turn, KEY_TOMBSTONE, limit, old_tombstone);
    if (status == PTN_END)
      *from = (struct key){ .size = 1, .octets = { KEY_TOKEN } };
  }
  if (status == PTN_END && turn->rows < limit && turn->expired->len < EXPIRED_MAX)
    status = walk (shard, turn, KEY_TOKEN, limit - turn->rows, old_token);
  else if (status == PTN_END)
    status = PTN_OK; /* the tokens come next time */
  if (status != PTN_OK)
    *from = (struct key){ .size = 1, .octets = { KEY_TOMBSTONE } };
  pthread_mutex_unlock (&shard->forgetting->lock);
  if (turn->expired->len > 0)
    job_submit (&turn->job, NULL, (struct op *[]){ &turn->op }, 1);
  job_unref (&turn->job);
  return status != PTN_OK;
}

void
forget_turn (struct shard *shard, int64_t now) {
  struct forgetting *forgetting = shard->forgetting;

  if (now < forgetting->next_turn)
    return;
  forgetting->next_turn = now + TURN_SECONDS * SECOND;
  forget_some (shard, ROWS_A_TURN);
}
