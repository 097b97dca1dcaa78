/* SPDX-License-Identifier: Apache-2.0 */
/* charset_name.c - see charset_name.h, and charset_is_known. */
#include "common/text/charset_name.h"

#include <iconv.h>
#include <string.h>

/* Sorted by nothing: it is short, and the answer is kept by whoever asks. */
static const struct {
  const char *name, *canonical;
} aliases[] = {
  { "utf8", "utf-8" },
  { "unicode-1-1-utf-8", "utf-8" },
  { "utf-8-mac", "utf-8" },
  { "x-utf8", "utf-8" },
  { "utf8mb4", "utf-8" },
  { "cp65001", "utf-8" },
  { "unicode-1-1-utf-7", "utf-7" },
  { "ascii", "us-ascii" },
  { "ansi_x3.4-1968", "us-ascii" },
  { "ansi_x3.4-1986", "us-ascii" },
  { "iso646-us", "us-ascii" },
  { "iso_646.irv:1991", "us-ascii" },
  { "646", "us-ascii" },
  { "us", "us-ascii" },
  { "iso-8859-1", "windows-1252" },
  { "iso8859-1", "windows-1252" },
  { "iso_8859-1", "windows-1252" },
  { "iso_8859-1:1987", "windows-1252" },
  { "latin1", "windows-1252" },
  { "latin-1", "windows-1252" },
  { "l1", "windows-1252" },
  { "cp1252", "windows-1252" },
  { "iso-8859-9", "windows-1254" },
  { "iso8859-9", "windows-1254" },
  { "latin5", "windows-1254" },
  { "iso-8859-8-i", "iso-8859-8" },
  { "iso-8859-8-e", "iso-8859-8" },
  { "iso-8859-6-i", "iso-8859-6" },
  { "iso-8859-6-e", "iso-8859-6" },
  { "iso-8859-11", "windows-874" },
  { "tis-620", "windows-874" },
  { "dos-874", "windows-874" },
  { "gb2312", "gb18030" },
  { "gb_2312-80", "gb18030" },
  { "gbk", "gb18030" },
  { "x-gbk", "gb18030" },
  { "cp936", "gb18030" },
  { "euc-cn", "gb18030" },
  { "chinese", "gb18030" },
  { "eucgb2312_cn", "gb18030" }, /* Python writes these two */
  { "big5_tw", "big5" },
  { "big5-eten", "big5" },
  { "cn-big5", "big5" },
  { "x-x-big5", "big5" },
  { "ks_c_5601-1987", "windows-949" },
  { "ks_c_5601", "windows-949" },
  { "ks_c_5601-1989", "windows-949" },
  { "ksc5601", "windows-949" },
  { "ksc_5601", "windows-949" },
  { "korean", "windows-949" },
  { "euc-kr", "windows-949" },
  { "uhc", "windows-949" },
  { "cp949", "windows-949" },
  { "shift_jis", "windows-31j" },
  { "shift-jis", "windows-31j" },
  { "sjis", "windows-31j" },
  { "x-sjis", "windows-31j" },
  { "cp932", "windows-31j" },
  { "x-euc-jp", "euc-jp" },
  { "iso-2022-jp-ms", "iso-2022-jp-2" },
  { "cp50220", "iso-2022-jp-2" },
  { "cp50221", "iso-2022-jp-2" },
  { "x-mac-roman", "macintosh" },
  { "macroman", "macintosh" },
  { "x-mac-cyrillic", "x-mac-cyrillic" },
  { "cp-850", "ibm850" },
  { "cp-1250", "windows-1250" },
  { "cp-1251", "windows-1251" },
  { "cp1251", "windows-1251" },
  { "win1251", "windows-1251" },
  { "win-1251", "windows-1251" },
  { "koi8", "koi8-r" },
  { "koi-8", "koi8-r" },
};

bool
charset_name (const char *name, size_t size, char canonical[CHARSET_NAME_MAX]) {
  while (size > 0 && (*name == ' ' || *name == '\t' || *name == '"' || *name == '\'')) {
    name++;
    size--;
  }
  while (size > 0
         && (name[size - 1] == ' ' || name[size - 1] == '\t' || name[size - 1] == '"'
             || name[size - 1] == '\''))
    size--;
  if (size == 0 || size >= CHARSET_NAME_MAX)
    return false;
  for (size_t i = 0; i < size; i++) {
    /* '/' and ',' would be options of iconv and ICU. */
    if (!g_ascii_isalnum (name[i]) && !strchr ("-_.:()+", name[i]))
      return false;
    canonical[i] = g_ascii_tolower (name[i]);
  }
  canonical[size] = '\0';
  for (size_t i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (strcmp (aliases[i].name, canonical) == 0) {
      g_strlcpy (canonical, aliases[i].canonical, CHARSET_NAME_MAX);
      break;
    }
  return true;
}

UConverter *
charset_icu_open (const char *canonical) {
  UErrorCode error = U_ZERO_ERROR;
  UConverter *converter;
  const char *internal;

  /* ICU compares loosely ("utf-8", "UTF8"), and takes names of its own that no mail means. */
  converter = ucnv_open (canonical, &error);
  if (U_FAILURE (error) || !converter)
    return NULL;
  internal = ucnv_getName (converter, &error);
  if (U_SUCCESS (error) && internal && strcmp (internal, "IMAP-mailbox-name") != 0)
    return converter;
  ucnv_close (converter);
  return NULL;
}

bool
charset_is_known (const char *name, size_t size) {
  char canonical[CHARSET_NAME_MAX];
  UConverter *icu;
  iconv_t other;

  if (!charset_name (name, size, canonical))
    return false;
  if (strcmp (canonical, "us-ascii") == 0 || strcmp (canonical, "utf-8") == 0)
    return true;
  icu = charset_icu_open (canonical);
  if (icu) {
    ucnv_close (icu);
    return true;
  }
  other = iconv_open ("UTF-8", canonical);
  if (other == (iconv_t)-1)
    return false;
  iconv_close (other);
  return true;
}
