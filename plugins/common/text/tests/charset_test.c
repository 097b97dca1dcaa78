/* SPDX-License-Identifier: Apache-2.0 */
/* charset_test.c - texts of many charsets, whatever pieces they come in. */
#include "common/text/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool
append (void *user, const char *data, size_t size) {
  assert_true (g_utf8_validate (data, (gssize)size, NULL) || memchr (data, 0, size));
  g_string_append_len (user, data, (gssize)size);
  return true;
}

static void
check (const char *charset, const char *in, const char *expected) {
  for (size_t piece = 1; piece <= strlen (in) + 1; piece++) {
    struct charset_decoder *d = charset_decoder_new (charset, strlen (charset));
    g_autoptr (GString) out = g_string_new (NULL);
    struct text_sink sink = { append, out };

    for (size_t at = 0; at < strlen (in); at += piece)
      assert_true (charset_decode (d, in + at, MIN (piece, strlen (in) - at), &sink));
    assert_true (charset_decode_end (d, &sink));
    assert_string_equal (out->str, expected);
    charset_decoder_free (&d);
    assert_null (d);
  }
}

#define BAD "\xef\xbf\xbd"

static void
decoded (void **state) {
  check ("utf-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
  check ("UTF8",
         "a\xff"
         "b\xe2\x82"
         "c\xc0\xaf",
         "a" BAD "b" BAD "c" BAD BAD);
  check ("utf-8", "cut \xf0\x9f\x98", "cut " BAD);
  check ("utf-8", "\xed\xa0\x80", BAD BAD BAD); /* a surrogate */
  check ("iso-8859-1", "\xe4\xf6\xfc \x80", "\xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac");
  check ("iso-8859-15", "\xa4", "\xe2\x82\xac");
  check ("iso-8859-2", "\xb3\xf3\xbc", "\xc5\x82\xc3\xb3\xc5\xba");
  check ("koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
  check ("windows-1251", "\xcf\xf0\xe8", "\xd0\x9f\xd1\x80\xd0\xb8");
  check ("cp1251", "\xcf", "\xd0\x9f");
  check ("iso-2022-jp", "x\x1b$B$3$s\x1b(By", "x\xe3\x81\x93\xe3\x82\x93y");
  check ("iso-2022-jp", "\x1b$B$3\x1b(B\x1b$B$s\x1b(B", "\xe3\x81\x93\xe3\x82\x93");
  check ("shift_jis", "\x82\xb1\x82\xf1", "\xe3\x81\x93\xe3\x82\x93");
  check ("euc-jp", "\xa4\xb3\xa4\xf3", "\xe3\x81\x93\xe3\x82\x93");
  check ("gb2312", "\xc4\xe3\xba\xc3", "\xe4\xbd\xa0\xe5\xa5\xbd");
  check ("big5", "\xa7\x41\xa6\x6e", "\xe4\xbd\xa0\xe5\xa5\xbd");
  check ("ks_c_5601-1987", "\xbe\xc8\xb3\xe7", "\xec\x95\x88\xeb\x85\x95");
  check ("utf-7", "A+AOQ-b",
         "A\xc3\xa4"
         "b");
  check ("viscii", "Vi\xaet", "Vi\xe1\xbb\x87t");
  check ("us-ascii", "a\xc3\xa4 \xe4", "a\xc3\xa4 \xc3\xa4");
  check ("", "gr\xc3\xbc\xdf", "gr\xc3\xbc\xc3\x9f");
  check ("x-no-such", "\x93\xe2\x82\xac\x94", "\xe2\x80\x9c\xe2\x82\xac\xe2\x80\x9d");
}

static void
long_text (void **state) {
  g_autoptr (GString) in = g_string_new (NULL), expected = g_string_new (NULL);
  g_autoptr (GString) out = g_string_new (NULL);

  for (int i = 0; i < 5000; i++) {
    g_string_append (in, "\xcf\xf0\xe8 abc ");
    g_string_append (expected, "\xd0\x9f\xd1\x80\xd0\xb8 abc ");
  }
  assert_true (charset_to_utf8 ("windows-1251", 12, in->str, in->len, out));
  assert_string_equal (out->str, expected->str);
  g_string_truncate (out, 0);
  assert_true (charset_to_utf8 ("utf-8", 5, expected->str, expected->len, out));
  assert_string_equal (out->str, expected->str);
  g_string_truncate (in, 0);
  g_string_truncate (out, 0);
  for (int i = 0; i < 5000; i++)
    g_string_append (in, "\xc4\xe3\xba\xc3");
  assert_true (charset_to_utf8 ("gb2312", 6, in->str, in->len, out));
  assert_int_equal (out->len, 5000 * 6);
  g_string_truncate (in, 0);
  g_string_truncate (out, 0);
  for (int i = 0; i < 5000; i++)
    g_string_append (in, "Vi\xaet\xff");
  charset_to_utf8 ("viscii", 6, in->str, in->len, out);
  assert_true (g_utf8_validate (out->str, -1, NULL));
  assert_true (out->len >= 5000 * 6);
}

static void
known (void **state) {
  static const char *const good[] = { "UTF-8",        "us-ascii", "ISO-8859-1", "iso-8859-16",
                                      "windows-1258", "koi8-u",   "gb18030",    "EUC-KR",
                                      "ISO-2022-KR",  "utf-16",   "tcvn" };
  static const char *const bad[] = { "",    "x-no-such", "utf-8//TRANSLIT", "imap-mailbox-name",
                                     "a,b", "\xc3\xa4" };

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    assert_true (charset_is_known (good[i], strlen (good[i])));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (charset_is_known (bad[i], strlen (bad[i])));
}

static void
encoded (void **state) {
  g_autoptr (GString) out = g_string_new (NULL);
  size_t lost;

  assert_true (charset_from_utf8 ("iso-8859-1", "\xc3\xa4\xe2\x82\xac!", 6, out, &lost));
  assert_string_equal (out->str, "\xe4?!");
  assert_int_equal (lost, 1);
  g_string_truncate (out, 0);
  assert_true (charset_from_utf8 ("windows-1252", "\xc3\xa4\xe2\x82\xac!", 6, out, &lost));
  assert_string_equal (out->str, "\xe4\x80!");
  g_string_truncate (out, 0);
  assert_true (charset_from_utf8 ("iso-2022-jp", "\xe3\x81\x93\xf0\x9f\x98\x80", 7, out, &lost));
  assert_int_equal (lost, 1);
  assert_string_equal (out->str, "\x1b$B$3\x1b(B?");
  assert_false (charset_from_utf8 ("x-none", "a", 1, out, &lost));
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (decoded),
    cmocka_unit_test (long_text),
    cmocka_unit_test (known),
    cmocka_unit_test (encoded),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
