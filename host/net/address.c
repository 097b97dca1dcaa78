/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void
address_from_ip4 (struct net_address *address, const uint8_t ip[4], uint16_t port) {
  memcpy (address->ip, mapped, sizeof mapped);
  memcpy (address->ip + 12, ip, 4);
  address->port = port;
  address->kind = ADDRESS_IP;
}

void
address_from_sockaddr (struct net_address *address, const struct sockaddr *from, size_t size) {
  memset (address, 0, sizeof *address);
  if (size < sizeof from->sa_family)
    return;
  if (from->sa_family == AF_INET && size >= sizeof (struct sockaddr_in)) {
    struct sockaddr_in in;
    memcpy (&in, from, sizeof in);
    address_from_ip4 (address, (const uint8_t *)&in.sin_addr, ntohs (in.sin_port));
  } else if (from->sa_family == AF_INET6 && size >= sizeof (struct sockaddr_in6)) {
    struct sockaddr_in6 in;
    memcpy (&in, from, sizeof in);
    memcpy (address->ip, &in.sin6_addr, sizeof address->ip);
    address->port = ntohs (in.sin6_port);
    address->kind = ADDRESS_IP;
  } else if (from->sa_family == AF_UNIX)
    address->kind = ADDRESS_UNIX;
}

bool
address_is_ip4 (const struct net_address *address) {
  return address->kind == ADDRESS_IP && memcmp (address->ip, mapped, sizeof mapped) == 0;
}

void
address_text (const struct net_address *address, char text[ADDRESS_TEXT]) {
  if (address_is_ip4 (address))
    inet_ntop (AF_INET, address->ip + 12, text, ADDRESS_TEXT);
  else if (address->kind == ADDRESS_IP)
    inet_ntop (AF_INET6, address->ip, text, ADDRESS_TEXT);
  else
    g_strlcpy (text, address->kind == ADDRESS_UNIX ? "unix" : "unknown", ADDRESS_TEXT);
}

static bool
prefix_is (const uint8_t *a, const uint8_t *b, unsigned bits) {
  unsigned whole = bits / 8, rest = bits % 8;

  if (memcmp (a, b, whole) != 0)
    return false;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool
network_parse (const char *text, struct net_network *network) {
  char address[ADDRESS_TEXT];
  const char *slash = strchr (text, '/');
  size_t length = slash ? (size_t)(slash - text) : strlen (text);
  uint8_t ip4[4];
  unsigned offset, most;
  guint64 bits;

  memset (network, 0, sizeof *network);
  if (strcmp (text, "unix") == 0) {
    network->unix_peers = true;
    return true;
  }
  if (length >= sizeof address)
    return false;
  memcpy (address, text, length);
  address[length] = 0;
  if (inet_pton (AF_INET, address, ip4) == 1) {
    memcpy (network->ip, mapped, sizeof mapped);
    memcpy (network->ip + 12, ip4, 4);
    offset = 96, most = 32;
  } else if (inet_pton (AF_INET6, address, network->ip) == 1)
    offset = 0, most = 128;
  else
    return false;

  bits = most;
  if (slash && !g_ascii_string_to_unsigned (slash + 1, 10, 0, most, &bits, NULL))
    return false;
  network->bits = (uint8_t)(offset + bits);
  for (unsigned i = network->bits; i < 128; i++)
    if (network->ip[i / 8] & (0x80u >> (i % 8)))
      return false;
  return true;
}

bool
network_has (const struct net_network *network, const struct net_address *address) {
  if (network->unix_peers || address->kind != ADDRESS_IP)
    return network->unix_peers && address->kind == ADDRESS_UNIX;
  return prefix_is (network->ip, address->ip, network->bits);
}

bool
networks_have (const struct net_network *networks, size_t count,
               const struct net_address *address) {
  for (size_t i = 0; i < count; i++)
    if (network_has (&networks[i], address))
      return true;
  return false;
}
