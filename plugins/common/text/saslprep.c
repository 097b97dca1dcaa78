/* SPDX-License-Identifier: Apache-2.0 */
/* saslprep.c - see saslprep.h.  ICU has the profile; printable ASCII is its own result and does not
 * go there.  What was in between is wiped: it may have been a password. */
#include "common/text/saslprep.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

static bool
is_plain (const unsigned char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] < 0x20 || text[i] > 0x7e)
      return false;
  return true;
}

/* The profile's largest expansion is one code point to eighteen (U+FDFA). */
static int32_t
prepare (const UChar *wide, int32_t length, UChar *prepared, int32_t room) {
  UErrorCode error = U_ZERO_ERROR;
  UStringPrepProfile *profile = usprep_openByType (USPREP_RFC4013_SASLPREP, &error);
  const int32_t size = U_SUCCESS (error) ? usprep_prepare (profile, wide, length, prepared, room,
                                                           USPREP_ALLOW_UNASSIGNED, NULL, &error)
                                         : 0;
  if (profile)
    usprep_close (profile);
  return U_SUCCESS (error) ? size : 0;
}

static char *
to_utf8 (const UChar *wide, int32_t length) {
  UErrorCode error = U_ZERO_ERROR;
  int32_t size = 0;
  char *text = g_malloc ((gsize)length * 3 + 1);
  u_strToUTF8 (text, length * 3 + 1, &size, wide, length, &error);
  if (U_SUCCESS (error) && !memchr (text, '\0', (size_t)size))
    return text;
  explicit_bzero (text, (size_t)length * 3 + 1);
  g_free (text);
  return NULL;
}

char *
saslprep (struct ptn_bytes text) {
  if (text.size == 0 || text.size > SASLPREP_MAX)
    return NULL;
  if (is_plain (text.data, text.size))
    return g_strndup (text.data, text.size);
  if (!g_utf8_validate (text.data, (gssize)text.size, NULL))
    return NULL;

  const int32_t room = (int32_t)text.size * 18;
  UChar *wide = g_new (UChar, text.size), *prepared = g_new (UChar, (gsize)room);
  UErrorCode error = U_ZERO_ERROR;
  int32_t length = 0;
  u_strFromUTF8 (wide, (int32_t)text.size, &length, text.data, (int32_t)text.size, &error);
  const int32_t size = U_SUCCESS (error) ? prepare (wide, length, prepared, room) : 0;
  char *result = size > 0 ? to_utf8 (prepared, size) : NULL;
  explicit_bzero (wide, text.size * sizeof *wide);
  explicit_bzero (prepared, (size_t)room * sizeof *prepared);
  g_free (wide);
  g_free (prepared);
  return result;
}
