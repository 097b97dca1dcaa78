/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.h - bodies that were compressed or decompressed not long ago, for whoever asks next: the
 * client that a new mail is for, a second client, the next part of a message.
 *
 * A body never changes, and its id is never used again, so nothing has to be taken back.  Belongs to
 * the store; any thread. */
#ifndef STORAGE_KYOTO_CACHE_H
#define STORAGE_KYOTO_CACHE_H

#include <postern/base.h>

#include <stdatomic.h>

/* A body, or a piece of one: counted, and never changed once it is shared. */
struct buffer {
  _Atomic uint32_t references;
  size_t size;
  uint8_t data[];
};
struct buffer *buffer_new (size_t size);
struct buffer *buffer_ref (struct buffer *);
void buffer_unref (void *buffer);

struct cache;
/* octets: of memory, at most; 0: nothing is kept. */
struct cache *cache_new (uint64_t octets);
void cache_free (struct cache **);
/* A reference, or NULL. */
struct buffer *cache_get (struct cache *, uint32_t shard, uint64_t body);
void cache_put (struct cache *, uint32_t shard, uint64_t body, struct buffer *);
/* Lets go of what nobody has asked for since the call before the last one. */
void cache_age (struct cache *);

#endif
