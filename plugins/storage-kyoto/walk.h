/* SPDX-License-Identifier: GPL-3.0-or-later */
/* walk.h - goes through a segment record by record, sound or not, in a window of bounded memory.
 *
 * A walk has the file open: that the segment is compacted away meanwhile does not disturb it.
 * Belongs to whoever made it; any thread. */
#ifndef STORAGE_KYOTO_WALK_H
#define STORAGE_KYOTO_WALK_H

#include "record.h"
#include "store.h"

struct walk;
struct walk_step {
  uint64_t at, span;    /* of the record, or of what stands where none can be read */
  const char *why;      /* what is wrong; NULL: nothing */
  struct record record; /* lsn 0: could not be read.  With offset and body_offset */
  const uint8_t *body;  /* its octets in the log; NULL: it has none, or could not be read */
};

/* Up to where the shard's log ends now.  NULL: errno (ENOENT: compacted away). */
struct walk *walk_new (struct shard *, uint32_t number);
void walk_free (struct walk **);
/* Is the segment's header that of this segment of this store? */
bool walk_header_good (const struct walk *);
uint64_t walk_size (const struct walk *);
/* The next record, the walk's own until the next call; NULL: the end. */
const struct walk_step *walk_next (struct walk *);

#endif
