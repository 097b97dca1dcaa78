/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rows.h - the keys of the index and what stands behind them (FORMAT.md, "Index").
 *
 * Keys are big-endian, so that their order as octets is the order of numbers.  Values are
 * varints, because most of them are small.  Everything here is values; no locks. */
#ifndef STORAGE_KYOTO_ROWS_H
#define STORAGE_KYOTO_ROWS_H

#include "common/mailbox_name.h"

#include "octets.h"

#include <inttypes.h>

enum key_kind {
  KEY_META = 0x00,       /* "pos", "users", "uidvalidity" */
  KEY_USER = 0x01,       /* account name -> user id */
  KEY_NAME = 0x02,       /* user, path -> mailbox id, attributes */
  KEY_MAILBOX = 0x03,    /* user, mailbox -> counts; mailbox 0: the account itself */
  KEY_MESSAGE = 0x04,    /* user, mailbox, uid -> message_row */
  KEY_BODY = 0x05,       /* body id -> body_row */
  KEY_TOMBSTONE = 0x06,  /* user, mailbox, modseq -> when, and the UIDs that left with it */
  KEY_DIGEST = 0x07,     /* body id -> digest */
  KEY_ANNOTATION = 0x08, /* user, mailbox (0: account), uid (0: mailbox), name -> value */
  KEY_SEGMENT = 0x09,    /* segment number -> live bodies */
  KEY_KEYWORDS = 0x0a,   /* user, mailbox -> keyword table */
  KEY_TOKEN = 0x0b,      /* user, token -> the outcome of a commit that carried it */
  KEY_BIG = 0x0c,        /* number of a big file -> body id */
  KEY_THREAD = 0x0d, /* 0, user, hash of a Message-ID -> thread_row; 1, body id, user -> hashes */
  KEY_RIGHTS = 0x0e, /* user, mailbox, who -> rights */
  KEY_RIGHTS_OF = 0x0f, /* who, 0, user, mailbox -> nothing: where `who` has an entry */
  KEY_END = 0xff        /* marks behind all rows of a tree */
};

enum {
  ACCOUNT_MAX_OCTETS = 512,
  NAME_MAX_OCTETS = 256,                                           /* of an annotation or keyword */
  WHO_MAX_OCTETS = ACCOUNT_MAX_OCTETS + 2,                         /* of an entry of rights */
  KEPT_NAME_MAX_OCTETS = NAME_MAX_OCTETS + 1 + ACCOUNT_MAX_OCTETS, /* private.h */
  KEY_ROOM = 1024,
  KEYWORDS_MAX = 48,
  TOKEN_OCTETS = 16,
  HASHES_MAX = 32 /* of Message-IDs: a message's own, and those that it refers to */
};

struct key {
  uint32_t size;
  uint8_t octets[KEY_ROOM];
};

void key_meta (struct key *, const char *word);
void key_user (struct key *, const char *account);
void key_name (struct key *, uint32_t user, const char *path);
void key_mailbox (struct key *, uint32_t user, uint32_t mailbox);
void key_message (struct key *, uint32_t user, uint32_t mailbox, uint32_t uid);
void key_body (struct key *, uint64_t body);
void key_tombstone (struct key *, uint32_t user, uint32_t mailbox, uint64_t modseq);
void key_digest (struct key *, uint64_t body);
void key_thread (struct key *, uint32_t user, uint64_t hash);
void key_hashes (struct key *, uint64_t body, uint32_t user);
/* Every key of hashes of the body, whoever knows them. */
void key_hashes_of_body (struct key *, uint64_t body);
void key_rights (struct key *, uint32_t user, uint32_t mailbox, const char *who);
void key_rights_of (struct key *, const char *who, uint32_t user, uint32_t mailbox);
/* The name of an account by its number. */
void key_account_name (struct key *, uint32_t user);
void key_annotation (struct key *, uint32_t user, uint32_t mailbox, uint32_t uid, const char *name);
void key_segment (struct key *, uint32_t segment);
void key_big (struct key *, uint64_t number);
void key_keywords (struct key *, uint32_t user, uint32_t mailbox);
void key_token (struct key *, uint32_t user, const struct ptn_id *token);
/* Every key of a kind that belongs to the user. */
void key_of_user (struct key *, enum key_kind, uint32_t user);
/* The first key behind all that begin with this one: the end of a range. */
void key_after (struct key *end, const struct key *prefix);
/* The number at `offset` of a key met in a range; 0 if the key is too short. */
uint32_t key_number (const uint8_t *key, size_t size, size_t offset);
uint64_t key_number64 (const uint8_t *key, size_t size, size_t offset);
/* What stands behind `offset`, as a string (up to a NUL); g_malloc'd. */
char *key_text (const uint8_t *key, size_t size, size_t offset);
/* Where things stand in keys: kind, user, mailbox, uid, name. */
enum {
  AT_USER = 1,
  AT_MAILBOX = 5,
  AT_UID = 9,
  AT_NAME_PATH = 5,
  AT_ANNOTATION_NAME = 13,
  AT_MODSEQ = 9,
  AT_WHO = 9,
  AT_TOKEN = 5,
  AT_THREAD_USER = 2,
  AT_THREAD_HASH = 6,
  AT_HASHES_BODY = 2,
  AT_HASHES_USER = 10
};

