/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h.  A cursor walks over the text; nothing is allocated. */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct cursor {
  const char *at, *end;
  bool utf8;
};

static bool
is_alnum (unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322 section 3.2.3, and RFC 6531 section 3.3 for the octets above 127. */
static bool
is_atext (unsigned char c) {
  return is_alnum (c) || c >= 0x80 || (c && strchr ("!#$%&'*+-/=?^_`{|}~", c));
}

bool
address_is_utf8 (const char *text, size_t size) {
  const unsigned char *at = (const unsigned char *)text, *end = at + size;
  while (at < end) {
    unsigned char c = *at++;
    unsigned more = c < 0x80                 ? 0
                    : c >= 0xc2 && c <= 0xdf ? 1
                    : (c & 0xf0) == 0xe0     ? 2
                    : c >= 0xf0 && c <= 0xf4 ? 3
                                             : 4;
    if (c == 0 || more == 4 || (size_t)(end - at) < more)
      return false;
    if ((c == 0xe0 && at[0] < 0xa0) || (c == 0xed && at[0] > 0x9f) || (c == 0xf0 && at[0] < 0x90)
        || (c == 0xf4 && at[0] > 0x8f))
      return false;
    for (; more; more--, at++)
      if ((*at & 0xc0) != 0x80)
        return false;
  }
  return true;
}

static bool
has_high (const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] >= 0x80)
      return true;
  return false;
}

const char *
address_fault_text (enum address_fault fault) {
  switch (fault) {
  case ADDRESS_BRACKETS:
    return "the address must stand in angle brackets: <user@domain>";
  case ADDRESS_ROUTE:
    return "malformed source route";
  case ADDRESS_LOCAL:
    return "malformed local part (what stands before the @)";
  case ADDRESS_DOMAIN:
    return "malformed or missing domain";
  case ADDRESS_LONG:
    return "address too long (64 octets before the @, 255 behind it)";
  case ADDRESS_NON_ASCII:
    return "address with non-ASCII characters: it must be UTF-8 and needs SMTPUTF8";
  case ADDRESS_OK:
    break;
  }
  return "ok";
}

