/* SPDX-License-Identifier: Apache-2.0 */
/* md4.c - MD4 after RFC 1320, one call for a whole message.  Owns nothing. */
#include "md4.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

static uint32_t
rotate (uint32_t value, unsigned bits) {
  return value << bits | value >> (32 - bits);
}

static uint32_t
mix (unsigned round, uint32_t b, uint32_t c, uint32_t d) {
  if (round == 0)
    return (b & c) | (~b & d);
  if (round == 1)
    return (b & c) | (b & d) | (c & d);
  return b ^ c ^ d;
}

static void
block (uint32_t state[4], const unsigned char *data) {
  static const unsigned char order[3][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 },
    { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 },
  };
  static const unsigned char shifts[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
  static const uint32_t constants[3] = { 0, 0x5a827999u, 0x6ed9eba1u };

  uint32_t words[16];
  for (unsigned i = 0; i < 16; i++) {
    memcpy (&words[i], data + 4 * i, 4);
    words[i] = GUINT32_FROM_LE (words[i]);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (unsigned round = 0; round < 3; round++)
    for (unsigned i = 0; i < 16; i++) {
      const uint32_t turned =
          rotate (a + mix (round, b, c, d) + words[order[round][i]] + constants[round],
                  shifts[round][i % 4]);
      a = d;
      d = c;
      c = b;
      b = turned;
    }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  explicit_bzero (words, sizeof words);
}

void
md4 (const void *data, size_t size, unsigned char digest[16]) {
  uint32_t state[4] = { 0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u };
  const unsigned char *at = data;
  size_t left = size;
  for (; left >= 64; left -= 64, at += 64)
    block (state, at);

  unsigned char tail[128] = { 0 };
  if (left)
    memcpy (tail, at, left);
  tail[left] = 0x80;
  const size_t tail_size = left < 56 ? 64 : 128;
  const uint64_t bits = GUINT64_TO_LE ((uint64_t)size * 8);
  memcpy (tail + tail_size - 8, &bits, 8);
  for (size_t i = 0; i < tail_size; i += 64)
    block (state, tail + i);
  explicit_bzero (tail, sizeof tail);

  for (unsigned i = 0; i < 4; i++) {
    const uint32_t word = GUINT32_TO_LE (state[i]);
    memcpy (digest + 4 * i, &word, 4);
  }
}
