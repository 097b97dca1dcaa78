/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base.h - base snapshots: all rows of the index as they were at one position of the log.
 *
 * An index that is lost is made anew from the newest base and the log behind the base's position.
 * So segments before that position are needed for their bodies only, and may go when they have none
 * that is alive; without a base, a rebuild would not know of an expunge whose record went with its
 * segment, and would bring the message back.
 *
 * A base is a file of records (RECORD_BASE) that each say the position, so that damage takes no
 * more than the rows of the records it hits.  It knows nothing of what the rows mean. */
#ifndef STORAGE_KYOTO_BASE_H
#define STORAGE_KYOTO_BASE_H

#include "store.h"

/* Writes a base from the tree that CURRENT names, and removes those before it when it is durable.
 * Takes shard->upkeep, but no lock that clients wait for.  False: there is no tree, a row is rotten
 * (the index is marked corrupt then), or errno. */
bool base_write (struct shard *);
/* The newest base there is, by its name; 0: none. */
uint32_t base_newest (const struct shard *);
/* Looks which bases there are, and notes the newest (shard->base_*).  At start. */
void base_find (struct shard *);

/* Reads the newest base; how many of its records are damaged (0: none, or there is no base).  If any
 * are, another base is wanted, which the compactor writes.  number may be NULL.  Any thread. */
uint64_t base_damage (struct shard *, uint32_t *number);

struct base_result {
  struct position position;
  uint64_t rows, records, octets;
  uint64_t lost; /* records that are missing or damaged */
};
typedef bool base_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
                       size_t size);
/* Reads a base; every row that is whole goes to `row` (may be NULL), in ascending order; it
 * returns false to stop.  PTN_OK, also with losses; PTN_E_NOT_FOUND: no such base, or nothing of it
 * is readable; PTN_E_CANCELLED: stopped by `row`. */
ptn_status base_read (const struct shard *, uint32_t number, base_row *row, void *argument,
                      struct base_result *);

#endif
