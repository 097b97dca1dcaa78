/* SPDX-License-Identifier: Apache-2.0 */
/* commands_test.c - posternctl user ...: what it writes, what it leaves alone, what it refuses. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char people[] = "# the people\n"
                             "[alice]\n"
                             "password = {PLAIN}one\n"
                             "\n"
                             "# works from home\n"
                             "[bob]\n"
                             "password = {PLAIN}two\n"
                             "alias = robert\n"
                             "delegates = alice\n";

static void
accounts_are_added_and_removed (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  assert_int_equal (fixture_command (f, "user add",
                                     "Carol|--name=Carol C|--alias|cc@example.org|--alias=ccc|"
                                     "--protocols|imap smtp|--quota|2G",
                                     "secret word", NULL),
                    PTN_OK);
  assert_int_equal (fixture_verify (f, "carol", "secret word"), PTN_OK);
  g_autofree char *text = fixture_read (f);
  assert_true (g_str_has_prefix (text, people));
  assert_true (g_str_has_prefix (text + strlen (people), "\n[carol]\naccount.id = "));
  assert_non_null (strstr (text, "\nalias = cc@example.org\nalias = ccc\nname = Carol C\n"
                                 "password = {"));
  assert_null (strstr (text, "secret word"));
  struct stat status;
  assert_int_equal (stat (f->file, &status), 0);
  assert_int_equal (status.st_mode & 07777, 0640);

  g_autofree char *rows = NULL;
  assert_int_equal (fixture_command (f, "user list", "c", NULL, &rows), PTN_OK);
  assert_string_equal (rows,
                       "carol|carol@example.test|Carol C|ccc cc@example.org|imap smtp|enabled|"
                       "2000000000|||\n");

  assert_int_equal (fixture_command (f, "user remove", "CAROL", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_verify (f, "carol", "secret word"), PTN_E_NOT_FOUND);
  assert_int_equal (fixture_command (f, "user remove", "alice", NULL, NULL), PTN_OK);
  g_autofree char *rest = fixture_read (f);
  assert_string_equal (rest, "# the people\n"
                             "# works from home\n"
                             "[bob]\n"
                             "password = {PLAIN}two\n"
                             "alias = robert\n"
                             "\n");
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "directory.changed command=add account=carol"));
  assert_null (strstr (log, "secret word"));
  fixture_free (f);
}

static void
the_first_account_makes_the_file (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new (NULL, (const char *[]){ "hash=yescrypt", "extra_keys=nt scram-sha-256", NULL });
  assert_int_equal (fixture_command (f, "user add", "a", "Password", NULL), PTN_OK);
  g_autofree char *text = fixture_read (f);
  assert_non_null (strstr (text, "password = {CRYPT}$y$"));
  assert_non_null (strstr (text, "password = {NT}a4f49c406510bdcab6824ee7c30fd852\n"));
  assert_non_null (strstr (text, "password = {SCRAM-SHA-256}4096:"));
  struct stat status;
  assert_int_equal (stat (f->file, &status), 0);
  assert_int_equal (status.st_mode & 07777, 0600);
  assert_int_equal (fixture_verify (f, "a", "Password"), PTN_OK);
  fixture_free (f);
}

static void
passwords_are_replaced (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("[a]\npassword = {PLAIN}one\npassword = {PLAIN}two\n"
                                   "expired = yes\n# end\n",
                                   NULL);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (fixture_command (f, "user passwd", "a|--hash=plain", "three", NULL), PTN_OK);
  g_autofree char *text = fixture_read (f);
  assert_string_equal (text, "[a]\npassword = {PLAIN}three\n# end\n");
  assert_int_equal (fixture_verify (f, "a", "three"), PTN_OK);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_command (f, "user passwd", "a", "four", NULL), PTN_OK);
  assert_int_equal (fixture_verify (f, "a", "four"), PTN_OK);
  fixture_free (f);
}

static void
lists_and_keys_are_set (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  assert_int_equal (fixture_command (f, "user alias", "bob|Bobby@Example.ORG", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user alias", "bob|robert|--remove", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user delegate", "alice|bob", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user delegate", "bob|--remove|alice", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user set",
                                     "bob|pop3.retention=keep 5 d|protocols=pop|name=", NULL, NULL),
                    PTN_OK);
  g_autofree char *text = fixture_read (f);
  assert_string_equal (text, "# the people\n"
                             "[alice]\n"
                             "password = {PLAIN}one\n"
                             "delegates = bob\n"
                             "\n"
                             "# works from home\n"
                             "[bob]\n"
                             "password = {PLAIN}two\n"
                             "alias = bobby@example.org\n"
                             "pop3.retention = keep 5 d\n"
                             "protocols = pop\n");
  fixture_free (f);
}

static void
delegates_become_readers (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("[alice]\n[bob]\n[carol]\n[group staff]\n", NULL);
  static const char *const commands[] = { "alice|bob", "alice|carol|--read-only",
                                          "alice|$staff|--read-only", "bob|alice",
                                          "carol|--read-only|alice" };
  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
    assert_int_equal (fixture_command (f, "user delegate", commands[i], NULL, NULL), PTN_OK);
  g_autofree char *rows = NULL;
  assert_int_equal (fixture_command (f, "user show", "Alice@example.test", NULL, &rows), PTN_OK);
  assert_string_equal (rows, "account|alice\naddress|alice@example.test\nstate|no password\n"
                             "protocols|pop imap smtp http\n"
                             "delegates|bob\nreaders|carol $staff\nopens|bob\nreads|carol\n"
                             "attributes|pop3.retention=delete\n");
  /* The one in place of the other. */
  assert_int_equal (fixture_command (f, "user delegate", "alice|bob|--read-only", NULL, NULL),
                    PTN_OK);
  assert_int_equal (fixture_command (f, "user delegate", "alice|carol", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user undelegate", "alice|$staff", NULL, NULL), PTN_OK);
  assert_int_equal (fixture_command (f, "user undelegate", "alice|$staff", NULL, NULL),
                    PTN_E_NOT_FOUND);
  assert_int_equal (fixture_command (f, "user undelegate", "bob|alice", NULL, NULL), PTN_OK);
  g_autofree char *text = fixture_read (f);
  assert_string_equal (text, "[alice]\nreaders = bob\ndelegates = carol\n"
                             "[bob]\n[carol]\nreaders = alice\n[group staff]\n");
  fixture_free (f);
}

static const struct {
  const char *command, *arguments, *secret;
  ptn_status status;
} refused[] = {
  { "user add", "alice", "x", PTN_E_EXISTS },
  { "user add", "dave", "", PTN_E_INVALID },
  { "user add", "dave|--colour=red", "x", PTN_E_INVALID },
  { "user add", "dave|extra", "x", PTN_E_INVALID },
  { "user add", "dave|--hash=rot13", "x", PTN_E_INVALID },
  { "user add", "--no-password", "x", PTN_E_INVALID },
  { "user add", "da ve", "x", PTN_E_INVALID },
  { "user add", "group x", "x", PTN_E_INVALID },
  { "user add", "guest", "x", PTN_E_INVALID },
  { "user add", "robert", "x", PTN_E_INVALID },
  { "user add", "dave|--alias=alice", "x", PTN_E_INVALID },
  { "user add", "dave|--name=x\npassword = {PLAIN}y", "x", PTN_E_INVALID },
  { "user add", "dave@elsewhere.test", "x", PTN_E_INVALID },
  { "user add", "dave|--hash=plain", " x", PTN_E_INVALID },
  { "user add", "dave|--quota=much", "x", PTN_E_INVALID },
  { "user passwd", "nobody", "x", PTN_E_NOT_FOUND },
  { "user passwd", "alice|bob", "x", PTN_E_INVALID },
  { "user remove", "nobody", NULL, PTN_E_NOT_FOUND },
  { "user remove", "robert", NULL, PTN_E_NOT_FOUND },
  { "user remove", "alice|bob", NULL, PTN_E_INVALID },
  { "user alias", "alice|bob", NULL, PTN_E_INVALID },
  { "user alias", "alice|robert", NULL, PTN_E_INVALID },
  { "user alias", "bob|robert", NULL, PTN_E_EXISTS },
  { "user alias", "bob|x|--remove", NULL, PTN_E_NOT_FOUND },
  { "user alias", "bob", NULL, PTN_E_INVALID },
  { "user alias", "bob|a|b", NULL, PTN_E_INVALID },
  { "user delegate", "bob|nobody", NULL, PTN_E_INVALID },
  { "user delegate", "bob|$nobody|--read-only", NULL, PTN_E_INVALID },
  { "user delegate", "bob|alice", NULL, PTN_E_EXISTS },
  { "user undelegate", "bob|alice|--remove", NULL, PTN_E_INVALID },
  { "user undelegate", "bob|nobody", NULL, PTN_E_NOT_FOUND },
  { "user show", "nobody", NULL, PTN_E_NOT_FOUND },
  { "user show", "a|b", NULL, PTN_E_INVALID },
  { "user app-password", "", NULL, PTN_E_INVALID },
  { "user app-password", "add|alice", NULL, PTN_E_INVALID },
  { "user app-password", "add|nobody|x", NULL, PTN_E_NOT_FOUND },
  { "user app-password", "add|alice|a=b", NULL, PTN_E_INVALID },
  { "user app-password", "add|alice|x|y", NULL, PTN_E_INVALID },
  { "user app-password", "add|alice|x|--protocols|uucp", NULL, PTN_E_INVALID },
  { "user app-password", "add|alice|x|--networks|10.0.0.1/8", NULL, PTN_E_INVALID },
  { "user app-password", "add|alice|x|--expires|soon", NULL, PTN_E_INVALID },
  { "user app-password", "revoke|alice|x", NULL, PTN_E_NOT_FOUND },
  { "user app-password", "revoke|alice", NULL, PTN_E_INVALID },
  { "user app-password", "list|nobody", NULL, PTN_E_NOT_FOUND },
  { "user app-password", "list|a|b", NULL, PTN_E_INVALID },
  { "user app-password", "steal|alice", NULL, PTN_E_INVALID },
  { "user set", "bob|nonsense=1", NULL, PTN_E_INVALID },
  { "user set", "bob|disabled=perhaps", NULL, PTN_E_INVALID },
  { "user set", "bob|[x]=1", NULL, PTN_E_INVALID },
  { "user set", "bob", NULL, PTN_E_INVALID },
  { "user list", "--all", NULL, PTN_E_INVALID },
};

static void
nonsense_is_refused (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
    const ptn_status status =
        fixture_command (f, refused[i].command, refused[i].arguments, refused[i].secret, NULL);
    if (status != refused[i].status)
      fail_msg ("%s %s: %d", refused[i].command, refused[i].arguments, status);
    const char *text = f->host->failure_text (f->task);
    assert_non_null (text);
    g_autofree char *now = fixture_read (f);
    assert_string_equal (now, people);
  }
  /* A file with mistakes is not edited. */
  fixture_write (f, "[alice]\nfoo = 1\n");
  assert_int_equal (fixture_command (f, "user remove", "alice", NULL, NULL), PTN_E_INVALID);
  assert_non_null (strstr (f->host->failure_text (f->task), "line 2"));
  fixture_free (f);
}

