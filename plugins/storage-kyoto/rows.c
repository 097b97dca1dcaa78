/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.c - see rows.h. */
#include "rows.h"

static void
begin (struct key *key, enum key_kind kind) {
  key->octets[0] = (uint8_t)kind;
  key->size = 1;
}

static void
add_u32 (struct key *key, uint32_t value) {
  value = GUINT32_TO_BE (value);
  memcpy (key->octets + key->size, &value, 4);
  key->size += 4;
}

/* Callers have checked the lengths of names; a longer one is our own mistake. */
static void
add_octets (struct key *key, const void *data, size_t size) {
  g_assert (size <= KEY_ROOM - key->size);
  memcpy (key->octets + key->size, data, size);
  key->size += (uint32_t)size;
}

void
key_meta (struct key *key, const char *word) {
  begin (key, KEY_META);
  add_octets (key, word, strlen (word));
}

void
key_user (struct key *key, const char *account) {
  begin (key, KEY_USER);
  add_octets (key, account, strlen (account));
}

void
key_of_user (struct key *key, enum key_kind kind, uint32_t user) {
  begin (key, kind);
  add_u32 (key, user);
}

void
key_name (struct key *key, uint32_t user, const char *path) {
  key_of_user (key, KEY_NAME, user);
  add_octets (key, path, strlen (path));
}

void
key_mailbox (struct key *key, uint32_t user, uint32_t mailbox) {
  key_of_user (key, KEY_MAILBOX, user);
  add_u32 (key, mailbox);
}

void
key_message (struct key *key, uint32_t user, uint32_t mailbox, uint32_t uid) {
  key_of_user (key, KEY_MESSAGE, user);
  add_u32 (key, mailbox);
  add_u32 (key, uid);
}

static void
add_u64 (struct key *key, uint64_t value) {
  add_u32 (key, (uint32_t)(value >> 32));
  add_u32 (key, (uint32_t)value);
}

void
key_body (struct key *key, uint64_t body) {
  begin (key, KEY_BODY);
  add_u64 (key, body);
}

void
key_tombstone (struct key *key, uint32_t user, uint32_t mailbox, uint64_t modseq) {
  key_of_user (key, KEY_TOMBSTONE, user);
  add_u32 (key, mailbox);
  add_u64 (key, modseq);
}

void
key_digest (struct key *key, uint64_t body) {
  begin (key, KEY_DIGEST);
  add_u64 (key, body);
}

void
key_thread (struct key *key, uint32_t user, uint64_t hash) {
  begin (key, KEY_THREAD);
  key->octets[key->size++] = 0;
  add_u32 (key, user);
  add_u64 (key, hash);
}

void
key_hashes (struct key *key, uint64_t body, uint32_t user) {
  key_hashes_of_body (key, body);
  add_u32 (key, user);
}

void
key_hashes_of_body (struct key *key, uint64_t body) {
  begin (key, KEY_THREAD);
  key->octets[key->size++] = 1;
  add_u64 (key, body);
}

void
key_rights (struct key *key, uint32_t user, uint32_t mailbox, const char *who) {
  key_of_user (key, KEY_RIGHTS, user);
  add_u32 (key, mailbox);
  add_octets (key, who, strlen (who));
}

void
key_rights_of (struct key *key, const char *who, uint32_t user, uint32_t mailbox) {
  begin (key, KEY_RIGHTS_OF);
  add_octets (key, who, strlen (who) + 1);
  add_u32 (key, user);
  add_u32 (key, mailbox);
}

void
key_account_name (struct key *key, uint32_t user) {
  key_meta (key, "name");
  add_u32 (key, user);
}

void
key_big (struct key *key, uint64_t number) {
  begin (key, KEY_BIG);
  add_u64 (key, number);
}

void
key_annotation (struct key *key, uint32_t user, uint32_t mailbox, uint32_t uid, const char *name) {
  key_of_user (key, KEY_ANNOTATION, user);
  add_u32 (key, mailbox);
  add_u32 (key, uid);
  add_octets (key, name, strlen (name));
}

void
key_segment (struct key *key, uint32_t segment) {
  begin (key, KEY_SEGMENT);
  add_u32 (key, segment);
}

void
key_keywords (struct key *key, uint32_t user, uint32_t mailbox) {
  key_of_user (key, KEY_KEYWORDS, user);
  add_u32 (key, mailbox);
}

