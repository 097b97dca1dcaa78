/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c - plugins that are missing, broken, of another age or of bad will; required or not. */
#include "support.h"

#include <stdio.h>

/* With `required = yes` the server does not start and says why; with no it goes on. */
static void
refused (const char *module, const char *reason) {
  g_autofree char *text = g_strdup_printf ("[plugin probe]\nmodule = %s.so\n" LISTEN, module);
  g_autofree char *expected = g_strdup_printf ("p.conf:6: [plugin probe] %s", reason);
  struct bench bench = { 0 };
  assert_false (bench_load (&bench, text, NULL));
  g_autofree char *said = bench_said (&bench);
  if (!g_str_has_prefix (said, expected))
    fail_msg ("expected: %s\nsaid: %s", expected, said);
  bench_log_has (&bench, "\"event\":\"plugin.failed\",\"name\":\"probe\"");
  bench_end (&bench);

  g_autofree char *optional =
      g_strdup_printf ("[plugin probe]\nmodule = %s.so\nrequired = no\n[plugin other]\n"
                       "[listener o]\nprotocol = other\naddress = 127.0.0.1:0\n" LISTEN,
                       module);
  struct bench second = { 0 };
  assert_true (bench_load (&second, optional, NULL));
  assert_true (loader_start (second.loader, second.errors));
  assert_non_null (loader_find (second.loader, PTN_PROTOCOL_ID, "other"));
  assert_null (loader_find (second.loader, PTN_PROTOCOL_ID, "probe"));
  assert_false (second.config->listeners[0].disabled);
  assert_true (second.config->listeners[1].disabled);
  struct load_info info;
  loader_info (second.loader, 0, &info);
  assert_int_equal (info.state, LOAD_STATE_FAILED);
  bench_end (&second);
}

static void
test_missing (void **state) {
  refused ("nobody", "there is no nobody.so in plugin_directory (" PROBE_FOLDER ")\n");
}

static void
test_symbol (void **state) {
  refused ("probe_no_symbol", PROBE_FOLDER "/probe_no_symbol.so is no plugin: it has no symbol "
                                           "postern_plugin_entry\n");
}

static void
test_major (void **state) {
  refused ("probe_wrong_major", "it was built for ABI major 1, this host has 0\n");
}

static void
test_entry_refuses (void **state) {
  refused ("probe_refuses", "it says that it cannot serve this host (ABI 0.");
}

static void
test_size (void **state) {
  refused ("probe_size_0", "its table has 0 octets, ");
}

static void
test_null (void **state) {
  refused ("probe_null_start", "its table has no start function\n");
  refused ("probe_null_step", "configure failed: the table of postern.protocol/1 has no close\n");
}

static void
test_name (void **state) {
  refused ("other", "it is the plugin \"other\", not \"probe\"\n");
}

static void
test_default (void **state) {
  refused ("probe_bad_default", "the default of its setting wait: expected a duration");
}

static void
test_configure (void **state) {
  refused ("probe_fail_configure",
           "configure failed: probe.refused: error \"the moon is wrong\"\n");
}

static void
test_start (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\nmodule = probe_fail_start.so\n" LISTEN, NULL));
  assert_false (loader_start (bench.loader, bench.errors));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "p.conf:6: [plugin probe] start failed: probe.disk: path \"/x\\n\", "
                             "error \"no disk\"\n");
  bench_end (&bench);

  struct bench second = { 0 };
  assert_true (bench_load (&second,
                           "[plugin probe]\nmodule = probe_fail_start.so\nrequired = no\n" LISTEN,
                           NULL));
  assert_true (loader_start (second.loader, second.errors));
  assert_true (second.config->listeners[0].disabled);
  bench_log_has (&second, "\"event\":\"listener.disabled\"");
  bench_end (&second);
}

/* A provider that is not there, for a plugin that does not say so itself. */
static void
test_nobody_provides (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench,
                           "[plugin seeker]\n[plugin probe]\nmodule = probe_fail_start.so\n"
                           "required = no\n" LISTEN,
                           NULL));
  assert_false (loader_start (bench.loader, bench.errors));
  g_autofree char *said = bench_said (&bench);
  assert_true (g_str_has_prefix (said,
                                 "p.conf:6: [plugin seeker] start failed: no plugin that runs "
                                 "provides probe.order/1 named probe\n"));
  bench_end (&bench);
}

