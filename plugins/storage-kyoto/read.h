/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.h - the octets of a message. */
#ifndef STORAGE_KYOTO_READ_H
#define STORAGE_KYOTO_READ_H

#include "account.h"

ptn_status message_read (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                         uint32_t uid, uint64_t offset, uint64_t length, struct ptn_source **);
/* The same for a mailbox that is known, without read-ahead. */
ptn_status message_open (const struct place *, struct ptn_task *, uint32_t uid,
                         struct ptn_source **);

/* Where the next messages of a mailbox are that is read in order; belongs to an account. */
struct readahead;
void readahead_free (struct readahead **);

#endif
