/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.c - see record.h. */
#include "record.h"

#include "crc32c.h"

/* Where things stand in a header. */
enum {
  H_MAGIC = 0,
  H_CRC = 4,
  H_META = 8,
  H_BODY_CRC = 12,
  H_BODY = 16,
  H_TYPE = 24,
  H_CODEC = 25,
  H_ATTRIBUTES = 26,
  H_VERSION = 27,
  H_USER = 28,
  H_LSN = 32,
  H_SYNCED = 40,
  H_MODSEQ = 48,
  H_MAILBOX = 56,
  H_UID = 60
};

bool
record_has_body (const struct record *record) {
  return record->type == RECORD_BODY_MOVE
         || (record->type == RECORD_DELIVER && !(record->attributes & RECORD_BIG));
}

static void
encode_thread (const struct record *record, struct octets *out) {
  octets_varint (out, record->message.thread);
  octets_varint (out, record->hash_count);
  for (uint32_t i = 0; i < record->hash_count; i++)
    octets_u64 (out, record->hashes[i]);
}

static void
encode_message (const struct record *record, struct octets *out) {
  const struct message_row *message = &record->message;

  octets_varint (out, message->flags);
  octets_varint (out, message->octets << 1 | message->unterminated);
  octets_signed (out, message->internal_date);
  octets_signed (out, message->save_date);
  if (record->version != 1)
    encode_thread (record, out);
  if (record->type == RECORD_COPY)
    octets_varint (out, message->body);
  else if (record->attributes & RECORD_BIG) {
    octets_u64 (out, record->big);
    octets_varint (out, record->stored);
  }
  if (record->type == RECORD_DELIVER && record->version != 1) {
    octets_varint (out, record->email);
    octets_block (out, record->value.data, record->value.size);
  }
}

static void
encode_meta (const struct record *record, struct octets *out) {
  switch (record->type) {
  case RECORD_USER:
  case RECORD_USER_REMOVE:
    octets_text (out, record->text);
    break;
  case RECORD_MAILBOX:
  case RECORD_MAILBOX_REMOVE:
  case RECORD_SUBSCRIBE:
  case RECORD_KEYWORD:
  case RECORD_SPECIAL_USE:
  case RECORD_RIGHTS:
    octets_varint (out, record->number);
    octets_text (out, record->text);
    break;
  case RECORD_MAILBOX_RENAME:
    octets_varint (out, record->number);
    octets_text (out, record->text);
    octets_text (out, record->other);
    break;
  case RECORD_DELIVER:
  case RECORD_COPY:
    encode_message (record, out);
    break;
  case RECORD_FLAGS:
    octets_varint (out, record->group_count);
    for (size_t i = 0; i < record->group_count; i++) {
      octets_varint (out, record->groups[i].flags);
      octets_set (out, SET_OF (record->groups[i].set));
    }
    break;
  case RECORD_EXPUNGE:
    octets_set (out, record->set);
    if (record->version != 1)
      octets_signed (out, record->time);
    break;
  case RECORD_ANNOTATE:
    octets_set (out, record->set);
    octets_text (out, record->text);
    if (!(record->attributes & RECORD_NO_VALUE))
      octets_block (out, record->value.data, record->value.size);
    break;
  case RECORD_QUOTA:
    octets_varint (out, record->storage_limit + 1);
    octets_varint (out, record->messages_limit + 1);
    break;
  case RECORD_TOKEN:
    octets_add (out, record->token.octets, TOKEN_OCTETS);
    octets_block (out, record->value.data, record->value.size);
    if (record->version != 1)
      octets_signed (out, record->time);
    break;
  case RECORD_TOMBSTONE_TRIM:
  case RECORD_RECENT:
    octets_varint (out, record->number);
    break;
  case RECORD_DIGEST:
    octets_varint (out, record->number);
    octets_block (out, record->value.data, record->value.size);
    break;
  case RECORD_TOKEN_TRIM:
    octets_block (out, record->value.data, record->value.size);
    break;
  case RECORD_BODY_MOVE:
    octets_varint (out, record->message.body);
    break;
  case RECORD_BASE:
    octets_add (out, record->value.data, record->value.size);
    break;
  default:
    g_assert_not_reached ();
  }
}

void
record_encode (const struct record *record, struct octets *out) {
  size_t start = out->size;
  uint8_t *header = octets_grow (out, RECORD_HEADER);

  memset (header, 0, RECORD_HEADER);
  encode_meta (record, out);
  header = out->data + start; /* it may have moved */
  put_u32 (header + H_MAGIC, RECORD_MAGIC);
  put_u32 (header + H_META, (uint32_t)(out->size - start - RECORD_HEADER));
  put_u32 (header + H_BODY_CRC, record->body_crc);
  put_u64 (header + H_BODY, record_has_body (record) ? record->stored : 0);
  header[H_TYPE] = record->type;
  header[H_CODEC] = record->codec;
  header[H_ATTRIBUTES] = record->attributes;
  header[H_VERSION] = record->version ? record->version : RECORD_VERSION;
  put_u32 (header + H_USER, record->user);
  put_u64 (header + H_LSN, record->lsn);
  put_u64 (header + H_MODSEQ, record->modseq);
  put_u32 (header + H_MAILBOX, record->mailbox);
  put_u32 (header + H_UID, record->uid);
}