/* Errors in the section of a plugin that is not required leave it out. */
static void
test_section (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\nrequired = no\ncoumt = 1\n" LISTEN, NULL));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said,
                       "p.conf:6: warning: [plugin probe] is left out: its settings have errors\n"
                       "p.conf:8: warning: [plugin probe] has no setting coumt; did you mean "
                       "count?\n"
                       "p.conf:10: warning: protocol: no plugin that could be loaded provides "
                       "\"probe\" (known are: none); the listener is closed\n");
  bench_end (&bench);
}

/* --- --check and --describe --------------------------------------------------------------------- */

static char *
check_says (const char *text, bool good) {
  struct bench bench = { 0 };
  char *said = NULL;
  size_t size;
  bench_write (&bench, text);
  FILE *output = open_memstream (&said, &size);
  fclose (output);
  free (said);
  g_autofree char *path = g_build_filename (bench.folder, "said", NULL);
  output = fopen (path, "w");
  assert_true (check_run (bench.file, output) == good);
  fclose (output);
  g_autofree char *whole = NULL;
  assert_true (g_file_get_contents (path, &whole, NULL, NULL));
  g_autofree char *prefix = g_strdup_printf ("%s/", bench.folder);
  g_auto (GStrv) parts = g_strsplit (whole, prefix, -1);
  bench_end (&bench);
  return g_strjoinv ("", parts);
}

static void
test_check (void **state) {
  g_autofree char *good = check_says ("[plugin probe]\n" LISTEN, true);
  assert_string_equal (good, "");
  g_autofree char *bad = check_says ("[plugin probe]\ncount = x\n[plugin other]\nrequired = no\n"
                                     "zebra = 1\n" LISTEN,
                                     false);
  assert_string_equal (bad, "p.conf:7: count: expected a number, such as 100, not \"x\"\n"
                            "p.conf:10: [plugin other] has no setting zebra\n");
}

static void
test_check_crash (void **state) {
  g_autofree char *required = check_says (
      "[plugin probe]\nmodule = probe_crash_configure.so\n[plugin other]\nzebra = 1\n" LISTEN,
      false);
  assert_non_null (
      strstr (required, "p.conf:6: [plugin probe] it crashes in configure (Aborted)\n"));
  assert_non_null (strstr (required, "p.conf:9: [plugin other] has no setting zebra\n"));
  g_autofree char *optional =
      check_says ("[plugin probe]\nmodule = probe_crash_configure.so\nrequired = no\n" LISTEN,
                  true);
  assert_non_null (strstr (optional, "p.conf:6: warning: [plugin probe] is left out: it crashes"));
}

static void
test_describe (void **state) {
  char *text = NULL;
  size_t size;
  FILE *output = open_memstream (&text, &size);
  assert_true (
      describe_print (PROBE_FOLDER "/probe.so", "/nowhere", DESCRIBE_TEXT, output, stderr));
  fclose (output);
  assert_string_equal (text, "probe 1.0 - a probe\n\n[plugin probe]\n"
                             "  count = 7   (number)\n      A count.\n\n"
                             "[listener NAME] with its protocol\n"
                             "  kind = a   (word)\n      one of: a b\n      A kind.\n"
                             "  orders = nobody   (list of words)\n      names of probe.order/1\n"
                             "      Whose orders.\n");
  free (text);
  output = open_memstream (&text, &size);
  assert_true (describe_print ("listener", NULL, DESCRIBE_MAN, output, stderr));
  fclose (output);
  assert_non_null (strstr (text, "*max\\_line* = _size_\n\t"));
  free (text);
  char *problem = NULL;
  FILE *errors = open_memstream (&problem, &size);
  assert_false (describe_print ("nobody", "/nowhere", DESCRIBE_TEXT, stdout, errors));
  fclose (errors);
  assert_true (g_str_has_prefix (problem, "nobody: there is no such section, and no such plugin"));
  assert_non_null (strstr (problem, "\nsections: server "));
  free (problem);
  errors = open_memstream (&problem, &size);
  assert_false (describe_print ("listner", "/nowhere", DESCRIBE_TEXT, stdout, errors));
  fclose (errors);
  assert_non_null (strstr (problem, "; did you mean listener?\n"));
  free (problem);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_missing),   cmocka_unit_test (test_symbol),
    cmocka_unit_test (test_major),     cmocka_unit_test (test_entry_refuses),
    cmocka_unit_test (test_size),      cmocka_unit_test (test_null),
    cmocka_unit_test (test_name),      cmocka_unit_test (test_default),
    cmocka_unit_test (test_configure), cmocka_unit_test (test_start),
    cmocka_unit_test (test_section),   cmocka_unit_test (test_nobody_provides),
    cmocka_unit_test (test_check),     cmocka_unit_test (test_check_crash),
    cmocka_unit_test (test_describe),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