/* Letters, digits and inner hyphens, divided by single dots. */
static enum address_fault
read_domain_name (struct cursor *c) {
  const char *start = c->at;
  for (;;) {
    const char *label = c->at;
    while (c->at < c->end
           && (is_alnum ((unsigned char)*c->at) || *c->at == '-' || (unsigned char)*c->at >= 0x80))
      c->at++;
    size_t size = (size_t)(c->at - label);
    if (size == 0 || label[0] == '-' || c->at[-1] == '-')
      return ADDRESS_DOMAIN;
    if (size > 63 && !has_high (label, size))
      return ADDRESS_DOMAIN;
    if (c->at == c->end || *c->at != '.')
      break;
    c->at++;
  }
  return c->at - start > ADDRESS_DOMAIN_MAX ? ADDRESS_LONG : ADDRESS_OK;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", "[tag:content]". */
static enum address_fault
read_literal (struct cursor *c) {
  const char *start = c->at + 1;
  const char *close = memchr (start, ']', (size_t)(c->end - start));
  char text[80];
  if (!close)
    return ADDRESS_DOMAIN;
  size_t size = (size_t)(close - start);
  if (size > ADDRESS_DOMAIN_MAX - 2)
    return ADDRESS_LONG;
  c->at = close + 1;
  for (size_t i = 0; i < size; i++)
    if (start[i] < 33 || start[i] > 126 || start[i] == '[' || start[i] == '\\')
      return ADDRESS_DOMAIN;
  unsigned char address[sizeof (struct in6_addr)];
  bool v6 = size > 5 && !strncasecmp (start, "IPv6:", 5);
  const char *value = v6 ? start + 5 : start;
  size_t length = size - (v6 ? 5 : 0);
  if (length >= sizeof text)
    return v6 ? ADDRESS_DOMAIN : memchr (start, ':', size) ? ADDRESS_OK : ADDRESS_DOMAIN;
  memcpy (text, value, length);
  text[length] = '\0';
  if (v6)
    return inet_pton (AF_INET6, text, address) == 1 ? ADDRESS_OK : ADDRESS_DOMAIN;
  if (inet_pton (AF_INET, text, address) == 1)
    return ADDRESS_OK;
  /* General-address-literal: a tag of letters, digits and hyphens, a colon, and more. */
  const char *colon = memchr (start, ':', size);
  if (!colon || colon == start || colon + 1 == close || colon[-1] == '-')
    return ADDRESS_DOMAIN;
  for (const char *p = start; p < colon; p++)
    if (!is_alnum ((unsigned char)*p) && *p != '-')
      return ADDRESS_DOMAIN;
  return ADDRESS_OK;
}

static enum address_fault
read_domain (struct cursor *c) {
  if (c->at == c->end)
    return ADDRESS_DOMAIN;
  return *c->at == '[' ? read_literal (c) : read_domain_name (c);
}

/* "@one,@two:" is read and forgotten (RFC 5321 appendix C). */
static enum address_fault
read_route (struct cursor *c) {
  for (;;) {
    if (c->at == c->end || *c->at != '@')
      return ADDRESS_ROUTE;
    c->at++;
    if (read_domain (c) != ADDRESS_OK || c->at == c->end)
      return ADDRESS_ROUTE;
    if (*c->at == ':') {
      c->at++;
      return ADDRESS_OK;
    }
    if (*c->at++ != ',')
      return ADDRESS_ROUTE;
  }
}

/* Writes local without quotes if it is a dot-string, else with the fewest backslashes. */
static size_t
spell_local (const char *local, size_t size, char *out) {
  bool atoms = size > 0 && local[0] != '.' && local[size - 1] != '.';
  for (size_t i = 0; atoms && i < size; i++)
    atoms = local[i] == '.' ? local[i - 1] != '.' : is_atext ((unsigned char)local[i]);
  if (atoms) {
    memcpy (out, local, size);
    return size;
  }
  size_t n = 0;
  out[n++] = '"';
  for (size_t i = 0; i < size; i++) {
    if (local[i] == '"' || local[i] == '\\')
      out[n++] = '\\';
    out[n++] = local[i];
  }
  out[n++] = '"';
  return n;
}

static enum address_fault
read_local (struct cursor *c, char *out, size_t *written) {
  char local[ADDRESS_LOCAL_MAX];
  size_t n = 0;
  bool quoted = c->at < c->end && *c->at == '"';
  const char *start = c->at += quoted;
  for (; c->at < c->end; c->at++) {
    unsigned char ch = (unsigned char)*c->at;
    if (quoted) {
      if (ch == '"')
        break;
      if (ch == '\\') {
        if (++c->at == c->end)
          return ADDRESS_LOCAL;
        ch = (unsigned char)*c->at;
        if (ch >= 0x80) /* quoted-pairSMTP stays ASCII in RFC 6531 */
          return ADDRESS_LOCAL;
      }
      if (ch < 32 || ch == 127)
        return ADDRESS_LOCAL;
    } else if (ch == '.') {
      if (c->at == start || c->at[-1] == '.')
        return ADDRESS_LOCAL;
    } else if (!is_atext (ch))
      break;
    if (n == sizeof local)
      return ADDRESS_LONG;
    local[n++] = (char)ch;
  }
  if (quoted) {
    if (c->at == c->end)
      return ADDRESS_LOCAL;
    c->at++;
  } else if (n == 0 || c->at[-1] == '.')
    return ADDRESS_LOCAL;
  *written = spell_local (local, n, out);
  return ADDRESS_OK;
}

static enum address_fault
read_mailbox (struct cursor *c, unsigned allow, char *out) {
  if (*c->at == '@') {
    enum address_fault fault = read_route (c);
    if (fault != ADDRESS_OK)
      return fault;
  }
  size_t local;
  enum address_fault fault = read_local (c, out, &local);
  if (fault != ADDRESS_OK)
    return fault;
  out[local] = '\0';
  if (c->at < c->end && *c->at == '>' && (allow & ADDRESS_POSTMASTER)
      && !strcasecmp (out, "postmaster"))
    return ADDRESS_OK;
  if (c->at == c->end || *c->at != '@')
    return c->at < c->end && *c->at == '>' ? ADDRESS_DOMAIN : ADDRESS_LOCAL;
  const char *domain = ++c->at;
  fault = read_domain (c);
  if (fault != ADDRESS_OK)
    return fault;
  size_t size = (size_t)(c->at - domain);
  out[local] = '@';
  memcpy (out + local + 1, domain, size);
  out[local + 1 + size] = '\0';
  return ADDRESS_OK;
}

enum address_fault
address_read_path (const char *text, size_t size, unsigned allow, char *out, size_t *used) {
  struct cursor c = { text, text + size, (allow & ADDRESS_UTF8) != 0 };
  out[0] = '\0';
  *used = 0;
  if (size == 0 || *c.at != '<')
    return ADDRESS_BRACKETS;
  c.at++;
  if (c.at == c.end)
    return ADDRESS_BRACKETS;
  if (*c.at == '>') {
    *used = 2;
    return (allow & ADDRESS_NULL) ? ADDRESS_OK : ADDRESS_LOCAL;
  }
  enum address_fault fault = read_mailbox (&c, allow, out);
  size_t seen = (size_t)(c.at - text);
  if (fault == ADDRESS_OK && (c.at == c.end || *c.at != '>'))
    fault = c.at == c.end ? ADDRESS_BRACKETS : ADDRESS_DOMAIN;
  if (has_high (text, seen) && (!c.utf8 || !address_is_utf8 (text, seen)))
    fault = ADDRESS_NON_ASCII;
  if (fault != ADDRESS_OK) {
    out[0] = '\0';
    return fault;
  }
  *used = seen + 1;
  return ADDRESS_OK;
}

bool
address_is_helo (const char *text, size_t size) {
  if (size == 0 || size > ADDRESS_DOMAIN_MAX || !address_is_utf8 (text, size))
    return false;
  for (size_t i = 0; i < size; i++)
    if (!is_alnum ((unsigned char)text[i]) && (unsigned char)text[i] < 0x80
        && !strchr (".-_:[]", text[i]))
      return false;
  return true;
}
