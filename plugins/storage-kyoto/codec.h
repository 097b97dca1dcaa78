/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec.h - compression of bodies (FORMAT.md, "Codecs").
 *
 * A struct codec belongs to the store and keeps a few Zstandard contexts for whoever needs one
 * next: any thread, no state between calls.  Without libzstd nothing is packed, and what is packed
 * cannot be read. */
#ifndef STORAGE_KYOTO_CODEC_H
#define STORAGE_KYOTO_CODEC_H

#include <postern/base.h>

#include <stdbool.h>

enum { CODEC_RAW = 0, CODEC_ZSTD = 1 };
enum { CODEC_LEVEL_MIN = 1, CODEC_LEVEL_MAX = 19 };

struct codec;

/* level 0: nothing is packed, only unpacked. */
struct codec *codec_new (int level);
void codec_free (struct codec **);
/* Can this build pack and unpack with it? */
bool codec_known (uint8_t codec);

/* The octets packed, g_malloc'd; NULL: it would not save more than an eighth, or is not worth
 * trying; *packed is left alone then.  About 3 ms a MiB. [any] */
uint8_t *codec_pack (struct codec *, const void *data, size_t size, size_t *packed);
/* How many octets the packed data says it has; false: it is not what codec_pack makes. */
bool codec_octets (const void *data, size_t size, uint64_t *octets);
/* Exactly `octets` octets into `out`.  PTN_OK; PTN_E_CORRUPT: it is anything else;
 * PTN_E_UNSUPPORTED: no such codec in this build. [any] */
ptn_status codec_unpack (struct codec *, uint8_t codec, const void *data, size_t size, void *out,
                         size_t octets);

#endif
