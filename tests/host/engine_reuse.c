/* SPDX-License-Identifier: Apache-2.0 */
/* engine_reuse.c - a descriptor is closed and its number used again at once by an accept on
 * another thread: an event that some thread still holds for the old one must not reach the
 * strand of the new one. */
#include "engine_test.h"

#include "engine/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

enum { CLIENTS = 4 };

struct server {
  struct engine *engine;
  struct sockaddr_un address;
  int listener;
  _Atomic unsigned opened, closed;
  _Atomic int listener_gone;
  unsigned per_client;
};
struct session {
  struct server *server;
  int fd;
  bool hangup; /* an event said so */
  bool watched, close_first;
};

static void
session_finished (void *user) {
  struct session *session = user;
  atomic_fetch_add (&session->server->closed, 1);
  free (session);
}

static task_next
session_end (struct ptn_task *task, struct session *session) {
  task_unwatch (task);
  close (session->fd);
  return TASK_DONE;
}

static task_next
run_session (struct ptn_task *task, void *user, unsigned events) {
  struct session *session = user;
  if (!session->watched)
    CHECK (task_watch (task, session->fd, NULL));
  session->watched = true;
  session->hangup = session->hangup || events & TASK_HANGUP;
  for (;;) {
    uint32_t word;
    ssize_t got = recv (session->fd, &word, sizeof word, 0);
    if (got < 0 && errno == EAGAIN) {
      /* Only the event of another descriptor can have said that the peer hung up. */
      CHECK (!session->hangup);
      return TASK_WAIT;
    }
    if (got <= 0)
      return session_end (task, session);
    CHECK (got == sizeof word);
    bool last = word & 1;
    if (send (session->fd, &word, sizeof word, MSG_NOSIGNAL) < 0)
      return session_end (task, session);
    if (last) /* we close first: the peer's own close is an event that races with it */
      return session_end (task, session);
  }
}

static task_next
run_listener (struct ptn_task *task, void *user, unsigned events) {
  struct server *server = user;
  if (task_cancelled (task)) {
    task_unwatch (task);
    close (server->listener);
    return TASK_DONE;
  }
  if (events & TASK_WOKEN)
    CHECK (task_watch (task, server->listener, NULL));
  for (int i = 0; i < 64; i++) {
    int fd = accept4 (server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
      return TASK_WAIT;
    struct session *session = calloc (1, sizeof *session);
    session->server = server;
    session->fd = fd;
    atomic_fetch_add (&server->opened, 1);
    task_new (server->engine, "session", run_session, session_finished, session);
  }
  return TASK_AGAIN;
}

static void
listener_finished (void *user) {
  struct server *server = user;
  atomic_store (&server->listener_gone, 1);
}

static void *
client (void *argument) {
  struct server *server = argument;
  unsigned seed = (unsigned)(uintptr_t)&seed;
  for (unsigned i = 0; i < server->per_client; i++) {
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK (connect (fd, (struct sockaddr *)&server->address, sizeof server->address) == 0);
    unsigned how = rand_r (&seed) >> 4;
    uint32_t word = how, answer = 0;
    CHECK (send (fd, &word, sizeof word, MSG_NOSIGNAL) == sizeof word);
    if (how & 6) { /* in one of four cases do not wait for the answer */
      CHECK (recv (fd, &answer, sizeof answer, MSG_WAITALL) == sizeof answer);
      CHECK (answer == word);
    }
    close (fd);
  }
  return NULL;
}

static void
test_reuse (void **state) {
  struct server server = { .engine = start_engine (3), .per_client = rounds (12500, 250000) };
  server.address.sun_family = AF_UNIX; /* an abstract name: nothing to clean up */
  snprintf (server.address.sun_path + 1, sizeof server.address.sun_path - 1, "postern-test-%d",
            (int)getpid ());
  server.listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (server.listener, (struct sockaddr *)&server.address,
                          sizeof server.address),
                    0);
  assert_int_equal (listen (server.listener, 1000), 0);
  struct ptn_task *listener =
      task_new (server.engine, "listener", run_listener, listener_finished, &server);
  pthread_t clients[CLIENTS];
  for (int i = 0; i < CLIENTS; i++)
    pthread_create (&clients[i], NULL, client, &server);
  for (int i = 0; i < CLIENTS; i++)
    pthread_join (clients[i], NULL);
  AWAIT (atomic_load (&server.closed) == CLIENTS * server.per_client);
  assert_int_equal (server.opened, server.closed);
  task_cancel (listener);
  AWAIT (atomic_load (&server.listener_gone));
  engine_free (&server.engine);
}

/* --- the same, step by step ----------------------------------------------------------------- */

static uint64_t
datum_of (struct ptn_task *task) {
  return (task->word >> WORD_WATCH_SHIFT) << WORD_GENERATION_SHIFT | task->index;
}

struct stale {
  struct engine *engine;
  uint64_t datum, handle;
  _Atomic int finished;
};

static task_next
run_stale (struct ptn_task *task, void *user, unsigned events) {
  struct stale *stale = user;
  int first[2], second[2];
  CHECK (socketpair (AF_UNIX, SOCK_STREAM, 0, first) == 0);
  CHECK (task_watch (task, first[0], NULL));
  uint64_t datum = datum_of (task);
  task_unwatch (task);
  CHECK (socketpair (AF_UNIX, SOCK_STREAM, 0, second) == 0);
  CHECK (task_watch (task, second[0], NULL));
  strand_event (stale->engine, datum, EPOLLHUP);
  CHECK (!(task->word & TASK_HANGUP)); /* nobody hung up on the second */
  strand_event (stale->engine, datum_of (task), EPOLLRDHUP);
  CHECK (task->word & TASK_HANGUP);
  stale->datum = datum_of (task);
  stale->handle = task_handle (task);
  task_unwatch (task);
  for (int i = 0; i < 2; i++) {
    close (first[i]);
    close (second[i]);
  }
  return TASK_DONE;
}

static void
stale_finished (void *user) {
  struct stale *stale = user;
  atomic_fetch_add (&stale->finished, 1);
}

static task_next
run_quiet (struct ptn_task *task, void *user, unsigned events) {
  struct stale *stale = user;
  if (events & TASK_CANCEL)
    return TASK_DONE;
  uint64_t before = task->word;
  strand_event (stale->engine, stale->datum, EPOLLIN);
  CHECK (!strand_post (stale->handle, TASK_TIMER));
  timer_add_wake (stale->handle, 0);
  CHECK (task->word == before);
  atomic_fetch_add (&stale->finished, 1);
  return TASK_WAIT;
}

static void
test_stale (void **state) {
  struct stale stale = { .engine = start_engine (1) };
  task_new (stale.engine, "stale", run_stale, stale_finished, &stale);
  AWAIT (atomic_load (&stale.finished) == 1);
  /* The next strand gets the slot of the last. */
  struct engine_counts counts;
  AWAIT ((engine_count (stale.engine, &counts), counts.strands) == 0);
  struct ptn_task *quiet = task_new (stale.engine, "quiet", run_quiet, stale_finished, &stale);
  assert_int_equal (quiet->index, stale.handle & HANDLE_INDEX);
  AWAIT (atomic_load (&stale.finished) == 2);
  task_cancel (quiet);
  AWAIT (atomic_load (&stale.finished) == 3);
  engine_free (&stale.engine);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_stale),
    cmocka_unit_test (test_reuse),
  };
  return cmocka_run_group_tests_name ("engine_reuse", tests, NULL, NULL);
}
