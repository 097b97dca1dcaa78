/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - what can be wrong with a line or a section, each with its file and line. */
#include "support.h"

#include <glib/gstdio.h>

static void
test_good (void **state) {
  assert_says ("# a comment\n\n[server]\nname = a.example\n  [listener pop3]  \n"
               "protocol=pop3\naddress = *:110\n",
               "");
  assert_says ("\xef\xbb\xbf[server]\r\nname = a.example\r\n", "");
  assert_says ("", "");
}

static void
test_lines (void **state) {
  assert_says ("[server]\nnonsense\n; comment\n", "/etc/t/p.conf:2: expected \"name = value\", a "
                                                  "[section] or a # comment, not \"nonsense\"\n"
                                                  "/etc/t/p.conf:3: expected \"name = value\", a "
                                                  "[section] or a # comment, not \"; comment\" "
                                                  "(comments begin with #)\n");
  assert_says ("[server]\nName = x\nna me = y\n",
               "/etc/t/p.conf:2: \"Name\" is no name of a setting: small letters, digits and '_'\n"
               "/etc/t/p.conf:3: \"na me\" is no name of a setting: small letters, digits and "
               "'_'\n");
  assert_says ("user = x\n", "/etc/t/p.conf:1: user stands before the first [section]\n");
  assert_says ("[server]\nname = \xff\xfe\n",
               "/etc/t/p.conf:2: the line is not UTF-8 text, or has a NUL octet\n");
  assert_says ("[server]\nname = a\\qb\n", "/etc/t/p.conf:2: name: the value has an escape other "
                                           "than \\s \\n \\t \\r \\\\\n");
}

static void
test_duplicates (void **state) {
  assert_says ("[server]\nuser = a\n[lane x]\n[server]\nuser = b\n",
               "/etc/t/p.conf:5: user is set twice in [server]; the first time in line 2\n");
}

static void
test_sections (void **state) {
  assert_says ("[serer]\n", "/etc/t/p.conf:1: unknown section [serer]; did you mean [server]?\n");
  assert_says ("[listner pop3]\nprotocol = pop3\n",
               "/etc/t/p.conf:1: unknown section [listner pop3]; did you mean [listener pop3]?\n");
  assert_says ("[banana]\n", "/etc/t/p.conf:1: unknown section [banana]: there are server, lane, "
                             "certificate, plugin and listener\n");
  assert_says ("[listener]\n[lane a b]\n[server x]\n",
               "/etc/t/p.conf:1: [listener] needs a name: [listener NAME]\n"
               "/etc/t/p.conf:2: [lane a b] has too many words: [lane NAME]\n"
               "/etc/t/p.conf:3: [server x]: there is one [server], without a name\n");
  assert_says ("[a/b]\nx = 1\n[open\n",
               "/etc/t/p.conf:1: [a/b] is no name of a section: one to three words of letters, "
               "digits, '.', '-' and '_', such as [listener pop3]\n"
               "/etc/t/p.conf:3: a section is written [name], not \"[open\"\n");
  assert_says ("[plugin a b-c]\n[plugin a-b c]\n",
               "/etc/t/p.conf:2: [plugin a-b c] would share the name a-b-c with the plugin of line "
               "1\n");
}

static void
test_keys (void **state) {
  assert_says ("[server]\nmax_conections = 5\nidle_time = 3m\nzebra = 1\n",
               "/etc/t/p.conf:2: [server] has no setting max_conections; did you mean "
               "max_connections?\n"
               "/etc/t/p.conf:3: [server] has no setting idle_time; it is a setting of [listener "
               "NAME]\n"
               "/etc/t/p.conf:4: [server] has no setting zebra\n");
  assert_says ("[certificate a]\nkey = /k\n",
               "/etc/t/p.conf:1: [certificate a] needs the setting names (list of words)\n"
               "/etc/t/p.conf:1: [certificate a] needs the setting certificate (path)\n");
}

static void
test_control_characters (void **state) {
  assert_says ("[server]\nlog = a\x1b[31mb\n",
               "/etc/t/p.conf:2: log: \"a\\x1b[31mb\" is not one of: auto text json journald\n");
}

static void
test_override (void **state) {
  static const char one[] = "[server]\nuser = a\nname = n.example\n";
  static const char two[] = "[server]\nuser = b\nworkers = x\n";
  struct config_text files[] = { { "/etc/t/p.conf", one, sizeof one - 1 },
                                 { "/etc/t/conf.d/1.conf", two, sizeof two - 1 } };
  struct config_errors *errors = config_errors_new ();
  struct config *config = config_parse (files, 2, NULL, errors);
  g_autofree char *said = config_errors_text (errors);
  assert_string_equal (
      said, "/etc/t/conf.d/1.conf:3: workers: expected a number, such as 100, not \"x\"\n");
  assert_string_equal (config->server.user, "b");
  assert_string_equal (config->server.name, "n.example");
  assert_int_equal (config->server.workers, 0);
  config_unref (&config);
  config_errors_free (&errors);
}

static void
test_files (void **state) {
  g_autofree char *folder = g_dir_make_tmp ("postern-XXXXXX", NULL);
  g_autofree char *below = g_build_filename (folder, "conf.d", NULL);
  g_autofree char *main_file = g_build_filename (folder, "p.conf", NULL);
  g_autofree char *second = g_build_filename (below, "b.conf", NULL);
  g_autofree char *first = g_build_filename (below, "a.conf", NULL);
  g_autofree char *other = g_build_filename (below, "c.conf~", NULL);
  assert_int_equal (g_mkdir (below, 0700), 0);
  g_file_set_contents (main_file, "[server]\nuser = main\nstate_directory = state\n", -1, NULL);
  g_file_set_contents (first, "[server]\nuser = first\n", -1, NULL);
  g_file_set_contents (second, "[server]\nuser = second\n", -1, NULL);
  g_file_set_contents (other, "rubbish\n", -1, NULL);

  struct config_errors *errors = config_errors_new ();
  struct config *config = config_load (main_file, NULL, errors);
  g_autofree char *state_folder = g_build_filename (folder, "state", NULL);
  assert_int_equal (config_errors_count (errors), 0);
  assert_string_equal (config->server.user, "second");
  assert_string_equal (config->server.state_directory, state_folder);
  config_unref (&config);

  remove (main_file);
  config = config_load (main_file, NULL, errors);
  assert_int_equal (config_errors_count (errors), 1);
  assert_string_equal (config_errors_get (errors, 0)->file, main_file);
  config_unref (&config);
  config_errors_free (&errors);
  remove (first);
  remove (second);
  remove (other);
  remove (below);
  remove (folder);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_good),       cmocka_unit_test (test_lines),
    cmocka_unit_test (test_duplicates), cmocka_unit_test (test_sections),
    cmocka_unit_test (test_keys),       cmocka_unit_test (test_control_characters),
    cmocka_unit_test (test_override),   cmocka_unit_test (test_files),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