void
record_seal (uint8_t *header, bool end_of_unit, uint64_t synced_lsn, uint32_t salt) {
  size_t size = RECORD_HEADER + get_u32 (header + H_META);

  if (end_of_unit)
    header[H_ATTRIBUTES] |= RECORD_END_OF_UNIT;
  put_u64 (header + H_SYNCED, synced_lsn);
  put_u32 (header + H_CRC, crc32c (salt, header + H_META, size - H_META));
}

uint32_t
record_salt (const unsigned char store_id[16]) {
  return crc32c (0, store_id, 16);
}

bool
record_sizes (const uint8_t *header, uint32_t *meta, uint64_t *body) {
  *meta = get_u32 (header + H_META);
  *body = get_u64 (header + H_BODY);
  return get_u32 (header + H_MAGIC) == RECORD_MAGIC && header[H_VERSION] >= 1
         && header[H_VERSION] <= RECORD_VERSION && *meta <= RECORD_META_MAX
         && *body <= (uint64_t)1 << 40;
}

uint64_t
record_span (uint32_t meta, uint64_t body) {
  return (RECORD_HEADER + (uint64_t)meta + body + RECORD_ALIGNMENT - 1)
         & ~(uint64_t)(RECORD_ALIGNMENT - 1);
}

static void
decode_thread (struct reader *in, struct record *record) {
  uint64_t count;

  record->message.thread = reader_varint (in);
  count = reader_varint (in);
  if (count > HASHES_MAX) {
    in->bad = true;
    return;
  }
  record->hash_count = (uint32_t)count;
  record->hashes = record->own_hashes = count > 0 ? g_new0 (uint64_t, count) : NULL;
  for (uint64_t i = 0; i < count; i++)
    record->own_hashes[i] = reader_u64 (in);
}

static void
decode_identity (struct reader *in, struct record *record) {
  record->email = reader_varint (in);
  record->value = reader_block (in);
  if (record->value.size == 0)
    record->value.data = NULL;
  if (record->email == 0)
    in->bad = true;
}

static void
decode_message (struct reader *in, struct record *record) {
  struct message_row *message = &record->message;
  uint64_t octets;

  message->flags = reader_varint (in);
  octets = reader_varint (in);
  message->octets = octets >> 1;
  message->unterminated = octets & 1;
  message->internal_date = reader_signed (in);
  message->save_date = reader_signed (in);
  if (record->version != 1)
    decode_thread (in, record);
  message->modseq = record->modseq;
  message->body = record->lsn;
  if (record->type == RECORD_COPY)
    message->body = reader_varint (in);
  else if (record->attributes & RECORD_BIG) {
    record->big = reader_u64 (in);
    record->stored = reader_varint (in);
  }
  if (record->type == RECORD_DELIVER && record->version != 1)
    decode_identity (in, record);
  if (record->uid == 0 || record->uid == UINT32_MAX || record->mailbox == 0)
    in->bad = true;
}

static void
decode_groups (struct reader *in, struct record *record) {
  uint64_t count = reader_varint (in);

  if (count > (uint64_t)(in->end - in->at) / 2) {
    in->bad = true;
    return;
  }
  record->groups = g_new0 (struct flag_group, count);
  while (record->group_count < count && !in->bad) {
    struct flag_group *group = &record->groups[record->group_count++];

    group->flags = reader_varint (in);
    group->set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
    reader_set (in, group->set);
  }
}

static void
decode_set (struct reader *in, struct record *record) {
  record->own_set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  reader_set (in, record->own_set);
  record->set = SET_OF (record->own_set);
}

/* A text that becomes part of a key must fit there. */
static const char *
decode_text (struct reader *in, char **own, size_t max) {
  *own = reader_text (in);
  if (*own && strlen (*own) > max)
    in->bad = true;
  return *own;
}

