/* SPDX-License-Identifier: Apache-2.0 */
/* engine_spares.c - every worker is blocked in a step, and then something happens: spare
 * threads come, and go again when they are not needed. */
#include "engine_test.h"

#include <semaphore.h>

struct shared {
  struct engine *engine;
  _Atomic int blocked, finished, answered;
  sem_t go;
  bool marked;
  int fd;
};

static task_next
run_blocker (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  if (shared->marked)
    task_blocking (task, 1);
  atomic_fetch_add (&shared->blocked, 1);
  while (sem_wait (&shared->go) < 0)
    ;
  if (shared->marked)
    task_blocking (task, 0);
  return TASK_DONE;
}

static task_next
run_echo (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  if (events & TASK_WOKEN)
    CHECK (task_watch (task, shared->fd, NULL));
  char c;
  if (read (shared->fd, &c, 1) != 1)
    return TASK_WAIT;
  CHECK (write (shared->fd, &c, 1) == 1);
  task_unwatch (task);
  return TASK_DONE;
}

static void
finished (void *user) {
  struct shared *shared = user;
  atomic_fetch_add (&shared->finished, 1);
}

static void
block_all (unsigned blockers, bool marked) {
  struct shared shared = { .engine = start_engine (2), .marked = marked };
  sem_init (&shared.go, 0, 0);
  int pair[2];
  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
  fcntl (pair[0], F_SETFL, O_NONBLOCK);
  shared.fd = pair[0];
  task_new (shared.engine, "echo", run_echo, finished, &shared);
  sleep_ms (20); /* it waits for its event */
  for (unsigned i = 0; i < blockers; i++)
    task_new (shared.engine, "blocker", run_blocker, finished, &shared);
  AWAIT ((unsigned)atomic_load (&shared.blocked) == blockers);
  sleep_ms (20);

  int64_t begin = now_ns ();
  char c = 'x';
  assert_int_equal (write (pair[1], "y", 1), 1);
  assert_int_equal (read (pair[1], &c, 1), 1);
  assert_int_equal (c, 'y');
  assert_true (now_ns () - begin < 20000000000);
  struct engine_counts counts;
  engine_count (shared.engine, &counts);
  assert_int_equal (counts.workers, 2);
  assert_true (counts.spares >= blockers - 1);

  for (unsigned i = 0; i < blockers; i++)
    sem_post (&shared.go);
  AWAIT ((unsigned)atomic_load (&shared.finished) == blockers + 1);
  AWAIT ((engine_count (shared.engine, &counts), counts.spares) == 0);
  assert_int_equal (counts.workers, 2);
  engine_free (&shared.engine);
  close (pair[0]);
  close (pair[1]);
  sem_destroy (&shared.go);
}

static void
test_unmarked (void **state) {
  block_all (2, false);
}

static void
test_marked (void **state) {
  block_all (2, true);
}

static void
test_many (void **state) {
  block_all (20, true);
}

/* --- steps that compute, and do not block ---------------------------------------------------- */

static task_next
run_burner (struct ptn_task *task, void *user, unsigned events) {
  for (int64_t end = now_ns () + 30000000; now_ns () < end;)
    ;
  return TASK_DONE;
}

static void
test_burners (void **state) {
  struct shared shared = { .engine = start_engine (4) };
  for (int i = 0; i < 24; i++)
    task_new (shared.engine, "burner", run_burner, finished, &shared);
  struct engine_counts counts;
  unsigned most = 0;
  while (atomic_load (&shared.finished) < 24) {
    engine_count (shared.engine, &counts);
    most = MAX (most, counts.spares);
    sleep_ms (1);
  }
  assert_true (most <= 1); /* more threads would not make it faster */
  engine_free (&shared.engine);
}

/* --- a strand that its waker meant to take itself ------------------------------------------- */

static task_next
run_quick (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  atomic_store (&shared->answered, 1);
  return TASK_DONE;
}

static task_next
run_waker_then_long (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  task_new (shared->engine, "quick", run_quick, finished, shared);
  for (int64_t end = now_ns () + 10000000000; !atomic_load (&shared->answered);)
    CHECK (now_ns () < end); /* somebody else ran it, although this worker would have */
  return TASK_DONE;
}

static void
test_long_step (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  for (int i = 1; i <= 10; i++) {
    atomic_store (&shared.answered, 0);
    task_new (shared.engine, "long", run_waker_then_long, finished, &shared);
    AWAIT (atomic_load (&shared.finished) == 2 * i);
  }
  engine_free (&shared.engine);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_unmarked),  cmocka_unit_test (test_marked),
    cmocka_unit_test (test_many),      cmocka_unit_test (test_burners),
    cmocka_unit_test (test_long_step),
  };
  return cmocka_run_group_tests_name ("engine_spares", tests, NULL, NULL);
}
