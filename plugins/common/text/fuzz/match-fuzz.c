/* SPDX-License-Identifier: Apache-2.0 */
/* match-fuzz.c - fuzz target: the matcher finds what comparator_contains finds.  "<needle>NUL<text>". */
#include "common/text/charset.h"
#include "common/text/match.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (enum comparator c, GString *text, const GString *const needles[2]) {
  struct matcher *m = matcher_new (c);

  for (int i = 0; i < 2; i++)
    matcher_add (m, needles[i]->str, needles[i]->len);
  for (size_t piece = 1; text->len > 0 && piece < 300; piece = piece * 4 + 1) {
    matcher_reset (m);
    for (size_t at = 0; at < text->len; at += piece)
      if (!matcher_feed (m, text->str + at, MIN (piece, text->len - at)))
        break;
    for (int i = 0; i < 2; i++)
      g_assert (matcher_has (m, i)
                == comparator_contains (c, text->str, text->len, needles[i]->str, needles[i]->len));
  }
  matcher_free (&m);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  const uint8_t *nul = memchr (data, 0, size);
  size_t needle = nul ? (size_t)(nul - data) : size / 3, skip = needle + (nul != NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) all = g_string_new (NULL);
  g_autoptr (GString) half = g_string_new (NULL);
  const GString *const needles[2] = { all, half };

  charset_to_utf8 ("", 0, (const char *)data, needle, all);
  charset_to_utf8 ("", 0, (const char *)data, needle / 2, half);
  charset_to_utf8 ("", 0, (const char *)data + skip, size - skip, text);
  for (int c = 0; c < COMPARATOR_ASCII_NUMERIC; c++)
    check ((enum comparator)c, text, needles);
  return 0;
}
