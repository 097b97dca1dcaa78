/* SPDX-License-Identifier: Apache-2.0 */
/* uses_test.c - when app passwords were last used: kept, written now and then, read again. */
#include "directory-file/parse.h"
#include "directory-file/uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct accounts *
parse (const char *text) {
  static const char *const domains[] = { "example.test" };
  const struct rules_input input = { .file = "/", .domains = { domains, 1 }, .quota_octets = 1 };
  const char *fault;
  struct rules *rules = rules_new (&input, &fault);
  assert_non_null (rules);
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  struct accounts *accounts = accounts_parse (rules, g_strdup (text), strlen (text), errors);
  assert_non_null (accounts);
  rules_unref (rules);
  return accounts;
}

static void
they_are_kept (void **state) {
  (void)state;
  g_autofree char *folder = g_dir_make_tmp ("uses-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "app-passwords", NULL);
  struct accounts *accounts = parse ("[alice]\napp_password = phone {PLAIN}x\n[bob]\n");
  struct uses *uses = uses_new (file);
  assert_false (uses_are_due (uses, G_MAXINT64));
  assert_int_equal (uses_find (uses, "alice", "phone").when, 0);
  uses_note (uses, "alice", "phone", "imap", "192.0.2.1", 1000);
  uses_note (uses, "alice", "phone", "pop", "2001:db8::1", 2000);
  uses_note (uses, "alice", "gone", "imap", "192.0.2.1", 3000);
  uses_note (uses, "nobody", "phone", "imap", "192.0.2.1", 3000);
  assert_true (uses_are_due (uses, 0));
  assert_true (uses_write (uses, accounts, 0));
  assert_false (uses_are_due (uses, G_MAXINT64));
  uses_note (uses, "alice", "phone", "smtp", "192.0.2.9", 2001);
  assert_false (uses_are_due (uses, G_GINT64_CONSTANT (59999999999)));
  assert_true (uses_are_due (uses, G_GINT64_CONSTANT (60000000000)));
  uses_free (uses);

  struct stat status;
  assert_int_equal (stat (file, &status), 0);
  assert_int_equal (status.st_mode & 07777, 0600);
  uses = uses_new (file);
  const struct use use = uses_find (uses, "alice", "phone");
  assert_int_equal (use.when, 2000);
  assert_string_equal (use.service, "pop");
  assert_string_equal (use.peer, "2001:db8::1");
  assert_int_equal (uses_find (uses, "alice", "gone").when, 0);
  assert_int_equal (uses_find (uses, "nobody", "phone").when, 0);
  uses_begin (uses, "alice", "phone"); /* taken back, and another given */
  assert_int_equal (uses_find (uses, "alice", "phone").when, 0);
  assert_true (uses_write (uses, accounts, 0));
  uses_free (uses);
  uses = uses_new (file);
  assert_int_equal (uses_find (uses, "alice", "phone").when, 0);
  uses_free (uses);
  accounts_unref (accounts);
  assert_int_equal (g_unlink (file), 0);
  assert_int_equal (g_rmdir (folder), 0); /* and nothing beside it */
}

static void
nonsense_is_passed_over (void **state) {
  (void)state;
  g_autofree char *folder = g_dir_make_tmp ("uses-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "app-passwords", NULL);
  g_autoptr (GString) text = g_string_new ("\n\t\t\t\t\t\na\tb\nalice\tx\tnever\timap\t::1\n"
                                           "alice\ty\t-5\timap\t::1\nalice\tz\t5\timap\t::1\n");
  for (int i = 0; i < 5000; i++)
    g_string_append (text, "longer than a line may be ");
  assert_true (g_file_set_contents (file, text->str, -1, NULL));
  struct uses *uses = uses_new (file);
  assert_int_equal (uses_find (uses, "alice", "x").when, 0);
  assert_int_equal (uses_find (uses, "alice", "y").when, 0);
  assert_int_equal (uses_find (uses, "alice", "z").when, 5);
  uses_free (uses);

  /* Where nothing can be written it is told, and nobody falls over it. */
  struct accounts *accounts = parse ("[alice]\n");
  uses = uses_new ("/nonexistent/app-passwords");
  uses_note (uses, "alice", "phone", "imap", "::1", 1);
  assert_false (uses_write (uses, accounts, 0));
  uses_free (uses);
  accounts_unref (accounts);
  assert_int_equal (g_unlink (file), 0);
  assert_int_equal (g_rmdir (folder), 0);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (they_are_kept),
    cmocka_unit_test (nonsense_is_passed_over),
  };
  return cmocka_run_group_tests_name ("directory-file: uses", tests, NULL, NULL);
}
