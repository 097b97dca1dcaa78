/* SPDX-License-Identifier: Apache-2.0 */
/* kept_name.c - see kept_name.h. */
#include "kept_name.h"

#include <glib.h>
#include <string.h>

/* UTF-8 within these sizes, and no octet below `lowest`. */
static bool
text_valid (const char *text, size_t least, size_t most, unsigned char lowest) {
  size_t size = text ? strnlen (text, most + 1) : 0;

  if (size < least || size > most || !g_utf8_validate (text, (gssize)size, NULL))
    return false;
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)text[i] < lowest || text[i] == 0x7f)
      return false;
  return true;
}

bool
annotation_name_valid (const char *name) {
  return text_valid (name, 2, ANNOTATION_NAME_MAX_OCTETS, ' ') && name[0] == '/';
}

bool
annotation_name_private (const char *name) {
  return g_str_has_prefix (name, "/private/");
}

bool
keyword_valid (const char *keyword) {
  return text_valid (keyword, 1, KEYWORD_MAX_OCTETS, ' ' + 1);
}
