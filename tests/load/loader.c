/* SPDX-License-Identifier: Apache-2.0 */
/* loader.c - good plugins: found, started in order of need, reloaded, left out. */
#include "support.h"

static struct load_info
info (struct bench *bench, size_t index) {
  struct load_info result;
  loader_info (bench->loader, index, &result);
  return result;
}

static void
test_good (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\ncount = 3\n" LISTEN "kind = b\n", NULL));
  assert_int_equal (info (&bench, 0).state, LOAD_STATE_CONFIGURED);
  assert_true (loader_start (bench.loader, bench.errors));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "");
  assert_int_equal (info (&bench, 0).state, LOAD_STATE_RUNNING);
  assert_string_equal (info (&bench, 0).version, "1.0");
  assert_int_equal (bench.note.phase, LOAD_NOTHING);

  const struct load_provider *provider = loader_find (bench.loader, PTN_PROTOCOL_ID, "probe");
  assert_non_null (provider);
  assert_int_equal (provider->plugin, 1);
  assert_int_equal (((const struct ptn_protocol *)provider->table)->size,
                    sizeof (struct ptn_protocol));
  assert_null (loader_next (bench.loader, PTN_PROTOCOL_ID, provider));
  assert_null (loader_find (bench.loader, PTN_PROTOCOL_ID, "imap"));
  assert_string_equal (settings_text (bench.config->listeners[0].settings, "kind"), "b");

  g_autofree char *folder = g_build_filename (bench.folder, "state", "probe", NULL);
  assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
  g_autofree char *page = metrics_text (bench.metrics, NULL);
  assert_non_null (strstr (page, "postern_plugin_up{plugin=\"probe\"} 1\n"));
  assert_non_null (strstr (page, "postern_probe_events{plugin=\"probe\"} 3\n"));
  loader_stop (bench.loader);
  assert_int_equal (info (&bench, 0).state, LOAD_STATE_STOPPED);
  bench_end (&bench);
}

/* The finder is configured first and needs what the other provides. */
static void
test_order (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin finder]\n[plugin probe]\n" LISTEN, NULL) || true);
  g_autofree char *said = bench_said (&bench);
  /* Both provide the protocol "probe": the second is refused. */
  assert_non_null (strstr (said, "[plugin probe] configure failed: probe is provided by finder "
                                 "already"));
  bench_end (&bench);
}

static void
test_lazy_start (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin seeker]\n[plugin probe]\n" LISTEN, NULL));
  assert_true (loader_start (bench.loader, bench.errors));
  assert_int_equal (info (&bench, 0).state, LOAD_STATE_RUNNING);
  assert_int_equal (info (&bench, 1).state, LOAD_STATE_RUNNING);
  bench_end (&bench);
}

static void
test_instances (void **state) {
  struct bench bench = { 0 };
  assert_false (bench_load (&bench, "[plugin probe]\n[plugin probe two]\n" LISTEN, NULL));
  assert_string_equal (info (&bench, 1).label, "probe-two");
  bench_end (&bench);
}

static void
test_future (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench,
                           "[plugin probe]\nmodule = probe_future.so\ncolour = blue\n" LISTEN,
                           NULL));
  assert_true (loader_start (bench.loader, bench.errors));
  assert_string_equal (settings_text (bench.config->plugins[0].settings, "colour"), "blue");
  assert_int_equal (settings_number (bench.config->plugins[0].settings, "count"), 7);
  bench_end (&bench);
}

static void
test_left_out (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\nrequired = no\n" LISTEN, "probe"));
  assert_true (loader_start (bench.loader, bench.errors));
  assert_int_equal (info (&bench, 0).state, LOAD_STATE_LEFT_OUT);
  assert_string_equal (info (&bench, 0).reason, "it crashed in start");
  assert_true (bench.config->listeners[0].disabled);
  bench_log_has (&bench, "\"event\":\"plugin.left-out\",\"name\":\"probe\"");
  bench_end (&bench);
}

static struct config *
load_again (struct bench *bench, const char *text, bool good) {
  bench_write (bench, text);
  struct config *config = config_load (bench->file, NULL, bench->errors);
  assert_true (loader_check (bench->loader, config, bench->errors) == good);
  return config;
}

static void
test_reload (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, "[plugin probe]\n" LISTEN, NULL));
  assert_true (loader_start (bench.loader, bench.errors));
  struct config *same = load_again (&bench, "[plugin probe]\ncount = 7\n" LISTEN, true);
  assert_int_equal (loader_reload (bench.loader, NULL, same), PTN_OK);
  struct config *other = load_again (&bench, "[plugin probe]\ncount = 8\n" LISTEN, true);
  assert_int_equal (loader_reload (bench.loader, NULL, other), PTN_OK);
  struct config *refused = load_again (&bench, "[plugin probe]\ncount = 13\n" LISTEN, true);
  g_autofree char *page = metrics_text (bench.metrics, NULL);
  assert_non_null (strstr (page, "postern_probe_events{plugin=\"probe\"} 107\n"));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "");
  struct config *bad =
      load_again (&bench, "[plugin probe]\ncount = x\n[plugin new]\n" LISTEN, false);
  g_autofree char *complaints = bench_said (&bench);
  assert_string_equal (complaints,
                       "p.conf:7: count: expected a number, such as 100, not \"x\"\n"
                       "p.conf:8: warning: [plugin new] is new: it is loaded by a restart\n");
  config_unref (&same);
  config_unref (&other);
  config_unref (&refused);
  config_unref (&bad);
  bench_end (&bench);
}

static char *
events_of (struct bench *bench) {
  g_autofree char *page = metrics_text (bench->metrics, NULL);
  GString *text = g_string_new (NULL);
  for (const char *line = page; (line = strstr (line, "postern_probe_events{plugin=")); line++)
    g_string_append_printf (text, "%.*s ", (int)strcspn (line + 28, "\n"), line + 28);
  return g_string_free (text, false);
}

