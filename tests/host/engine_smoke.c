/* SPDX-License-Identifier: Apache-2.0 */
/* engine_smoke.c - each thing the engine does, once. */
#include "engine_test.h"

#include <errno.h>
#include <string.h>

struct fixture {
  struct engine *engine;
  _Atomic int runs, finished, worked, released;
  _Atomic unsigned seen;
  struct ptn_waker *_Atomic waker;
  int fd;
  int64_t at;
  ptn_status status;
  _Atomic (struct ptn_task *) task;
  int tries;
};

static int
setup (void **state) {
  struct fixture *fixture = calloc (1, sizeof *fixture);
  fixture->engine = start_engine (2);
  *state = fixture;
  return 0;
}

static int
teardown (void **state) {
  struct fixture *fixture = *state;
  engine_stop (fixture->engine);
  engine_free (&fixture->engine);
  assert_null (fixture->engine);
  free (fixture);
  return 0;
}

static void
finished (void *user) {
  struct fixture *fixture = user;
  atomic_fetch_add (&fixture->finished, 1);
}

/* --- a waker ---------------------------------------------------------------------------- */

static task_next
run_waker (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  CHECK (events & TASK_WOKEN);
  CHECK (task_user (task) == fixture);
  if (atomic_fetch_add (&fixture->runs, 1) == 0) {
    CHECK (!strcmp (task_name (task), "waker"));
    waker_forget (task_waker (task));
    atomic_store (&fixture->waker, task_waker (task));
    return TASK_WAIT;
  }
  return TASK_DONE;
}

static void
test_waker (void **state) {
  struct fixture *fixture = *state;
  task_new (fixture->engine, "waker", run_waker, finished, fixture);
  AWAIT (atomic_load (&fixture->waker));
  sleep_ms (5);
  assert_int_equal (fixture->runs, 1);
  waker_wake (fixture->waker);
  AWAIT (atomic_load (&fixture->finished));
  assert_int_equal (fixture->runs, 2);
}

/* --- a descriptor ----------------------------------------------------------------------- */

static task_next
run_echo (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  if (atomic_fetch_add (&fixture->runs, 1) == 0)
    CHECK (task_watch (task, fixture->fd, NULL));
  for (;;) {
    char buffer[64];
    ssize_t got = read (fixture->fd, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN)
      return TASK_WAIT;
    if (got <= 0)
      break;
    CHECK (write (fixture->fd, buffer, got) == got);
  }
  task_unwatch (task);
  close (fixture->fd);
  return TASK_DONE;
}

static void
test_descriptor (void **state) {
  struct fixture *fixture = *state;
  int pair[2];
  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
  fixture->fd = pair[0];
  fcntl (pair[0], F_SETFL, O_NONBLOCK);
  task_new (fixture->engine, "echo", run_echo, finished, fixture);
  for (int i = 0; i < 100; i++) {
    char answer[8] = "";
    assert_int_equal (write (pair[1], "hello", 5), 5);
    assert_int_equal (recv (pair[1], answer, 5, MSG_WAITALL), 5);
    assert_string_equal (answer, "hello");
  }
  close (pair[1]);
  AWAIT (atomic_load (&fixture->finished));
}

/* --- output ------------------------------------------------------------------------------- */

enum { FLOOD = 4 << 20 };

static task_next
run_flood (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  static const char zeros[65536];
  if (atomic_fetch_add (&fixture->runs, 1) == 0)
    CHECK (task_watch_input (task, fixture->fd, NULL));
  else if (atomic_load (&fixture->runs) == 2)
    CHECK (events == TASK_WRITABLE); /* of the fresh socket we have heard nothing */
  while (fixture->seen < FLOOD) {
    ssize_t put = write (fixture->fd, zeros, MIN (sizeof zeros, FLOOD - fixture->seen));
    if (put < 0) {
      CHECK (errno == EAGAIN);
      task_want_output (task);
      return TASK_WAIT;
    }
    fixture->seen += put;
  }
  task_unwatch (task);
  close (fixture->fd);
  return TASK_DONE;
}

static void
test_output (void **state) {
  struct fixture *fixture = *state;
  int pair[2];
  assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
  fixture->fd = pair[0];
  fcntl (pair[0], F_SETFL, O_NONBLOCK);
  task_new (fixture->engine, "flood", run_flood, finished, fixture);
  AWAIT (atomic_load (&fixture->runs));
  sleep_ms (10);
  size_t all = 0;
  char buffer[8192];
  for (ssize_t got; (got = read (pair[1], buffer, sizeof buffer)) > 0;)
    all += got;
  assert_int_equal (all, FLOOD);
  close (pair[1]);
  AWAIT (atomic_load (&fixture->finished));
}

