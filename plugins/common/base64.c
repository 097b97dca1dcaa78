/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c - see base64.h. */
#include "base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
value_of (unsigned char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_decode (const char *text, size_t length, unsigned char *out, size_t *size) {
  size_t written = 0;
  if (length % 4 != 0)
    return false;
  for (size_t at = 0; at < length; at += 4) {
    int v[4];
    unsigned pads = 0;
    for (unsigned i = 0; i < 4; i++) {
      unsigned char c = (unsigned char)text[at + i];
      bool pad = c == '=' && at + 4 == length && i >= 2;
      if (!pad && pads)
        return false;
      pads += pad;
      v[i] = pad ? 0 : value_of (c);
      if (v[i] < 0)
        return false;
    }
    uint32_t word =
        (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)v[2] << 6 | (uint32_t)v[3];
    /* Bits that the padding leaves over must be zero (RFC 4648 section 3.5). */
    if ((pads == 1 && (word & 0xff)) || (pads == 2 && (word & 0xffff)))
      return false;
    out[written++] = (unsigned char)(word >> 16);
    if (pads < 2)
      out[written++] = (unsigned char)(word >> 8);
    if (pads < 1)
      out[written++] = (unsigned char)word;
  }
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
