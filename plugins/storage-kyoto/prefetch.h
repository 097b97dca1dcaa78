/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prefetch.h - decompresses bodies before their reader comes to them, on a thread of its own.
 *
 * Who reads a mailbox from one end to the other needs most of its time to decompress.  It hands the
 * bodies to come to the prefetcher, which begins at the last one, while the reader goes on from the
 * first: they meet in the middle, and what the prefetcher has read is in the cache.  Nobody waits
 * for it: it takes a few such jobs and refuses more, and yields the processor to others.
 *
 * A job is counted: the reader has one reference, the prefetcher perhaps another. */
#ifndef STORAGE_KYOTO_PREFETCH_H
#define STORAGE_KYOTO_PREFETCH_H

#include "store.h"

enum { PREFETCH_MOST = 64 }; /* bodies of a job */

struct prefetch { /* the beginning of a job's memory (g_malloc) */
  _Atomic uint32_t references;
  _Atomic uint64_t claimed; /* bit i: somebody reads body i, or has */
  atomic_bool cancelled;
  uint32_t count;
  void (*read) (struct prefetch *, uint32_t i); /* [the prefetcher's thread] */
};

/* Without a cache or a second processor nothing is started, and all is refused. */
ptn_status prefetcher_start (struct store *);
void prefetcher_stop (struct store *); /* before the shards are closed */

/* Takes the job on; false: there are enough.  Either way the caller keeps its reference. [any] */
bool prefetch_submit (struct store *, struct prefetch *);
/* The reader is at this one. [any] */
void prefetch_claim (struct prefetch *, uint32_t i);
/* The reader wants no more of it; gives back its reference. [any] */
void prefetch_end (struct prefetch **);

#endif
