/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.h - the log from a position on, read into the index; where a recovery or a rebuild has got
 * to in it.
 *
 * Owned by the recovery.  One thread a shard: [setup], or that of a rebuild. */
#ifndef STORAGE_KYOTO_REPLAY_H
#define STORAGE_KYOTO_REPLAY_H

#include "store.h"

struct replay {
  struct shard *shard;
  bool online;        /* the log is open, and ends where shard->log says */
  bool holes;         /* parts of the segment in hand cannot be read: they look like zeros */
  ptn_status trouble; /* why it cannot go on */
  GArray *segments;   /* struct segment_info */
  guint current;      /* index of the one in hand */
  uint8_t *data;      /* of it, from `base` on */
  size_t size;
  uint64_t base;
  uint64_t lsn; /* the next one expected */
  struct edit edit;
  uint64_t records, lost, octets;
  guint unpublished;
};

/* The number of the segment in hand. */
uint32_t replay_segment (const struct replay *);
/* Reads it, from `base` on.  False: `trouble` says why. */
bool replay_load (struct replay *);
/* From there on to the end of the log.  Returns where that is, in the segment in hand; `trouble`:
 * it could not be reached. */
uint64_t replay_log (struct replay *);
/* Everything up to the position is in the index, or nothing of it yet. */
void replay_publish (struct replay *, uint32_t segment, uint64_t offset);

/* The header of a segment, as it is on disk.  False: there is none to be read. */
bool segment_header_read (const struct shard *, uint32_t number, struct segment_header *);

#endif
