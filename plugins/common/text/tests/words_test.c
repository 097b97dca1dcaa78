/* SPDX-License-Identifier: Apache-2.0 */
/* words_test.c - encoded words and parameters, as they should be and as mail has them. */
#include "common/text/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check (const char *value, const char *expected) {
  g_autoptr (GString) out = g_string_new (NULL);

  words_decode (value, strlen (value), out);
  assert_string_equal (out->str, expected);
}

static void
encoded_words (void **state) {
  check ("", "");
  check ("plain  text", "plain  text");
  check ("folded\r\n text", "folded text");
  check ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
  /* RFC 2047 section 8 */
  check ("(=?ISO-8859-1?Q?a?=)", "(a)");
  check ("(=?ISO-8859-1?Q?a?= b)", "(a b)");
  check ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)");
  check ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)");
  check ("(=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-1?Q?b?=)", "(ab)");
  check ("(=?ISO-8859-1?Q?a_b?=)", "(a b)");
  check ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
  check ("=?utf-8?B?w6TDtsO8?=", "\xc3\xa4\xc3\xb6\xc3\xbc");
  check ("=?utf-8*de?b?w6Q=?=", "\xc3\xa4");
  check ("=?utf-8?q?=C3?= =?UTF-8?q?=A4?=", "\xc3\xa4"); /* divided */
  check ("=?utf-8?B?w6TD?=\r\n =?utf-8?B?pMOk?=", "\xc3\xa4\xc3\xa4\xc3\xa4");
  check ("=?iso-2022-jp?B?GyRCJDMkcxsoQg==?= x", "\xe3\x81\x93\xe3\x82\x93 x");
  check ("=?utf-8?q?a?=b=?utf-8?q?c?=", "abc");
  check ("\"=?utf-8?q?=22?=\"", "\"\"\"");
  check ("=?utf-8?q?a b?=", "a b"); /* not allowed, and common */
  check ("=?utf-8?q?"
         "?=",
         "");
  check ("=?utf-8?q?=3D?=", "=");
  check ("=?utf-8?q?x=?=", "x=");
}

static void
malformed (void **state) {
  check ("=?", "=?");
  check ("=?utf-8?q?never ended", "=?utf-8?q?never ended");
  check ("=?utf-8?x?abc?=", "=?utf-8?x?abc?=");
  check ("=?utf-8?q?open =?utf-8?q?b?=", "=?utf-8?q?open b");
  check ("=??q?abc?=", "=??q?abc?=");
  check ("=?x-none?q?a=E4?=", "a\xc3\xa4");
  check ("=?utf-8?q?=E4?=", "\xef\xbf\xbd");
  check ("gr\xc3\xbc\xdf", "gr\xc3\xbc\xc3\x9f"); /* bare octets */
}

static void
check_parameter (const char *field, const char *name, const char *expected) {
  g_autoptr (GString) out = g_string_new (NULL);

  assert_int_equal (parameter_decode (field, strlen (field), name, out), expected != NULL);
  assert_string_equal (out->str, expected ? expected : "");
}

static void
parameters (void **state) {
  check_parameter ("text/plain; charset=us-ascii", "charset", "us-ascii");
  check_parameter ("text/plain; Charset = \"utf-8\" (comment; charset=no)", "charset", "utf-8");
  check_parameter ("text/plain", "charset", NULL);
  check_parameter ("a; x=\"y; name=no\"; name=yes", "name", "yes");
  check_parameter ("a; name=\"a\\\"b\"", "name", "a\"b");
  /* RFC 2231 section 3, 4 */
  check_parameter (
      "message/external-body; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/x\"", "url",
      "ftp://cs.utk.edu/x");
  check_parameter ("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                   "title", "This is ***fun***");
  check_parameter ("application/x-stuff\r\n; title*0*=us-ascii'en'This%20is%20even%20more%20\r\n"
                   "; title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n; title*2=\"isn't it!\"",
                   "title", "This is even more ***fun*** isn't it!");
  check_parameter ("a; n*1*=%C3; n*0*=utf-8''%C3%A4; n*2*=%A4", "n", "\xc3\xa4\xc3\xa4");
  check_parameter ("attachment; filename=\"x.txt\"; filename*=UTF-8''%e2%82%ac.txt", "filename",
                   "\xe2\x82\xac.txt");
  check_parameter ("attachment; filename=\"=?utf-8?q?=C3=A4?=.txt\"", "filename", "\xc3\xa4.txt");
  check_parameter ("a; n*1=x", "n", NULL);
  check_parameter ("a; n*99999999999=x; n*0=y", "n", "y");
  check_parameter ("a; n=\"never ended", "n", "never ended");
  check_parameter ("a; ;; =x; n", "n", NULL);
}

static void
searched (void **state) {
  static const char field[] = "attachment; size=3; filename*0*=utf-8''%C3%A4; filename*1=b; x*=''y";
  g_autoptr (GString) out = g_string_new (NULL);

  parameters_decode (field, strlen (field), out);
  assert_string_equal (out->str, " filename=\xc3\xa4"
                                 "b x=y");
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (encoded_words),
    cmocka_unit_test (malformed),
    cmocka_unit_test (parameters),
    cmocka_unit_test (searched),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
