/* SPDX-License-Identifier: Apache-2.0 */
/* engine_wakers.c - many threads wake one strand: it is never entered twice at once, and no
 * wake is lost, also one that comes between its last look and its going idle.
 *
 * The monitor would help out a wake that reached no thread; here it is sent home first. */
#include "engine_test.h"

#include "engine/internal.h"

static struct engine *
start_alone (unsigned workers) {
  struct engine *engine = start_engine (workers);
  monitor_end (engine);
  return engine;
}

enum { THREADS = 4 };

struct shared {
  struct engine *engine;
  _Atomic int inside;
  _Atomic unsigned request[THREADS], seen[THREADS];
  struct ptn_waker *_Atomic box[THREADS]; /* the strand puts wakers in, threads take them */
  _Atomic int stop, finished, about;
  _Atomic unsigned runs;
  unsigned rounds;
};
struct thread {
  struct shared *shared;
  int number;
  pthread_t thread;
};

static task_next
run_many (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  CHECK (atomic_exchange (&shared->inside, 1) == 0);
  unsigned run = atomic_fetch_add (&shared->runs, 1);
  bool stop = atomic_load (&shared->stop);
  for (int i = 0; i < THREADS; i++) {
    atomic_store (&shared->seen[i], atomic_load (&shared->request[i]));
    if (!atomic_load (&shared->box[i]))
      atomic_store (&shared->box[i], task_waker (task));
  }
  if (run % 64 == 0)
    sched_yield ();
  CHECK (atomic_exchange (&shared->inside, 0) == 1);
  /* From here to the return is where a wake can be lost. */
  return stop ? TASK_DONE : run % 7 == 0 ? TASK_AGAIN : TASK_WAIT;
}

static struct ptn_waker *
take_waker (struct shared *shared, int number) {
  struct ptn_waker *waker;
  while (!(waker = atomic_exchange (&shared->box[number], NULL)))
    sched_yield ();
  return waker;
}

static void *
wake_often (void *argument) {
  struct thread *self = argument;
  struct shared *shared = self->shared;
  for (unsigned i = 1; i <= shared->rounds; i++) {
    struct ptn_waker *waker = take_waker (shared, self->number);
    atomic_store (&shared->request[self->number], i);
    waker_wake (waker);
    int64_t end = now_ns () + 20000000000;
    if (i % 3 == 0) /* sometimes wait for it, sometimes pile up */
      while (atomic_load (&shared->seen[self->number]) < i)
        CHECK (now_ns () < end);
  }
  return NULL;
}

static void
finished (void *user) {
  struct shared *shared = user;
  atomic_fetch_add (&shared->finished, 1);
}

static void
test_many_wakers (void **state) {
  struct shared shared = { .engine = start_alone (3), .rounds = rounds (20000, 300000) };
  struct thread threads[THREADS];
  struct ptn_task *task = task_new (shared.engine, "woken", run_many, finished, &shared);
  for (int i = 0; i < THREADS; i++) {
    threads[i] = (struct thread){ .shared = &shared, .number = i };
    pthread_create (&threads[i].thread, NULL, wake_often, &threads[i]);
  }
  for (int i = 0; i < THREADS; i++)
    pthread_join (threads[i].thread, NULL);
  for (int i = 0; i < THREADS; i++)
    AWAIT (atomic_load (&shared.seen[i]) == shared.rounds);
  atomic_store (&shared.stop, 1);
  task_cancel (task);
  AWAIT (atomic_load (&shared.finished));
  for (int i = 0; i < THREADS; i++)
    if (shared.box[i])
      waker_wake (shared.box[i]); /* of a strand that is gone */
  engine_free (&shared.engine);
}

/* --- between the last look and idle --------------------------------------------------------- */

static task_next
run_idle (struct ptn_task *task, void *user, unsigned events) {
  struct shared *shared = user;
  unsigned request = atomic_load (&shared->request[0]);
  if (request == shared->rounds)
    return TASK_DONE;
  /* That was the last look; the thread may wake from now on. */
  atomic_store (&shared->box[0], task_waker (task));
  return TASK_WAIT;
}

static void
test_wake_before_idle (void **state) {
  struct shared shared = { .engine = start_alone (1), .rounds = rounds (30000, 300000) };
  task_new (shared.engine, "idle", run_idle, finished, &shared);
  unsigned slow = 0;
  for (unsigned i = 1; i <= shared.rounds; i++) {
    int64_t begin = now_ns ();
    struct ptn_waker *waker;
    while (!(waker = atomic_exchange (&shared.box[0], NULL)))
      assert_true (now_ns () < begin + 20000000000);
    for (volatile unsigned spin = 0; spin < i % 200; spin++) /* hit every instruction */
      ;
    atomic_store (&shared.request[0], i);
    waker_wake (waker);
    slow += now_ns () - begin > 4000000;
  }
  AWAIT (atomic_load (&shared.finished));
  engine_free (&shared.engine);
  if (slow > shared.rounds / 100)
    print_message ("%u of %u wakes took more than 4 ms\n", slow, shared.rounds);
}

