/* SPDX-License-Identifier: Apache-2.0 */
/* layout.h - the octets of a digest (digest.h), all little-endian; nobody else includes it.
 *
 *    0  "PMD1"
 *    4  u32 size of all
 *    8  u64 octets of the mail
 *   16  u64 size of its header, with the empty line
 *   24  i64 date, seconds since 1970
 *   32  i32 its zone in minutes; INT32_MIN: no date
 *   36  u32 number of parts
 *   40  MIME_MEMBERS times u32 offset (0: absent), u32 size
 *       the members
 *
 * A row of the table of parts, behind whose last row stand the charsets:
 *    0  u64 offset of the header     24  u32 LFs in the body         34  u8 kind     36  u8 flags (1:
 *    8  u64 its size                 28  u32 next part outside       35  u8 encoding     attachment)
 *   16  u64 size of the body         32  u16 depth                   37  u8 size of the charset
 *   38  u16 0                        40  u32 where it is in the member
 *
 * What is changed gets another fourth letter: readers then take the digest for absent. */
#ifndef PLUGINS_COMMON_MIME_LAYOUT_H
#define PLUGINS_COMMON_MIME_LAYOUT_H

#include "common/mime/digest.h"

enum { LAYOUT_HEAD = 40 + 8 * MIME_MEMBERS, LAYOUT_ROW = 44, LAYOUT_ATTACHMENT = 1 };

static inline uint64_t
get_number (const unsigned char *at, unsigned size) {
  uint64_t value = 0;
  while (size-- > 0)
    value = value << 8 | at[size];
  return value;
}

static inline void
put_number (unsigned char *at, uint64_t value, unsigned size) {
  for (; size > 0; size--, value >>= 8)
    *at++ = (unsigned char)value;
}

#endif
