/* SPDX-License-Identifier: Apache-2.0 */
/* engine_lanes.c - lanes that are full, and strands that end while something they wait for
 * (a lane, a timer, a waker somebody holds) is still under way. */
#include "engine_test.h"

#include <semaphore.h>

struct shared {
  struct engine *engine;
  sem_t go;
  _Atomic int started, worked, released, refused, finished, woken, offloaded;
  _Atomic int references;
  int wanted;
};

static void
work (void *argument) {
  struct shared *shared = argument;
  atomic_fetch_add (&shared->started, 1);
  while (sem_wait (&shared->go) < 0)
    ;
  atomic_fetch_add (&shared->worked, 1);
}

static void
release (void *argument) {
  struct shared *shared = argument;
  atomic_fetch_add (&shared->released, 1);
}

static void
finished (void *argument) {
  struct shared *shared = argument;
  atomic_fetch_add (&shared->finished, 1);
}

static task_next
run_one_job (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  if (atomic_load (&shared->worked)) {
    atomic_fetch_add (&shared->woken, 1);
    return TASK_DONE;
  }
  ptn_status status = task_offload (task, "narrow", work, release, shared);
  if (status != PTN_OK) {
    CHECK (status == PTN_E_LIMIT);
    atomic_fetch_add (&shared->refused, 1);
    return TASK_DONE;
  }
  atomic_fetch_add (&shared->offloaded, 1);
  return TASK_WAIT;
}

static void
test_full (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  sem_init (&shared.go, 0, 0);
  engine_lane (shared.engine, "narrow", 1, 2);
  for (int i = 1; i <= 5; i++) {
    task_new (shared.engine, "job", run_one_job, finished, &shared);
    AWAIT (atomic_load (&shared.offloaded) + atomic_load (&shared.refused) == i);
    if (i == 1)
      AWAIT (atomic_load (&shared.started) == 1);
  }
  assert_int_equal (shared.offloaded, 3); /* one at work, two waiting */
  assert_int_equal (shared.refused, 2);
  assert_int_equal (shared.released, 0);
  for (int i = 0; i < 3; i++)
    sem_post (&shared.go);
  AWAIT (atomic_load (&shared.finished) == 5);
  AWAIT (atomic_load (&shared.released) == 3);
  assert_int_equal (shared.woken, 3);
  engine_free (&shared.engine);
  sem_destroy (&shared.go);
}

/* --- no queue at all: as many jobs as threads ------------------------------------------------- */

static void
test_no_queue (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  sem_init (&shared.go, 0, 0);
  engine_lane (shared.engine, "narrow", 2, 0);
  for (int i = 1; i <= 4; i++) {
    task_new (shared.engine, "job", run_one_job, finished, &shared);
    AWAIT (atomic_load (&shared.offloaded) + atomic_load (&shared.refused) == i);
    if (i <= 2) /* until a thread has taken it, a job stands in the queue */
      AWAIT (atomic_load (&shared.started) == i);
  }
  assert_int_equal (shared.offloaded, 2);
  sem_post (&shared.go);
  sem_post (&shared.go);
  AWAIT (atomic_load (&shared.finished) == 4);
  engine_free (&shared.engine);
  sem_destroy (&shared.go);
}

/* --- the strand is gone before the work is done ------------------------------------------------ */

static task_next
run_leave (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  CHECK (task_offload (task, "slow", work, release, shared) == PTN_OK);
  return TASK_DONE;
}

static void
test_gone (void **state) {
  struct shared shared = { .engine = start_engine (2) };
  sem_init (&shared.go, 0, 0);
  for (int i = 0; i < 20; i++)
    task_new (shared.engine, "leaver", run_leave, finished, &shared);
  AWAIT (atomic_load (&shared.finished) == 20);
  for (int i = 0; i < 20; i++)
    sem_post (&shared.go);
  engine_stop (shared.engine); /* what is queued is done before it returns */
  assert_int_equal (shared.worked, 20);
  assert_int_equal (shared.released, 20);
  engine_free (&shared.engine);
  sem_destroy (&shared.go);
}

/* --- a call cancelled while it is PENDING, in each way to wait ----------------------------------- */

