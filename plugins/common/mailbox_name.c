/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_name.c - see mailbox_name.h. */
#include "mailbox_name.h"

#include <glib.h>
#include <string.h>

char *
path_canonical (const char *path) {
  size_t size = path ? strlen (path) : 0;
  char *copy;

  if (size == 0 || size > PATH_MAX_OCTETS || !g_utf8_validate (path, (gssize)size, NULL)
      || path[0] == '/' || path[size - 1] == '/' || strstr (path, "//"))
    return NULL;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
      return NULL;
  copy = g_strdup (path);
  if (g_ascii_strncasecmp (path, "INBOX", 5) == 0 && (path[5] == '\0' || path[5] == '/'))
    memcpy (copy, "INBOX", 5);
  return copy;
}

bool
path_matches (const char *pattern, const char *path) {
  size_t length = strlen (pattern);
  g_autofree bool *reached = g_new0 (bool, length + 1); /* [p]: p octets match what was seen */
  bool inbox = strncmp (path, "INBOX", 5) == 0 && (path[5] == '\0' || path[5] == '/');

  reached[0] = true;
  for (size_t p = 0; p < length && (pattern[p] == '*' || pattern[p] == '%'); p++)
    reached[p + 1] = true;
  for (size_t i = 0; path[i]; i++) {
    bool before = false; /* reached[p - 1] as it was before this octet */

    for (size_t p = 0; p <= length; p++) {
      bool now = false;

      if (p > 0) {
        char c = pattern[p - 1];

        if (c == '*' || c == '%')
          now = reached[p - 1] || ((c == '*' || path[i] != '/') && (before || reached[p]));
        else
          now = before && (c == path[i] || (inbox && i < 5 && g_ascii_toupper (c) == path[i]));
      }
      before = reached[p];
      reached[p] = now;
    }
  }
  return reached[length];
}
