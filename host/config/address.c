/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - endpoints and networks.  Names are not looked up here. */
#include "config/values.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

static bool
parse_port (const char *text, uint16_t *port) {
  unsigned value = 0;
  size_t n = 0;
  for (; n < 6 && g_ascii_isdigit (text[n]); n++)
    value = value * 10 + (unsigned)(text[n] - '0');
  if (n == 0 || text[n] || value > 65535)
    return false;
  *port = (uint16_t)value;
  return true;
}

static bool
host_good (const char *host) {
  for (const char *c = host; *c; c++)
    if (!g_ascii_isalnum (*c) && !strchr (".-_", *c))
      return false;
  return *host && strlen (host) <= 255;
}

static bool
v6_good (const char *host) {
  struct in6_addr address;
  g_autofree char *bare = g_strndup (host, strcspn (host, "%")); /* fe80::1%eth0 */
  return inet_pton (AF_INET6, bare, &address) == 1;
}

static bool
parse_unix (const char *path, const char *folder, struct config_endpoint *endpoint,
            const char **expected) {
  g_autofree char *absolute = *path ? g_canonicalize_filename (path, folder) : NULL;
  if (!absolute || strlen (absolute) >= sizeof ((struct sockaddr_un *)0)->sun_path) {
    *expected = "expected unix:PATH with a path of at most 107 octets";
    return false;
  }
  endpoint->path = g_steal_pointer (&absolute);
  return true;
}

bool
config_endpoint_parse (const char *text, const char *folder, struct config_endpoint *endpoint,
                       const char **expected) {
  memset (endpoint, 0, sizeof *endpoint);
  *expected = "expected host:port, [v6]:port, *:port or unix:/path, such as 127.0.0.1:110";
  if (g_str_has_prefix (text, "unix:")) {
    if (!parse_unix (text + 5, folder, endpoint, expected))
      return false;
    endpoint->text = g_strdup (text);
    return true;
  }
  const char *colon = strrchr (text, ':');
  if (!colon || !parse_port (colon + 1, &endpoint->port))
    return false;
  size_t length = (size_t)(colon - text);
  bool bracket = length >= 2 && text[0] == '[' && text[length - 1] == ']';
  g_autofree char *host = bracket ? g_strndup (text + 1, length - 2) : g_strndup (text, length);
  bool star = strcmp (host, "*") == 0 && !bracket;
  if (!star && !(bracket ? v6_good (host) : host_good (host)))
    return false;
  endpoint->host = star ? g_strdup ("") : g_steal_pointer (&host);
  endpoint->text = g_strdup (text);
  return true;
}

void
config_endpoint_clear (struct config_endpoint *endpoint) {
  g_free ((char *)endpoint->text);
  g_free ((char *)endpoint->host);
  g_free ((char *)endpoint->path);
  memset (endpoint, 0, sizeof *endpoint);
}

bool
config_network_parse (const char *text, struct config_network *network) {
  memset (network, 0, sizeof *network);
  if (strcmp (text, "unix") == 0) {
    network->family = AF_UNIX;
    return true;
  }
  const char *slash = strchr (text, '/');
  g_autofree char *host = slash ? g_strndup (text, (size_t)(slash - text)) : g_strdup (text);
  network->family = strchr (host, ':') ? AF_INET6 : AF_INET;
  unsigned most = network->family == AF_INET6 ? 128 : 32;
  network->prefix = most;
  uint16_t prefix;
  if (slash) {
    if (!parse_port (slash + 1, &prefix) || prefix > most)
      return false;
    network->prefix = prefix;
  }
  return inet_pton (network->family, host, network->address) == 1;
}
