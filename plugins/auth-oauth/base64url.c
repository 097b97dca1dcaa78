/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.c - see base64url.h: into the common alphabet, padded, and decoded in place. */
#include "base64url.h"

#include "common/base64.h"

#include <glib.h>
#include <string.h>

unsigned char *
base64url_decode (const char *text, size_t length, size_t *size) {
  const size_t padding = (4 - length % 4) % 4;
  if (padding == 3)
    return NULL;
  const size_t room = length + padding + 1;
  char *common = g_malloc (room);
  bool sound = true;
  for (size_t i = 0; i < length; i++) {
    sound &= text[i] == '-' || text[i] == '_' || g_ascii_isalnum (text[i]);
    common[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
  }
  for (size_t i = 0; i < padding; i++)
    common[length + i] = '=';
  sound = sound && base64_decode (common, length + padding, (unsigned char *)common, size);
  /* A quarter of the text is still there, and it may be the end of a secret. */
  explicit_bzero (common + (sound ? *size : 0), room - (sound ? *size : 0));
  if (!sound)
    g_clear_pointer (&common, g_free);
  return (unsigned char *)common;
}