static task_next
run_watch_file (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  GError *error = NULL;
  CHECK (!task_watch (task, fixture->fd, &error));
  CHECK (error);
  g_error_free (error);
  return TASK_DONE;
}

static void
test_watch_fails (void **state) {
  struct fixture *fixture = *state;
  fixture->fd = open ("/proc/self/exe", O_RDONLY);
  task_new (fixture->engine, "file", run_watch_file, finished, fixture);
  AWAIT (atomic_load (&fixture->finished));
  close (fixture->fd);
}

/* --- timers ----------------------------------------------------------------------------- */

static task_next
run_timer (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  switch (atomic_fetch_add (&fixture->runs, 1)) {
  case 0:
    fixture->at = now_ns () + 20000000;
    task_set_timer (task, now_ns () + INT64_C (3600000000000));
    task_set_timer (task, fixture->at); /* earlier than before */
    return TASK_WAIT;
  case 1:
    CHECK (events == TASK_TIMER);
    CHECK (now_ns () >= fixture->at);
    fixture->at = now_ns () + 30000000;
    task_set_timer (task, now_ns () + 10000000);
    task_set_timer (task, fixture->at); /* put off */
    return TASK_WAIT;
  case 2:
    CHECK (events == TASK_TIMER);
    CHECK (now_ns () >= fixture->at);
    task_set_timer (task, now_ns () + 5000000);
    task_set_timer (task, INT64_MAX); /* off */
    fixture->at = now_ns () + 20000000;
    waker_wake_at (task_waker (task), fixture->at);
    return TASK_WAIT;
  default:
    CHECK (events == TASK_WOKEN);
    CHECK (now_ns () >= fixture->at);
    waker_wake_at (task_waker (task), now_ns () + INT64_C (3600000000000));
    task_set_timer (task, now_ns () + INT64_C (3600000000000));
    return TASK_DONE;
  }
}

static void
test_timers (void **state) {
  struct fixture *fixture = *state;
  task_new (fixture->engine, "timer", run_timer, finished, fixture);
  AWAIT (atomic_load (&fixture->finished));
  assert_int_equal (fixture->runs, 4);
}

/* --- a lane ----------------------------------------------------------------------------- */

static void
work (void *user) {
  struct fixture *fixture = user;
  sleep_ms (5);
  atomic_fetch_add (&fixture->worked, 1);
}

static void
release (void *user) {
  struct fixture *fixture = user;
  CHECK (fixture->worked == 1);
  atomic_fetch_add (&fixture->released, 1);
}

static task_next
run_offload (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  if (atomic_fetch_add (&fixture->runs, 1) == 0) {
    CHECK (task_offload (task, "test", work, release, fixture) == PTN_OK);
    return TASK_WAIT;
  }
  CHECK (fixture->released == 1);
  return TASK_DONE;
}

static void
test_offload (void **state) {
  struct fixture *fixture = *state;
  task_new (fixture->engine, "offload", run_offload, finished, fixture);
  AWAIT (atomic_load (&fixture->finished));
}

/* --- spawned tasks ------------------------------------------------------------------------ */

static ptn_status
step (void *user, struct ptn_task *task) {
  struct fixture *fixture = user;
  if (task_cancelled (task))
    return PTN_END;
  return atomic_fetch_add (&fixture->runs, 1) < 5 ? PTN_OK : PTN_PENDING;
}

static void
test_spawn (void **state) {
  struct fixture *fixture = *state;
  struct ptn_task *task = task_spawn (fixture->engine, "spawned", step, finished, fixture);
  AWAIT (atomic_load (&fixture->runs) >= 6);
  sleep_ms (5);
  assert_int_equal (fixture->runs, 6);
  task_cancel (task);
  AWAIT (atomic_load (&fixture->finished));
}

/* --- memory, failures, fields, notes ------------------------------------------------------ */

static void
check_memory (struct ptn_task *task) {
  task_set_memory_limit (task, 64 * 1024);
  CHECK (task_charge (task, 64 * 1024));
  CHECK (!task_charge (task, 1));
  CHECK (!task_charge (task, SIZE_MAX));
  CHECK (!task_scratch (task, 1));
  task_refund (task, 64 * 1024);

  for (int command = 0; command < 3; command++) {
    size_t got = 0;
    for (size_t size = 1; size < 60000; size = size * 3 + 1) {
      char *memory = task_scratch (task, size);
      if (!memory)
        break;
      CHECK ((uintptr_t)memory % _Alignof(max_align_t) == 0);
      memset (memory, 'x', size);
      got += size;
    }
    CHECK (got > 20000 && got <= 64 * 1024);
    CHECK (!task_scratch (task, 64 * 1024));
    CHECK (!task_scratch (task, SIZE_MAX));
    task_command_done (task);
  }
  CHECK (task_charge (task, 64 * 1024)); /* everything was given back */
  task_refund (task, 64 * 1024);
  CHECK (task_scratch (task, 0));
}

