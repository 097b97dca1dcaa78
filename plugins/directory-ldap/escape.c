/* SPDX-License-Identifier: Apache-2.0 */
/* escape.c - see escape.h.  Owns nothing. */
#include "escape.h"

#include <string.h>

static void
append_octets (GString *out, const char *value, gsize size, const char *plain) {
  static const char digits[] = "0123456789abcdef";
  for (gsize i = 0; i < size; i++) {
    const unsigned char octet = (unsigned char)value[i];
    if (g_ascii_isalnum (octet) || (octet && strchr (plain, octet))) {
      g_string_append_c (out, (char)octet);
      continue;
    }
    const char escaped[3] = { '\\', digits[octet >> 4], digits[octet & 15] };
    g_string_append_len (out, escaped, sizeof escaped);
  }
}

void
filter_append_equals (GString *filter, const char *attribute, const char *value, gsize size) {
  g_string_append_printf (filter, "(%s=", attribute);
  append_octets (filter, value, size, "@.-_:");
  g_string_append_c (filter, ')');
}

/* A space is plain in the middle only, so none is. */
void
dn_append_value (GString *dn, const char *value, gsize size) {
  append_octets (dn, value, size, "@.-_");
}

bool
attribute_is_sound (const char *name) {
  return g_ascii_isalnum (*name) && strlen (name) <= 128
         && !name[strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789.-;_")];
}