struct job { /* shared by the call and what still runs: counted */
  _Atomic int references;
  struct shared *shared;
  struct ptn_waker *_Atomic waker;
};
struct session {
  struct shared *shared;
  struct ptn_call call;
  unsigned seed;
  int round;
};

static void
job_unref (void *argument) {
  struct job *job = argument;
  if (atomic_fetch_sub (&job->references, 1) == 1) {
    atomic_fetch_add (&job->shared->released, 1);
    free (job);
  }
}

static void
job_work (void *argument) {
  struct job *job = argument;
  struct ptn_waker *waker = atomic_exchange (&job->waker, NULL);
  if (waker)
    waker_wake (waker);
}

static void *
job_thread (void *argument) {
  job_work (argument);
  job_unref (argument);
  return NULL;
}

static void
job_cancel (void *state) {
  struct job *job = state;
  struct ptn_waker *waker = atomic_exchange (&job->waker, NULL);
  if (waker)
    waker_forget (waker);
  job_unref (job);
}

/* The callee: arms one of the four ways to be woken, and is done at the second call. */
static ptn_status
operation (struct session *session, struct ptn_call *call) {
  struct job *job = call->state;
  if (job && session->seed % 3 == 0) {
    call->cancel = NULL;
    call->release = job_cancel;
    return PTN_OK;
  }
  if (job)
    return PTN_PENDING;
  job = calloc (1, sizeof *job);
  job->shared = session->shared;
  atomic_fetch_add (&session->shared->offloaded, 1);
  job->references = 2;
  call->state = job;
  call->cancel = job_cancel;
  pthread_t thread;
  switch (rand_r (&session->seed) / 16 % 4) {
  case 0:
    if (task_offload (call->task, "calls", job_work, job_unref, job) == PTN_OK)
      return PTN_PENDING;
    break;
  case 1:
    waker_wake_at (task_waker (call->task), now_ns () + rand_r (&session->seed) % 300000);
    break;
  case 2:
    atomic_store (&job->waker, task_waker (call->task));
    if (session->round % 8 == 0 && pthread_create (&thread, NULL, job_thread, job) == 0) {
      pthread_detach (thread);
      return PTN_PENDING;
    }
    job_work (job); /* woken before it is even idle */
    break;
  default:
    task_set_timer (call->task, now_ns () + rand_r (&session->seed) % 300000);
  }
  job_unref (job);
  return PTN_PENDING;
}

static task_next
run_session (struct ptn_task *task, void *user, unsigned events) {
  struct session *session = user;
  session->call.task = task;
  if (rand_r (&session->seed) / 16 % 4 == 0 || task_cancelled (task)) {
    call_end (&session->call); /* at any moment, and not woken for it */
    if (task_cancelled (task) || rand_r (&session->seed) / 16 % 2)
      return TASK_DONE;
  }
  if (++session->round > 50)
    session->round = 0;
  if (operation (session, &session->call) == PTN_OK) {
    call_end (&session->call);
    return TASK_AGAIN;
  }
  /* So that each ends, whatever it waits for. */
  waker_wake_at (task_waker (task), now_ns () + 2000000);
  return TASK_WAIT;
}

static void
session_finished (void *user) {
  struct session *session = user;
  call_end (&session->call);
  atomic_fetch_add (&session->shared->finished, 1);
  free (session);
}

static void
test_cancelled_calls (void **state) {
  struct shared shared = { .engine = start_engine (3) };
  int count = rounds (3000, 100000);
  for (int i = 0; i < count; i++) {
    struct session *session = calloc (1, sizeof *session);
    *session = (struct session){ .shared = &shared, .seed = i * 7919 + 1 };
    struct ptn_task *task =
        task_new (shared.engine, "session", run_session, session_finished, session);
    (void)task; /* it may be gone already */
    if (i % 100 == 0)
      AWAIT (atomic_load (&shared.finished) + 300 > i);
  }
  AWAIT (atomic_load (&shared.finished) == count);
  AWAIT (atomic_load (&shared.released) == atomic_load (&shared.offloaded));
  engine_free (&shared.engine);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_full),
    cmocka_unit_test (test_no_queue),
    cmocka_unit_test (test_gone),
    cmocka_unit_test (test_cancelled_calls),
  };
  return cmocka_run_group_tests_name ("engine_lanes", tests, NULL, NULL);
}
