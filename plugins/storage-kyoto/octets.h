/* SPDX-License-Identifier: GPL-3.0-or-later */
/* octets.h - octet strings that grow, and a reader of them that cannot run over their end.
 *
 * Fixed numbers are little-endian; `varint` is 7 bits an octet, low bits first, the top bit
 * says that more follow (10 octets at most).  Owned by the caller; no locks. */
#ifndef STORAGE_KYOTO_OCTETS_H
#define STORAGE_KYOTO_OCTETS_H

#include "common/uid_set.h"

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

struct octets { /* zeroed is empty */
  uint8_t *data;
  size_t size, room;
};

void octets_clear (struct octets *);
/* Makes place for `size` more octets at the end, counts them in, and returns them. */
uint8_t *octets_grow (struct octets *, size_t size);
void octets_add (struct octets *, const void *data, size_t size);
void octets_u8 (struct octets *, uint8_t);
void octets_u32 (struct octets *, uint32_t);
void octets_u64 (struct octets *, uint64_t);
void octets_varint (struct octets *, uint64_t);
void octets_signed (struct octets *, int64_t); /* zigzag, as varint */
/* The same at a place that has room for VARINT_ROOM octets; returns the one behind it.  For rows of which
 * there are thousands: their octets are counted once. */
enum { VARINT_ROOM = 10 };
static inline uint8_t *
put_varint (uint8_t *at, uint64_t value) {
  for (; value >= 128; value >>= 7)
    *at++ = (uint8_t)(value | 128);
  *at++ = (uint8_t)value;
  return at;
}
static inline uint8_t *
put_signed (uint8_t *at, int64_t value) {
  return put_varint (at, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}
/* Length as varint, then the octets. */
void octets_text (struct octets *, const char *);
void octets_block (struct octets *, const void *data, size_t size);
/* Count of ranges, then for each the gap to the range before and its length less one. */
void octets_set (struct octets *, struct ptn_uid_set);

void put_u32 (uint8_t *, uint32_t);
void put_u64 (uint8_t *, uint64_t);
uint32_t get_u32 (const uint8_t *);
uint64_t get_u64 (const uint8_t *);

struct reader {
  const uint8_t *at, *end;
  bool bad; /* something was asked for that is not there; stays set */
};

#define READER(data, size) ((struct reader){ (data), (data) + (size), false })
/* All of it read, and nothing bad? */
bool reader_done (const struct reader *);
uint8_t reader_u8 (struct reader *);
uint32_t reader_u32 (struct reader *);
uint64_t reader_u64 (struct reader *);
uint64_t reader_varint (struct reader *);
/* The same for loops over many: numbers of up to four octets cost no call. */
static inline uint64_t
reader_varint_short (struct reader *reader) {
  const uint8_t *at = reader->at;
  uint32_t value = 0;

  if (reader->bad || reader->end - at < 4)
    return reader_varint (reader);
  for (unsigned shift = 0; shift < 28; shift += 7) {
    uint32_t octet = *at++;

    value |= (octet & 127) << shift;
    if (octet < 128) {
      reader->at = at;
      return value;
    }
  }
  return reader_varint (reader);
}
/* A varint that must fit 32 bits. */
uint32_t reader_varint32 (struct reader *);
int64_t reader_signed (struct reader *);
/* The block, still inside the input; size 0 and data NULL when bad. */
struct ptn_bytes reader_block (struct reader *);
/* A block without NULs as a string, g_malloc'd; NULL when bad. */
char *reader_text (struct reader *);
/* Appends ranges (struct ptn_uid_range) to the array; ascending and not empty, else bad. */
void reader_set (struct reader *, GArray *ranges);

/* How many UIDs a set names. */
uint64_t set_count (struct ptn_uid_set);
/* Ranges ascending, apart and not empty? */
bool set_valid (struct ptn_uid_set);

/* The order of two keys as octets, -1, 0 or 1.  Most are 9 to 16 octets long: two words each,
 * which is several times faster than a call of memcmp. */
static inline int
octets_order (const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
  size_t size = a_size < b_size ? a_size : b_size;
  uint64_t left, right;

  if (size >= 8 && size <= 16) {
    memcpy (&left, a, 8);
    memcpy (&right, b, 8);
    if (left == right) { /* the last eight may overlap them */
      memcpy (&left, a + size - 8, 8);
      memcpy (&right, b + size - 8, 8);
    }
    if (left != right)
      return GUINT64_FROM_BE (left) < GUINT64_FROM_BE (right) ? -1 : 1;
  } else {
    int result = memcmp (a, b, size);

    if (result != 0)
      return result < 0 ? -1 : 1;
  }
  return (a_size > b_size) - (a_size < b_size);
}

#endif
