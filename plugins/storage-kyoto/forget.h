/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forget.h - what is kept for a time only: who left a mailbox, and which commits were done.
 *
 * By count: with the expunge that makes a mailbox's tombstones too many.  By age: the checkpointer
 * walks over all of them, some rows a turn, and lets the committer remove what has become old. */
#ifndef STORAGE_KYOTO_FORGET_H
#define STORAGE_KYOTO_FORGET_H

#include "commit.h"

/* An expunge of these UIDs.  [committer] */
ptn_status emit_expunge (struct txn *, uint32_t user, uint32_t mailbox, uint64_t modseq,
                         struct ptn_uid_set);

struct forgetting; /* where the walk through a shard is */
struct forgetting *forgetting_new (void);
void forgetting_free (struct forgetting **);
/* A turn, if it is time for one.  [checkpointer] */
void forget_turn (struct shard *, int64_t now);
/* Looks at `limit` rows.  True: that was the last of them, the next turn begins anew.  Any thread,
 * while the committers run. */
bool forget_some (struct shard *, size_t limit);

#endif
