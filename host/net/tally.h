/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - counts by key: connections of an address, connections of a user.
 *
 * A tally is owned by who made it.  Calls are guarded by its own lock, held for one look-up. */
#ifndef HOST_NET_TALLY_H
#define HOST_NET_TALLY_H

#include "net/address.h"

struct tally;

struct tally *tally_new (void);
void tally_free (struct tally **);

/* One more of `key` unless there are `most` already (0: no limit, yet it is counted).  True
 * gives the right, and the duty, to one tally_give of the same key. [any] */
bool tally_take (struct tally *, const char *key, unsigned most);
void tally_give (struct tally *, const char *key);
unsigned tally_count (struct tally *, const char *key);

/* Who counts as one peer: an IPv4 address, the /64 of an IPv6 one (a host commands all of
 * it).  False: nobody to count (a UNIX socket). */
#define PEER_KEY 40
bool peer_key (const struct net_address *, char key[PEER_KEY]);

#endif
