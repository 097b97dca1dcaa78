/* SPDX-License-Identifier: Apache-2.0 */
/* escape.c - libFuzzer target: whatever a peer sends, a log line stays one line of UTF-8. */
#include "log/format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_line (const char *line, size_t size, bool json) {
  if (size < 2 || line[size - 1] != '\n' || (json && line[size - 2] != '}')
      || memchr (line, '\n', size) != line + size - 1
      || !g_utf8_validate (line, (gssize)size, NULL))
    __builtin_trap ();
  for (size_t i = 0; i + 1 < size; i++)
    if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
      __builtin_trap ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  char room[700];
  g_autofree char *value = g_strndup ((const char *)data, size);
  struct ptn_field fields[] = { { "user", value }, { value, "x" }, { "last", "y" } };
  struct log_entry entry = { .level = PTN_LOG_INFO,
                             .event = size & 1 ? value : "login.failure",
                             .origin = size & 2 ? value : NULL,
                             .fields = fields,
                             .count = 3 };
  if (size & 2 && strlen (value) > 20) /* labels are the administrator's, and short */
    entry.origin = "auth";
  struct escape_buffer out = { .data = room, .room = sizeof room };
  log_format_text (&out, &entry);
  check_line (room, out.size, false);
  out = (struct escape_buffer){ .data = room, .room = sizeof room };
  log_format_json (&out, &entry);
  check_line (room, out.size, true);
  out = (struct escape_buffer){ .data = room, .room = sizeof room };
  log_format_journal (&out, &entry);
  return 0;
}
