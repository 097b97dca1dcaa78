/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt, 2020/03/05): a
 * front end tells whom it speaks for.
 *
 * Pure functions over octets, from any thread; every input is hostile. */
#ifndef HOST_NET_PROXY_H
#define HOST_NET_PROXY_H

#include "net/address.h"

/* The longest header that is taken: version 2 with its TLVs.  Ours is the bound, the
 * specification asks for 536 at the least. */
#define PROXY_LONGEST 4096

typedef enum {
  PROXY_MORE, /* so far it may be a header */
  PROXY_GOOD,
  PROXY_BAD /* it is none, or a damaged one */
} proxy_result;

struct proxy_header {
  size_t size;                    /* octets of the header */
  bool told;                      /* false (LOCAL, UNKNOWN): the connection speaks for itself */
  struct net_address peer, local; /* when told */
};

proxy_result proxy_parse (const void *data, size_t size, struct proxy_header *);

#endif
