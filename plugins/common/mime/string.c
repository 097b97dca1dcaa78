/* SPDX-License-Identifier: Apache-2.0 */
/* string.c - strings of IMAP (RFC 9051 section 4.3). */
#include "common/mime/builder.h"

#include <string.h>

enum { QUOTED_MAX = 4096 }; /* longer ones are literals: clients read lines into buffers */

void
append_string (GString *out, const char *data, size_t size) {
  bool escape = false, literal = size > QUOTED_MAX;
  size_t nuls = 0;
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)data[i];
    escape |= c == '"' || c == '\\';
    literal |= c >= 0x80 || c == '\r' || c == '\n';
    nuls += c == '\0';
  }
  if (literal) {
    char start[24];
    int length = g_snprintf (start, sizeof start, "{%zu}\r\n", size - nuls);
    g_string_append_len (out, start, length);
  } else
    g_string_append_c (out, '"');
  if ((literal || !escape) && !nuls)
    g_string_append_len (out, data, (gssize)size);
  else
    for (size_t i = 0; i < size; i++) {
      if (data[i] == '\0')
        continue;
      if (!literal && (data[i] == '"' || data[i] == '\\'))
        g_string_append_c (out, '\\');
      g_string_append_c (out, data[i]);
    }
  if (!literal)
    g_string_append_c (out, '"');
}

void
append_nstring (GString *out, struct ptn_bytes value) {
  if (value.data)
    append_string (out, value.data, value.size);
  else
    g_string_append_len (out, "NIL", 3);
}
