/* SPDX-License-Identifier: Apache-2.0 */
/* kept_name_test.c - which names annotations and keywords may have. */
#include "common/kept_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *
long_text (char first, size_t size) {
  static char text[1000];

  memset (text, 'x', sizeof text);
  text[0] = first;
  text[size] = '\0';
  return text;
}

static void
annotation_names (void **state) {
  assert_true (annotation_name_valid ("/a"));
  assert_true (annotation_name_valid ("/private/a b/\xc3\xa9"));
  assert_true (annotation_name_valid (long_text ('/', 256)));
  assert_false (annotation_name_valid (long_text ('/', 257)));
  assert_false (annotation_name_valid (NULL));
  assert_false (annotation_name_valid (""));
  assert_false (annotation_name_valid ("/"));
  assert_false (annotation_name_valid ("a/b"));
  assert_false (annotation_name_valid ("/a\001"));
  assert_false (annotation_name_valid ("/a\x7f"));
  assert_false (annotation_name_valid ("/\xc3"));
  assert_true (annotation_name_private ("/private/a"));
  assert_false (annotation_name_private ("/private"));
  assert_false (annotation_name_private ("/privates/a"));
}

static void
keywords (void **state) {
  assert_true (keyword_valid ("$Junk"));
  assert_true (keyword_valid (long_text ('k', 200)));
  assert_false (keyword_valid (long_text ('k', 201)));
  assert_false (keyword_valid (NULL));
  assert_false (keyword_valid (""));
  assert_false (keyword_valid ("a b"));
  assert_false (keyword_valid ("a\t"));
  assert_false (keyword_valid ("\xff"));
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (annotation_names),
    cmocka_unit_test (keywords),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
