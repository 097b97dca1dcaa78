/* SPDX-License-Identifier: Apache-2.0 */
/* match_test.c - comparators, and the matcher against comparator_contains in all pieces. */
#include "common/text/comparator.h"
#include "common/text/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check_fold (const char *text, const char *expected) {
  g_autofree char *folded =
      comparator_folded (COMPARATOR_UNICODE_CASEMAP, text, strlen (text), NULL);

  assert_string_equal (folded, expected);
}

static void
folding (void **state) {
  check_fold ("Hello 1", "HELLO 1");
  check_fold ("\xc3\xa4", "A\xcc\x88");  /* U+00E4: A, diaeresis */
  check_fold ("\xc7\x84", "Dz\xcc\x8c"); /* U+01C4: the RFC's own example */
  check_fold ("\xc3\x9f", "\xc3\x9f");   /* U+00DF has no simple mapping */
  check_fold ("\xef\xac\x81", "fi");     /* U+FB01 */
  check_fold ("\xd0\xbf\xd0\xb9", "\xd0\x9f\xd0\x98\xcc\x86");
  check_fold ("\xea\xb0\x80", "\xea\xb0\x80");         /* Hangul stays */
  check_fold ("\xf0\x90\x90\xa8", "\xf0\x90\x90\x80"); /* U+10428 */
  check_fold ("a\xff"
              "b\xe2\x82",
              "A\xff"
              "B\xe2\x82");
}

static void
ordering (void **state) {
#define ORDER(which, a, b) comparator_order (COMPARATOR_##which, a, strlen (a), b, strlen (b))
  assert_true (ORDER (OCTET, "B", "a") < 0);
  assert_true (ORDER (ASCII_CASEMAP, "B", "a") > 0);
  assert_int_equal (ORDER (ASCII_CASEMAP, "aB", "Ab"), 0);
  assert_int_equal (ORDER (UNICODE_CASEMAP, "\xc3\x84", "\xc3\xa4"), 0);
  assert_true (ORDER (ASCII_CASEMAP, "\xc3\x84", "\xc3\xa4") < 0);
  assert_true (ORDER (UNICODE_CASEMAP, "ab", "abc") < 0);
  assert_true (ORDER (ASCII_NUMERIC, "10", "9x") > 0);
  assert_int_equal (ORDER (ASCII_NUMERIC, "007", "7"), 0);
  assert_true (ORDER (ASCII_NUMERIC, "x", "7") > 0);
  assert_int_equal (ORDER (ASCII_NUMERIC, "x", "y"), 0);
}

static void
names (void **state) {
  enum comparator c;

  for (int i = 0; i < COMPARATORS; i++) {
    assert_true (comparator_find (comparator_name ((enum comparator)i), &c));
    assert_int_equal (c, i);
  }
  assert_false (comparator_find ("i;basic", &c));
}

static void
check_all (const char *text, size_t size, const char *const *parts, int count) {
  for (int c = 0; c < COMPARATOR_ASCII_NUMERIC; c++) {
    struct matcher *m = matcher_new ((enum comparator)c);

    for (int i = 0; i < count; i++)
      assert_int_equal (matcher_add (m, parts[i], strlen (parts[i])), i);
    for (size_t piece = 1; piece <= size; piece += piece < 70 ? 1 : piece) {
      matcher_reset (m);
      for (size_t at = 0; at < size; at += piece)
        if (!matcher_feed (m, text + at, MIN (piece, size - at)))
          break;
      for (int i = 0; i < count; i++)
        if (matcher_has (m, i)
            != comparator_contains ((enum comparator)c, text, size, parts[i], strlen (parts[i])))
          fail_msg ("\"%s\" in \"%.*s\", pieces of %zu, %s", parts[i], (int)size, text, piece,
                    comparator_name ((enum comparator)c));
    }
    matcher_free (&m);
  }
}

static void
matches (void **state) {
  static const char *const parts[] = { "",          "w",          "World", "hello world",
                                       "\xc3\x96",  "\xc3\xb6rl", "zz",    "fi",
                                       "A\xcc\x88", "Z",          "d" };
  static const char *const texts[] = {
    "hello world",
    "HELLO WORLD",
    "hell\xc3\xb6 w\xc3\xb6rld",
    "\xef\xac\x81n \xe1\xba\x80"
    "d",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaazZ",
    "\xc3\xa4\xc3\xa4 \xff\xfe w\xe2"
  };

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    check_all (texts[i], strlen (texts[i]), parts, G_N_ELEMENTS (parts));
}

/* Words at every place of a long text, of which some is not ASCII. */
static void
long_text (void **state) {
  static const char *const parts[] = { "Needle",
                                       "n\xc3\xa9"
                                       "edle",
                                       "e e", "needle in" };
  g_autofree char *text = g_malloc (6000);

  for (size_t at = 0; at < 5900; at += 61) {
    memset (text, 'e', 6000);
    memcpy (text + at,
            at % 2 ? "nEEdle"
                   : "n\xc3\x89"
                     "edle",
            at % 2 ? 6 : 7);
    if (at % 3 == 0)
      memcpy (text + (at * 7) % 5800, "\xd0\x9f\xd0\x9f", 4);
    check_all (text, 6000, parts, G_N_ELEMENTS (parts));
  }
}

static void
borders (void **state) {
  struct matcher *m = matcher_new (COMPARATOR_UNICODE_CASEMAP);

  assert_int_equal (matcher_add (m, "ab", 2), 0);
  assert_int_equal (matcher_add (m, "x", 1), 1);
  assert_true (matcher_feed (m, "a", 1));
  matcher_border (m);
  assert_true (matcher_feed (m, "b", 1));
  assert_int_equal (matcher_found (m), 0);
  assert_true (matcher_feed (m, "xa", 2));
  assert_int_equal (matcher_found (m), 2);
  assert_false (matcher_feed (m, "b", 1));
  matcher_free (&m);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (folding), cmocka_unit_test (ordering),  cmocka_unit_test (names),
    cmocka_unit_test (matches), cmocka_unit_test (long_text), cmocka_unit_test (borders),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
