/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - addresses of peers, and networks they may belong to.
 *
 * Values without owners; every function is pure and may be called from any thread. */
#ifndef HOST_NET_ADDRESS_H
#define HOST_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

typedef enum { ADDRESS_NONE = 0, ADDRESS_IP, ADDRESS_UNIX } address_kind;

/* An IPv4 address is kept as ::ffff:a.b.c.d, so that one that came to an IPv6 socket is the
 * same address. */
struct net_address {
  uint8_t ip[16];
  uint16_t port;
  uint8_t kind;
};

#define ADDRESS_TEXT 46 /* room for the longest address and its NUL */

void address_from_ip4 (struct net_address *, const uint8_t ip[4], uint16_t port);
void address_from_sockaddr (struct net_address *, const struct sockaddr *, size_t size);
bool address_is_ip4 (const struct net_address *);
/* "192.0.2.1", "2001:db8::1", "unix", or "unknown". */
void address_text (const struct net_address *, char text[ADDRESS_TEXT]);

/* A network as written in a configuration: "192.0.2.0/24", "2001:db8::/32", a single address,
 * or "unix" for every peer that comes through a UNIX socket. */
struct net_network {
  uint8_t ip[16];
  uint8_t bits; /* of the 128 */
  bool unix_peers;
};
/* False: not a network (also when bits beyond the prefix are set). */
bool network_parse (const char *text, struct net_network *);
bool network_has (const struct net_network *, const struct net_address *);
bool networks_have (const struct net_network *, size_t count, const struct net_address *);

#endif
