/* SPDX-License-Identifier: GPL-3.0-or-later */
/* apply.h - what the files of apply share: apply.c (accounts, mailboxes, and which record is whose),
 * apply_message.c (what is in a mailbox), apply_body.c (bodies and what belongs to them).
 *
 * The one place that says what a record does: the commit thread runs it when it makes a record,
 * recovery when it reads one, so that both give the same index.  It is lenient where a lost record
 * before this one could have left a gap (bit rot), and exact otherwise. */
#ifndef STORAGE_KYOTO_APPLY_H
#define STORAGE_KYOTO_APPLY_H

#include "edit.h"

#define TRY(expression)             \
  do {                              \
    ptn_status try_ = (expression); \
    if (try_ != PTN_OK)             \
      return try_;                  \
  } while (0)

/* A row that must be there. */
static inline ptn_status
need (ptn_status status) {
  return status == PTN_E_NOT_FOUND ? PTN_E_CORRUPT : status;
}

/* Removes every key that begins with the prefix. */
ptn_status remove_range (struct edit *, const struct key *prefix, uint32_t *removed);

/* apply_body.c */
ptn_status make_body (struct edit *, const struct record *);
/* One reference more, by a COPY. */
ptn_status share_body (struct edit *, const struct record *);
void put_body (struct edit *, uint64_t body, const struct body_row *);
/* Bodies leave a segment: how many, and their octets. */
ptn_status leave_segment (struct edit *, uint32_t segment, const struct segment_row *gone);
/* So many bodies fewer that the account knows the hash by. */
ptn_status drop_hash (struct edit *, uint32_t user, uint64_t hash, uint64_t bodies);
ptn_status apply_body_move (struct edit *, const struct record *);
ptn_status apply_digest (struct edit *, const struct record *);

/* drop_body.c: one reference less for each element (uint64_t; they are sorted), a message of the
 * user's; the last takes the body along. */
ptn_status drop_bodies (struct edit *, GArray *bodies, uint32_t user);

/* apply_message.c */
/* Takes messages out of a mailbox, whose row the caller puts back. */
ptn_status remove_messages (struct edit *, uint32_t user_id, uint32_t mailbox_id,
                            struct ptn_uid_set, struct mailbox_row *);
ptn_status apply_message (struct edit *, const struct record *);
ptn_status apply_flags (struct edit *, const struct record *);
ptn_status apply_expunge (struct edit *, const struct record *);
ptn_status apply_tombstone_trim (struct edit *, const struct record *);
ptn_status apply_recent (struct edit *, const struct record *);
ptn_status apply_annotate (struct edit *, const struct record *);

#endif
