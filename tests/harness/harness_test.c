/* SPDX-License-Identifier: Apache-2.0 */
/* harness_test.c - the harness's own promises: wakes are kept, streams keep order, literals
 * consume, a broken source breaks the stream. */
#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

static void
nap (void *argument) {
  g_usleep (1000);
  *(int *)argument = 1;
}

static void
lanes_wake (void **state) {
  (void)state;
  struct harness *harness = harness_new ();
  const struct ptn_host *host = harness_host (harness);
  struct ptn_task *task = harness_task_new (harness);
  int done = 0;
  assert_int_equal (host->offload (task, "test", nap, NULL, &done), PTN_OK);
  harness_wait (task);
  assert_int_equal (done, 1);
  host->wake_at (host->waker (task), host->monotonic_ns () + 1000000);
  harness_wait (task);
  assert_false (harness_poll (task));
  harness_task_free (&task);
  harness_free (&harness);
}

static void
streams_keep_order (void **state) {
  (void)state;
  struct harness *harness = harness_new ();
  struct ptn_task *task = harness_task_new (harness);
  struct ptn_stream *stream = harness_stream_new (harness, task, 100);
  const struct ptn_stream_service *service = harness_find (harness, PTN_STREAM_ID, NULL).table;
  struct ptn_bytes input;
  struct ptn_source *literal;
  char *data;
  size_t size;
  assert_int_equal (service->peek (stream, task, 1, &input), PTN_PENDING);
  harness_stream_feed (stream, "abcdef", 6);
  assert_int_equal (service->literal (stream, 4, &literal), PTN_OK);
  assert_int_equal (harness_source_slurp (literal, task, &data, &size), PTN_OK);
  assert_memory_equal (data, "abcd", 4);
  g_free (data);
  assert_int_equal (service->peek (stream, task, 1, &input), PTN_OK);
  assert_int_equal (input.size, 2);
  service->write (stream, "1", 1);
  service->write_source (stream, harness_source_new ("2345", 4, 1, true), 4);
  service->write (stream, "6", 1);
  data = harness_stream_take (stream, &size);
  assert_string_equal (data, "123456");
  g_free (data);
  service->write_source (stream, harness_source_failing ("x", 1, PTN_E_CORRUPT), 2);
  data = harness_stream_take (stream, &size);
  g_free (data);
  assert_int_equal (service->write (stream, "1", 1), PTN_E_DISCONNECTED);
  harness_stream_free (&stream);
  harness_task_free (&task);
  harness_free (&harness);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (lanes_wake),
    cmocka_unit_test (streams_keep_order),
  };
  return cmocka_run_group_tests_name ("harness", tests, NULL, NULL);
}
