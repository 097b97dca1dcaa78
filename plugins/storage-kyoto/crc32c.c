/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crc32c.c - see crc32c.h.  SSE4.2 has an instruction for it; elsewhere a table of 256 words
 * that the compiler can see is constant once made. */
#include "crc32c.h"

#include <stdbool.h>
#include <string.h>

/* Eight tables, so that eight octets cost eight lookups that do not wait for each other. */
static uint32_t tables[8][256];

static void __attribute__ ((constructor)) make_tables (void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;

    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    tables[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int t = 1; t < 8; t++)
      tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
}

uint32_t
crc32c_portable (uint32_t crc, const void *data, size_t size) {
  const uint8_t *at = data;

  crc = ~crc;
  for (; size >= 8; size -= 8, at += 8) {
    crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    crc = tables[7][crc & 255] ^ tables[6][crc >> 8 & 255] ^ tables[5][crc >> 16 & 255]
          ^ tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]]
          ^ tables[0][at[7]];
  }
  while (size-- > 0)
    crc = crc >> 8 ^ tables[0][(crc ^ *at++) & 255];
  return ~crc;
}

#if defined __x86_64__
static uint32_t __attribute__ ((target ("sse4.2")))
crc32c_sse42 (uint32_t crc, const void *data, size_t size) {
  const uint8_t *at = data;
  uint64_t sum = ~crc;

  for (; size >= 8; size -= 8, at += 8) {
    uint64_t word;

    memcpy (&word, at, 8);
    sum = __builtin_ia32_crc32di (sum, word);
  }
  while (size-- > 0)
    sum = __builtin_ia32_crc32qi ((uint32_t)sum, *at++);
  return ~(uint32_t)sum;
}

uint32_t
crc32c (uint32_t crc, const void *data, size_t size) {
  if (__builtin_cpu_supports ("sse4.2"))
    return crc32c_sse42 (crc, data, size);
  return crc32c_portable (crc, data, size);
}
#else
uint32_t
crc32c (uint32_t crc, const void *data, size_t size) {
  return crc32c_portable (crc, data, size);
}
#endif