static void
decode_meta (struct reader *in, struct record *record) {
  switch (record->type) {
  case RECORD_USER:
  case RECORD_USER_REMOVE:
    record->text = decode_text (in, &record->own_text, ACCOUNT_MAX_OCTETS);
    break;
  case RECORD_MAILBOX:
  case RECORD_MAILBOX_REMOVE:
  case RECORD_SUBSCRIBE:
  case RECORD_KEYWORD:
  case RECORD_SPECIAL_USE:
    record->number = reader_varint32 (in);
    record->text = decode_text (in, &record->own_text, PATH_MAX_OCTETS);
    break;
  case RECORD_RIGHTS:
    record->number = reader_varint32 (in);
    record->text = decode_text (in, &record->own_text, WHO_MAX_OCTETS);
    break;
  case RECORD_MAILBOX_RENAME:
    record->number = reader_varint32 (in);
    record->text = decode_text (in, &record->own_text, PATH_MAX_OCTETS);
    record->other = decode_text (in, &record->own_other, PATH_MAX_OCTETS);
    break;
  case RECORD_DELIVER:
  case RECORD_COPY:
    decode_message (in, record);
    break;
  case RECORD_FLAGS:
    decode_groups (in, record);
    break;
  case RECORD_EXPUNGE:
    decode_set (in, record);
    if (record->version != 1)
      record->time = reader_signed (in);
    break;
  case RECORD_ANNOTATE:
    decode_set (in, record);
    record->text = decode_text (in, &record->own_text, KEPT_NAME_MAX_OCTETS);
    if (!(record->attributes & RECORD_NO_VALUE))
      record->value = reader_block (in);
    break;
  case RECORD_QUOTA:
    record->storage_limit = reader_varint (in) - 1;
    record->messages_limit = reader_varint (in) - 1;
    break;
  case RECORD_TOKEN:
    for (size_t i = 0; i < TOKEN_OCTETS; i++)
      record->token.octets[i] = reader_u8 (in);
    record->value = reader_block (in);
    if (record->version != 1)
      record->time = reader_signed (in);
    break;
  case RECORD_TOMBSTONE_TRIM:
  case RECORD_RECENT:
    record->number = reader_varint (in);
    break;
  case RECORD_DIGEST:
    record->number = reader_varint (in);
    record->value = reader_block (in);
    break;
  case RECORD_TOKEN_TRIM:
    record->value = reader_block (in);
    if (record->value.size % TOKEN_OCTETS != 0)
      in->bad = true;
    break;
  case RECORD_BODY_MOVE:
    record->message.body = reader_varint (in);
    break;
  case RECORD_BASE:
    record->value = (struct ptn_bytes){ in->at, (size_t)(in->end - in->at) };
    in->at = in->end;
    break;
  default:
    in->bad = true;
  }
}

ptn_status
record_decode (const uint8_t *data, size_t size, uint32_t salt, struct record *record) {
  uint32_t meta;
  uint64_t body;
  struct reader in;

  memset (record, 0, sizeof *record);
  if (size < RECORD_HEADER || !record_sizes (data, &meta, &body) || size - RECORD_HEADER < meta
      || get_u32 (data + H_CRC) != crc32c (salt, data + H_META, RECORD_HEADER + meta - H_META))
    return PTN_E_CORRUPT;
  record->version = data[H_VERSION];
  record->type = data[H_TYPE];
  record->codec = data[H_CODEC];
  record->attributes = data[H_ATTRIBUTES];
  record->user = get_u32 (data + H_USER);
  record->mailbox = get_u32 (data + H_MAILBOX);
  record->uid = get_u32 (data + H_UID);
  record->lsn = get_u64 (data + H_LSN);
  record->synced_lsn = get_u64 (data + H_SYNCED);
  record->modseq = get_u64 (data + H_MODSEQ);
  record->body_crc = get_u32 (data + H_BODY_CRC);
  in = READER (data + RECORD_HEADER, meta);
  decode_meta (&in, record);
  if (record_has_body (record))
    record->stored = body;
  else if (body != 0)
    in.bad = true;
  /* A body may be shared by several accounts, so its move is of none. */
  if (record->lsn == 0
      || (record->user == 0 && record->type != RECORD_BODY_MOVE && record->type != RECORD_BASE))
    in.bad = true;
  return reader_done (&in) ? PTN_OK : PTN_E_CORRUPT;
}

void
record_clear (struct record *record) {
  for (size_t i = 0; i < record->group_count; i++)
    g_array_unref (record->groups[i].set);
  if (record->group_count > 0 || record->groups)
    g_free (record->groups);
  if (record->own_set)
    g_array_unref (record->own_set);
  g_free (record->own_text);
  g_free (record->own_other);
  g_free (record->own_hashes);
  memset (record, 0, sizeof *record);
}

static const char segment_magic[8] = "PTNLOG01";

void
segment_header_encode (const struct segment_header *header, uint8_t out[SEGMENT_HEADER]) {
  memset (out, 0, SEGMENT_HEADER);
  memcpy (out, segment_magic, 8);
  memcpy (out + 8, header->store, 16);
  put_u32 (out + 24, header->shard);
  put_u32 (out + 28, header->number);
  put_u64 (out + 32, header->first_lsn);
  put_u64 (out + 40, (uint64_t)header->created);
  put_u32 (out + 60, crc32c (0, out, 60));
}

bool
segment_header_decode (const uint8_t in[SEGMENT_HEADER], struct segment_header *header) {
  if (memcmp (in, segment_magic, 8) != 0 || get_u32 (in + 60) != crc32c (0, in, 60))
    return false;
  memcpy (header->store, in + 8, 16);
  header->shard = get_u32 (in + 24);
  header->number = get_u32 (in + 28);
  header->first_lsn = get_u64 (in + 32);
  header->created = (int64_t)get_u64 (in + 40);
  return true;
}
