/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c - see base64.h. */
#include "base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Of ASCII; all others are -1, too. */
static const signed char values[128] = {
  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62,
  -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1, 0,
  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
  23, 24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
  39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
};

static int
value_of (unsigned char c) {
  return c < 128 ? values[c] : -1;
}

/* The last four characters, which may be padded.  Bits that the padding leaves over must be zero
 * (RFC 4648 section 3.5). */
static bool
decode_end (const unsigned char *text, unsigned char *out, size_t *written) {
  const unsigned pads = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
  const int a = value_of (text[0]), b = value_of (text[1]);
  const int c = pads == 2 ? 0 : value_of (text[2]), d = pads ? 0 : value_of (text[3]);
  if ((a | b | c | d) < 0 || (pads == 1 && (c & 3)) || (pads == 2 && (b & 15)))
    return false;
  out[(*written)++] = (unsigned char)(a << 2 | b >> 4);
  if (pads < 2)
    out[(*written)++] = (unsigned char)(b << 4 | c >> 2);
  if (pads < 1)
    out[(*written)++] = (unsigned char)(c << 6 | d);
  return true;
}

bool
base64_decode (const char *text, size_t length, unsigned char *out, size_t *size) {
  const unsigned char *in = (const unsigned char *)text;
  size_t written = 0;
  if (length % 4 != 0)
    return false;
  for (size_t at = 0; at + 4 < length; at += 4) {
    const int a = value_of (in[at]), b = value_of (in[at + 1]), c = value_of (in[at + 2]),
              d = value_of (in[at + 3]);
    if ((a | b | c | d) < 0)
      return false;
    out[written++] = (unsigned char)(a << 2 | b >> 4);
    out[written++] = (unsigned char)(b << 4 | c >> 2);
    out[written++] = (unsigned char)(c << 6 | d);
  }
  if (length && !decode_end (in + length - 4, out, &written))
    return false;
  *size = written;
  return true;
}

size_t
base64_encode (const void *data, size_t size, char *out) {
  const unsigned char *in = data;
  size_t written = 0;
  for (size_t at = 0; at < size; at += 3) {
    size_t left = size - at;
    uint32_t word = (uint32_t)in[at] << 16 | (left > 1 ? (uint32_t)in[at + 1] << 8 : 0)
                    | (left > 2 ? in[at + 2] : 0);
    out[written++] = alphabet[word >> 18];
    out[written++] = alphabet[word >> 12 & 63];
    out[written++] = left > 1 ? alphabet[word >> 6 & 63] : '=';
    out[written++] = left > 2 ? alphabet[word & 63] : '=';
  }
  out[written] = '\0';
  return written;
}
