/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.c - see base64url.h: into the common alphabet, padded, and decoded in place. */
#include "base64url.h"

#include "common/base64.h"

#include <glib.h>

unsigned char *
base64url_decode (const char *text, size_t length, size_t *size) {
  const size_t padding = (4 - length % 4) % 4;
  if (padding == 3)
    return NULL;
  g_autofree char *common = g_malloc (length + padding + 1);
  for (size_t i = 0; i < length; i++) {
    if (text[i] != '-' && text[i] != '_' && !g_ascii_isalnum (text[i]))
      return NULL;
    common[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
  }
  for (size_t i = 0; i < padding; i++)
    common[length + i] = '=';
  if (!base64_decode (common, length + padding, (unsigned char *)common, size))
    return NULL;
  common[*size] = '\0';
  return (unsigned char *)g_steal_pointer (&common);
}
