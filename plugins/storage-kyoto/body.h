/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body.h - a message as it comes in: pulled from its source into one buffer, and packed there, or,
 * when it grows past BODY_INLINE_MAX, into a file of its own.  Owned by a job; filled, and packed,
 * by its task: the committer writes what it finds. */
#ifndef STORAGE_KYOTO_BODY_H
#define STORAGE_KYOTO_BODY_H

#include "big.h"

enum { BODY_INLINE_MAX = 1 << 20 };

struct body {
  struct shard *shard; /* where a big file is made */
  uint8_t *data;       /* all of it, or the current piece of a big one */
  size_t size, room;
  uint64_t octets;    /* of the message */
  uint32_t crc;       /* of `data`, when it is complete */
  uint8_t codec;      /* of `data`, when it is complete */
  uint8_t last[2];    /* the last two octets */
  struct buffer *raw; /* what was packed, for the cache; or NULL */
  struct big *big;
  bool complete;
};

void body_init (struct body *, struct shard *);
void body_clear (struct body *);
/* Takes what the source has.  PTN_OK: all of it; PENDING; or an error (of the source, or
 * PTN_E_TEMPORARY after host->fail).  [task] */
ptn_status body_pull (struct body *, struct ptn_source *, struct ptn_task *);
bool body_unterminated (const struct body *);
/* It was committed to this shard with this id: whoever the mail is for will soon want it, and finds
 * it in memory, not yet packed. [any] */
void body_remember (const struct body *, const struct shard *, uint64_t id);
/* The part of a DELIVER record that comes from the body. */
void body_describe (const struct body *, struct record *);

#endif
