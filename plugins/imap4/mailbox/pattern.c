/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.c - see pattern.h. */
#include "mailbox/pattern.h"

#include <string.h>

const char *
below_prefix (const char *name, const char *prefix) {
  size_t size = strlen (prefix);
  if (!size || strncmp (name, prefix, size) != 0)
    return NULL;
  if (name[size] == 0)
    return name + size;
  return name[size] == '/' ? name + size + 1 : NULL;
}

bool
pattern_may_reach (const char *pattern, const char *prefix) {
  size_t head = strcspn (pattern, "*%"), size = strlen (prefix);
  if (!size)
    return false;
  if (head > size)
    return strncmp (pattern, prefix, size) == 0 && pattern[size] == '/';
  return strncmp (pattern, prefix, head) == 0 && (pattern[head] || head == size);
}

bool
pattern_names (const char *pattern, const char *prefix) {
  return pattern_may_reach (pattern, prefix) && strcspn (pattern, "*%") >= strlen (prefix);
}
