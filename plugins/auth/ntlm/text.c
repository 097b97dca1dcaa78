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

/* [MS-UCODEREF] 3.1.5.3: Windows' table of capitals is older than much of Unicode's, and never had
 * some (the Greek final sigma among them).  These stay what they are. */
static const struct {
  guint16 first, last;
} without_capital[] = {
  { 0x00b5, 0x00b5 }, { 0x0131, 0x0131 }, { 0x017f, 0x017f }, { 0x01c5, 0x01c5 },
  { 0x01c8, 0x01c8 }, { 0x01cb, 0x01cb }, { 0x01f2, 0x01f2 }, { 0x023f, 0x0240 },
  { 0x0252, 0x0252 }, { 0x025c, 0x025c }, { 0x0261, 0x0261 }, { 0x0265, 0x0266 },
  { 0x026a, 0x026a }, { 0x026c, 0x026c }, { 0x0282, 0x0282 }, { 0x0287, 0x0287 },
  { 0x029d, 0x029e }, { 0x03c2, 0x03c2 }, { 0x03d0, 0x03d6 }, { 0x03f0, 0x03f1 },
  { 0x03f3, 0x03f5 }, { 0x0525, 0x052f }, { 0x10d0, 0x1c88 }, { 0x1d8e, 0x1d8e },
  { 0x1e9b, 0x1e9b }, { 0x1fbe, 0x1fbe }, { 0x2c5f, 0x2c5f }, { 0x2cec, 0x2cf3 },
  { 0x2d27, 0x2d2d }, { 0xa661, 0xa661 }, { 0xa699, 0xa69b }, { 0xa791, 0xabbf },
};

static gunichar
upper (gunichar character) {
  if (character < 0x80)
    return (gunichar)g_ascii_toupper ((char)character);
  for (size_t i = 0; i < G_N_ELEMENTS (without_capital); i++)
    if (character >= without_capital[i].first && character <= without_capital[i].last)
      return character;
  if (character >= 0x2170 && character <= 0x217f) /* Roman numerals */
    return character - 16;
  if (character >= 0x24d0 && character <= 0x24e9) /* letters in circles */
    return character - 26;
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
