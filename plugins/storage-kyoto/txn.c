/* SPDX-License-Identifier: GPL-3.0-or-later */
/* txn.c - see txn.h. */
#include "txn.h"

#include "events.h"

/* One record: where its header stands in txn->log, and the body behind it. */
struct piece {
  size_t start, size; /* header and meta */
  const void *body;
  size_t body_size;
  uint32_t padding;
  bool end_of_unit;
};

static const uint8_t zeros[RECORD_ALIGNMENT];

void
txn_init (struct txn *txn, struct shard *shard) {
  memset (txn, 0, sizeof *txn);
  txn->shard = shard;
  edit_init (&txn->edit, &shard->index);
  txn->events = events_new (shard->store->host);
  txn->pieces = g_array_new (FALSE, FALSE, sizeof (struct piece));
}

void
txn_destroy (struct txn *txn) {
  edit_destroy (&txn->edit);
  events_free (&txn->events);
  octets_clear (&txn->log);
  g_array_unref (txn->pieces);
}

void
txn_reset (struct txn *txn) {
  edit_clear (&txn->edit);
  events_reset (txn->events);
  txn->log.size = 0;
  g_array_set_size (txn->pieces, 0);
  txn->octets = 0;
  txn->records = 0;
  txn->next_lsn = txn->shard->log.next_lsn;
}

void
txn_begin_unit (struct txn *txn, const struct ptn_task *origin) {
  edit_begin_unit (&txn->edit);
  events_begin_unit (txn->events, origin);
  txn->unit_log = txn->log.size;
  txn->unit_pieces = txn->pieces->len;
  txn->unit_octets = txn->octets;
  txn->unit_lsn = txn->next_lsn;
  txn->unit_records = txn->records;
}

void
txn_abort_unit (struct txn *txn) {
  edit_abort_unit (&txn->edit);
  events_abort_unit (txn->events);
  txn->log.size = txn->unit_log;
  g_array_set_size (txn->pieces, txn->unit_pieces);
  txn->octets = txn->unit_octets;
  txn->next_lsn = txn->unit_lsn;
  txn->records = txn->unit_records;
}

void
txn_end_unit (struct txn *txn) {
  if (txn->pieces->len > txn->unit_pieces)
    g_array_index (txn->pieces, struct piece, txn->pieces->len - 1).end_of_unit = true;
}

ptn_status
txn_emit (struct txn *txn, struct record *record) {
  struct piece piece = { .start = txn->log.size };
  uint64_t span;

  record->lsn = txn->next_lsn++;
  if (record->type == RECORD_EXPUNGE || record->type == RECORD_TOKEN)
    record->time = txn->shard->store->host->realtime_ms () / 1000;
  record_encode (record, &txn->log);
  piece.size = txn->log.size - piece.start;
  if (record_has_body (record)) {
    piece.body = record->body;
    piece.body_size = record->stored;
  }
  span = record_span ((uint32_t)piece.size - RECORD_HEADER, piece.body_size);
  piece.padding = (uint32_t)(span - piece.size - piece.body_size);
  record->segment = txn->shard->log.segment;
  record->offset = txn->shard->log.end + txn->octets;
  record->body_offset = record->offset + piece.size;
  g_array_append_val (txn->pieces, piece);
  txn->octets += span;
  txn->records++;
  events_note (txn->events, record);
  return apply (&txn->edit, record);
}

struct iovec *
txn_vectors (struct txn *txn, size_t *count) {
  struct iovec *vectors = g_new (struct iovec, (size_t)txn->pieces->len * 3);
  size_t used = 0;

  for (guint i = 0; i < txn->pieces->len; i++) {
    const struct piece *piece = &g_array_index (txn->pieces, struct piece, i);
    uint8_t *header = txn->log.data + piece->start;

    record_seal (header, piece->end_of_unit, txn->shard->log.synced_lsn, txn->shard->store->salt);
    vectors[used++] = (struct iovec){ header, piece->size };
    if (piece->body_size > 0)
      vectors[used++] = (struct iovec){ (void *)(uintptr_t)piece->body, piece->body_size };
    if (piece->padding > 0)
      vectors[used++] = (struct iovec){ (void *)(uintptr_t)zeros, piece->padding };
  }
  *count = used;
  return vectors;
}
