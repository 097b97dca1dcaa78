/* SPDX-License-Identifier: Apache-2.0 */
/* folders.c - see folders.h. */
#include "folders.h"

#include <string.h>

#define FOLDER_MAX 255 /* NAME_MAX of every file system there is */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* A run of characters beyond ASCII, as UTF-16 in the base 64 of RFC 3501. */
static const char *
encode_run (GString *out, const char *at) {
  guint32 bits = 0;
  int held = 0;
  g_string_append_c (out, '&');
  while (*at & 0x80) {
    gunichar c = g_utf8_get_char (at);
    guint16 units[2] = { (guint16)c, 0 };
    int count = 1;
    if (c >= 0x10000) {
      units[0] = (guint16)(0xd800 + ((c - 0x10000) >> 10));
      units[1] = (guint16)(0xdc00 + ((c - 0x10000) & 0x3ff));
      count = 2;
    }
    for (int i = 0; i < count; i++) {
      bits = bits << 16 | units[i];
      for (held += 16; held >= 6; held -= 6)
        g_string_append_c (out, base64[bits >> (held - 6) & 63]);
    }
    at = g_utf8_next_char (at);
  }
  if (held)
    g_string_append_c (out, base64[bits << (6 - held) & 63]);
  g_string_append_c (out, '-');
  return at;
}

static bool
escaped_at (const char *at) {
  return g_ascii_strncasecmp (at, "\\2e", 3) == 0 || g_ascii_strncasecmp (at, "\\5c", 3) == 0;
}

/* One level, up to `end`. */
static void
encode_level (GString *out, const char *at, const char *end, bool escape) {
  while (at < end) {
    if (*at & 0x80)
      at = encode_run (out, at);
    else if (*at == '&')
      g_string_append (out, "&-"), at++;
    else if (escape && *at == '.')
      g_string_append (out, "\\2e"), at++;
    else if (escape && escaped_at (at))
      g_string_append (out, "\\5c"), at++;
    else
      g_string_append_c (out, *at++);
  }
}

char *
folder_of (const char *path) {
  if (strcmp (path, "INBOX") == 0)
    return g_strdup ("");
  GString *folder = g_string_new (NULL);
  for (const char *at = path;; at++) {
    const char *end = strchrnul (at, '/');
    g_string_append_c (folder, '.');
    encode_level (folder, at, end, true);
    at = end;
    if (!*at)
      break;
  }
  char *result = g_string_free (folder, FALSE);
  if (strlen (result) > FOLDER_MAX)
    g_clear_pointer (&result, g_free);
  return result;
}

/* The characters of an "&...-" run; the place behind it, or NULL. */
static const char *
decode_run (GString *out, const char *at) {
  guint32 bits = 0, high = 0;
  int held = 0;
  if (*at == '-') {
    g_string_append_c (out, '&');
    return at + 1;
  }
  for (; *at != '-'; at++) {
    const char *digit = *at ? strchr (base64, *at) : NULL;
    if (!digit)
      return NULL;
    bits = bits << 6 | (guint32)(digit - base64);
    held += 6;
    if (held < 16)
      continue;
    held -= 16;
    guint32 unit = bits >> held & 0xffff;
    if (high && (unit < 0xdc00 || unit > 0xdfff))
      return NULL;
    if (high)
      g_string_append_unichar (out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
    else if (unit >= 0xdc00 && unit <= 0xdfff)
      return NULL;
    else if (unit < 0xd800 || unit > 0xdfff) {
      if (unit == 0)
        return NULL;
      g_string_append_unichar (out, unit);
    }
    high = !high && unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
  }
  return high ? NULL : at + 1;
}

/* Levels divided by `separator`, to a path; NULL: malformed. */
static char *
decode (const char *at, char separator, bool escape) {
  GString *path = g_string_new (NULL);
  while (at && *at) {
    if (*at == '&')
      at = decode_run (path, at + 1);
    else if (escape && escaped_at (at)) {
      g_string_append_c (path, at[1] == '2' ? '.' : '\\');
      at += 3;
    } else if (*at == '/' && separator != '/')
      at = NULL;
    else
      g_string_append_c (path, *at == separator ? '/' : *at), at++;
  }
  char *result = g_string_free (path, FALSE);
  if (!at)
    g_clear_pointer (&result, g_free);
  return result;
}

char *
folder_path (const char *folder) {
  if (folder[0] != '.' || folder[1] == '\0')
    return NULL;
  g_autofree char *path = decode (folder + 1, '.', true);
  g_autofree char *canonical = path_canonical (path);
  g_autofree char *again = canonical ? folder_of (canonical) : NULL;
  /* One mailbox, one folder: whatever would be written in another way is not ours to serve. */
  if (!again || strcmp (again, folder) != 0)
    return NULL;
  return g_steal_pointer (&canonical);
}

void
subscriptions_parse (const char *text, GHashTable *paths) {
  bool second = g_str_has_prefix (text, "V\t2");
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines + (second ? 1 : 0); *line; line++) {
    if (!**line)
      continue;
    g_autofree char *path = decode (*line, second ? '\t' : '.', !second);
    char *canonical = path_canonical (path);
    if (canonical)
      g_hash_table_add (paths, canonical);
  }
}

char *
subscriptions_format (GHashTable *paths) {
  GString *text = g_string_new ("V\t2\n\n");
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (paths), (GCompareFunc)strcmp);
  for (GList *name = names; name; name = name->next) {
    const char *at = name->data;
    for (;; at++) {
      const char *end = strchrnul (at, '/');
      encode_level (text, at, end, false);
      at = end;
      if (!*at)
        break;
      g_string_append_c (text, '\t');
    }
    g_string_append_c (text, '\n');
  }
  return g_string_free (text, FALSE);
}
