/* SPDX-License-Identifier: Apache-2.0 */
/* names-fuzz.c - libFuzzer feeds LIST patterns and mailbox names, divided by a NUL: the matcher is
 * compared with a plain one, names are written and read again. */
#include "common/mailbox_name.h"
#include "mailbox/pattern.h"
#include "syntax/utf7.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* As RFC 9051 section 6.3.9 says it, in a table of all their ends. */
static bool
plain_match (const char *pattern, const char *path) {
  size_t p = strlen (pattern), n = strlen (path);
  g_autofree bool *table = g_new0 (bool, (p + 1) * (n + 1));
  bool inbox = strncmp (path, "INBOX", 5) == 0 && (path[5] == 0 || path[5] == '/');
  for (size_t i = p + 1; i-- > 0;)
    for (size_t j = n + 1; j-- > 0;) {
      bool *here = &table[i * (n + 1) + j];
      if (i == p)
        *here = j == n;
      else if (pattern[i] == '*' || pattern[i] == '%')
        *here = table[(i + 1) * (n + 1) + j]
                || (j < n && (pattern[i] == '*' || path[j] != '/') && here[1]);
      else
        *here = j < n && table[(i + 1) * (n + 1) + j + 1]
                && (pattern[i] == path[j]
                    || (inbox && j < 5 && g_ascii_toupper (pattern[i]) == path[j]));
    }
  return table[0];
}

static void
check_match (const char *pattern, const char *name) {
  static const char *const prefixes[] = { "Other Users", "Public Folders", "a", "INBOX" };
  g_autofree char *path = path_canonical (name);
  if (!path)
    return;
  g_autofree char *again = path_canonical (path);
  g_assert_cmpstr (path, ==, again);
  bool matches = path_matches (pattern, path);
  g_assert (matches == plain_match (pattern, path));
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++) {
    g_autofree char *below = g_strconcat (prefixes[i], "/", path, NULL);
    g_assert (strcmp (below_prefix (below, prefixes[i]), path) == 0);
    bool inbox = strcmp (prefixes[i], "INBOX") == 0; /* has no case where the store looks */
    if (path_matches (pattern, below) && !inbox)
      g_assert (pattern_may_reach (pattern, prefixes[i]));
    if (pattern_names (pattern, prefixes[i]))
      g_assert (pattern_may_reach (pattern, prefixes[i]));
  }
}

static void
check_utf7 (const char *text, size_t size) {
  bool control = false; /* path_canonical takes none, so they may have two spellings */
  for (size_t i = 0; i < size; i++)
    control |= (unsigned char)text[i] < 0x20 || text[i] == 0x7f;
  g_autofree char *decoded = utf7_decode (text, size);
  if (decoded && !control) { /* one name has one spelling */
    g_assert (g_utf8_validate (decoded, -1, NULL));
    g_autofree char *encoded = utf7_encode (decoded);
    g_assert (strlen (encoded) == size && memcmp (encoded, text, size) == 0);
  }
  if (!g_utf8_validate_len (text, size, NULL))
    return;
  g_autofree char *name = g_strndup (text, size);
  g_autofree char *encoded = utf7_encode (name);
  g_autofree char *back = utf7_decode (encoded, strlen (encoded));
  g_assert_cmpstr (back, ==, name);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  size = MIN (size, 600);
  const uint8_t *middle = memchr (data, 0, size);
  size_t first = middle ? (size_t)(middle - data) : size;
  g_autofree char *pattern = g_strndup ((const char *)data, first);
  g_autofree char *name =
      middle ? g_strndup ((const char *)middle + 1, size - first - 1) : g_strdup (pattern);
  check_match (pattern, name);
  check_utf7 (name, strlen (name));
  return 0;
}
