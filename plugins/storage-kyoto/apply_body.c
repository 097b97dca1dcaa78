/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply_body.c - see apply.h: bodies, where they lie, who has them, and what goes with them. */
#include "apply.h"

/* A body comes into a segment (sign 1) or goes (-1). */
static ptn_status
count_segment (struct edit *edit, uint32_t segment, uint64_t stored, int sign) {
  struct segment_row row = { 0, 0 };
  struct key key;
  ptn_status status;

  key_segment (&key, segment);
  status = edit_get (edit, &key, &edit->value);
  if (status == PTN_OK && !segment_row_get (VALUE_READER (&edit->value), &row))
    status = PTN_E_CORRUPT;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  if (sign > 0) {
    row.live += stored;
    row.bodies++;
  } else {
    row.live -= MIN (stored, row.live);
    row.bodies -= row.bodies > 0;
  }
  if (row.bodies == 0) {
    edit_remove (edit, &key);
    return PTN_OK;
  }
  edit->coded.size = 0;
  segment_row_put (&edit->coded, &row);
  edit_put (edit, &key, &edit->coded);
  return PTN_OK;
}

static void
put_body (struct edit *edit, uint64_t body, const struct body_row *row) {
  struct key key;

  key_body (&key, body);
  edit->coded.size = 0;
  body_row_put (&edit->coded, row);
  edit_put (edit, &key, &edit->coded);
}

/* An account knows a hash as long as any body of its messages has it (sign 1: one comes, -1: it
 * goes).  The first one says which thread it belongs to. */
static ptn_status
count_hash (struct edit *edit, uint32_t user, uint64_t hash, uint64_t thread, int sign) {
  struct thread_row row = { thread, 0 };
  struct key key;
  ptn_status status;

  key_thread (&key, user, hash);
  status = edit_get (edit, &key, &edit->value);
  if (status == PTN_OK && !thread_row_get (VALUE_READER (&edit->value), &row))
    status = PTN_E_CORRUPT;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return status;
  if (sign < 0 && row.references <= 1) {
    edit_remove (edit, &key);
    return PTN_OK;
  }
  row.references += (uint64_t)sign;
  edit->coded.size = 0;
  thread_row_put (&edit->coded, &row);
  edit_put (edit, &key, &edit->coded);
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
    TRY (count_hash (edit, record->user, row.hashes[i], thread, 1));
  made->attributes |= made->attributes & BODY_HASHES ? BODY_MORE_HASHES : BODY_HASHES;
  return PTN_OK;
}

static ptn_status
drop_hashes_of (struct edit *edit, const struct key *key, uint32_t user, struct reader value) {
  struct hashes_row row;

  if (!hashes_row_get (value, &row))
    return PTN_E_CORRUPT;
  edit_remove (edit, key);
  for (uint32_t i = 0; i < row.count; i++)
    TRY (count_hash (edit, user, row.hashes[i], 0, -1));
  return PTN_OK;
}

/* What accounts know of a body that goes.  Mostly it is the one whose message was the last. */
static ptn_status
drop_hashes (struct edit *edit, uint64_t body, uint32_t user, bool more) {
  g_autoptr (GPtrArray) rows = NULL;
  struct key key, end;

  if (!more) {
    ptn_status status;

    key_hashes (&key, body, user);
    status = edit_get (edit, &key, &edit->value);
    if (status != PTN_E_NOT_FOUND)
      return status == PTN_OK ? drop_hashes_of (edit, &key, user, VALUE_READER (&edit->value))
                              : status;
  }
  key_hashes_of_body (&key, body);
  key_after (&end, &key);
  TRY (edit_collect (edit, &key, &end, &rows));
  for (guint i = 0; i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];

    user = key_number (row->key, row->key_size, AT_HASHES_USER);
    key_hashes (&key, body, user);
    TRY (drop_hashes_of (edit, &key, user, READER (row->value, row->value_size)));
  }
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
    TRY (count_segment (edit, record->segment, record->stored, 1));
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

ptn_status
drop_body (struct edit *edit, uint64_t body, uint32_t user) {
  struct body_row row;
  struct key key;
  ptn_status status = edit_body (edit, body, &row);

  if (status == PTN_E_NOT_FOUND)
    return PTN_OK;
  TRY (status);
  if (row.references > 1) {
    row.references--;
    put_body (edit, body, &row);
    return PTN_OK;
  }
  key_body (&key, body);
  edit_remove (edit, &key);
  if (row.attributes & BODY_DIGEST) {
    key_digest (&key, body);
    edit_remove (edit, &key);
  }
  if (row.attributes & BODY_HASHES)
    TRY (drop_hashes (edit, body, user, row.attributes & BODY_MORE_HASHES));
  if (row.attributes & BODY_BIG) {
    key_big (&key, row.offset);
    edit_remove (edit, &key);
    g_array_append_val (edit->gone, row.offset);
  } else
    TRY (count_segment (edit, row.segment, row.stored, -1));
  return PTN_OK;
}

/* The compactor has put the body's octets elsewhere.  One that nothing uses any more stays where it
 * is, dead: its expunge may have been lost with a rotten record before this one, or come late. */
ptn_status
apply_body_move (struct edit *edit, const struct record *record) {
  struct body_row row;
  ptn_status status = edit_body (edit, record->message.body, &row);

  if (status == PTN_E_NOT_FOUND || (status == PTN_OK && row.attributes & BODY_BIG))
    return PTN_OK;
  TRY (status);
  TRY (count_segment (edit, row.segment, row.stored, -1));
  row.segment = record->segment;
  row.offset = record->body_offset;
  row.stored = record->stored;
  row.codec = record->codec;
  row.crc = record->body_crc;
  TRY (count_segment (edit, row.segment, row.stored, 1));
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