static gpointer
add_many (gpointer data) {
  struct fixture *f = data;
  struct fixture own = *f; /* the same plugin, a task and a call of its own */
  own.task = harness_task_new (f->harness);
  own.call = (struct ptn_call){ .task = own.task };
  for (int i = 0; i < 10; i++) {
    g_autofree char *arguments = g_strdup_printf ("u%p-%d|--hash=plain", (void *)&own, i);
    assert_int_equal (fixture_command (&own, "user add", arguments, "x", NULL), PTN_OK);
  }
  harness_task_free (&own.task);
  return NULL;
}

static void
edits_at_once_wait_for_each_other (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  GThread *threads[4];
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("add", add_many, f);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_autofree char *rows = NULL;
  assert_int_equal (fixture_command (f, "user list", "u", NULL, &rows), PTN_OK);
  size_t lines = 0;
  for (const char *at = rows; (at = strchr (at, '\n')); at++)
    lines++;
  assert_int_equal (lines, 40);
  fixture_free (f);
}

int
main (int count, char **arguments) {
  (void)count;
  fixture_module = arguments[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (accounts_are_added_and_removed),
    cmocka_unit_test (the_first_account_makes_the_file),
    cmocka_unit_test (passwords_are_replaced),
    cmocka_unit_test (lists_and_keys_are_set),
    cmocka_unit_test (delegates_become_readers),
    cmocka_unit_test (nonsense_is_refused),
    cmocka_unit_test (edits_at_once_wait_for_each_other),
  };
  return cmocka_run_group_tests_name ("directory-file: commands", tests, NULL, NULL);
}