/* --- strands that wake each other ----------------------------------------------------------- */

struct ring {
  struct ptn_waker *_Atomic next;
  struct ring *other;
  _Atomic unsigned *left;
  _Atomic int *finished;
};

static task_next
run_ring (struct ptn_task *task, void *user, unsigned events) {
  struct ring *ring = user;
  if (events & TASK_CANCEL)
    return TASK_DONE;
  /* Leave a waker for the one before, wake the one after. */
  struct ptn_waker *stale = atomic_exchange (&ring->next, task_waker (task));
  if (stale)
    waker_forget (stale);
  struct ptn_waker *other = atomic_exchange (&ring->other->next, NULL);
  if (other && atomic_load (ring->left)) {
    atomic_fetch_sub (ring->left, 1);
    waker_wake (other);
  } else if (other) {
    waker_forget (other);
    return TASK_WAIT;
  } else if (atomic_load (ring->left)) {
    return TASK_AGAIN;
  }
  return TASK_WAIT;
}

static void
ring_finished (void *user) {
  struct ring *ring = user;
  atomic_fetch_add (ring->finished, 1);
}

static void
test_ring (void **state) {
  enum { STRANDS = 32 };
  struct engine *engine = start_alone (4);
  _Atomic unsigned left = rounds (50000, 2000000);
  _Atomic int ended = 0;
  struct ring rings[STRANDS] = { 0 };
  struct ptn_task *tasks[STRANDS];
  for (int i = 0; i < STRANDS; i++) {
    rings[i].other = &rings[(i + 1) % STRANDS];
    rings[i].left = &left;
    rings[i].finished = &ended;
  }
  for (int i = 0; i < STRANDS; i++)
    tasks[i] = task_new (engine, "ring", run_ring, ring_finished, &rings[i]);
  AWAIT (atomic_load (&left) < STRANDS || atomic_load (&left) > 4000000000u);
  for (int i = 0; i < STRANDS; i++)
    task_cancel (tasks[i]);
  AWAIT (atomic_load (&ended) == STRANDS);
  for (int i = 0; i < STRANDS; i++)
    if (rings[i].next)
      waker_forget (rings[i].next);
  engine_free (&engine);
}

/* --- strands that are woken together run together -------------------------------------------- */

enum { GUESTS = 4 };

struct meeting {
  struct ptn_waker *_Atomic wakers[GUESTS];
  _Atomic unsigned there, finished;
  unsigned rounds;
};
struct guest {
  struct meeting *meeting;
  int number;
  unsigned round;
};

/* Each holds its worker until all are there. */
static task_next
run_guest (struct ptn_task *task, void *user, unsigned events) {
  struct guest *guest = user;
  struct meeting *meeting = guest->meeting;
  if (guest->round++ > 0) {
    atomic_fetch_add (&meeting->there, 1);
    for (int64_t end = now_ns () + 20000000000;
         atomic_load (&meeting->there) < (guest->round - 1) * GUESTS;) {
      CHECK (now_ns () < end);
      sched_yield ();
    }
  }
  if (guest->round > meeting->rounds)
    return TASK_DONE;
  atomic_store (&meeting->wakers[guest->number], task_waker (task));
  return TASK_WAIT;
}

static void
guest_finished (void *user) {
  struct guest *guest = user;
  atomic_fetch_add (&guest->meeting->finished, 1);
}

static void
test_meeting (void **state) {
  struct engine *engine = start_alone (GUESTS);
  struct meeting meeting = { .rounds = rounds (500, 20000) };
  struct guest guests[GUESTS];
  for (int i = 0; i < GUESTS; i++) {
    guests[i] = (struct guest){ &meeting, i, 0 };
    task_new (engine, "guest", run_guest, guest_finished, &guests[i]);
  }
  for (unsigned round = 0; round < meeting.rounds; round++) {
    struct ptn_waker *wakers[GUESTS];
    for (int i = 0; i < GUESTS; i++)
      while (!(wakers[i] = atomic_exchange (&meeting.wakers[i], NULL)))
        sched_yield ();
    if (round % 3 == 0)
      sleep_ms (1); /* all workers sleep */
    for (int i = 0; i < GUESTS; i++)
      waker_wake (wakers[i]);
  }
  AWAIT (atomic_load (&meeting.finished) == GUESTS);
  engine_free (&engine);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_many_wakers),
    cmocka_unit_test (test_wake_before_idle),
    cmocka_unit_test (test_ring),
    cmocka_unit_test (test_meeting),
  };
  return cmocka_run_group_tests_name ("engine_wakers", tests, NULL, NULL);
}
