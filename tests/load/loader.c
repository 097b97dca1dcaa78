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

static void
test_choice (void **state) {
  struct bench bench = { 0 };
  assert_false (bench_load (&bench, "store = storage-kioto\n[plugin probe]\n" LISTEN, NULL));
  g_autofree char *said = bench_said (&bench);
  assert_string_equal (said, "p.conf:6: store: no plugin provides one named \"storage-kioto\"; "
                             "known are: none\n");
  bench_end (&bench);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_good),       cmocka_unit_test (test_order),
    cmocka_unit_test (test_lazy_start), cmocka_unit_test (test_instances),
    cmocka_unit_test (test_future),     cmocka_unit_test (test_left_out),
    cmocka_unit_test (test_reload),     cmocka_unit_test (test_choice),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
