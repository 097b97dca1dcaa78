/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_kept.c - verify: what is kept beside messages agrees with itself.
 *
 * Rows that belong together are compared by sums over all of them (of a mix of what they name), so
 * that a store of any size needs no memory for it. */
#include "verify.h"

#include "crc32c.h"

struct sums {
  uint64_t hashed, hashes;  /* bodies that say they have hashes, and those that have rows of them */
  uint64_t shared, sharing; /* bodies that say they have more such rows, and those that do */
  uint64_t threads, counted;   /* hashes of all bodies by user, and what thread rows count */
  uint64_t last_hashes;        /* the body of the last row of hashes */
  bool last_shared;            /* it was not the first of the body */
  uint64_t digested, digests;  /* bodies that say they have a digest, and the digests */
  uint64_t entries, ways_back; /* of rights */
  uint64_t tombstones, kept;   /* UIDs in tombstones, and what mailboxes count; by mailbox */
  uint64_t users, names;       /* accounts, and their names by number */
  bool senseless;              /* a row makes no sense */
};

/* Sums of these agree by accident as seldom as 64 bits allow. */
static uint64_t
mix (uint64_t value) {
  value = (value ^ value >> 33) * 0xff51afd7ed558ccd;
  value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53;
  return value ^ value >> 33;
}

static uint64_t
mailbox_of (const uint8_t *key, size_t size) {
  return (uint64_t)key_number (key, size, AT_USER) << 32 | key_number (key, size, AT_MAILBOX);
}

static bool
body (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;
  uint64_t id = key_number64 (key, key_size, 1);
  struct body_row row;

  if (!body_row_get (READER (value, size), &row))
    return true; /* verify.c tells */
  if (row.attributes & BODY_HASHES)
    sums->hashed += mix (id);
  if (row.attributes & BODY_MORE_HASHES)
    sums->shared += mix (id);
  if (row.attributes & BODY_DIGEST)
    sums->digested += mix (id);
  return true;
}

/* What one user knows of a body.  Rows of a body stand together. */
static void
hashes (struct sums *sums, uint64_t id, uint32_t who, const struct hashes_row *row) {
  if (id != sums->last_hashes)
    sums->hashes += mix (id);
  else if (!sums->last_shared)
    sums->sharing += mix (id);
  sums->last_shared = id == sums->last_hashes;
  sums->last_hashes = id;
  for (uint32_t i = 0; i < row->count; i++)
    sums->threads += mix (row->hashes[i] + mix (who));
}

static bool
thread (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;
  struct hashes_row known;
  struct thread_row row;

  if (key_size == 14 && key[1] == 0 && thread_row_get (READER (value, size), &row))
    sums->counted += mix (key_number64 (key, key_size, AT_THREAD_HASH)
                          + mix (key_number (key, key_size, AT_THREAD_USER)))
                     * row.references;
  else if (key_size == 14 && key[1] == 1 && hashes_row_get (READER (value, size), &known))
    hashes (sums, key_number64 (key, key_size, AT_HASHES_BODY),
            key_number (key, key_size, AT_HASHES_USER), &known);
  else
    sums->senseless = true;
  return true;
}

static bool
digest (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  ((struct sums *)argument)->digests += mix (key_number64 (key, key_size, 1));
  return true;
}

/* user and mailbox in front of `who`. */
static bool
entry (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;

  if (key_size <= AT_WHO)
    sums->senseless = true;
  else
    sums->entries +=
        mix (mailbox_of (key, key_size) + mix (crc32c (0, key + AT_WHO, key_size - AT_WHO)));
  return true;
}

/* `who` and a NUL in front of user and mailbox. */
static bool
way_back (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;

  if (key_size <= 1 + 1 + 8)
    sums->senseless = true;
  else
    sums->ways_back +=
        mix (key_number64 (key, key_size, key_size - 8) + mix (crc32c (0, key + 1, key_size - 10)));
  return true;
}

static bool
tombstone (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  g_autoptr (GArray) uids = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct sums *sums = argument;
  int64_t time;

  if (tombstone_row_get (READER (value, size), &time, uids))
    sums->tombstones += mix (mailbox_of (key, key_size)) * set_count (SET_OF (uids));
  else
    sums->senseless = true;
  return true;
}

static bool
mailbox (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;
  struct mailbox_row row;

  if (key_number (key, key_size, AT_MAILBOX) != 0 && mailbox_row_get (READER (value, size), &row))
    sums->kept += mix (mailbox_of (key, key_size)) * row.tombstones;
  return true;
}

static bool
user (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;
  uint32_t number;

  if (user_id_get (READER (value, size), &number))
    sums->users += mix ((uint64_t)number << 32 | crc32c (0, key + 1, key_size - 1));
  else
    sums->senseless = true;
  return true;
}

static bool
meta (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct sums *sums = argument;

  if (key_size == 9 && memcmp (key + 1, "name", 4) == 0)
    sums->names += mix ((uint64_t)key_number (key, key_size, 5) << 32 | crc32c (0, value, size));
  return true;
}

ptn_status
verify_kept (struct shard *shard, GPtrArray *problems) {
  static const struct {
    enum key_kind kind;
    index_row *row;
  } scans[] = {
    { KEY_META, meta },           { KEY_USER, user },          { KEY_MAILBOX, mailbox },
    { KEY_BODY, body },           { KEY_THREAD, thread },      { KEY_DIGEST, digest },
    { KEY_TOMBSTONE, tombstone }, { KEY_RIGHTS_OF, way_back }, { KEY_RIGHTS, entry },
  };
  struct sums sums = { 0 };
  ptn_status status = PTN_END;

  for (size_t i = 0; i < G_N_ELEMENTS (scans) && status == PTN_END; i++) {
    struct key from = { .size = 1 }, end = { .size = 1 };

    from.octets[0] = (uint8_t)scans[i].kind;
    end.octets[0] = (uint8_t)(scans[i].kind + 1);
    status = index_scan (&shard->index, NULL, &from, &end, SIZE_MAX, scans[i].row, &sums);
  }
  if (status != PTN_END)
    return status;
#define CHECK(condition, text) \
  if (!(condition))            \
  verify_add (problems, shard, g_strdup ("index"), "%s", text)
  CHECK (!sums.senseless, "a row of what is kept beside messages makes no sense");
  CHECK (sums.hashed == sums.hashes && sums.shared == sums.sharing,
         "bodies and their hashes of Message-IDs do not agree");
  CHECK (sums.threads == sums.counted, "threads and the bodies in them do not agree");
  CHECK (sums.digested == sums.digests, "bodies and digests do not agree");
  CHECK (sums.entries == sums.ways_back, "rights by mailbox and by who has them do not agree");
  CHECK (sums.tombstones == sums.kept, "mailboxes count expunged messages wrongly");
  CHECK (sums.users == sums.names, "accounts and their names by number do not agree");
#undef CHECK
  return PTN_END;
}
