/* SPDX-License-Identifier: GPL-3.0-or-later */
/* described.h - who a message is: its EMAILID, the thread it belongs to, and the digest that came
 * with it (RFC 8474, struct ptn_description).
 *
 * EMAILIDs are numbers from a counter that starts at the time of day in nanoseconds, so that none
 * is given twice.  THREADID is the EMAILID of the thread's first message.  Which Message-IDs are
 * known, and their threads, is kept by hash (SipHash-2-4 under the store's id, of which clients see
 * a half), for each account by itself: one row for each, counted by the bodies that have it. */
#ifndef STORAGE_KYOTO_DESCRIBED_H
#define STORAGE_KYOTO_DESCRIBED_H

#include "store.h"

#include <postern/store.h>

enum { DIGEST_MAX = 64 * 1024 };

/* Filled by a task, then only read.  Owned by a delivery or a step. */
struct described {
  uint64_t email;
  uint64_t thread; /* 0: to be looked for */
  uint32_t count;
  uint64_t hashes[HASHES_MAX];
  GBytes *digest; /* NULL: none */
};

/* A message nobody has seen before. */
void described_init (struct described *, struct store *);
/* Asks the describer, if there is one.  [task] */
ptn_status described_ask (struct described *, struct store *, const struct ptn_append *);
void described_clear (struct described *);
/* What is known of a message of the user's, for a copy of it in another shard. */
ptn_status described_of_message (struct described *, struct shard *, uint32_t user,
                                 const struct message_row *);
/* Into a DELIVER record, or the COPY of a delivery to one more recipient; finds the thread in the
 * account record->user.  The record borrows.  [committer] */
ptn_status described_put (const struct described *, struct edit *, struct record *);
/* Into a COPY record: the hashes that the user `from` knows of the body, for another user.  The
 * record borrows.  [committer] */
ptn_status described_carry (struct edit *, uint32_t from, struct hashes_row *, struct record *);

/* EMAILID of a body. */
uint64_t body_email (const struct shard *, uint64_t body, const struct body_row *);
struct ptn_id object_id (const struct store *, uint64_t number);

/* For tests: SipHash-2-4. */
uint64_t siphash (const unsigned char key[16], const void *data, size_t size);

#endif
