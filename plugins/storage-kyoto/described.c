/* SPDX-License-Identifier: GPL-3.0-or-later */
/* described.c - see described.h. */
#include "described.h"

#include "account.h"

#define ROTATE(value, bits) ((value) << (bits) | (value) >> (64 - (bits)))

static void
sip_rounds (uint64_t v[4], int rounds) {
  while (rounds-- > 0) {
    v[0] += v[1];
    v[1] = ROTATE (v[1], 13) ^ v[0];
    v[0] = ROTATE (v[0], 32);
    v[2] += v[3];
    v[3] = ROTATE (v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = ROTATE (v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = ROTATE (v[1], 17) ^ v[2];
    v[2] = ROTATE (v[2], 32);
  }
}

uint64_t
siphash (const unsigned char key[16], const void *data, size_t size) {
  uint64_t k0 = get_u64 (key), k1 = get_u64 (key + 8), word;
  uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                    k1 ^ 0x7465646279746573 };
  uint8_t tail[8] = { 0 };
  size_t at = 0;

  for (; at + 8 <= size; at += 8) {
    word = get_u64 ((const uint8_t *)data + at);
    v[3] ^= word;
    sip_rounds (v, 2);
    v[0] ^= word;
  }
  if (size > at)
    memcpy (tail, (const uint8_t *)data + at, size - at);
  tail[7] = (uint8_t)size;
  word = get_u64 (tail);
  v[3] ^= word;
  sip_rounds (v, 2);
  v[0] ^= word;
  v[2] ^= 0xff;
  sip_rounds (v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
described_init (struct described *described, struct store *store) {
  memset (described, 0, sizeof *described);
  described->email = atomic_fetch_add (&store->next_email, 1);
}

void
described_clear (struct described *described) {
  g_clear_pointer (&described->digest, g_bytes_unref);
}

ptn_status
described_ask (struct described *described, struct store *store, const struct ptn_append *append) {
  struct ptn_description description = { .size = sizeof description };
  ptn_status status;

  if (!PTN_CAN (append, describe))
    return PTN_OK;
  status = append->describe (append->argument, &description);
  if (status != PTN_OK)
    return status < 0 ? status : PTN_E_INVALID;
  if (description.digest.size > 0 && description.digest.size <= DIGEST_MAX)
    described->digest = g_bytes_new (description.digest.data, description.digest.size);
  for (size_t i = 0; i < description.references.count && i < HASHES_MAX; i++) {
    const char *id = description.references.items[i];

    if (!id || !id[0])
      continue; /* the first: the message has no Message-ID */
    described->hashes[described->count++] = siphash (store->id, id, strlen (id));
  }
  return PTN_OK;
}

ptn_status
described_of_message (struct described *described, struct shard *shard, uint32_t user,
                      const struct message_row *message) {
  uint64_t body = message->body;
  struct hashes_row hashes;
  struct body_row row;
  struct value value;
  struct key key;
  ptn_status status = read_body_row (shard, body, &row);

  if (status != PTN_OK)
    return status;
  memset (described, 0, sizeof *described);
  described->email = body_email (shard, body, &row);
  described->thread = message->thread ? message->thread : described->email;
  value_init (&value);
  if (row.attributes & BODY_HASHES) {
    key_hashes (&key, body, user);
    status = index_get (&shard->index, NULL, &key, &value);
    if (status == PTN_OK && hashes_row_get (VALUE_READER (&value), &hashes)) {
      described->count = hashes.count;
      memcpy (described->hashes, hashes.hashes, sizeof hashes.hashes);
    }
  }
  if (row.attributes & BODY_DIGEST && status != PTN_E_CORRUPT) {
    key_digest (&key, body);
    status = index_get (&shard->index, NULL, &key, &value);
    if (status == PTN_OK)
      described->digest = g_bytes_new (value.data, value.size);
  }
  value_clear (&value);
  return status == PTN_E_CORRUPT ? status : PTN_OK;
}

/* The thread that the account knows the first hash by of which it knows one; 0: none. */
static ptn_status
find_thread (const struct described *described, struct edit *edit, uint32_t user,
             uint64_t *thread) {
  *thread = 0;
  for (uint32_t i = 0; i < described->count && *thread == 0; i++) {
    struct thread_row row;
    struct key key;
    ptn_status status;

    key_thread (&key, user, described->hashes[i]);
    status = edit_get (edit, &key, &edit->value);
    if (status == PTN_OK)
      *thread = thread_row_get (VALUE_READER (&edit->value), &row) ? row.thread : 0;
    if (status == PTN_E_CORRUPT || (status == PTN_OK && *thread == 0))
      return PTN_E_CORRUPT;
  }
  return PTN_OK;
}

ptn_status
described_put (const struct described *described, struct edit *edit, struct record *record) {
  ptn_status status = PTN_OK;

  record->message.thread = described->thread;
  if (described->thread == 0)
    status = find_thread (described, edit, record->user, &record->message.thread);
  if (record->message.thread == described->email)
    record->message.thread = 0;
  record->hashes = described->hashes;
  record->hash_count = described->count;
  if (record->type == RECORD_COPY)
    return status; /* all else is known of the body */
  record->email = described->email;
  if (described->digest)
    record->value.data = g_bytes_get_data (described->digest, &record->value.size);
  return status;
}

ptn_status
described_carry (struct edit *edit, uint32_t from, struct hashes_row *hashes,
                 struct record *record) {
  struct key key;
  ptn_status status;

  key_hashes (&key, record->message.body, from);
  status = edit_get (edit, &key, &edit->value);
  if (status != PTN_OK)
    return status == PTN_E_NOT_FOUND ? PTN_OK : status;
  if (!hashes_row_get (VALUE_READER (&edit->value), hashes))
    return PTN_E_CORRUPT;
  record->hashes = hashes->hashes;
  record->hash_count = hashes->count;
  return PTN_OK;
}

uint64_t
body_email (const struct shard *shard, uint64_t body, const struct body_row *row) {
  /* Bodies from before EMAILIDs were kept have those of where they stood. */
  return row->email ? row->email : (uint64_t)shard->number << 48 | body;
}

struct ptn_id
object_id (const struct store *store, uint64_t number) {
  struct ptn_id id;

  number = GUINT64_TO_BE (number);
  memcpy (id.octets, &number, 8);
  memcpy (id.octets + 8, store->id, 8);
  return id;
}
