/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crc32c.c - see crc32c.h.  SSE4.2 and ARMv8 have an instruction for it; elsewhere there are
 * tables, made before main. */
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

#if defined __x86_64__ || (defined __aarch64__ && !defined __AARCH64EB__)
/* The instruction takes three cycles and can begin anew in each: three stretches of this many
 * octets are summed side by side, and their sums put together. */
enum { STRETCH = 1024 };

/* What a sum becomes when STRETCH zeros follow, by its octets. */
static uint32_t followed[4][256];

static void __attribute__ ((constructor)) make_followed (void) {
  static const uint8_t zeros[STRETCH];

  make_tables (); /* constructors have no order to rely on */
  for (unsigned bit = 0; bit < 32; bit++) {
    /* The portable sum inverts on both ends. */
    uint32_t sum = ~crc32c_portable (~(1u << bit), zeros, STRETCH);

    for (unsigned octet = 0; octet < 256; octet++)
      if (octet & 1u << bit % 8)
        followed[bit / 8][octet] ^= sum;
  }
}

static uint32_t
follow (uint32_t sum) {
  return followed[0][sum & 255] ^ followed[1][sum >> 8 & 255] ^ followed[2][sum >> 16 & 255]
         ^ followed[3][sum >> 24];
}

/* As a number of the machine's own order, which is little-endian. */
static uint64_t
word_at (const uint8_t *at) {
  uint64_t word;

  memcpy (&word, at, 8);
  return word;
}

static uint32_t
half_at (const uint8_t *at) {
  uint32_t half;

  memcpy (&half, at, 4);
  return half;
}

#if defined __x86_64__
#define HARDWARE __attribute__ ((target ("sse4.2")))
typedef uint64_t sum_word; /* what the instruction takes and gives */
#define SUM_WORD(sum, word) __builtin_ia32_crc32di ((sum), (word))
#define SUM_HALF(sum, half) __builtin_ia32_crc32si ((uint32_t)(sum), (half))
#define SUM_OCTET(sum, octet) __builtin_ia32_crc32qi ((uint32_t)(sum), (octet))

static bool
has_hardware (void) {
  return __builtin_cpu_supports ("sse4.2");
}
#else
#include <sys/auxv.h>
#define HARDWARE __attribute__ ((target ("+crc")))
typedef uint32_t sum_word;
#define SUM_WORD(sum, word) __builtin_aarch64_crc32cx ((sum), (word))
#define SUM_HALF(sum, half) __builtin_aarch64_crc32cw ((sum), (half))
#define SUM_OCTET(sum, octet) __builtin_aarch64_crc32cb ((sum), (octet))

static bool
has_hardware (void) {
  enum { HAS_CRC32 = 1 << 7 }; /* HWCAP_CRC32 of asm/hwcap.h */

  return getauxval (AT_HWCAP) & HAS_CRC32; /* reads memory */
}
#endif

static uint32_t HARDWARE
crc32c_hardware (uint32_t crc, const void *data, size_t size) {
  const uint8_t *at = data;
  sum_word sum = ~crc;

  for (; size >= 3 * STRETCH; size -= 3 * STRETCH, at += 3 * STRETCH) {
    sum_word second = 0, third = 0;

    for (size_t i = 0; i < STRETCH; i += 8) {
      sum = SUM_WORD (sum, word_at (at + i));
      second = SUM_WORD (second, word_at (at + STRETCH + i));
      third = SUM_WORD (third, word_at (at + 2 * STRETCH + i));
    }
    sum = follow (follow ((uint32_t)sum) ^ (uint32_t)second) ^ (uint32_t)third;
  }
  for (; size >= 8; size -= 8, at += 8)
    sum = SUM_WORD (sum, word_at (at));
  if (size & 4) {
    sum = SUM_HALF (sum, half_at (at));
    at += 4;
  }
  for (size &= 3; size > 0; size--)
    sum = SUM_OCTET (sum, *at++);
  return ~(uint32_t)sum;
}

uint32_t
crc32c (uint32_t crc, const void *data, size_t size) {
  return has_hardware () ? crc32c_hardware (crc, data, size) : crc32c_portable (crc, data, size);
}
#else
uint32_t
crc32c (uint32_t crc, const void *data, size_t size) {
  return crc32c_portable (crc, data, size);
}
#endif
