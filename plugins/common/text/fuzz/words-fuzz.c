/* SPDX-License-Identifier: Apache-2.0 */
/* words-fuzz.c - fuzz target: encoded words, parameters and base subjects are always UTF-8. */
#include "common/text/subject.h"
#include "common/text/words.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (GString *text) {
  for (size_t i = 0; i < text->len; i++)
    if (text->str[i] == '\0')
      text->str[i] = ' ';
  g_assert (g_utf8_validate (text->str, (gssize)text->len, NULL));
  g_string_truncate (text, 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *base = subject_base ((const char *)data, size, NULL);

  g_assert (g_utf8_validate (base, -1, NULL));
  words_decode ((const char *)data, size, out);
  check (out);
  parameter_decode ((const char *)data, size, "filename", out);
  check (out);
  parameters_decode ((const char *)data, size, out);
  check (out);
  return 0;
}
