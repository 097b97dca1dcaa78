/* SPDX-License-Identifier: Apache-2.0 */
/* engine_timers.c - timers against wakes against the end of the strand: none fires early, none
 * that was put off fires at its old time, none is lost, and what is left behind is harmless. */
#include "engine_test.h"

#include "engine/internal.h"

#include <string.h>

enum { STRANDS = 64 };

struct shared {
  struct engine *engine;
  _Atomic unsigned fired, finished, woken;
  unsigned rounds;
};
struct strand {
  struct shared *shared;
  unsigned seed, round;
  int64_t deadline;
};

static task_next
run_random (struct ptn_task *task, void *user, unsigned events) {
  struct strand *strand = user;
  struct shared *shared = strand->shared;
  int64_t now = now_ns ();
  if (events & TASK_TIMER) {
    CHECK (strand->deadline != INT64_MAX && now >= strand->deadline);
    atomic_fetch_add (&shared->fired, 1);
    strand->deadline = INT64_MAX;
  }
  /* A time long past means that it was lost. */
  CHECK (strand->deadline == INT64_MAX || now < strand->deadline + INT64_C (20000000000));
  if (events & TASK_WOKEN)
    atomic_fetch_add (&shared->woken, 1);
  if (++strand->round > shared->rounds)
    return TASK_DONE; /* with timers and wakers under way */
  unsigned how = rand_r (&strand->seed) >> 4;
  if (how % 5 == 0) {
    strand->deadline = INT64_MAX;
  } else {
    strand->deadline = now + how % 900000;
    if (how % 7 == 0) /* moved at once, perhaps before, perhaps after */
      task_set_timer (task, now + how % 1100000);
  }
  task_set_timer (task, strand->deadline);
  if (how % 3 == 0 || strand->deadline == INT64_MAX)
    waker_wake_at (task_waker (task), now + how % 700000);
  if (how % 50 == 0)
    waker_wake_at (task_waker (task), INT64_MAX);
  return how % 11 == 0 ? TASK_AGAIN : TASK_WAIT;
}

static void
finished (void *user) {
  struct strand *strand = user;
  struct shared *shared = strand->shared;
  free (strand);
  atomic_fetch_add (&shared->finished, 1);
}

static void
test_random (void **state) {
  struct shared shared = { .engine = start_engine (3), .rounds = rounds (500, 20000) };
  for (unsigned i = 0; i < STRANDS; i++) {
    struct strand *strand = calloc (1, sizeof *strand);
    *strand = (struct strand){ &shared, i + 1, 0, INT64_MAX };
    task_new (shared.engine, "timer", run_random, finished, strand);
  }
  AWAIT (atomic_load (&shared.finished) == STRANDS);
  assert_true (shared.fired > 0 && shared.woken > 0);
  engine_free (&shared.engine);
}

/* --- putting off is cheap, and the dead do not pile up --------------------------------------- */

static task_next
run_short (struct ptn_task *task, void *user, unsigned events) {
  for (int i = 0; i < 10; i++) {
    waker_wake_at (task_waker (task), now_ns () + INT64_C (3600000000000));
    task_set_timer (task, now_ns () + INT64_C (60000000000) - i); /* ever earlier */
  }
  return TASK_DONE;
}

static void
short_finished (void *user) {
  struct shared *shared = user;
  atomic_fetch_add (&shared->finished, 1);
}

static void
test_dead (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  unsigned count = rounds (5000, 100000);
  for (unsigned i = 0; i < count; i++) {
    task_new (shared.engine, "short", run_short, short_finished, &shared);
    if (i % 100 == 0)
      AWAIT (atomic_load (&shared.finished) + 200 > i);
  }
  AWAIT (atomic_load (&shared.finished) == count);
  struct engine_counts counts;
  AWAIT ((engine_count (shared.engine, &counts), counts.strands) == 0);
  assert_true (shared.engine->timers.count < 20000);
  engine_free (&shared.engine);
}

static task_next
run_put_off (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  if (events & TASK_WOKEN) {
    int64_t now = now_ns ();
    task_set_timer (task, now + 30000000);
    for (int i = 1; i <= 10000; i++)
      task_set_timer (task, now + 30000000 + i * 1000);
    CHECK (shared->engine->timers.count == 1);
    return TASK_WAIT;
  }
  CHECK (events == TASK_TIMER);
  return TASK_DONE;
}

static void
test_put_off (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  int64_t begin = now_ns ();
  task_new (shared.engine, "put off", run_put_off, short_finished, &shared);
  AWAIT (atomic_load (&shared.finished));
  assert_true (now_ns () - begin >= 40000000);
  engine_free (&shared.engine);
}

/* --- thousands at once ------------------------------------------------------------------------ */

static task_next
run_crowd (struct ptn_task *task, void *user, unsigned events) {
  struct strand *strand = user;
  if (events & TASK_TIMER) {
    CHECK (now_ns () >= strand->deadline);
    return TASK_DONE;
  }
  strand->deadline = now_ns () + 20000000 + rand_r (&strand->seed) % 100000000;
  task_set_timer (task, strand->deadline);
  return TASK_WAIT;
}

static void
test_crowd (void **state) {
  struct shared shared = { .engine = start_engine (3) };
  unsigned count = rounds (5000, 50000);
  for (unsigned i = 0; i < count; i++) {
    struct strand *strand = calloc (1, sizeof *strand);
    *strand = (struct strand){ &shared, i, 0, 0 };
    task_new (shared.engine, "crowd", run_crowd, finished, strand);
  }
  AWAIT (atomic_load (&shared.finished) == count);
  engine_free (&shared.engine);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_random),
    cmocka_unit_test (test_dead),
    cmocka_unit_test (test_put_off),
    cmocka_unit_test (test_crowd),
  };
  return cmocka_run_group_tests_name ("engine_timers", tests, NULL, NULL);
}
