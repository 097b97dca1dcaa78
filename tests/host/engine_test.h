/* SPDX-License-Identifier: Apache-2.0 */
/* engine_test.h - what the small programs that test the engine share. */
#ifndef TESTS_HOST_ENGINE_TEST_H
#define TESTS_HOST_ENGINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* cmocka's assertions are for the test's own thread; this one is for all. */
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf (stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      abort ();                                                                \
    }                                                                          \
  } while (0)

static inline int64_t
now_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

static inline void
sleep_ms (unsigned ms) {
  nanosleep (&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* How often a loop runs: few by default, many when POSTERN_TEST_LONG=1. */
static inline unsigned
rounds (unsigned few, unsigned many) {
  const char *text = getenv ("POSTERN_TEST_LONG");
  return text && *text == '1' ? many : few;
}

static inline struct engine *
start_engine (unsigned workers) {
  struct engine *engine = engine_new (&(struct engine_settings){ .workers = workers }, NULL);
  assert_non_null (engine);
  assert_true (engine_start (engine, NULL));
  return engine;
}

/* Waits until a condition of an atomic holds; 20 s and the test has failed: a wake was lost. */
#define AWAIT(condition)                                                        \
  do {                                                                          \
    for (int64_t end_ = now_ns () + 20000000000; !(condition);) {               \
      if (now_ns () > end_)                                                     \
        fail_msg ("%s:%d: waited in vain: %s", __FILE__, __LINE__, #condition); \
      sleep_ms (1);                                                             \
    }                                                                           \
  } while (0)

#endif
