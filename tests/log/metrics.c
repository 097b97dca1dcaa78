/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - the page that Prometheus reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "log/metrics.h"

#include <pthread.h>
#include <string.h>

static void
test_page (void **state) {
  struct metrics *metrics = metrics_new ();
  struct ptn_metric *b =
      metrics_get (metrics, PTN_METRIC_COUNTER, "postern_b_total", "Bees\nand \\", NULL, NULL);
  struct ptn_metric *a1 =
      metrics_get (metrics, PTN_METRIC_GAUGE, "postern_a{kind=\"x\"}", "A.", "pop3", NULL);
  struct ptn_metric *a2 = metrics_get (metrics, PTN_METRIC_GAUGE, "postern_a", "A.", "auth", NULL);
  metric_observe (b, 2);
  metric_observe (b, 3);
  metric_observe (b, -10);
  metric_observe (a1, 5);
  metric_observe (a1, -7);
  metric_set (a2, 9);
  assert_ptr_equal (b, metrics_get (metrics, PTN_METRIC_COUNTER, "postern_b_total", "again", NULL,
                                    NULL));
  size_t length;
  g_autofree char *text = metrics_text (metrics, &length);
  assert_string_equal (text, "# HELP postern_a A.\n# TYPE postern_a gauge\n"
                             "postern_a{plugin=\"auth\"} 9\n"
                             "postern_a{plugin=\"pop3\",kind=\"x\"} -2\n"
                             "# HELP postern_b_total Bees\\nand \\\\\n"
                             "# TYPE postern_b_total counter\npostern_b_total 5\n");
  assert_int_equal (length, strlen (text));
  metrics_free (&metrics);
}

static void
test_mistakes (void **state) {
  static const char *const names[] = { "sessions",
                                       "postern_a b",
                                       "postern_a{",
                                       "postern_a{x=1}",
                                       "postern_a{x=\"\n\"}",
                                       "postern_a{x=\"1\"}}",
                                       "postern_a{x=\"",
                                       NULL };
  struct metrics *metrics = metrics_new ();
  const char *mistake;
  for (size_t i = 0; names[i]; i++) {
    struct ptn_metric *metric =
        metrics_get (metrics, PTN_METRIC_COUNTER, names[i], NULL, NULL, &mistake);
    assert_non_null (metric);
    assert_non_null (mistake);
    metric_observe (metric, 1);
  }
  metrics_get (metrics, PTN_METRIC_COUNTER, "postern_c", NULL, NULL, &mistake);
  assert_null (mistake);
  metrics_get (metrics, PTN_METRIC_GAUGE, "postern_c{x=\"1\"}", NULL, NULL, &mistake);
  assert_non_null (mistake);
  metrics_get (metrics, 77, "postern_d", NULL, NULL, &mistake);
  assert_non_null (mistake);
  metrics_get (metrics, PTN_METRIC_COUNTER, NULL, NULL, NULL, &mistake);
  assert_non_null (mistake);
  g_autofree char *text = metrics_text (metrics, NULL);
  assert_string_equal (text, "# HELP postern_c \n# TYPE postern_c counter\npostern_c 0\n");
  metrics_free (&metrics);
}

static void
test_histogram (void **state) {
  struct metrics *metrics = metrics_new ();
  struct ptn_metric *metric =
      metrics_get (metrics, PTN_METRIC_HISTOGRAM, "postern_t_seconds", "Time.", "kyoto", NULL);
  static const int64_t samples[] = { 0, 1, 2, 3, 4, 1500, 67108864, 67108865, INT64_C (1) << 40 };
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++)
    metric_observe (metric, samples[i]);
  assert_int_equal (metric_value (metric), 9);
  g_autofree char *text = metrics_text (metrics, NULL);
  assert_non_null (strstr (text, "# TYPE postern_t_seconds histogram\n"));
  assert_non_null (strstr (text, "postern_t_seconds_bucket{plugin=\"kyoto\",le=\"0.000001\"} 2\n"));
  assert_non_null (strstr (text, "le=\"0.000002\"} 3\n"));
  assert_non_null (strstr (text, "le=\"0.000004\"} 5\n"));
  assert_non_null (strstr (text, "le=\"0.002048\"} 6\n"));
  assert_non_null (strstr (text, "le=\"67.108864\"} 7\n"));
  assert_non_null (strstr (text, "le=\"+Inf\"} 9\n"));
  assert_non_null (strstr (text, "postern_t_seconds_count{plugin=\"kyoto\"} 9\n"));
  metrics_free (&metrics);
}

static void
collect (void *user, struct metrics_page *page) {
  metrics_page_add (page, PTN_METRIC_GAUGE, "postern_sessions{listener=\"pop3\"}", "Sessions.",
                    *(int *)user);
  metrics_page_add (page, PTN_METRIC_GAUGE, "wrong", "", 1);
}

static void
test_collector (void **state) {
  struct metrics *metrics = metrics_new ();
  int value = 42;
  metrics_add_collector (metrics, collect, &value);
  g_autofree char *text = metrics_text (metrics, NULL);
  assert_string_equal (text, "# HELP postern_sessions Sessions.\n# TYPE postern_sessions gauge\n"
                             "postern_sessions{listener=\"pop3\"} 42\n");
  metrics_remove_collector (metrics, collect, &value);
  g_autofree char *empty = metrics_text (metrics, NULL);
  assert_string_equal (empty, "");
  metrics_free (&metrics);
}

static void *
count (void *argument) {
  for (int i = 0; i < 10000; i++)
    metric_observe (argument, 1);
  return NULL;
}

static void
test_threads (void **state) {
  struct metrics *metrics = metrics_new ();
  struct ptn_metric *metric =
      metrics_get (metrics, PTN_METRIC_HISTOGRAM, "postern_x_seconds", "", NULL, NULL);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    pthread_create (&threads[i], NULL, count, metric);
  for (int i = 0; i < 5; i++)
    g_free (metrics_text (metrics, NULL));
  for (int i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  assert_int_equal (metric_value (metric), 40000);
  metrics_free (&metrics);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_page),      cmocka_unit_test (test_mistakes),
    cmocka_unit_test (test_histogram), cmocka_unit_test (test_collector),
    cmocka_unit_test (test_threads),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