void
key_token (struct key *key, uint32_t user, const struct ptn_id *token) {
  key_of_user (key, KEY_TOKEN, user);
  add_octets (key, token->octets, TOKEN_OCTETS);
}

void
key_after (struct key *end, const struct key *prefix) {
  end->size = prefix->size;
  memmove (end->octets, prefix->octets, prefix->size); /* may be the same */
  /* Kinds are small numbers, so this always ends at the first octet at the latest. */
  while (end->octets[end->size - 1] == 0xff)
    end->size--;
  end->octets[end->size - 1]++;
}

uint32_t
key_number (const uint8_t *key, size_t size, size_t offset) {
  uint32_t value;

  if (size < offset + 4)
    return 0;
  memcpy (&value, key + offset, 4);
  return GUINT32_FROM_BE (value);
}

uint64_t
key_number64 (const uint8_t *key, size_t size, size_t offset) {
  return size < offset + 8
             ? 0
             : (uint64_t)key_number (key, size, offset) << 32 | key_number (key, size, offset + 4);
}

char *
key_text (const uint8_t *key, size_t size, size_t offset) {
  return size <= offset ? g_strdup ("") : g_strndup ((const char *)key + offset, size - offset);
}

void
user_id_put (struct octets *value, uint32_t user) {
  octets_varint (value, user);
}

bool
user_id_get (struct reader reader, uint32_t *user) {
  *user = reader_varint32 (&reader);
  return reader_done (&reader) && *user != 0;
}

void
body_id_put (struct octets *value, uint64_t body) {
  octets_varint (value, body);
}

bool
body_id_get (struct reader reader, uint64_t *body) {
  *body = reader_varint (&reader);
  return reader_done (&reader) && *body != 0;
}

/* A limit is coded as itself and one, so that "none" takes one octet. */
void
user_row_put (struct octets *value, const struct user_row *row) {
  octets_varint (value, row->octets);
  octets_varint (value, row->messages);
  octets_varint (value, row->storage_limit + 1);
  octets_varint (value, row->messages_limit + 1);
  octets_varint (value, row->next_mailbox);
  octets_varint (value, row->last_uidvalidity);
}

bool
user_row_get (struct reader reader, struct user_row *row) {
  row->octets = reader_varint (&reader);
  row->messages = reader_varint (&reader);
  row->storage_limit = reader_varint (&reader) - 1;
  row->messages_limit = reader_varint (&reader) - 1;
  row->next_mailbox = reader_varint32 (&reader);
  row->last_uidvalidity = reader_varint32 (&reader);
  return reader_done (&reader);
}

void
name_row_put (struct octets *value, const struct name_row *row) {
  octets_varint (value, row->mailbox);
  octets_varint (value, row->attributes);
}

bool
name_row_get (struct reader reader, struct name_row *row) {
  row->mailbox = reader_varint32 (&reader);
  row->attributes = reader_varint32 (&reader);
  return reader_done (&reader);
}

void
mailbox_row_put (struct octets *value, const struct mailbox_row *row) {
  octets_varint (value, row->uidnext);
  octets_varint (value, row->uidvalidity);
  octets_varint (value, row->modseq);
  octets_varint (value, row->messages);
  octets_varint (value, row->unseen);
  octets_varint (value, row->deleted);
  octets_varint (value, row->annotations);
  octets_varint (value, row->octets);
  octets_varint (value, row->uid_sum);
  octets_varint (value, row->floor);
  octets_varint (value, row->tombstones);
  octets_varint (value, row->recent);
}

bool
mailbox_row_get (struct reader reader, struct mailbox_row *row) {
  row->uidnext = reader_varint32 (&reader);
  row->uidvalidity = reader_varint32 (&reader);
  row->modseq = reader_varint (&reader);
  row->messages = reader_varint32 (&reader);
  row->unseen = reader_varint32 (&reader);
  row->deleted = reader_varint32 (&reader);
  row->annotations = reader_varint32 (&reader);
  row->octets = reader_varint (&reader);
  row->uid_sum = reader_varint (&reader);
  row->floor = reader_varint (&reader);
  row->tombstones = reader_varint32 (&reader);
  row->recent = reader_varint32 (&reader);
  return reader_done (&reader) && row->uidnext != 0;
}

