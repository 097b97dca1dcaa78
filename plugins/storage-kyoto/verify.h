/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.h - looks at everything a shard has: each record of the log, each row of the index, and
 * whether they agree.  Reads only; may run beside a serving store. */
#ifndef STORAGE_KYOTO_VERIFY_H
#define STORAGE_KYOTO_VERIFY_H

#include "store.h"

struct problem {
  uint32_t shard;
  char *where, *what;
};
void problem_free (void *);

struct verify_counts {
  uint64_t segments, records, log_octets;
  uint64_t accounts, mailboxes, messages, bodies, octets;
};

/* Numbers of the segments of a shard, ascending (uint32_t). */
GArray *verify_segments (const struct shard *);
/* One segment, up to where the shard's log ended when it was asked; lsn: the one expected first
 * (0: any), then the next one. */
void verify_segment (struct shard *, uint32_t number, uint64_t *lsn, GPtrArray *problems,
                     struct verify_counts *);
/* All rows of the index and the counts they should add up to.  False: the shard was too busy to
 * compare counts. */
bool verify_index (struct shard *, GPtrArray *problems, struct verify_counts *);

/* For the files of verify: one problem more; takes `where` over. */
void verify_add (GPtrArray *problems, const struct shard *, char *where, const char *format, ...)
    PTN_PRINTF (4, 5);
/* Rows beside messages.  PTN_END: looked at. */
ptn_status verify_kept (struct shard *, GPtrArray *problems);

#endif