static void
check_failure (struct ptn_task *task) {
  CHECK (!task_failure_text (task));
  CHECK (!task_failure_log (task));
  CHECK (task_fail (task, PTN_E_LIMIT, "too\r\nbig", "%d octets", 7) == PTN_E_LIMIT);
  CHECK (!strcmp (task_failure_text (task), "too??big"));
  CHECK (!strcmp (task_failure_log (task), "7 octets"));
  task_fail (task, PTN_E_DENIED, NULL, "first: %s", task_failure_log (task));
  CHECK (!task_failure_text (task));
  CHECK (!strcmp (task_failure_log (task), "first: 7 octets"));
  task_command_done (task);
  CHECK (!task_failure_log (task));
  task_fail (task, PTN_E_DENIED, "no", "left behind");
}

static void
check_call_end (struct ptn_task *task) {
  struct ptn_call call = { .task = task };
  call_end (&call);
  struct fixture fake = { .worked = 1 };
  call.state = &fake;
  call.release = release;
  call_end (&call);
  CHECK (fake.released == 1);
  CHECK (call.task == task);
  CHECK (!call.state);
  CHECK (!call.release);
  call = (struct ptn_call){ task, &fake, work, release };
  call_end (&call); /* pending: cancelled, and not released as well */
  CHECK (fake.worked == 2);
  CHECK (fake.released == 1);
}

static task_next
run_checks (struct ptn_task *task, void *user, unsigned events) {
  if (task_budget_spent (task) && --((struct fixture *)user)->tries)
    return TASK_AGAIN; /* a busy machine took the step's time */
  CHECK (!task_budget_spent (task));
  sleep_ms (6);
  CHECK (task_budget_spent (task));
  check_memory (task);
  check_failure (task);
  check_call_end (task);
  size_t count = 7;
  CHECK (!task_fields (task, &count));
  CHECK (count == 0);
  static const struct ptn_field fields[] = { { "session", "1" } };
  task_set_fields (task, fields, 1);
  CHECK (task_fields (task, &count) == fields);
  CHECK (count == 1);
  CHECK (engine_enter (3) == 0);
  CHECK (engine_enter (0) == 3);
  return TASK_DONE;
}

static void
test_checks (void **state) {
  struct fixture *fixture = *state;
  fixture->tries = 1000;
  task_new (fixture->engine, "checks", run_checks, finished, fixture);
  AWAIT (atomic_load (&fixture->finished));
  struct engine_counts counts;
  AWAIT ((engine_count (fixture->engine, &counts), counts.strands) == 0);
  assert_int_equal (counts.workers, 2);
  assert_true (counts.steps >= 1 && counts.wakes >= 1);
}

/* --- the note for the supervisor, strands before the start --------------------------------- */

static task_next
run_note (struct ptn_task *task, void *user, unsigned events) {
  struct fixture *fixture = user;
  engine_enter (9);
  atomic_fetch_add (&fixture->runs, 1);
  while (atomic_load (&fixture->seen) == 0)
    sleep_ms (1);
  engine_enter (0);
  return TASK_DONE;
}

static void
test_note (void **state) {
  struct fixture fixture = { .engine = engine_new (NULL, NULL) };
  _Atomic uint32_t words[64] = { 0 };
  engine_set_note (fixture.engine, words, 64);
  task_new (fixture.engine, "note", run_note, finished, &fixture);
  assert_true (engine_start (fixture.engine, NULL));
  AWAIT (atomic_load (&fixture.runs));
  unsigned sum = 0;
  for (int i = 0; i < 64; i++)
    sum += words[i];
  assert_int_equal (sum, 9);
  atomic_store (&fixture.seen, 1);
  engine_free (&fixture.engine);
  assert_int_equal (fixture.finished, 1);
}

static void
test_never_started (void **state) {
  struct fixture fixture = { .engine = engine_new (NULL, NULL) };
  task_new (fixture.engine, "one", run_note, finished, &fixture);
  task_new (fixture.engine, "two", run_note, finished, &fixture);
  engine_free (&fixture.engine);
  assert_int_equal (fixture.finished, 2);
  assert_int_equal (fixture.runs, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int
main (void) {
  const struct CMUnitTest tests[] = {
    TEST (test_waker),
    TEST (test_descriptor),
    TEST (test_output),
    TEST (test_watch_fails),
    TEST (test_timers),
    TEST (test_offload),
    TEST (test_spawn),
    TEST (test_checks),
    cmocka_unit_test (test_note),
    cmocka_unit_test (test_never_started),
  };
  return cmocka_run_group_tests_name ("engine_smoke", tests, NULL, NULL);
}
