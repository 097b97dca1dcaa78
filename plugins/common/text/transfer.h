/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.h - content transfer encodings (RFC 2045 section 6) and uuencode, decoded as the octets
 * pass by, whatever is wrong with them.
 *
 * The struct belongs to the caller, set up by transfer_begin; nothing to free.  No locks.  Malformed
 * input is decoded as well as can be, and noted in `malformed`: BINARY (RFC 3516 section 4.3) says
 * UNKNOWN-CTE then, searches do not care. */
#ifndef PLUGINS_COMMON_TEXT_TRANSFER_H
#define PLUGINS_COMMON_TEXT_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_encoding {
  TRANSFER_IDENTITY = 0, /* 7bit, 8bit, binary, none */
  TRANSFER_BASE64,
  TRANSFER_QUOTED_PRINTABLE,
  TRANSFER_UUENCODE,
  TRANSFER_UNKNOWN /* passed as it is */
};

enum { TRANSFER_HELD = 128 };
/* Room for what `size` octets of input may give. */
#define TRANSFER_ROOM(size) ((size) + TRANSFER_HELD + 8)

struct transfer_decoder {
  enum transfer_encoding encoding;
  bool malformed; /* something was not as the encoding asks */
  unsigned char state, count;
  uint32_t bits;
  size_t held_size; /* blanks that may end a line; the line of uuencode */
  unsigned char held[TRANSFER_HELD];
};

/* The value of Content-Transfer-Encoding, blanks and comments around it ignored.  "": identity. */
enum transfer_encoding transfer_encoding_of (const char *name, size_t size);

void transfer_begin (struct transfer_decoder *, enum transfer_encoding);
/* Decodes the next octets to `out` (TRANSFER_ROOM(size) octets, not the input itself); returns how
 * many it wrote. */
size_t transfer_decode (struct transfer_decoder *, const void *data, size_t size,
                        unsigned char *out);
/* The end of input; `out` has TRANSFER_ROOM(0). */
size_t transfer_end (struct transfer_decoder *, unsigned char *out);

#endif
