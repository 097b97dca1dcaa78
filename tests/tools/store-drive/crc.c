/* SPDX-License-Identifier: Apache-2.0 */
/* crc.c - the CRC-32 that Python's zlib has, and messages made of nothing. */
#include "drive.h"

void
crc_prepare (struct drive *drive) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;

    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    drive->crc[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int table = 1; table < 4; table++)
      drive->crc[table][i] =
          drive->crc[table - 1][i] >> 8 ^ drive->crc[0][drive->crc[table - 1][i] & 255];
}

uint32_t
crc_add (const struct drive *drive, uint32_t crc, const void *data, size_t size) {
  const unsigned char *at = data;

  crc = ~crc;
  for (; size >= 4; size -= 4, at += 4) {
    crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    crc = drive->crc[3][crc & 255] ^ drive->crc[2][crc >> 8 & 255] ^ drive->crc[1][crc >> 16 & 255]
          ^ drive->crc[0][crc >> 24];
  }
  while (size-- > 0)
    crc = crc >> 8 ^ drive->crc[0][(crc ^ *at++) & 255];
  return ~crc;
}

enum { PIECE = 64 * 1024 };

struct made {
  struct ptn_source source;
  uint64_t at, size, seed;
  char data[];
};

/* Words of letters, so that it compresses about as text does. */
static void
make_text (struct made *made, size_t size) {
  static const char words[][8] = { "the",   "mail",   "of",   "server", "and",   "in",
                                   "a",     "letter", "that", "was",    "store", "with",
                                   "press", "to",     "line", "quick" };

  for (size_t i = 0; i < size;) {
    const char *word;

    made->seed = made->seed * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
    word = words[made->seed >> 60];
    for (size_t k = 0; word[k] && i < size; k++)
      made->data[i++] = word[k];
    if (i < size) /* now and then something that no dictionary foresees */
      made->data[i++] = made->seed >> 56 & 8 ? ' ' : (char)('0' + (made->seed >> 48) % 74);
  }
  for (size_t i = 76; i + 2 <= size; i += 78)
    memcpy (made->data + i, "\r\n", 2);
  if (size >= 2)
    memcpy (made->data + size - 2, "\r\n", 2);
}

static ptn_status
made_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct made *made = (struct made *)source;
  size_t size = (size_t)MIN (MIN (made->size - made->at, (uint64_t)max), (uint64_t)PIECE);

  if (size == 0)
    return PTN_END;
  make_text (made, size);
  *chunk = (struct ptn_chunk){ .data = made->data, .size = size };
  made->at += size;
  return PTN_OK;
}

static void
made_close (struct ptn_source *source) {
  g_free (source);
}

struct ptn_source *
made_source (uint64_t size, uint64_t seed) {
  static const struct ptn_source_ops ops = { .size = sizeof ops,
                                             .read = made_read,
                                             .close = made_close };
  struct made *made = g_malloc (sizeof *made + (size_t)MIN (size, (uint64_t)PIECE));

  made->source = (struct ptn_source){ &ops, (int64_t)size };
  made->at = 0;
  made->size = size;
  made->seed = seed;
  return &made->source;
}