void
message_row_put (struct octets *value, const struct message_row *row) {
  uint8_t *at = octets_grow (value, 7 * VARINT_ROOM);

  at = put_varint (at, row->flags);
  at = put_varint (at, row->modseq);
  at = put_varint (at, row->octets << 1 | row->unterminated);
  at = put_varint (at, row->body);
  at = put_signed (at, row->internal_date);
  /* Mostly saved when it was received. */
  at = put_signed (at, (int64_t)((uint64_t)row->save_date - (uint64_t)row->internal_date));
  if (row->thread != 0) /* most are alone, or the first of their thread */
    at = put_varint (at, row->thread);
  value->size = (size_t)(at - value->data);
}

bool
message_row_get (struct reader reader, struct message_row *row) {
  uint64_t octets;

  row->flags = reader_varint_short (&reader);
  row->modseq = reader_varint_short (&reader);
  octets = reader_varint_short (&reader);
  row->octets = octets >> 1;
  row->unterminated = octets & 1;
  row->body = reader_varint_short (&reader);
  row->internal_date = reader_signed (&reader);
  row->save_date = (int64_t)((uint64_t)row->internal_date + (uint64_t)reader_signed (&reader));
  row->thread = reader.at < reader.end ? reader_varint (&reader) : 0;
  return reader_done (&reader);
}

void
body_row_put (struct octets *value, const struct body_row *row) {
  octets_u8 (value, row->codec);
  octets_u8 (value, row->attributes);
  octets_u32 (value, row->crc);
  octets_varint (value, row->segment);
  octets_varint (value, row->offset);
  octets_varint (value, row->stored);
  octets_varint (value, row->references);
  octets_varint (value, row->email);
}

bool
body_row_get (struct reader reader, struct body_row *row) {
  row->codec = reader_u8 (&reader);
  row->attributes = reader_u8 (&reader);
  row->crc = reader_u32 (&reader);
  row->segment = reader_varint32 (&reader);
  row->offset = reader_varint (&reader);
  row->stored = reader_varint (&reader);
  row->references = reader_varint32 (&reader);
  row->email = reader_varint (&reader);
  return reader_done (&reader);
}

void
hashes_row_put (struct octets *value, const struct hashes_row *row) {
  for (uint32_t i = 0; i < row->count; i++)
    octets_u64 (value, row->hashes[i]);
}

bool
hashes_row_get (struct reader reader, struct hashes_row *row) {
  for (row->count = 0; row->count < HASHES_MAX && reader.at < reader.end;)
    row->hashes[row->count++] = reader_u64 (&reader);
  return reader_done (&reader);
}

void
thread_row_put (struct octets *value, const struct thread_row *row) {
  octets_varint (value, row->thread);
  octets_varint (value, row->references);
}

bool
thread_row_get (struct reader reader, struct thread_row *row) {
  row->thread = reader_varint (&reader);
  row->references = reader_varint (&reader);
  return reader_done (&reader) && row->references > 0;
}

void
tombstone_row_put (struct octets *value, int64_t time, struct ptn_uid_set uids) {
  octets_signed (value, time);
  octets_set (value, uids);
}

bool
tombstone_row_get (struct reader reader, int64_t *time, GArray *uids) {
  *time = reader_signed (&reader);
  reader_set (&reader, uids);
  return reader_done (&reader);
}

bool
token_row_get (struct reader *reader, int64_t *time) {
  *time = reader_signed (reader);
  return !reader->bad;
}

void
segment_row_put (struct octets *value, const struct segment_row *row) {
  octets_varint (value, row->live);
  octets_varint (value, row->bodies);
}

bool
segment_row_get (struct reader reader, struct segment_row *row) {
  row->live = reader_varint (&reader);
  row->bodies = reader_varint (&reader);
  return reader_done (&reader) && row->bodies > 0;
}

void
position_put (struct octets *value, const struct position *position) {
  octets_varint (value, position->lsn);
  octets_varint (value, position->segment);
  octets_varint (value, position->offset);
}

bool
position_get (struct reader reader, struct position *position) {
  position->lsn = reader_varint (&reader);
  position->segment = reader_varint32 (&reader);
  position->offset = reader_varint (&reader);
  return reader_done (&reader);
}
