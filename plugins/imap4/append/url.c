/* SPDX-License-Identifier: Apache-2.0 */
/* url.c - see url.h. */
#include "append/url.h"

#include <string.h>

struct cursor {
  const char *at, *end;
};

static bool
take (struct cursor *c, const char *word) {
  size_t size = strlen (word);
  if ((size_t)(c->end - c->at) < size || g_ascii_strncasecmp (c->at, word, size) != 0)
    return false;
  c->at += size;
  return true;
}

/* Up to one of these octets, or the end, without its percent signs; NULL: malformed, or no UTF-8, or
 * with control characters. */
static char *
take_decoded (struct cursor *c, const char *stops) {
  const char *start = c->at;
  while (c->at < c->end && !strchr (stops, *c->at))
    c->at++;
  char *text = g_uri_unescape_segment (start, c->at, NULL);
  if (!text)
    return NULL;
  bool good = g_utf8_validate (text, -1, NULL);
  for (const char *p = text; *p && good; p++)
    good = (unsigned char)*p >= 0x20 && *p != 0x7f;
  if (!good)
    g_clear_pointer (&text, g_free);
  return text;
}

static bool
take_number (struct cursor *c, uint64_t most, uint64_t *value) {
  const char *start = c->at;
  *value = 0;
  for (; c->at < c->end && g_ascii_isdigit (*c->at); c->at++) {
    *value = *value * 10 + (uint64_t)(*c->at - '0');
    if (*value > most)
      return false;
  }
  return c->at > start;
}

static bool
take_nz (struct cursor *c, uint32_t *value) {
  uint64_t number;
  if (!take_number (c, UINT32_MAX, &number) || number == 0)
    return false;
  *value = (uint32_t)number;
  return true;
}

/* [user [";AUTH=" mechanism] "@"] host [":" port] */
static bool
take_server (struct cursor *c, struct imap_url *url) {
  const char *slash = memchr (c->at, '/', (size_t)(c->end - c->at));
  const char *at = slash ? memchr (c->at, '@', (size_t)(slash - c->at)) : NULL;
  uint64_t port;
  if (!slash)
    return false;
  if (at) {
    struct cursor who = { c->at, at };
    url->user = take_decoded (&who, ";");
    if (!url->user || (who.at < who.end && !take (&who, ";AUTH=")))
      return false;
    c->at = at + 1;
  }
  if (c->at < slash && *c->at == '[') { /* an IPv6 address */
    const char *bracket = memchr (c->at, ']', (size_t)(slash - c->at));
    if (!bracket)
      return false;
    url->host = g_strndup (c->at + 1, (gsize)(bracket - c->at - 1));
    c->at = bracket + 1;
  } else
    url->host = take_decoded (c, "/:");
  if (!url->host || !*url->host)
    return false;
  url->port = 143;
  if (take (c, ":")) {
    if (!take_number (c, 65535, &port))
      return false;
    url->port = (uint16_t)port;
  }
  return c->at == slash;
}

/* mailbox [";UIDVALIDITY=" nz] "/;UID=" nz */
static bool
take_message (struct cursor *c, struct imap_url *url) {
  const char *uid = NULL;
  for (const char *p = c->at; p + 6 <= c->end && !uid; p++)
    if (g_ascii_strncasecmp (p, "/;UID=", 6) == 0)
      uid = p;
  if (!uid)
    return false;
  struct cursor name = { c->at, uid };
  url->mailbox = take_decoded (&name, ";");
  if (!url->mailbox || !*url->mailbox)
    return false;
  if (name.at < name.end && (!take (&name, ";UIDVALIDITY=") || !take_nz (&name, &url->uidvalidity)))
    return false;
  if (name.at != name.end)
    return false;
  c->at = uid + 6;
  return take_nz (c, &url->uid);
}

static bool
take_partial (struct cursor *c, struct imap_url *url) {
  url->partial = true;
  if (!take_number (c, INT64_MAX, &url->offset))
    return false;
  if (!take (c, "."))
    return true;
  return take_number (c, INT64_MAX, &url->length) && url->length > 0;
}

/* [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" token] */
static bool
take_authorization (struct cursor *c, const char *start, struct imap_url *url) {
  if (take (c, ";EXPIRE=")) { /* RFC 3339 */
    g_autofree char *text = take_decoded (c, ";");
    g_autoptr (GDateTime) when = text ? g_date_time_new_from_iso8601 (text, NULL) : NULL;
    if (!when)
      return false;
    url->expires = true;
    url->expire = g_date_time_to_unix (when);
  }
  if (!take (c, ";URLAUTH="))
    return !url->expires && c->at == c->end;
  url->access = take_decoded (c, ":");
  if (!url->access || !*url->access)
    return false;
  url->rump_size = (size_t)(c->at - start);
  if (c->at == c->end)
    return true;
  c->at++;
  const char *colon = memchr (c->at, ':', (size_t)(c->end - c->at));
  if (!colon || colon == c->at || colon + 1 == c->end)
    return false;
  url->mechanism = g_strndup (c->at, (gsize)(colon - c->at));
  url->token = g_strndup (colon + 1, (gsize)(c->end - colon - 1));
  for (const char *p = url->token; *p; p++)
    if (!g_ascii_isxdigit (*p))
      return false;
  return strlen (url->token) >= 32;
}

static bool
parse (struct cursor *c, const char *start, struct imap_url *url) {
  if (take (c, "imap://") && !take_server (c, url))
    return false;
  if (!take (c, "/") || !take_message (c, url))
    return false;
  if (take (c, "/;SECTION=")) {
    url->section = take_decoded (c, "/;");
    if (!url->section || !*url->section)
      return false;
  }
  if (take (c, "/;PARTIAL=") && !take_partial (c, url))
    return false;
  return take_authorization (c, start, url);
}

bool
url_parse (const char *text, struct imap_url *url) {
  size_t size = strlen (text);
  struct cursor c = { text, text + size };
  *url = (struct imap_url){ 0 };
  if (size > URL_MAX || !parse (&c, text, url)) {
    url_clear (url);
    return false;
  }
  return true;
}

void
url_clear (struct imap_url *url) {
  g_free (url->user);
  g_free (url->host);
  g_free (url->mailbox);
  g_free (url->section);
  g_free (url->access);
  g_free (url->mechanism);
  g_free (url->token);
  *url = (struct imap_url){ 0 };
}
