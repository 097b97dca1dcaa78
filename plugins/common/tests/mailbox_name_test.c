/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_name_test.c - which paths there are, and which of them a LIST pattern names. */
#include "common/mailbox_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include <cmocka.h>

static void
becomes (const char *path, const char *expected) {
  g_autofree char *canonical = path_canonical (path);

  if (expected)
    assert_string_equal (canonical, expected);
  else
    assert_null (canonical);
}

static void
paths_are_kept_in_one_form (void **state) {
  becomes ("Lists/C&C.old", "Lists/C&C.old");
  becomes ("Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe");
  becomes ("inbox", "INBOX");
  becomes ("InBox/Sub", "INBOX/Sub");
  becomes ("inboxes", "inboxes");
  becomes ("a/inbox", "a/inbox");
}

static void
what_is_no_path_is_refused (void **state) {
  char path[PATH_MAX_OCTETS + 2];

  becomes (NULL, NULL);
  becomes ("", NULL);
  becomes ("/", NULL);
  becomes ("/a", NULL);
  becomes ("a/", NULL);
  becomes ("a//b", NULL);
  becomes ("a\nb", NULL);
  becomes ("a\x7f", NULL);
  becomes ("a\xff", NULL);
  memset (path, 'a', sizeof path);
  path[PATH_MAX_OCTETS + 1] = '\0';
  becomes (path, NULL);
  path[PATH_MAX_OCTETS] = '\0';
  becomes (path, path);
}

static void
wildcards_match (void **state) {
  assert_true (path_matches ("*", "a/b/c"));
  assert_true (path_matches ("%", "a"));
  assert_false (path_matches ("%", "a/b"));
  assert_true (path_matches ("a/%", "a/b"));
  assert_false (path_matches ("a/%", "a/b/c"));
  assert_true (path_matches ("*%c", "a/b/c"));
  assert_true (path_matches ("*/%", "a/b/c"));
  assert_true (path_matches ("%/%/c", "a/b/c"));
  assert_false (path_matches ("%/c", "a/b/c"));
  assert_true (path_matches ("a*c*e", "abcde"));
  assert_false (path_matches ("a*c*f", "abcde"));
  assert_true (path_matches ("a%", "a")); /* a wildcard may stand for nothing */
  assert_false (path_matches ("", "a"));
}

static void
inbox_matches_in_any_case (void **state) {
  assert_true (path_matches ("inbox", "INBOX"));
  assert_true (path_matches ("In*", "INBOX/Sub"));
  assert_false (path_matches ("inbox/sub", "INBOX/Sub"));
  assert_false (path_matches ("inboxes", "INBOXES"));
  assert_false (path_matches ("lists", "Lists"));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (paths_are_kept_in_one_form),
    cmocka_unit_test (what_is_no_path_is_refused),
    cmocka_unit_test (wildcards_match),
    cmocka_unit_test (inbox_matches_in_any_case),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
