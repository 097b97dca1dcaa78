/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what was found under a name of late, and that nothing was.
 *
 * No passwords in it.  Counted; locks itself; any thread, never for long. */
#ifndef DIRECTORY_LDAP_CACHE_H
#define DIRECTORY_LDAP_CACHE_H

#include "entry.h"

/* What an address or name leads to: several entries for a group.  Immutable and counted. */
struct found {
  gint references;
  bool known; /* false: there is nothing of that name */
  bool group;
  char *detail; /* what stood behind the '+' of the address */
  gsize count;
  struct entry *entries[];
};

/* Takes references to the entries. */
struct found *found_new (bool known, const char *detail, struct entry *const *entries, gsize count);
struct found *found_ref (struct found *);
void found_unref (struct found *);

struct cache;

struct cache *cache_new (gsize limit); /* 0: it keeps nothing */
struct cache *cache_ref (struct cache *);
void cache_unref (struct cache *);

/* A reference, or NULL. */
struct found *cache_get (struct cache *, const char *key, int64_t now_ns);
/* Keeps a reference; the oldest ones give way.  What leads to several accounts counts as so many, and
 * is not kept if that is more than half of the limit. */
void cache_put (struct cache *, const char *key, struct found *, int64_t until_ns);
/* All that leads to this account, and all that leads nowhere; NULL: everything. */
void cache_flush (struct cache *, const char *account);

#endif
