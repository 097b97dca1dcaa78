/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - remembers which passwords were right, so that whoever comes back is compared in the
 * step and not hashed in a lane.
 *
 * An entry is an HMAC, under a key that this process drew and keeps, over the stored hash and the
 * password: it tells nobody anything, and a changed stored hash is simply not found.  The table
 * is of fixed size.  Counted; any thread; one short lock. */
#ifndef DIRECTORY_FILE_CACHE_H
#define DIRECTORY_FILE_CACHE_H

#include <stdbool.h>

#include <postern/base.h>

struct cache;

/* entries: 0 for none.  NULL: no random octets to be had. */
struct cache *cache_new (size_t entries, int64_t lifetime_ns);
struct cache *cache_ref (struct cache *);
void cache_unref (struct cache *);
/* Would cache_new with these make another? */
bool cache_is_like (const struct cache *, size_t entries, int64_t lifetime_ns);

struct cache_tag {
  unsigned char octets[32];
};
void cache_tag (struct cache *, const char *stored, struct ptn_bytes password, struct cache_tag *);

bool cache_holds (struct cache *, const struct cache_tag *, int64_t now_ns);
void cache_add (struct cache *, const struct cache_tag *, int64_t now_ns);

#endif