#define TWO(a, b) "[plugin other]\ncount = " a "\n[plugin probe]\ncount = " b "\n" LISTEN

/* One refuses: the others, which have taken theirs, get the old ones back. */
static void
test_reload_all_or_nothing (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, TWO ("1", "2"), NULL));
  assert_true (loader_start (bench.loader, bench.errors));
  struct config *refused = load_again (&bench, TWO ("3", "13"), true);
  assert_int_equal (loader_reload (bench.loader, NULL, refused), PTN_E_INVALID);
  bench_log_has (&bench, "\"event\":\"plugin.reload-refused\",\"name\":\"probe\"");
  g_autofree char *events = events_of (&bench); /* 1 + 100 for the new ones + 100 back */
  assert_string_equal (events, "\"other\"} 201 \"probe\"} 2 ");
  struct config *old = load_again (&bench, TWO ("1", "2"), true);
  assert_int_equal (loader_reload (bench.loader, NULL, old), PTN_OK);
  g_autofree char *same = events_of (&bench); /* nothing is new in it */
  assert_string_equal (same, "\"other\"} 201 \"probe\"} 2 ");
  struct config *good = load_again (&bench, TWO ("3", "4"), true);
  assert_int_equal (loader_reload (bench.loader, NULL, good), PTN_OK);
  g_autofree char *both = events_of (&bench);
  assert_string_equal (both, "\"other\"} 301 \"probe\"} 102 ");
  config_unref (&refused);
  config_unref (&old);
  config_unref (&good);
  bench_end (&bench);
}

/* Who refuses to go back is told of, and the end comes all the same. */
static void
test_reload_stuck (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench, TWO ("13", "2"), NULL));
  assert_true (loader_start (bench.loader, bench.errors));
  struct config *refused = load_again (&bench, TWO ("3", "13"), true);
  assert_int_equal (loader_reload (bench.loader, NULL, refused), PTN_E_INVALID);
  bench_log_has (&bench, "\"event\":\"plugin.reload-stuck\",\"name\":\"other\"");
  config_unref (&refused);
  bench_end (&bench);
}

static void
test_words_that_nobody_knows (void **state) {
  struct bench bench = { 0 };
  assert_true (
      bench_load (&bench,
                  "[plugin probe]\n[lane deep]\n[lane depe]\nthreads = 3\n[lane zzzzzz]\n" LISTEN
                  "orders = PROBE proeb\n",
                  NULL));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (
      said,
      "p.conf:8: warning: [lane depe]: no plugin here uses this lane; did you mean deep?\n"
      "p.conf:10: warning: [lane zzzzzz]: no plugin here uses this lane; known are: deep wide\n"
      "p.conf:14: warning: orders: no plugin here provides proeb; did you mean probe?\n");
  assert_string_equal (settings_words (bench.config->listeners[0].settings, "orders").items[0],
                       "PROBE");
  bench_end (&bench);
}

static void
test_what_plugins_find (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench,
                           "[plugin probe]\ncount = 99\n" LISTEN "orders = all\n"
                           "[listener off]\nenabled = no\nprotocol = probe\n"
                           "address = 127.0.0.1:0\norders = all\n",
                           NULL));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "p.conf:7: warning: count: 99 is unlucky\n"
                             "p.conf:11: warning: orders: no plugin here provides all; known are: "
                             "probe\n"
                             "p.conf:11: warning: orders: probe\n"
                             "p.conf:16: warning: orders: no plugin here provides all; known are: "
                             "probe\n");
  bench_end (&bench);
}

/* A plugin that is left out may be the one that uses it. */
static void
test_words_of_plugins_left_out (void **state) {
  struct bench bench = { 0 };
  assert_true (bench_load (&bench,
                           "[plugin probe]\n[plugin other]\nrequired = no\nmodule = gone.so\n"
                           "[lane depe]\n" LISTEN,
                           NULL));
  g_autofree char *said = bench_said (&bench);
  assert_null (strstr (said, "lane"));
  bench_end (&bench);
}

static void
test_choice (void **state) {
  struct bench bench = { 0 };
  assert_false (bench_load (&bench, "store = storage-kioto\n[plugin probe]\n" LISTEN, NULL));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "p.conf:6: store: no plugin provides one named \"storage-kioto\"; "
                             "known are: none\n");
  bench_end (&bench);
}

/* What is wrong stands where it is wrong; that nobody provides it would mislead. */
static void
test_choice_that_failed (void **state) {
  struct bench bench = { 0 };
  assert_false (bench_load (
      &bench, "store = other\n[plugin probe]\n[plugin other]\nmodule = gone.so\n" LISTEN, NULL));
  g_autofree char *said = bench_said (&bench);
  assert_non_null (strstr (said, "p.conf:6: store: [plugin other] has errors\n"));
  assert_non_null (strstr (said, "there is no gone.so"));
  assert_null (strstr (said, "no plugin provides"));
  bench_end (&bench);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_good),
    cmocka_unit_test (test_order),
    cmocka_unit_test (test_lazy_start),
    cmocka_unit_test (test_instances),
    cmocka_unit_test (test_future),
    cmocka_unit_test (test_left_out),
    cmocka_unit_test (test_reload),
    cmocka_unit_test (test_choice),
    cmocka_unit_test (test_choice_that_failed),
    cmocka_unit_test (test_reload_all_or_nothing),
    cmocka_unit_test (test_reload_stuck),
    cmocka_unit_test (test_words_that_nobody_knows),
    cmocka_unit_test (test_what_plugins_find),
    cmocka_unit_test (test_words_of_plugins_left_out),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
