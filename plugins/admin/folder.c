/* SPDX-License-Identifier: Apache-2.0 */
/* folder.c - see folder.h.  Modified UTF-7: RFC 3501 section 5.1.3. */
#include "folder.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* The UTF-16 units between '&' and '-', as UTF-8; false: malformed. */
static bool
decode_shifted (const char *text, size_t size, GString *out) {
  uint32_t bits = 0;
  unsigned have = 0;
  g_autoptr (GArray) units = g_array_new (FALSE, FALSE, sizeof (gunichar2));
  for (size_t i = 0; i < size; i++) {
    const char *at = memchr (alphabet, text[i], 64);
    if (!at)
      return false;
    bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
    have += 6;
    if (have >= 16) {
      have -= 16;
      gunichar2 unit = (gunichar2)(bits >> have & 0xffff);
      g_array_append_val (units, unit);
    }
  }
  if (have >= 6 || (bits & ((1u << have) - 1)))
    return false;
  g_autofree char *utf8 =
      g_utf16_to_utf8 ((const gunichar2 *)(void *)units->data, units->len, NULL, NULL, NULL);
  if (!utf8 || !*utf8)
    return false;
  g_string_append (out, utf8);
  return true;
}

char *
folder_to_mailbox (const char *folder) {
  g_autoptr (GString) out = g_string_new (NULL);
  const char *at = folder;
  if (*at != '.' || !at[1])
    return NULL;
  for (at++; *at; at++) {
    if (*at == '.') {
      if (!at[1] || at[-1] == '.')
        return NULL;
      g_string_append_c (out, '/');
    } else if (*at == '&') {
      const char *end = strchr (at, '-');
      if (!end)
        return NULL;
      if (end == at + 1)
        g_string_append_c (out, '&');
      else if (!decode_shifted (at + 1, (size_t)(end - at - 1), out))
        return NULL;
      at = end;
    } else if ((unsigned char)*at < 32 || (unsigned char)*at >= 127 || *at == '/') {
      /* Some write UTF-8 as it is. */
      if ((unsigned char)*at < 127)
        return NULL;
      g_string_append_c (out, *at);
    } else
      g_string_append_c (out, *at);
  }
  if (!g_utf8_validate (out->str, (gssize)out->len, NULL) || strlen (out->str) != out->len)
    return NULL;
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
encode_shifted (GString *out, const gunichar2 *units, glong count) {
  uint32_t bits = 0;
  unsigned have = 0;
  g_string_append_c (out, '&');
  for (glong i = 0; i < count; i++) {
    bits = bits << 16 | units[i];
    have += 16;
    while (have >= 6) {
      have -= 6;
      g_string_append_c (out, alphabet[bits >> have & 63]);
    }
    bits &= (1u << have) - 1;
  }
  if (have)
    g_string_append_c (out, alphabet[bits << (6 - have) & 63]);
  g_string_append_c (out, '-');
}

/* '.' divides folders, and is shifted like the letters outside of ASCII. */
static bool
shifted (gunichar c) {
  return c < 32 || c >= 127 || c == '.';
}

char *
folder_of_mailbox (const char *mailbox) {
  g_autoptr (GString) out = g_string_new (".");
  if (!g_ascii_strcasecmp (mailbox, "INBOX"))
    return g_strdup ("");
  for (const char *at = mailbox; *at;) {
    const char *end = at;
    while (*end && shifted (g_utf8_get_char (end)))
      end = g_utf8_next_char (end);
    if (end > at) {
      glong count;
      g_autofree gunichar2 *units = g_utf8_to_utf16 (at, end - at, NULL, &count, NULL);
      if (units)
        encode_shifted (out, units, count);
      at = end;
      continue;
    }
    if (*at == '/')
      g_string_append_c (out, '.');
    else if (*at == '&')
      g_string_append (out, "&-");
    else
      g_string_append_c (out, *at);
    at++;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static const struct {
  char letter;
  ptn_flag_bits flag;
} letters[] = { { 'D', PTN_DRAFT },
                { 'F', PTN_FLAGGED },
                { 'R', PTN_ANSWERED },
                { 'S', PTN_SEEN },
                { 'T', PTN_DELETED } };

ptn_flag_bits
folder_flags (const char *file) {
  const char *info = strstr (file, ":2,");
  ptn_flag_bits flags = 0;
  for (size_t i = 0; info && i < G_N_ELEMENTS (letters); i++)
    if (strchr (info + 3, letters[i].letter))
      flags |= letters[i].flag;
  return flags;
}

const char *
folder_letters (ptn_flag_bits flags, char out[8]) {
  size_t n = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (letters); i++)
    if (flags & letters[i].flag)
      out[n++] = letters[i].letter;
  out[n] = '\0';
  return out;
}
