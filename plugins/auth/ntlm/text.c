/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - see text.h.  Owns nothing beyond a call. */
#include "text.h"

#include <string.h>

static gunichar
unit_at (const unsigned char *at) {
  return (gunichar)(at[0] | at[1] << 8);
}

static bool
is_control (gunichar character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

/* Takes the text of `made`, or frees it. */
static char *
finish (GString *made, bool sound) {
  return g_string_free (made, !sound || made->len > NTLM_NAME_LIMIT);
}

char *
ntlm_text_from_unicode (struct ptn_bytes octets) {
  const unsigned char *at = octets.data;
  size_t left = octets.size;
  GString *made = g_string_new (NULL);
  bool sound = left <= 2 * NTLM_NAME_LIMIT;
  while (sound && left >= 2) {
    gunichar character = unit_at (at);
    size_t used = 2;
    if (character >= 0xd800 && character < 0xdc00 && left >= 4) {
      const gunichar low = unit_at (at + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
        used = 4;
      }
    }
    sound = g_unichar_validate (character) && !is_control (character);
    if (sound)
      g_string_append_unichar (made, character);
    at += used;
    left -= used;
  }
  return finish (made, sound && left == 0);
}

char *
ntlm_text_widened (struct ptn_bytes octets) {
  const unsigned char *data = octets.data;
  GString *made = g_string_new (NULL);
  bool sound = octets.size <= NTLM_NAME_LIMIT;
  for (size_t i = 0; sound && i < octets.size; i++) {
    sound = data[i] >= 0x20 && data[i] != 0x7f;
    g_string_append_unichar (made, data[i]);
  }
  return finish (made, sound);
}

char *
ntlm_text_from_oem (struct ptn_bytes octets) {
  const char *data = octets.data;
  if (octets.size == 0 || octets.size > NTLM_NAME_LIMIT)
    return octets.size ? NULL : g_strdup ("");
  if (!g_utf8_validate (data, (gssize)octets.size, NULL))
    return ntlm_text_widened (octets);
  char *made = g_strndup (data, octets.size);
  for (const char *at = made; *at; at = g_utf8_next_char (at))
    if (is_control (g_utf8_get_char (at))) {
      g_free (made);
      return NULL;
    }
  return made;
}

/* Windows has no capital for these, or not within the same code pages, where Unicode has one. */
static gunichar
upper (gunichar character) {
  if (character == 0xb5 || character == 0x131 || character == 0x17f)
    return character;
  return character < 0x10000 ? g_unichar_toupper (character) : character;
}

static void
append_unit (GByteArray *array, gunichar unit) {
  const guint8 octets[2] = { (guint8)(unit & 0xff), (guint8)(unit >> 8) };
  g_byte_array_append (array, octets, 2);
}

void
ntlm_text_append_unicode (GByteArray *array, const char *text, ntlm_case how) {
  for (const char *at = text; *at; at = g_utf8_next_char (at)) {
    gunichar character = g_utf8_get_char (at);
    if (how == NTLM_UPPER)
      character = upper (character);
    else if (how == NTLM_UPPER_ASCII && character < 0x80)
      character = (gunichar)g_ascii_toupper ((char)character);
    if (character < 0x10000) {
      append_unit (array, character);
    } else {
      append_unit (array, 0xd800 + ((character - 0x10000) >> 10));
      append_unit (array, 0xdc00 + ((character - 0x10000) & 0x3ff));
    }
  }
}
