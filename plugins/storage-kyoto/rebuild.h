/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rebuild.h - the index of one shard made anew while the others serve.
 *
 * Each shard that needs it gets a thread; no more than a few of them work at the same time.
 * Meanwhile every operation on the shard is refused with PTN_E_TEMPORARY and a text: writes by the
 * committer, reads by the index itself.  Then it serves again; nothing has to be opened anew. */
#ifndef STORAGE_KYOTO_REBUILD_H
#define STORAGE_KYOTO_REBUILD_H

#include "store.h"

ptn_status rebuilder_start (struct store *);
/* What is under way ends soon, and begins again at the next start. */
void rebuilder_stop (struct store *);
/* When nobody can ask any more. */
void rebuilder_free (struct store *);

/* [any] The shard's index is to be made anew; nothing happens if that is under way, or was done a
 * moment ago.  `reason` goes into the log.  False: it cannot be done now (a sync has failed). */
bool rebuild_ask (struct shard *, const char *reason);
/* The shard whose recovery was put off at start (its state is SHARD_REBUILDING). */
void rebuild_begin (struct shard *);

/* How it went, or how far it is. [any] */
struct rebuild_state {
  bool running;
  uint64_t count;       /* finished since the store was opened */
  uint64_t done, total; /* octets */
  ptn_status status;    /* of the last one */
  uint64_t lost;        /* records and rows, by the last one */
  int64_t milliseconds; /* of the last one */
};
void rebuild_look (struct shard *, struct rebuild_state *);

#endif
