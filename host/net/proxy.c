/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - see proxy.h. */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#define LONGEST_V1 107 /* with CRLF */
#define FIXED_V2 16

static const char signature_v2[12] = "\r\n\r\n\0\r\nQUIT\n";
static const char signature_v1[6] = "PROXY ";

/* --- version 1: one line of text -------------------------------------------------------- */

/* The next word of the line, divided by exactly one space, copied into `word`. */
static bool
next_word (const char **at, const char *end, char word[ADDRESS_TEXT]) {
  const char *space = memchr (*at, ' ', (size_t)(end - *at));
  const char *stop = space ? space : end;
  size_t size = (size_t)(stop - *at);

  if (size == 0 || size >= ADDRESS_TEXT || memchr (*at, 0, size))
    return false;
  memcpy (word, *at, size);
  word[size] = 0;
  *at = space ? space + 1 : end;
  return true;
}

static bool
parse_port (const char *word, uint16_t *port) {
  guint64 number;

  if ((word[0] == '0' && word[1])
      || !g_ascii_string_to_unsigned (word, 10, 0, 65535, &number, NULL))
    return false;
  *port = (uint16_t)number;
  return true;
}

static bool
parse_ip (const char *word, bool ip4, struct net_address *address) {
  uint8_t ip[16];

  if (inet_pton (ip4 ? AF_INET : AF_INET6, word, ip) != 1)
    return false;
  if (ip4)
    address_from_ip4 (address, ip, 0);
  else {
    memcpy (address->ip, ip, sizeof address->ip);
    address->kind = ADDRESS_IP;
  }
  return true;
}

static bool
parse_line (const char *at, const char *end, struct proxy_header *header) {
  char word[ADDRESS_TEXT];
  bool ip4;

  if (!next_word (&at, end, word))
    return false;
  if (strcmp (word, "UNKNOWN") == 0)
    return true; /* what follows is to be ignored */
  ip4 = strcmp (word, "TCP4") == 0;
  if (!ip4 && strcmp (word, "TCP6") != 0)
    return false;
  if (!next_word (&at, end, word) || !parse_ip (word, ip4, &header->peer)
      || !next_word (&at, end, word) || !parse_ip (word, ip4, &header->local)
      || !next_word (&at, end, word) || !parse_port (word, &header->peer.port) || at == end
      || !next_word (&at, end, word) || !parse_port (word, &header->local.port))
    return false;
  header->told = true;
  return at == end && end[-1] != ' ';
}

static proxy_result
parse_v1 (const char *data, size_t size, struct proxy_header *header) {
  const char *start = data + sizeof signature_v1;
  size_t most = MIN (size, LONGEST_V1);
  const char *lf = memchr (data, '\n', most);
  const char *cr = memchr (data, '\r', most);

  if (!lf)
    return size >= LONGEST_V1 || (cr && (size_t)(cr - data) + 1 < size) ? PROXY_BAD : PROXY_MORE;
  if (!cr || cr + 1 != lf || cr <= start || !parse_line (start, cr, header))
    return PROXY_BAD;
  header->size = (size_t)(lf + 1 - data);
  return PROXY_GOOD;
}

/* --- version 2: binary ------------------------------------------------------------------ */

static uint16_t
big16 (const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

/* `size` octets of addresses, and TLVs behind them, which are skipped. */
static bool
parse_addresses (const uint8_t *at, size_t size, unsigned family, struct proxy_header *header) {
  switch (family) {
  case 0x1: /* AF_INET */
    if (size < 12)
      return false;
    address_from_ip4 (&header->peer, at, big16 (at + 8));
    address_from_ip4 (&header->local, at + 4, big16 (at + 10));
    break;
  case 0x2: /* AF_INET6 */
    if (size < 36)
      return false;
    memcpy (header->peer.ip, at, 16);
    memcpy (header->local.ip, at + 16, 16);
    header->peer.port = big16 (at + 32);
    header->local.port = big16 (at + 34);
    header->peer.kind = header->local.kind = ADDRESS_IP;
    break;
  case 0x3: /* AF_UNIX */
    if (size < 216)
      return false;
    header->peer.kind = header->local.kind = ADDRESS_UNIX;
    break;
  default: /* AF_UNSPEC: accepted, tells nothing */
    return family == 0;
  }
  header->told = true;
  return true;
}

static proxy_result
parse_v2 (const uint8_t *data, size_t size, struct proxy_header *header) {
  unsigned version, command, family, transport;
  size_t length;

  if (size > 12 && (data[12] >> 4) != 2)
    return PROXY_BAD;
  if (size < FIXED_V2)
    return PROXY_MORE;
  version = data[12] >> 4, command = data[12] & 15u;
  family = data[13] >> 4, transport = data[13] & 15u;
  length = big16 (data + 14);
  /* Of transports only streams: this is one. */
  if (version != 2 || command > 1 || family > 3 || FIXED_V2 + length > PROXY_LONGEST
      || (command == 1 && transport != 1 && family != 0))
    return PROXY_BAD;
  if (size < FIXED_V2 + length)
    return PROXY_MORE;
  if (command == 1 && !parse_addresses (data + FIXED_V2, length, family, header))
    return PROXY_BAD;
  header->size = FIXED_V2 + length;
  return PROXY_GOOD;
}

proxy_result
proxy_parse (const void *data, size_t size, struct proxy_header *header) {
  memset (header, 0, sizeof *header);
  if (size == 0)
    return PROXY_MORE;
  if (memcmp (data, signature_v2, MIN (size, sizeof signature_v2)) == 0)
    return size < sizeof signature_v2 ? PROXY_MORE : parse_v2 (data, size, header);
  if (memcmp (data, signature_v1, MIN (size, sizeof signature_v1)) == 0)
    return size < sizeof signature_v1 ? PROXY_MORE : parse_v1 (data, size, header);
  return PROXY_BAD;
}
