/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - see json.h.  jansson recurses by depth: that is measured before it is let in. */
#include "json.h"

#include <stdbool.h>

static bool
is_shallow (const char *text, size_t size) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < size; i++) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > JSON_DEPTH_LIMIT)
        return false;
    } else if ((c == '}' || c == ']') && depth > 0) {
      depth--;
    }
  }
  return true;
}

json_t *
json_of (struct ptn_bytes text) {
  if (!text.data || !is_shallow (text.data, text.size))
    return NULL;
  json_t *value = json_loadb (text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
  if (value && !json_is_object (value)) {
    json_decref (value);
    return NULL;
  }
  return value;
}

const char *
json_text (const json_t *object, const char *key) {
  return json_string_value (json_object_get (object, key));
}
