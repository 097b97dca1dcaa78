/* SPDX-License-Identifier: Apache-2.0 */
/* edit_test.c - edits change their lines and no other octet of the file. */
#include "directory-file/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char before[] = "# Our people\n"
                             "\n"
                             "[alice]\n"
                             "# her password, changed in May\n"
                             "password = {PLAIN}one\n"
                             "\n"
                             "password = {PLAIN}two\n"
                             "alias = a, b ,c\n"
                             "delegates = bob\n"
                             "\n"
                             "# Bob works from home\n"
                             "[Bob]\r\n"
                             "delegates=alice, carol\r\n"
                             "[group staff]\n"
                             "members = alice bob\n"
                             "[carol@example.org]";

static void
check (GString *text, const char *wanted) {
  assert_string_equal (text->str, wanted);
  g_string_assign (text, before);
}

/* `before` with one piece replaced. */
static char *
with (const char *from, const char *to) {
  g_auto (GStrv) pieces = g_strsplit (before, from, 2);
  assert_non_null (pieces[1]);
  return g_strconcat (pieces[0], to, pieces[1], NULL);
}

static void
keys_are_replaced (void **state) {
  (void)state;
  GString *text = g_string_new (before);
  g_autofree char *end = g_strconcat (before, "\n", NULL);

  assert_true (edit_set (text, "alice", "password", (const char *[]){ "{PLAIN}new", NULL }));
  g_autofree char *one =
      with ("password = {PLAIN}one\n\npassword = {PLAIN}two\n", "password = {PLAIN}new\n\n");
  g_autofree char *one_end = g_strconcat (one, "\n", NULL);
  check (text, one_end);

  assert_true (edit_set (text, "bob", "name", (const char *[]){ "Bob", NULL }));
  g_autofree char *two = with ("carol\r\n", "carol\r\nname = Bob\n");
  g_autofree char *two_end = g_strconcat (two, "\n", NULL);
  check (text, two_end);

  assert_true (edit_set (text, "carol@example.org", "name", (const char *[]){ "C", NULL }));
  g_autofree char *three = g_strconcat (before, "\nname = C\n", NULL);
  check (text, three);

  assert_true (edit_set (text, "alice", "nothing", (const char *[]){ NULL }));
  check (text, end);
  assert_false (edit_set (text, "dave", "name", (const char *[]){ "x", NULL }));
  g_string_free (text, TRUE);
}

static void
lists_change_by_a_word (void **state) {
  (void)state;
  GString *text = g_string_new (before);
  bool changed;
  assert_true (edit_list (text, "alice", "alias", "b", false, &changed));
  assert_true (changed);
  g_autofree char *one = with ("alias = a, b ,c\n", "alias = a, c\n");
  g_autofree char *one_end = g_strconcat (one, "\n", NULL);
  check (text, one_end);

  assert_true (edit_list (text, "alice", "alias", "d", true, &changed));
  assert_true (changed);
  g_autofree char *two = with ("a, b ,c", "a, b ,c, d");
  g_autofree char *two_end = g_strconcat (two, "\n", NULL);
  check (text, two_end);

  assert_true (edit_list (text, "alice", "delegates", "bob", false, &changed));
  g_autofree char *three = with ("delegates = bob\n", "");
  g_autofree char *three_end = g_strconcat (three, "\n", NULL);
  check (text, three_end);

  assert_true (edit_list (text, "alice", "alias", "c", true, &changed));
  assert_false (changed);
  assert_true (edit_list (text, "alice", "alias", "x", false, &changed));
  assert_false (changed);
  assert_true (edit_list (text, "carol@example.org", "delegates", "bob", true, &changed));
  g_autofree char *four = g_strconcat (before, "\ndelegates = bob\n", NULL);
  check (text, four);
  g_string_free (text, TRUE);
}

static void
accounts_come_and_go (void **state) {
  (void)state;
  GString *text = g_string_new (before);
  edit_add (text, "dave");
  g_autofree char *one = g_strconcat (before, "\n\n[dave]\n", NULL);
  check (text, one);

  assert_true (edit_has (text, "bob"));
  assert_false (edit_has (text, "staff"));
  assert_false (edit_has (text, "group staff"));
  assert_true (edit_remove (text, "bob"));
  edit_forget (text, "bob");
  assert_string_equal (text->str, "# Our people\n"
                                  "\n"
                                  "[alice]\n"
                                  "# her password, changed in May\n"
                                  "password = {PLAIN}one\n"
                                  "\n"
                                  "password = {PLAIN}two\n"
                                  "alias = a, b ,c\n"
                                  "\n"
                                  "# Bob works from home\n"
                                  "[group staff]\n"
                                  "members = alice\n"
                                  "[carol@example.org]");
  g_string_assign (text, before);
  assert_true (edit_remove (text, "alice"));
  edit_forget (text, "alice");
  assert_string_equal (text->str, "# Our people\n"
                                  "\n"
                                  "# Bob works from home\n"
                                  "[Bob]\r\n"
                                  "delegates=carol\r\n"
                                  "[group staff]\n"
                                  "members = bob\n"
                                  "[carol@example.org]");
  assert_true (edit_remove (text, "carol@example.org"));
  assert_false (edit_remove (text, "carol@example.org"));
  g_string_truncate (text, 0);
  edit_add (text, "first");
  assert_string_equal (text->str, "[first]\n");
  g_string_free (text, TRUE);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (keys_are_replaced),
    cmocka_unit_test (lists_change_by_a_word),
    cmocka_unit_test (accounts_come_and_go),
  };
  return cmocka_run_group_tests_name ("directory-file: editing", tests, NULL, NULL);
}
