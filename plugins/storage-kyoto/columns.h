/* SPDX-License-Identifier: GPL-3.0-or-later */
/* columns.h - the arrays of views: counted, and shared by views that differ only behind their end.
 *
 * A column has a value a message.  A view sees the first `count` of them and never looks further,
 * so that a newer view may have more in the same memory.  Nobody changes a value that some view
 * sees: who wants that makes a copy.
 *
 * References may be taken and given back by any thread; values are added by one at a time (whoever
 * builds the mailbox's next view). */
#ifndef STORAGE_KYOTO_COLUMNS_H
#define STORAGE_KYOTO_COLUMNS_H

#include "octets.h"

struct column;

/* Three columns and how much of them. */
struct columns {
  struct column *uid, *flags, *modseq;
  uint32_t count;
};

/* What has become of a message. */
struct note {
  uint32_t uid;
  uint32_t order : 31; /* of two notes about one message the greater one holds */
  uint32_t gone : 1;
  uint64_t flags, modseq;
};

void columns_init (struct columns *, uint32_t room);
void columns_clear (struct columns *);
void columns_share (struct columns *, const struct columns *); /* another reference to each */
/* Behind all others, in ascending order of UIDs, into columns that were initialised, not shared:
 * where the next ones go, at least one and no more than `room`; those that were put there are then
 * counted in.  Spares a call for each. */
struct columns_space {
  uint32_t *uid;
  uint64_t *flags, *modseq;
  uint32_t room;
};
struct columns_space columns_space (struct columns *);
void columns_added (struct columns *, uint32_t count);
/* The columns after these notes, which are sorted meanwhile.  `result` is not initialised. */
void columns_apply (struct columns *result, const struct columns *old, struct note *notes,
                    size_t count);

const uint32_t *columns_uid (const struct columns *);
const uint64_t *columns_flags (const struct columns *);
const uint64_t *columns_modseq (const struct columns *);

#endif
