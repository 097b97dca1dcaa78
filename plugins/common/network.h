/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - networks from which something is allowed: "10.0.0.0/8", "2001:db8::/32", an address,
 * or "unix" for our own UNIX sockets.
 *
 * Values; any thread. */
#ifndef COMMON_NETWORK_H
#define COMMON_NETWORK_H

#include <stdbool.h>

struct network {
  unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d; what is behind `bits` is zero */
  unsigned bits;             /* NETWORK_UNIX: no address at all */
};
enum { NETWORK_UNIX = 255 };

/* false: none, or with bits set behind its prefix. */
bool network_read (const char *text, struct network *);
/* peer: as the stream's "peer.address" tells it. */
bool network_has (const struct network *, const char *peer);

/* As it is written, to be g_free'd. */
char *network_text (const struct network *);

#endif
