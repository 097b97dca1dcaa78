/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.h - the records of the log (FORMAT.md, "Records").
 *
 * A record says what is so after it (absolute values), never what to compute: replaying it needs
 * no decision.  A struct record borrows what it points to: from the operation that makes it, or
 * from the buffer it was decoded from (and, for sets and texts, from the struct itself, which
 * record_clear frees).  No locks. */
#ifndef STORAGE_KYOTO_RECORD_H
#define STORAGE_KYOTO_RECORD_H

#include "codec.h"
#include "rows.h"

enum {
  RECORD_MAGIC = 0x524e5450, /* "PTNR" */
  RECORD_HEADER = 64,
  RECORD_ALIGNMENT = 8,
  RECORD_META_MAX = 64 << 20
};

enum record_type {
  RECORD_USER = 1,       /* an account comes into being: user, text its name */
  RECORD_USER_REMOVE,    /* user, text its name */
  RECORD_MAILBOX,        /* user, mailbox, number uidvalidity, text path */
  RECORD_MAILBOX_REMOVE, /* user, mailbox, text path, number 1: stays as NOSELECT */
  RECORD_MAILBOX_RENAME, /* user, mailbox, text old path, other new path, number attributes */
  RECORD_SUBSCRIBE,      /* user, mailbox, text path, number 0 or 1 */
  RECORD_DELIVER,        /* message with its body: body id is the record's lsn */
  RECORD_COPY,           /* message that shares the body message.body */
  RECORD_FLAGS,          /* user, mailbox, modseq, groups */
  RECORD_EXPUNGE,        /* user, mailbox, modseq, set */
  RECORD_KEYWORD,        /* user, mailbox, number bit, text keyword */
  RECORD_ANNOTATE,  /* user, mailbox (0: account), modseq, set (none: mailbox), text name, value */
  RECORD_QUOTA,     /* user, limits */
  RECORD_TOKEN,     /* user, token, value the coded outcome */
  RECORD_BODY_MOVE, /* a body from an older segment, as it was there: message.body its id */
  RECORD_TOMBSTONE_TRIM, /* user, mailbox, number: the new floor */
  RECORD_SPECIAL_USE,    /* user, mailbox, text path, number the attributes */
  RECORD_RIGHTS,         /* user, mailbox, text who, number rights; 0: none any more */
  RECORD_RECENT,         /* user, mailbox, number: the first UID nobody was told of */
  RECORD_DIGEST,         /* user, number body id, value the digest */
  RECORD_TOKEN_TRIM,     /* user, value the tokens, one behind the other */
  RECORD_TYPE_END
};
/* Not in the log: rows of the index, in base files (base.h).  lsn, mailbox (segment) and modseq
 * (offset) are the position that the rows are of, uid counts the records, value is the rows. */
enum { RECORD_BASE = 22 };
enum { RECORD_VERSION = 2 }; /* of headers that are written */
enum { RECORD_END_OF_UNIT = 1, RECORD_BIG = 2, RECORD_NO_VALUE = 4 };

struct flag_group {
  uint64_t flags;
  GArray *set; /* of struct ptn_uid_range */
};

struct record {
  uint8_t type, codec, attributes;
  uint32_t user, mailbox, uid;
  uint64_t lsn, synced_lsn, modseq;
  uint8_t version;            /* of the header: what the meta has; 0: the newest */
  bool delivered;             /* DELIVER, COPY: not by a client.  For events, not in the log */
  struct message_row message; /* DELIVER, COPY */
  uint64_t email;             /* DELIVER: as in struct body_row */
  const uint64_t *hashes;     /* DELIVER, COPY: of Message-IDs, for the threads of the user */
  uint32_t hash_count;
  int64_t time;    /* EXPUNGE, TOKEN: seconds since 1970 */
  uint64_t big;    /* DELIVER with RECORD_BIG: the number of its file */
  uint64_t stored; /* octets of the body, in the log or in its file */
  uint32_t body_crc;
  const void *body; /* in the log: the octets; NULL after a decode of the header alone */
  uint64_t number;
  const char *text, *other;
  struct ptn_bytes value; /* DELIVER: the digest; data NULL: none */
  struct ptn_id token;
  struct ptn_uid_set set;
  struct flag_group *groups; /* FLAGS */
  size_t group_count;
  uint64_t storage_limit, messages_limit;
  /* Where it stands. */
  uint32_t segment;
  uint64_t offset;      /* of its header */
  uint64_t body_offset; /* of its body in the segment */
  /* What a decode has made; record_clear frees it. */
  GArray *own_set;
  char *own_text, *own_other;
  uint64_t *own_hashes;
};

/* Appends header and meta (not the body, nor its padding).  The header is finished by
 * record_seal when the unit is complete. */
void record_encode (const struct record *, struct octets *);
/* Sets END_OF_UNIT if asked, synced_lsn, and the checksum, in a header with its meta.
 *
 * The checksum begins with a salt that only the store knows (record_salt): when recovery looks
 * for the next record behind a damaged one, it walks through mail, and a mail must not be able to
 * contain a record. */
void record_seal (uint8_t *header, bool end_of_unit, uint64_t synced_lsn, uint32_t salt);
uint32_t record_salt (const unsigned char store_id[16]);

/* The sizes that a header (RECORD_HEADER octets) claims; false: it is no header, or the sizes
 * are more than any record has. */
bool record_sizes (const uint8_t *header, uint32_t *meta, uint64_t *body);
/* Octets with header, meta, body and padding. */
uint64_t record_span (uint32_t meta, uint64_t body);
/* Decodes header and meta of `size` octets in all; checks the checksum of both.  The body is not
 * looked at.  PTN_OK or PTN_E_CORRUPT; clear the record in both cases. */
ptn_status record_decode (const uint8_t *data, size_t size, uint32_t salt, struct record *);
void record_clear (struct record *);
/* Do octets of a body stand behind its meta? */
bool record_has_body (const struct record *);

/* The first octets of every segment. */
enum { SEGMENT_HEADER = 64 };
struct segment_header {
  unsigned char store[16]; /* the store's id */
  uint32_t shard, number;
  uint64_t first_lsn; /* of the first record */
  int64_t created;    /* seconds since 1970 */
};
void segment_header_encode (const struct segment_header *, uint8_t out[SEGMENT_HEADER]);
bool segment_header_decode (const uint8_t in[SEGMENT_HEADER], struct segment_header *);

#endif
