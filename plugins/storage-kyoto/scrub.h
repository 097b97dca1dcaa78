/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scrub.h - reads everything the store has on disk and checks it, so that what rots is known
 * while a backup still has it.
 *
 * A struct scrub is one pass, made and driven by one thread at a time.  The scrubber is a thread of
 * the store's own that makes a pass now and then, slowly and with idle I/O priority, and goes on
 * where it was after a restart. */
#ifndef STORAGE_KYOTO_SCRUB_H
#define STORAGE_KYOTO_SCRUB_H

#include "store.h"

struct scrub_problem {
  uint32_t shard;
  char *where, *what;
  char *account, *mailbox; /* whose message it is; NULL: nobody's in particular */
  uint32_t uid;
};

struct scrub {
  struct store *store;
  uint64_t done, total; /* octets; total is what there was at the beginning */
  GPtrArray *problems;  /* struct scrub_problem, in the order found */
  uint32_t shard;       /* in hand; the number of shards: the pass is over */
  uint32_t segment;     /* of it, the last one that was read to its end */
  uint32_t passed_over; /* shards that did not serve */
  /* NULL, or called while a part is read that cannot be broken off and taken up again; false: stop. */
  bool (*pace) (void *argument, uint64_t octets);
  void *pace_argument;
  struct scrub_work *work;
};

/* Goes on behind this segment of this shard. */
struct scrub *scrub_new (struct store *, uint32_t shard, uint32_t segment);
void scrub_free (struct scrub **);
/* Reads some more, about so many octets, and logs what is wrong; false: the pass is over. */
bool scrub_step (struct scrub *, uint64_t octets);

/* Nothing to do (PTN_OK) if the setting is 0. */
ptn_status scrubber_start (struct store *);
void scrubber_stop (struct store *);
/* A pass by command has ended: the next one is due an interval later. */
void scrubber_done (struct store *, uint64_t problems);

#endif
