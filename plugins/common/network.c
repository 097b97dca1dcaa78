/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - see network.h.  Owns nothing. */
#include "common/network.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#define TEXT_LIMIT 64

/* *ip4: its prefix counts from 32 bits. */
static bool
read_address (const char *text, unsigned char address[16], bool *ip4) {
  static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
  *ip4 = inet_pton (AF_INET, text, address + 12) == 1;
  if (*ip4) {
    memcpy (address, mapped, sizeof mapped);
    return true;
  }
  return inet_pton (AF_INET6, text, address) == 1;
}

static unsigned char
mask_at (unsigned octet, unsigned bits) {
  if (bits >= 8 * (octet + 1))
    return 0xff;
  return bits <= 8 * octet ? 0 : (unsigned char)(0xff << (8 - bits % 8));
}

bool
network_read (const char *text, struct network *network) {
  char address[TEXT_LIMIT];
  bool ip4;
  if (strcmp (text, "unix") == 0) {
    *network = (struct network){ .bits = NETWORK_UNIX };
    return true;
  }
  const size_t length = strcspn (text, "/");
  if (length >= sizeof address)
    return false;
  memcpy (address, text, length);
  address[length] = '\0';
  if (!read_address (address, network->address, &ip4))
    return false;
  const unsigned most = ip4 ? 32 : 128;
  guint64 bits = most;
  if (text[length] && !g_ascii_string_to_unsigned (text + length + 1, 10, 0, most, &bits, NULL))
    return false;
  network->bits = (unsigned)bits + (128 - most);
  for (unsigned i = 0; i < 16; i++)
    if (network->address[i] & ~mask_at (i, network->bits))
      return false;
  return true;
}

bool
network_has (const struct network *network, const char *peer) {
  unsigned char address[16];
  bool ip4;
  if (network->bits == NETWORK_UNIX)
    return strcmp (peer, "unix") == 0;
  if (!read_address (peer, address, &ip4))
    return false;
  for (unsigned i = 0; i < 16; i++)
    if ((address[i] & mask_at (i, network->bits)) != network->address[i])
      return false;
  return true;
}

char *
network_text (const struct network *network) {
  static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
  char text[INET6_ADDRSTRLEN];
  if (network->bits == NETWORK_UNIX)
    return g_strdup ("unix");
  const bool ip4 = network->bits >= 96 && memcmp (network->address, mapped, sizeof mapped) == 0;
  inet_ntop (ip4 ? AF_INET : AF_INET6, network->address + (ip4 ? 12 : 0), text, sizeof text);
  const unsigned bits = network->bits - (ip4 ? 96 : 0);
  return bits == (ip4 ? 32u : 128u) ? g_strdup (text) : g_strdup_printf ("%s/%u", text, bits);
}