struct user_row { /* KEY_MAILBOX with mailbox 0 */
  uint64_t octets, messages;
  uint64_t storage_limit, messages_limit; /* UINT64_MAX: none */
  uint32_t next_mailbox, last_uidvalidity;
};
/* Special uses stand there, too, with their bits of abi/postern/store.h. */
enum { NAME_SUBSCRIBED = 1, NAME_NOSELECT = 2 };
struct name_row {
  uint32_t mailbox;
  uint32_t attributes; /* NAME_* */
};
struct mailbox_row {
  uint32_t uidnext, uidvalidity;
  uint64_t modseq;
  uint32_t messages, unseen, deleted;
  uint32_t annotations; /* of its messages, so that an expunge knows whether to look */
  uint64_t octets;
  uint64_t uid_sum;    /* of all UIDs there are: does the range of messages agree? */
  uint64_t floor;      /* modseq: who left after it is in the tombstones */
  uint32_t tombstones; /* UIDs in them */
  uint32_t recent;     /* the first UID nobody has been told of; 0: like 1 */
};
struct message_row {
  uint64_t flags, modseq, octets, body;
  int64_t internal_date, save_date;
  uint64_t thread; /* THREADID; 0: the EMAILID of the body */
  bool unterminated;
};
/* MORE_HASHES: rows of hashes of more than one user. */
enum { BODY_BIG = 1, BODY_DIGEST = 2, BODY_HASHES = 4, BODY_MORE_HASHES = 8 };
struct body_row {
  uint32_t segment, crc, references;
  uint8_t codec, attributes;
  uint64_t offset; /* in the segment; of a big body: the number in its file's name */
  uint64_t stored; /* octets there */
  uint64_t email;  /* EMAILID; 0: from before they were kept (described.h) */
};
struct hashes_row { /* of the Message-IDs whose thread rows, of one user, count a body */
  uint64_t hashes[HASHES_MAX];
  uint32_t count;
};
struct thread_row {
  uint64_t thread;
  uint64_t references; /* bodies of the user's messages that have the hash */
};
struct segment_row {
  uint64_t live;   /* octets of bodies in the segment that messages use, as stored */
  uint64_t bodies; /* how many they are; 0: there is no row */
};
struct position {
  uint64_t lsn; /* of the last record this tree knows */
  uint64_t offset;
  uint32_t segment; /* where the next record stands */
};

/* put: appends to the octets; get: false if the value makes no sense. */
void user_id_put (struct octets *, uint32_t user);
bool user_id_get (struct reader, uint32_t *user);
void body_id_put (struct octets *, uint64_t body);
bool body_id_get (struct reader, uint64_t *body);
void user_row_put (struct octets *, const struct user_row *);
bool user_row_get (struct reader, struct user_row *);
void name_row_put (struct octets *, const struct name_row *);
bool name_row_get (struct reader, struct name_row *);
void mailbox_row_put (struct octets *, const struct mailbox_row *);
bool mailbox_row_get (struct reader, struct mailbox_row *);
void message_row_put (struct octets *, const struct message_row *);
bool message_row_get (struct reader, struct message_row *);
void body_row_put (struct octets *, const struct body_row *);
bool body_row_get (struct reader, struct body_row *);
void hashes_row_put (struct octets *, const struct hashes_row *);
bool hashes_row_get (struct reader, struct hashes_row *);
void thread_row_put (struct octets *, const struct thread_row *);
bool thread_row_get (struct reader, struct thread_row *);
/* Appends ranges to the array. */
void tombstone_row_put (struct octets *, int64_t time, struct ptn_uid_set);
bool tombstone_row_get (struct reader, int64_t *time, GArray *uids);
/* What stands behind the time is the outcome. */
bool token_row_get (struct reader *, int64_t *time);
void segment_row_put (struct octets *, const struct segment_row *);
bool segment_row_get (struct reader, struct segment_row *);
void position_put (struct octets *, const struct position *);
bool position_get (struct reader, struct position *);

#endif
