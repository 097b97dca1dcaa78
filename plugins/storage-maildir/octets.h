/* SPDX-License-Identifier: Apache-2.0 */
/* octets.h - how the sidecar files write numbers and texts: appended to a GByteArray, and read
 * by a reader that cannot run over the end of its input.
 *
 * Numbers are varints: 7 bits an octet, low bits first, the top bit says that more follow.
 * Pure functions, owned by the caller. */
#ifndef STORAGE_MAILDIR_OCTETS_H
#define STORAGE_MAILDIR_OCTETS_H

#include "common/uid_set.h"

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

void put_number (GByteArray *, uint64_t);
void put_signed (GByteArray *, int64_t); /* zigzag */
void put_block (GByteArray *, const void *data, size_t size);
void put_text (GByteArray *, const char *);
void put_id (GByteArray *, const struct ptn_id *);
/* Count of ranges, then of each the gap to the one before and its length less one. */
void put_set (GByteArray *, struct ptn_uid_set);

struct octets {
  const uint8_t *at, *end;
  bool bad; /* something was asked for that is not there; stays so */
};
uint64_t get_number (struct octets *);
uint32_t get_number32 (struct octets *); /* bad when it does not fit */
int64_t get_signed (struct octets *);
struct ptn_bytes get_block (struct octets *); /* points into the input */
char *get_text (struct octets *);             /* g_malloc'd; NULL when bad */
struct ptn_id get_id (struct octets *);
void get_set (struct octets *, GArray *ranges); /* ascending and not empty, else bad */

/* CRC-32 (IEEE 802.3), continued over more octets; 0 at first. */
uint32_t crc32_of (uint32_t crc, const void *data, size_t size);

#define RANGES_NEW() g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range))

#endif
