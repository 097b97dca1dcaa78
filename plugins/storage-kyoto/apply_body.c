/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply_body.c - see apply.h: bodies, where they lie, who has them, and what goes with them. */
#include "apply.h"

static ptn_status
get_segment (struct edit *edit, struct key *key, uint32_t segment, struct segment_row *row) {
  ptn_status status;

  *row = (struct segment_row){ 0, 0 };
  key_segment (key, segment);
  status = edit_get (edit, key, &edit->value);
  if (status == PTN_OK && !segment_row_get (VALUE_READER (&edit->value), row))
    status = PTN_E_CORRUPT;
  return status == PTN_E_NOT_FOUND ? PTN_OK : status;
}

static void
put_segment (struct edit *edit, const struct key *key, const struct segment_row *row) {
  if (row->bodies == 0) {
    edit_remove (edit, key);
    return;
  }
  edit->coded.size = 0;
  segment_row_put (&edit->coded, row);
  edit_put (edit, key, &edit->coded);
}

static ptn_status
enter_segment (struct edit *edit, uint32_t segment, uint64_t stored) {
  struct segment_row row;
  struct key key;

  TRY (get_segment (edit, &key, segment, &row));
  row.live += stored;
  row.bodies++;
  put_segment (edit, &key, &row);
  return PTN_OK;
}

ptn_status
leave_segment (struct edit *edit, uint32_t segment, const struct segment_row *gone) {
  struct segment_row row;
  struct key key;

  TRY (get_segment (edit, &key, segment, &row));
  row.live -= MIN (gone->live, row.live);
  row.bodies -= MIN (gone->bodies, row.bodies);
  put_segment (edit, &key, &row);
  return PTN_OK;
}

void
put_body (struct edit *edit, uint64_t body, const struct body_row *row) {
  struct key key;

  key_body (&key, body);
  edit->coded.size = 0;
  body_row_put (&edit->coded, row);
  edit_put (edit, &key, &edit->coded);
}

/* PTN_E_NOT_FOUND: the account does not know the hash. */
static ptn_status
get_thread (struct edit *edit, struct key *key, uint32_t user, uint64_t hash,
            struct thread_row *row) {
  ptn_status status;

  key_thread (key, user, hash);
  status = edit_get (edit, key, &edit->value);
  return status == PTN_OK && !thread_row_get (VALUE_READER (&edit->value), row) ? PTN_E_CORRUPT
                                                                                : status;
}

static void
put_thread (struct edit *edit, const struct key *key, const struct thread_row *row) {
  edit->coded.size = 0;
  thread_row_put (&edit->coded, row);
  edit_put (edit, key, &edit->coded);
}

/* An account knows a hash as long as any body of its messages has it.  The first one says which
 * thread it belongs to. */
static ptn_status
add_hash (struct edit *edit, uint32_t user, uint64_t hash, uint64_t thread) {
  struct thread_row row = { thread, 0 };
  struct key key;
  ptn_status status = get_thread (edit, &key, user, hash, &row);

  if (status != PTN_E_NOT_FOUND)
    TRY (status);
  row.references++;
  put_thread (edit, &key, &row);
  return PTN_OK;
}

ptn_status
drop_hash (struct edit *edit, uint32_t user, uint64_t hash, uint64_t bodies) {
  struct thread_row row = { 0, 0 };
  struct key key;
  ptn_status status = get_thread (edit, &key, user, hash, &row);

  if (status != PTN_E_NOT_FOUND)
    TRY (status);
  if (row.references <= bodies) {
    edit_remove (edit, &key);
    return PTN_OK;
  }
  row.references -= bodies;
  put_thread (edit, &key, &row);
  return PTN_OK;
}

/* The record's account knows the hashes of a body once, however many of its messages share it.
 * The body's row gets the bits. */
