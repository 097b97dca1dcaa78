/* SPDX-License-Identifier: Apache-2.0 */
/* octets.c - see octets.h. */
#include "octets.h"

GByteArray *
octets_from_hex (const char *hex) {
  GByteArray *made = g_byte_array_new ();
  while (*hex) {
    if (*hex == ' ') {
      hex++;
      continue;
    }
    const guint8 octet =
        (guint8)(g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));
    g_byte_array_append (made, &octet, 1);
    hex += 2;
  }
  return made;
}

struct ptn_bytes
octets_bytes (const GByteArray *array) {
  return (struct ptn_bytes){ array->data, array->len };
}

static void
put (guint8 *at, guint32 value, size_t size) {
  value = GUINT32_TO_LE (value);
  memcpy (at, &value, size);
}

GByteArray *
octets_authenticate (size_t header, guint32 flags, GByteArray *const fields[6]) {
  GByteArray *made = g_byte_array_new ();
  g_byte_array_set_size (made, (guint)header);
  memset (made->data, 0, header);
  memcpy (made->data, "NTLMSSP", 8);
  made->data[8] = 3;
  if (header >= 64)
    put (made->data + 60, flags, 4);
  for (size_t i = 0; i < (header >= 64 ? 6 : 5); i++) {
    const guint size = fields[i] ? fields[i]->len : 0;
    put (made->data + 12 + 8 * i, size, 2);
    put (made->data + 14 + 8 * i, size, 2);
    put (made->data + 16 + 8 * i, made->len, 4);
    if (size)
      g_byte_array_append (made, fields[i]->data, size);
  }
  return made;
}

GByteArray *
octets_authenticate_of (size_t header, guint32 flags, GByteArray *fields[6]) {
  GByteArray *made = octets_authenticate (header, flags, fields);
  for (size_t i = 0; i < 6; i++)
    g_byte_array_unref (fields[i]);
  return made;
}
