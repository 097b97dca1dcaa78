/* SPDX-License-Identifier: GPL-3.0-or-later */
/* carry.h - which annotations go with a copy of a message (RFC 5257 section 4.6): the shared ones,
 * if the asker may set such ones there, and the asker's own private ones. */
#ifndef STORAGE_KYOTO_CARRY_H
#define STORAGE_KYOTO_CARRY_H

#include "commit.h"
#include "cursor.h"

struct carry {
  char *own_from, *own_to; /* the ends of the asker's private names, here and there; NULL: all go */
  bool shared;
};

/* [task] */
void carry_init (struct carry *, struct ptn_account *, const struct place *from,
                 const struct place *to);
void carry_clear (struct carry *);

/* What goes with a message into another shard, read there.  Free with g_ptr_array_unref; NULL:
 * nothing. */
ptn_status carry_load (const struct carry *, const struct place *from, uint32_t uid, GPtrArray **);
/* Gives it to a message that a record of this unit has made.  [committer] */
ptn_status carry_put (struct txn *, const GPtrArray *carried, const struct record *made);
/* The same within a shard.  [committer] */
ptn_status carry_here (struct txn *, const struct carry *, uint32_t user, uint32_t mailbox,
                       uint32_t uid, const struct record *made);

#endif
