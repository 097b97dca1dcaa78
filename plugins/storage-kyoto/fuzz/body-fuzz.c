/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body-fuzz.c - any octets as a compressed body, and as the table of a big file: what is on a
 * rotten or hostile disk, behind a checksum that happens to be right. */
#include "../big.h"
#include "../codec.h"

#include <stdlib.h>

static void
unpack (const uint8_t *data, size_t size) {
  struct codec *codec = codec_new (1);
  uint64_t octets;

  if (codec_octets (data, size, &octets) && octets <= ((uint64_t)1 << 20)) {
    uint8_t *out = malloc (octets);

    codec_unpack (codec, CODEC_ZSTD, data, size, out, octets);
    free (out);
  }
  codec_free (&codec);
}

static void
table (const uint8_t *data, size_t size) {
  uint8_t kind = size > 8 ? data[0] & 1 : 0;
  uint64_t stored = size > 8 ? get_u64 (data) & 0xffffff : 0, octets;
  size_t count;

  if (size <= 8)
    return;
  count = big_table_pieces (size - 8, kind);
  if (count > 0) {
    struct big_piece *pieces = malloc (count * sizeof *pieces);

    if (big_table_decode (data + 8, size - 8, kind, stored, pieces, count, &octets))
      for (size_t i = 0; i < count; i++)
        if (pieces[i].size > BIG_PIECE || pieces[i].offset + pieces[i].size > stored)
          abort ();
    free (pieces);
  }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  unpack (data, size);
  table (data, size);
  return 0;
}