static ptn_status
make_hashes (struct edit *edit, const struct record *record, uint64_t body, struct body_row *made) {
  uint64_t thread = record->message.thread ? record->message.thread : made->email;
  struct hashes_row row = { .count = record->hash_count };
  struct key key;

  if (row.count == 0)
    return PTN_OK;
  key_hashes (&key, body, record->user);
  if (record->type == RECORD_COPY) {
    ptn_status status = edit_get (edit, &key, &edit->value);

    if (status != PTN_E_NOT_FOUND)
      return status;
  }
  if (thread == 0)
    return PTN_E_CORRUPT; /* a body from before there were threads came with hashes */
  memcpy (row.hashes, record->hashes, row.count * sizeof row.hashes[0]);
  edit->coded.size = 0;
  hashes_row_put (&edit->coded, &row);
  edit_put (edit, &key, &edit->coded);
  for (uint32_t i = 0; i < row.count; i++)
    TRY (add_hash (edit, record->user, row.hashes[i], thread));
  made->attributes |= made->attributes & BODY_HASHES ? BODY_MORE_HASHES : BODY_HASHES;
  return PTN_OK;
}

static void
put_digest (struct edit *edit, uint64_t body, struct ptn_bytes digest) {
  struct key key;

  key_digest (&key, body);
  edit->coded.size = 0;
  octets_add (&edit->coded, digest.data, digest.size);
  edit_put (edit, &key, &edit->coded);
}

ptn_status
make_body (struct edit *edit, const struct record *record) {
  struct body_row row = {
    .segment = record->segment,
    .crc = record->body_crc,
    .references = 1,
    .codec = record->codec,
    .offset = record->body_offset,
    .stored = record->stored,
    .email = record->email,
  };

  if (record->attributes & RECORD_BIG) {
    struct key key;

    row.attributes = BODY_BIG;
    row.offset = record->big;
    key_big (&key, record->big);
    edit->coded.size = 0;
    body_id_put (&edit->coded, record->lsn);
    edit_put (edit, &key, &edit->coded);
  } else
    TRY (enter_segment (edit, record->segment, record->stored));
  if (record->value.size > 0) {
    row.attributes |= BODY_DIGEST;
    put_digest (edit, record->lsn, record->value);
  }
  TRY (make_hashes (edit, record, record->lsn, &row));
  put_body (edit, record->lsn, &row);
  return PTN_OK;
}

ptn_status
share_body (struct edit *edit, const struct record *record) {
  uint64_t body = record->message.body;
  struct body_row row;

  TRY (need (edit_body (edit, body, &row)));
  row.references++;
  TRY (make_hashes (edit, record, body, &row));
  put_body (edit, body, &row);
  return PTN_OK;
}

/* The compactor has put the body's octets elsewhere.  One that nothing uses any more stays where it
 * is, dead: its expunge may have been lost with a rotten record before this one, or come late. */
ptn_status
apply_body_move (struct edit *edit, const struct record *record) {
  struct segment_row gone;
  struct body_row row;
  ptn_status status = edit_body (edit, record->message.body, &row);

  if (status == PTN_E_NOT_FOUND || (status == PTN_OK && row.attributes & BODY_BIG))
    return PTN_OK;
  TRY (status);
  gone = (struct segment_row){ row.stored, 1 };
  TRY (leave_segment (edit, row.segment, &gone));
  row.segment = record->segment;
  row.offset = record->body_offset;
  row.stored = record->stored;
  row.codec = record->codec;
  row.crc = record->body_crc;
  TRY (enter_segment (edit, row.segment, row.stored));
  put_body (edit, record->message.body, &row);
  edit->removals = true;
  return PTN_OK;
}

ptn_status
apply_digest (struct edit *edit, const struct record *record) {
  struct body_row row;
  ptn_status status = edit_body (edit, record->number, &row);

  if (status == PTN_E_NOT_FOUND)
    return PTN_OK; /* it went with a record that was lost */
  TRY (status);
  put_digest (edit, record->number, record->value);
  if (!(row.attributes & BODY_DIGEST)) {
    row.attributes |= BODY_DIGEST;
    put_body (edit, record->number, &row);
  }
  return PTN_OK;
}
