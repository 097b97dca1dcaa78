/* SPDX-License-Identifier: Apache-2.0 */
/* saslprep_test.c - the examples of RFC 4013 section 3, and what must not pass. */
#include "common/text/saslprep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glib.h>

static void
check (const char *text, const char *expected) {
  g_autofree char *prepared = saslprep ((struct ptn_bytes){ text, strlen (text) });
  if (expected)
    assert_string_equal (prepared, expected);
  else
    assert_null (prepared);
}

static void
examples (void **state) {
  check ("I\xc2\xadX", "IX");   /* soft hyphen: mapped to nothing */
  check ("user", "user");       /* no transformation */
  check ("USER", "USER");       /* case is kept */
  check ("\xc2\xaa", "a");      /* NFKC */
  check ("\xe2\x85\xa8", "IX"); /* NFKC */
  check ("\x07", NULL);         /* prohibited */
  check ("\xd8\xa7\x31", NULL); /* bidirectional check */
  check ("a\xc2\xa0"
         "b",
         "a b");                                  /* a space that is none */
  check ("e\xcc\x81", "\xc3\xa9");                /* composed */
  check ("\xf0\x9f\x90\x98", "\xf0\x9f\x90\x98"); /* unassigned in Unicode 3.2 */
}

static void
refused (void **state) {
  check ("", NULL);
  check ("\xc2\xad", NULL); /* nothing is left */
  check ("\xff", NULL);
  check ("a\xed\xa0\x80", NULL); /* a surrogate */
  check ("a\x7f", NULL);
  check ("a\xe2\x80\xa8", NULL); /* line separator */
  check ("a\xee\x80\x80", NULL); /* private use */
  assert_null (saslprep ((struct ptn_bytes){ "a\0b", 3 }));
  g_autofree char *big = g_strnfill (SASLPREP_MAX + 1, 'a');
  check (big, NULL);
  g_autofree char *fits = g_strnfill (SASLPREP_MAX, 'a');
  check (fits, fits);
  /* The largest expansion there is. */
  g_autoptr (GString) wide = g_string_new (NULL);
  while (wide->len + 3 <= SASLPREP_MAX)
    g_string_append (wide, "\xef\xb7\xba");
  g_autofree char *expanded = saslprep ((struct ptn_bytes){ wide->str, wide->len });
  assert_non_null (expanded);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (examples), cmocka_unit_test (refused) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
