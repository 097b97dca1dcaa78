/* SPDX-License-Identifier: GPL-3.0-or-later */
/* txn.h - the committer's side of a batch of units (struct txn in store.h). */
#ifndef STORAGE_KYOTO_TXN_H
#define STORAGE_KYOTO_TXN_H

#include "commit.h"

/* origin: who need not be told of it; or NULL. */
void txn_begin_unit (struct txn *, const struct ptn_task *origin);
void txn_end_unit (struct txn *); /* the last record gets END_OF_UNIT */
void txn_abort_unit (struct txn *);
void txn_reset (struct txn *);
/* Seals all headers and makes one list of what has to be written; g_free it. */
struct iovec *txn_vectors (struct txn *, size_t *count);

#endif
