/* SPDX-License-Identifier: Apache-2.0 */
/* subject_test.c - base subjects (RFC 5256 section 2.1). */
#include "common/text/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check (const char *value, const char *expected, bool reply) {
  bool replied;
  g_autofree char *base = subject_base (value, strlen (value), &replied);

  assert_string_equal (base, expected);
  assert_int_equal (replied, reply);
}

static void
bases (void **state) {
  check ("", "", false);
  check ("hello", "hello", false);
  check ("  hello\t\r\n  world  ", "hello world", false);
  check ("Re: hello", "hello", true);
  check ("RE : hello", "hello", true);
  check ("re[2]: hello", "hello", true);
  check ("Re [x] : hello", "hello", true);
  check ("Fwd: Re: FW:hello (fwd) (fwd)", "hello", true);
  check ("fwdx: hello", "fwdx: hello", false);
  check ("[list] hello", "hello", false);
  check ("[list] [other] Re: [x] hello", "hello", true);
  check ("[list]", "[list]", false);
  check ("[a] [b]", "[b]", false);
  check ("Re: [a]", "[a]", true);
  check ("[fwd: hello]", "hello", true);
  check ("[Fwd: [fwd: Re: hello (fwd)]]", "hello", true);
  check ("[fwd: [list] hello]", "hello", true);
  check ("[fwd:]", "", true);
  check ("hello (fwd)x", "hello (fwd)x", false);
  check ("Re:", "", true);
  check ("=?utf-8?q?Re:_hell=C3=B6?=", "hell\xc3\xb6", true);
  check ("Re: =?utf-8?q?AW=3A?= x", "AW: x", true);
}

static void
many (void **state) { /* in time that grows with the length */
  g_autofree char *open = g_strnfill (100000, '['), *base = subject_base (open, 100000, NULL);
  g_autoptr (GString) blobs = g_string_new (NULL);
  g_autofree char *other = NULL;

  assert_int_equal (strlen (base), 100000);
  for (int i = 0; i < 30000; i++)
    g_string_append (blobs, "[x]");
  other = subject_base (blobs->str, blobs->len, NULL);
  assert_string_equal (other, "[x]");
}

int
main (void) {
  static const struct CMUnitTest tests[] = { cmocka_unit_test (bases), cmocka_unit_test (many) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
