/* SPDX-License-Identifier: Apache-2.0 */
/* logger.c - files that are moved away, readers that sleep, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define LINES 2000

static char *folder;

static int
setup (void **state) {
  folder = g_dir_make_tmp ("postern-log-XXXXXX", NULL);
  return folder ? 0 : -1;
}

static int
teardown (void **state) {
  remove (folder);
  g_free (folder);
  return 0;
}

static struct logger *
logger_to (const char *path, enum log_format format) {
  struct log_settings settings = { format, PTN_LOG_INFO, path };
  struct logger *logger = logger_new (&settings, NULL);
  assert_non_null (logger);
  return logger;
}

static void
test_reopen (void **state) {
  g_autofree char *path = g_build_filename (folder, "log", NULL);
  g_autofree char *moved = g_build_filename (folder, "log.1", NULL);
  g_autofree char *old = NULL, *new = NULL;
  struct logger *logger = logger_to (path, LOG_FORMAT_AUTO);
  logger_event (logger, PTN_LOG_INFO, "one", "a", "b", NULL);
  logger_event (logger, PTN_LOG_DEBUG, "quiet", NULL);
  assert_int_equal (rename (path, moved), 0);
  logger_event (logger, PTN_LOG_INFO, "two", NULL);
  assert_true (logger_reopen (logger, NULL));
  logger_message (logger, PTN_LOG_INFO, "three", "error", "%d bottles", 3);
  logger_free (&logger);
  assert_true (g_file_get_contents (moved, &old, NULL, NULL));
  assert_true (g_file_get_contents (path, &new, NULL, NULL));
  assert_non_null (strstr (old, "\"event\":\"one\",\"a\":\"b\"}\n"));
  assert_non_null (strstr (old, "\"event\":\"two\"}\n"));
  assert_null (strstr (old, "quiet"));
  assert_non_null (strstr (new, "\"event\":\"three\",\"error\":\"3 bottles\"}\n"));
  assert_null (strstr (new, "two"));
  remove (path);
  remove (moved);
}

static void
test_configure (void **state) {
  g_autofree char *path = g_build_filename (folder, "a", NULL);
  g_autofree char *other = g_build_filename (folder, "b", NULL);
  g_autofree char *text = NULL;
  struct logger *logger = logger_to (path, LOG_FORMAT_JSON);
  struct log_settings settings = { LOG_FORMAT_TEXT, PTN_LOG_DEBUG, "/nowhere/log" };
  g_autoptr (GError) error = NULL;
  assert_false (logger_configure (logger, &settings, &error));
  assert_non_null (error);
  assert_false (logger_enabled (logger, PTN_LOG_DEBUG));
  settings.file = other;
  assert_true (logger_configure (logger, &settings, NULL));
  assert_true (logger_enabled (logger, PTN_LOG_DEBUG));
  logger_event (logger, PTN_LOG_DEBUG, "hello", NULL);
  logger_free (&logger);
  assert_true (g_file_get_contents (other, &text, NULL, NULL));
  assert_non_null (strstr (text, " debug   hello\n"));
  remove (path);
  remove (other);
}

/* stderr is a pipe nobody reads: events are dropped, and counted in the log afterwards. */
static void
test_blocked_pipe (void **state) {
  int fds[2], saved = dup (STDERR_FILENO);
  char buffer[65536];
  assert_int_equal (pipe (fds), 0);
  dup2 (fds[1], STDERR_FILENO);
  struct logger *logger = logger_to (NULL, LOG_FORMAT_JSON);
  struct timespec before, after;
  clock_gettime (CLOCK_MONOTONIC, &before);
  for (int i = 0; i < 3000; i++)
    logger_event (logger, PTN_LOG_INFO, "filler", "a", "some octets to fill the pipe with", NULL);
  clock_gettime (CLOCK_MONOTONIC, &after);
  dup2 (saved, STDERR_FILENO);
  assert_true (logger_dropped (logger) > 0);
  assert_true (after.tv_sec - before.tv_sec < 5);
  assert_true (read (fds[0], buffer, sizeof buffer) > 0);
  logger_event (logger, PTN_LOG_INFO, "after", NULL);
  fcntl (fds[0], F_SETFL, O_NONBLOCK);
  bool told = false;
  for (ssize_t n; (n = read (fds[0], buffer, sizeof buffer - 1)) > 0;) {
    buffer[n] = 0;
    told |= strstr (buffer, "\"event\":\"log.dropped\",\"count\":\"") != NULL;
  }
  assert_true (told);
  logger_free (&logger);
  close (fds[0]);
  close (fds[1]);
  close (saved);
}

static void *
many_lines (void *argument) {
  struct logger *logger = argument;
  for (int i = 0; i < LINES; i++)
    logger_event (logger, PTN_LOG_INFO, "line", "value", "0123456789012345678901234567890", NULL);
  return NULL;
}

static void
test_threads (void **state) {
  g_autofree char *path = g_build_filename (folder, "threads", NULL);
  g_autofree char *text = NULL;
  struct logger *logger = logger_to (path, LOG_FORMAT_JSON);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    pthread_create (&threads[i], NULL, many_lines, logger);
  for (int i = 0; i < 10; i++)
    assert_true (logger_reopen (logger, NULL));
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i], NULL);
  logger_free (&logger);
  assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  assert_int_equal (g_strv_length (lines), THREADS * LINES + 1);
  for (int i = 0; i < THREADS * LINES; i++)
    assert_true (g_str_has_prefix (lines[i], "{\"time\"") && g_str_has_suffix (lines[i], "890\"}"));
  remove (path);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_reopen),
    cmocka_unit_test (test_configure),
    cmocka_unit_test (test_blocked_pipe),
    cmocka_unit_test (test_threads),
  };
  return cmocka_run_group_tests (tests, setup, teardown);
}
