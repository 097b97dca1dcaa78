/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec.c - see codec.h.
 *
 * A context costs up to a megabyte to make; so those that are given back are kept, as many as a
 * busy host uses at a time.  Data is packed and unpacked in one call, into memory of a known size:
 * what a rotten or hostile frame claims never decides how much is allocated. */
#include "codec.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#ifdef HAVE_ZSTD
#include <zstd.h>

enum { WORTH_TRYING = 256, CONTEXTS_KEPT = 8 };

struct pool {
  void *kept[CONTEXTS_KEPT];
  unsigned count;
};

struct codec {
  int level;
  pthread_mutex_t lock;
  struct pool packers, unpackers; /* ZSTD_CCtx, ZSTD_DCtx */
};

/* NULL: there is none, make one. */
static void *
take (struct codec *codec, struct pool *pool) {
  void *context = NULL;

  pthread_mutex_lock (&codec->lock);
  if (pool->count > 0)
    context = pool->kept[--pool->count];
  pthread_mutex_unlock (&codec->lock);
  return context;
}

/* False: there are enough, free it. */
static bool
keep (struct codec *codec, struct pool *pool, void *context) {
  bool kept = false;

  pthread_mutex_lock (&codec->lock);
  if (pool->count < CONTEXTS_KEPT) {
    pool->kept[pool->count++] = context;
    kept = true;
  }
  pthread_mutex_unlock (&codec->lock);
  return kept;
}

static ZSTD_CCtx *
packer_new (int level) {
  ZSTD_CCtx *context = ZSTD_createCCtx ();

  if (context
      && (ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_compressionLevel, level))
          || ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_contentSizeFlag, 1))
          || ZSTD_isError (ZSTD_CCtx_setParameter (context, ZSTD_c_checksumFlag, 1)))) {
    ZSTD_freeCCtx (context);
    context = NULL;
  }
  return context;
}

struct codec *
codec_new (int level) {
  struct codec *codec = g_new0 (struct codec, 1);

  codec->level = level;
  pthread_mutex_init (&codec->lock, NULL);
  return codec;
}

void
codec_free (struct codec **codec) {
  if (!*codec)
    return;
  while ((*codec)->packers.count > 0)
    ZSTD_freeCCtx ((*codec)->packers.kept[--(*codec)->packers.count]);
  while ((*codec)->unpackers.count > 0)
    ZSTD_freeDCtx ((*codec)->unpackers.kept[--(*codec)->unpackers.count]);
  pthread_mutex_destroy (&(*codec)->lock);
  g_clear_pointer (codec, g_free);
}

bool
codec_known (uint8_t codec) {
  return codec == CODEC_RAW || codec == CODEC_ZSTD;
}

uint8_t *
codec_pack (struct codec *codec, const void *data, size_t size, size_t *packed) {
  ZSTD_CCtx *context;
  size_t room = size - size / 8 - 1, done;
  uint8_t *out;

  if (codec->level == 0 || size < WORTH_TRYING)
    return NULL;
  context = take (codec, &codec->packers);
  if (!context && !(context = packer_new (codec->level)))
    return NULL;
  out = g_malloc (room);
  done = ZSTD_compress2 (context, out, room, data, size);
  if (!keep (codec, &codec->packers, context))
    ZSTD_freeCCtx (context);
  if (ZSTD_isError (done)) { /* it does not fit */
    g_free (out);
    return NULL;
  }
  *packed = done;
  return g_realloc (out, done);
}

bool
codec_octets (const void *data, size_t size, uint64_t *octets) {
  unsigned long long claimed = ZSTD_getFrameContentSize (data, size);

  *octets = claimed;
  return claimed != ZSTD_CONTENTSIZE_UNKNOWN && claimed != ZSTD_CONTENTSIZE_ERROR
         && ZSTD_findFrameCompressedSize (data, size) == size;
}

static ptn_status
unpack_zstd (struct codec *codec, const void *data, size_t size, void *out, size_t octets) {
  ZSTD_DCtx *context;
  uint64_t claimed;
  size_t done;

  if (!codec_octets (data, size, &claimed) || claimed != octets)
    return PTN_E_CORRUPT;
  context = take (codec, &codec->unpackers);
  if (!context && !(context = ZSTD_createDCtx ()))
    return PTN_E_NO_MEMORY;
  done = ZSTD_decompressDCtx (context, out, octets, data, size);
  if (!keep (codec, &codec->unpackers, context))
    ZSTD_freeDCtx (context);
  return done == octets ? PTN_OK : PTN_E_CORRUPT;
}

#else /* !HAVE_ZSTD */

struct codec {
  int level;
};

struct codec *
codec_new (int level) {
  return g_new0 (struct codec, 1);
}

void
codec_free (struct codec **codec) {
  g_clear_pointer (codec, g_free);
}

bool
codec_known (uint8_t codec) {
  return codec == CODEC_RAW;
}

uint8_t *
codec_pack (struct codec *codec, const void *data, size_t size, size_t *packed) {
  return NULL;
}

bool
codec_octets (const void *data, size_t size, uint64_t *octets) {
  return false;
}

static ptn_status
unpack_zstd (struct codec *codec, const void *data, size_t size, void *out, size_t octets) {
  return PTN_E_UNSUPPORTED;
}
#endif

ptn_status
codec_unpack (struct codec *codec, uint8_t kind, const void *data, size_t size, void *out,
              size_t octets) {
  if (kind == CODEC_ZSTD)
    return unpack_zstd (codec, data, size, out, octets);
  if (kind != CODEC_RAW)
    return PTN_E_UNSUPPORTED;
  if (size != octets)
    return PTN_E_CORRUPT;
  memcpy (out, data, size);
  return PTN_OK;
}
