/* SPDX-License-Identifier: Apache-2.0 */
/* charset_encode.c - UTF-8 to other charsets. */
#include "common/text/charset_name.h"
#include "common/text/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

static void
encode_icu (UConverter *icu, const char *data, size_t size, GString *out, size_t *lost) {
  for (size_t at = 0; at < size;) {
    UChar units[2];
    int32_t count = 0;
    uint32_t c = 0xfffd;
    int length = utf8_read (data + at, size - at, &c);
    char octets[32];
    UErrorCode error = U_ZERO_ERROR;
    const UChar *from = units;
    char *to = octets;

    if (length <= 0) {
      c = 0xfffd;
      length = length < 0 ? -length : (int)(size - at);
    }
    U16_APPEND_UNSAFE (units, count, c);
    at += (size_t)length;
    ucnv_fromUnicode (icu, &to, octets + sizeof octets, &from, units + count, NULL, at >= size,
                      &error);
    if (U_FAILURE (error)) {
      static const UChar question[] = { '?' };

      ++*lost;
      error = U_ZERO_ERROR;
      from = question;
      to = octets; /* in whatever state of shifts the text is */
      ucnv_fromUnicode (icu, &to, octets + sizeof octets, &from, question + 1, NULL, at >= size,
                        &error);
    }
    g_string_append_len (out, octets, to - octets);
  }
}

static void
encode_iconv (iconv_t cd, const char *data, size_t size, GString *out, size_t *lost) {
  char *in = (char *)data;

  while (size > 0) {
    char octets[512], *to = octets;
    size_t room = sizeof octets;
    size_t result = iconv (cd, &in, &size, &to, &room);

    g_string_append_len (out, octets, to - octets);
    if (result == (size_t)-1 && errno != E2BIG) {
      uint32_t c;
      int length = utf8_read (in, size, &c);

      length = length > 0 ? length : length < 0 ? -length : (int)size;
      in += length;
      size -= (size_t)length;
      g_string_append_c (out, '?');
      ++*lost;
    }
  }
  {
    char octets[32], *to = octets;
    size_t room = sizeof octets;

    iconv (cd, NULL, NULL, &to, &room); /* back to the first state */
    g_string_append_len (out, octets, to - octets);
  }
}

bool
charset_from_utf8 (const char *name, const char *data, size_t size, GString *out, size_t *lost) {
  char canonical[CHARSET_NAME_MAX];
  UErrorCode error = U_ZERO_ERROR;
  UConverter *icu;
  iconv_t cd;

  *lost = 0;
  if (!charset_name (name, strlen (name), canonical))
    return false;
  if (strcmp (canonical, "utf-8") == 0) {
    g_string_append_len (out, data, (gssize)size);
    return true;
  }
  { /* the charset that was named, not the one that includes it */
    g_autofree char *exact = g_ascii_strdown (name, -1);

    icu = strpbrk (exact, "/,") ? NULL : charset_icu_open (exact);
  }
  if (!icu)
    icu = charset_icu_open (canonical);
  if (icu) {
    ucnv_setFromUCallBack (icu, UCNV_FROM_U_CALLBACK_STOP, NULL, NULL, NULL, &error);
    encode_icu (icu, data, size, out, lost);
    ucnv_close (icu);
    return true;
  }
  cd = iconv_open (canonical, "UTF-8");
  if (cd == (iconv_t)-1)
    return false;
  encode_iconv (cd, data, size, out, lost);
  iconv_close (cd);
  return true;
}
