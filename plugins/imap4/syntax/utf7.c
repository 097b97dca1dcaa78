/* SPDX-License-Identifier: Apache-2.0 */
/* utf7.c - see utf7.h. */
#include "syntax/utf7.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
value_of (char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == ',' ? 63 : -1;
}

/* Behind "&", to "-": one run of UTF-16 in base64.  Returns octets used; 0: malformed. */
static size_t
decode_run (const char *text, size_t size, GString *out) {
  uint32_t bits = 0, high = 0;
  unsigned have = 0, units = 0;
  size_t i = 0;
  for (; i < size && text[i] != '-'; i++) {
    int value = value_of (text[i]);
    if (value < 0)
      return 0;
    bits = (bits << 6 | (uint32_t)value) & 0xffffff;
    have += 6;
    if (have < 16)
      continue;
    have -= 16;
    uint32_t unit = bits >> have & 0xffff;
    units++;
    if (high) {
      if (unit < 0xdc00 || unit > 0xdfff)
        return 0;
      g_string_append_unichar (out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
      high = 0;
    } else if (unit >= 0xd800 && unit < 0xdc00)
      high = unit;
    else if ((unit >= 0xdc00 && unit < 0xe000) || (unit >= 0x20 && unit < 0x7f) || unit == 0)
      return 0; /* "printable US-ASCII characters MUST NOT be represented in BASE64" */
    else
      g_string_append_unichar (out, unit);
  }
  bool ended = i < size && units && !high && have < 6 && !(bits & ((1u << have) - 1));
  return ended ? i + 1 : 0;
}

char *
utf7_decode (const char *text, size_t size) {
  GString *out = g_string_sized_new (size + 1);
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80 || c == 0)
      goto malformed;
    if (c != '&') {
      g_string_append_c (out, (char)c);
      continue;
    }
    if (i + 1 < size && text[i + 1] == '-') {
      g_string_append_c (out, '&');
      i++;
      continue;
    }
    size_t used = decode_run (text + i + 1, size - i - 1, out);
    if (!used
        || (i + 1 + used < size && text[i + 1 + used] == '&'
            && !(i + 2 + used < size && text[i + 2 + used] == '-')))
      goto malformed; /* "-&": a superfluous shift */
    i += used;
  }
  return g_string_free (out, FALSE);
malformed:
  g_string_free (out, TRUE);
  return NULL;
}

static void
encode_run (GString *out, const gunichar2 *units, long count) {
  uint32_t bits = 0;
  unsigned have = 0;
  g_string_append_c (out, '&');
  for (long i = 0; i < count; i++) {
    bits = bits << 16 | units[i];
    for (have += 16; have >= 6; have -= 6)
      g_string_append_c (out, alphabet[bits >> (have - 6) & 63]);
    bits &= (1u << have) - 1;
  }
  if (have)
    g_string_append_c (out, alphabet[bits << (6 - have) & 63]);
  g_string_append_c (out, '-');
}

char *
utf7_encode (const char *utf8) {
  GString *out = g_string_sized_new (strlen (utf8) + 1);
  for (const char *p = utf8; *p;) {
    if ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f) {
      g_string_append_c (out, *p);
      if (*p++ == '&')
        g_string_append_c (out, '-');
      continue;
    }
    const char *end = p;
    while (*end && ((unsigned char)*end < 0x20 || (unsigned char)*end >= 0x7f))
      end++;
    glong count = 0;
    g_autofree gunichar2 *units = g_utf8_to_utf16 (p, end - p, NULL, &count, NULL);
    if (units)
      encode_run (out, units, count);
    p = end;
  }
  return g_string_free (out, FALSE);
}
