/* SPDX-License-Identifier: Apache-2.0 */
/* engine-pingpong.c - what a round trip through the engine costs, beside a plain epoll loop.
 *
 *   engine-pingpong [SECONDS]
 *
 * echo   a client process keeps one message of 64 octets under way on each of N TCP
 *        connections; the server echoes it from strands, or from a single-threaded loop.
 * churn  connect, one message, close, from 8 connections at once; with both directions
 *        watched from the start, and with output watched when it is wanted.
 * wake   a thread that is no worker wakes N strands at once, as a group commit does, and
 *        waits until all have run.
 * queue  N strands ask to be run again all the time: the run queue alone.
 *
 * CPU is the server's, user and system together. */
#include "engine/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64 };

static int64_t
now_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C (1000000000) + now.tv_nsec;
}

static double
cpu_seconds (void) {
  struct rusage use;
  getrusage (RUSAGE_SELF, &use);
  return use.ru_utime.tv_sec + use.ru_stime.tv_sec
         + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void
need (bool condition, const char *what) {
  if (condition)
    return;
  perror (what);
  exit (1);
}

/* --- the client process --------------------------------------------------------------- */

struct latencies {
  uint64_t bins[100000]; /* microseconds */
  uint64_t count;
};

static unsigned
percentile (const struct latencies *all, double part) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < G_N_ELEMENTS (all->bins); i++)
    if ((sum += all->bins[i]) >= all->count * part)
      return i;
  return G_N_ELEMENTS (all->bins);
}

static void
run_client (const struct sockaddr_in *address, unsigned connections, double seconds, int report) {
  struct latencies *all = calloc (1, sizeof *all);
  int64_t *sent = calloc (connections, sizeof *sent);
  int *fds = calloc (connections, sizeof *fds);
  int epoll = epoll_create1 (0);
  char message[MESSAGE] = { 0 };
  for (unsigned i = 0; i < connections; i++) {
    fds[i] = socket (AF_INET, SOCK_STREAM, 0);
    need (connect (fds[i], (const struct sockaddr *)address, sizeof *address) == 0, "connect");
    setsockopt (fds[i], IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
    epoll_ctl (epoll, EPOLL_CTL_ADD, fds[i], &event);
  }
  int64_t end = now_ns () + seconds * 1e9, now;
  for (unsigned i = 0; i < connections; i++) {
    sent[i] = now_ns ();
    need (write (fds[i], message, MESSAGE) == MESSAGE, "write");
  }
  while ((now = now_ns ()) < end) {
    struct epoll_event events[64];
    int got = epoll_wait (epoll, events, 64, -1);
    for (int e = 0; e < got; e++) {
      unsigned i = events[e].data.u32;
      need (read (fds[i], message, MESSAGE) == MESSAGE, "read");
      now = now_ns ();
      uint64_t us = (now - sent[i]) / 1000;
      all->bins[MIN (us, G_N_ELEMENTS (all->bins) - 1)]++;
      all->count++;
      sent[i] = now;
      need (write (fds[i], message, MESSAGE) == MESSAGE, "write");
    }
  }
  for (unsigned i = 0; i < connections; i++)
    close (fds[i]); /* the server ends, and then reads this */
  for (size_t put = 0; put < sizeof *all;) {
    ssize_t some = write (report, (char *)all + put, sizeof *all - put);
    need (some > 0, "report");
    put += some;
  }
  _exit (0);
}

/* --- servers -------------------------------------------------------------------------- */

static bool
echo (int fd, bool *end) {
  char buffer[4096];
  ssize_t got = recv (fd, buffer, sizeof buffer, 0);
  if (got > 0) {
    need (send (fd, buffer, got, MSG_NOSIGNAL) == got || errno == EPIPE || errno == ECONNRESET,
          "send");
    return got == sizeof buffer;
  }
  *end = got == 0 || errno != EAGAIN;
  return false;
}

struct connection {
  int fd;
  bool watched;
};

/* One recv a message: fewer octets than asked for means that no more are there now. */
static task_next
run_echo (struct ptn_task *task, void *user, unsigned events) {
  struct connection *connection = user;
  bool end = false;
  if (!connection->watched)
    connection->watched = task_watch (task, connection->fd, NULL);
  while (echo (connection->fd, &end))
    ;
  if (!end && !(events & TASK_HANGUP))
    return TASK_WAIT;
  task_unwatch (task);
  close (connection->fd);
  free (connection);
  return TASK_DONE;
}

static void
serve_engine (int listener, unsigned connections, unsigned workers) {
  struct engine *engine = engine_new (&(struct engine_settings){ .workers = workers }, NULL);
  engine_start (engine, NULL);
  for (unsigned i = 0; i < connections; i++) {
    struct connection *connection = calloc (1, sizeof *connection);
    connection->fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK);
    setsockopt (connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
    task_new (engine, "echo", run_echo, NULL, connection);
  }
  engine_free (&engine); /* waits for the strands */
}

static void
serve_plain (int listener, unsigned connections) {
  int epoll = epoll_create1 (0);
  for (unsigned i = 0; i < connections; i++) {
    int fd = accept4 (listener, NULL, NULL, SOCK_NONBLOCK);
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event);
  }
  for (unsigned left = connections; left > 0;) {
    struct epoll_event events[64];
    int got = epoll_wait (epoll, events, 64, -1);
    for (int e = 0; e < got; e++) {
      bool end = false;
      while (echo (events[e].data.fd, &end))
        ;
      if (end) {
        close (events[e].data.fd);
        left--;
      }
    }
  }
  close (epoll);
}

static void
bench_echo (unsigned connections, unsigned workers, double seconds) {
  int listener = socket (AF_INET, SOCK_STREAM, 0), report[2];
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t size = sizeof address;
  need (bind (listener, (struct sockaddr *)&address, size) == 0, "bind");
  need (listen (listener, 4096) == 0, "listen");
  getsockname (listener, (struct sockaddr *)&address, &size);
  need (pipe (report) == 0, "pipe");
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    close (listener);
    run_client (&address, connections, seconds, report[1]);
  }
  close (report[1]);
  double cpu = cpu_seconds ();
  if (workers)
    serve_engine (listener, connections, workers);
  else
    serve_plain (listener, connections);
  cpu = cpu_seconds () - cpu;
  close (listener);
  struct latencies *all = calloc (1, sizeof *all);
  size_t have = 0;
  for (ssize_t got; (got = read (report[0], (char *)all + have, sizeof *all - have)) > 0;)
    have += got;
  close (report[0]);
  waitpid (child, NULL, 0);
  printf ("echo  %-8s %2u workers %5u connections: %8.0f/s  p50 %5u us  p99 %5u us  cpu %5.2f us\n",
          workers ? "engine" : "plain", workers, connections, all->count / seconds,
          percentile (all, 0.5), percentile (all, 0.99), cpu / (all->count + 1.0) * 1e6);
  free (all);
}

/* --- connections that come and go ---------------------------------------------------------- */

struct churn {
  struct engine *engine;
  int listener;
  bool input_only, watched;
};
struct guest {
  int fd;
  bool input_only, watched;
};

static task_next
run_guest (struct ptn_task *task, void *user, unsigned events) {
  struct guest *guest = user;
  bool end = false;
  if (!guest->watched) {
    guest->watched = guest->input_only ? task_watch_input (task, guest->fd, NULL)
                                       : task_watch (task, guest->fd, NULL);
    need (send (guest->fd, "hello\r\n", 7, MSG_NOSIGNAL) >= 0 || errno != EAGAIN, "greet");
    if (!(events & TASK_READABLE))
      return TASK_WAIT;
  }
  while (echo (guest->fd, &end))
    ;
  if (!end)
    return TASK_WAIT;
  task_unwatch (task);
  close (guest->fd);
  free (guest);
  return TASK_DONE;
}

static task_next
run_accept (struct ptn_task *task, void *user, unsigned events) {
  struct churn *churn = user;
  if (task_cancelled (task)) {
    task_unwatch (task);
    return TASK_DONE;
  }
  if (!churn->watched)
    churn->watched = task_watch (task, churn->listener, NULL);
  for (int i = 0; i < 64; i++) {
    int fd = accept4 (churn->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
      return TASK_WAIT;
    struct guest *guest = calloc (1, sizeof *guest);
    *guest = (struct guest){ fd, churn->input_only, false };
    task_new (churn->engine, "guest", run_guest, NULL, guest);
  }
  return TASK_AGAIN;
}

static void
run_visitors (const struct sockaddr_in *address, double seconds, int report) {
  enum { VISITORS = 8 };
  uint64_t visits = 0;
  int64_t end = now_ns () + seconds * 1e9;
  char message[MESSAGE] = { 0 };
  while (now_ns () < end) {
    int fds[VISITORS];
    for (int i = 0; i < VISITORS; i++) {
      fds[i] = socket (AF_INET, SOCK_STREAM, 0);
      need (connect (fds[i], (const struct sockaddr *)address, sizeof *address) == 0, "connect");
    }
    for (int i = 0; i < VISITORS; i++) {
      need (recv (fds[i], message, 7, MSG_WAITALL) == 7, "greeting");
      need (send (fds[i], message, MESSAGE, 0) == MESSAGE, "send");
    }
    for (int i = 0; i < VISITORS; i++) {
      need (recv (fds[i], message, MESSAGE, MSG_WAITALL) == MESSAGE, "recv");
      /* A reset leaves no port behind in TIME_WAIT. */
      setsockopt (fds[i], SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof (struct linger));
      close (fds[i]);
      visits++;
    }
  }
  need (write (report, &visits, sizeof visits) == sizeof visits, "report");
  _exit (0);
}

static void
bench_churn (unsigned workers, bool input_only, double seconds) {
  int report[2];
  struct churn churn = { .listener = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
                         .input_only = input_only };
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t size = sizeof address;
  need (bind (churn.listener, (struct sockaddr *)&address, size) == 0, "bind");
  need (listen (churn.listener, 4096) == 0, "listen");
  getsockname (churn.listener, (struct sockaddr *)&address, &size);
  need (pipe (report) == 0, "pipe");
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0)
    run_visitors (&address, seconds, report[1]);
  double cpu = cpu_seconds ();
  churn.engine = engine_new (&(struct engine_settings){ .workers = workers }, NULL);
  engine_start (churn.engine, NULL);
  struct ptn_task *task = task_new (churn.engine, "accept", run_accept, NULL, &churn);
  uint64_t visits = 0;
  need (read (report[0], &visits, sizeof visits) == sizeof visits, "visits");
  waitpid (child, NULL, 0);
  struct engine_counts counts;
  engine_count (churn.engine, &counts);
  task_cancel (task);
  engine_free (&churn.engine);
  cpu = cpu_seconds () - cpu;
  close (churn.listener);
  close (report[0]);
  close (report[1]);
  printf ("churn %-6s %2u workers: %8.0f/s  cpu %6.2f us  %.2f runs, %.2f events a connection\n",
          input_only ? "input" : "both", workers, visits / seconds, cpu / visits * 1e6,
          (double)counts.steps / visits, (double)counts.events / visits);
}

/* --- wakes ---------------------------------------------------------------------------- */

struct sleeper {
  struct ptn_waker *_Atomic waker;
  _Atomic unsigned *left;
  sem_t *all;
  _Atomic int *stop;
};

static task_next
run_sleeper (struct ptn_task *task, void *user, unsigned events) {
  struct sleeper *sleeper = user;
  if (atomic_load (sleeper->stop))
    return TASK_DONE;
  atomic_store (&sleeper->waker, task_waker (task));
  if (atomic_fetch_sub (sleeper->left, 1) == 1)
    sem_post (sleeper->all);
  return TASK_WAIT;
}

static void
bench_wake (unsigned strands, unsigned workers, double seconds) {
  struct engine *engine = engine_new (&(struct engine_settings){ .workers = workers }, NULL);
  _Atomic unsigned left = strands;
  _Atomic int stop = 0;
  sem_t all;
  sem_init (&all, 0, 0);
  struct sleeper *sleepers = calloc (strands, sizeof *sleepers);
  engine_start (engine, NULL);
  for (unsigned i = 0; i < strands; i++) {
    sleepers[i] = (struct sleeper){ NULL, &left, &all, &stop };
    task_new (engine, "sleeper", run_sleeper, NULL, &sleepers[i]);
  }
  while (sem_wait (&all) < 0)
    ;
  uint64_t turns = 0;
  double cpu = cpu_seconds ();
  int64_t begin = now_ns (), end = begin + seconds * 1e9;
  while (now_ns () < end) {
    atomic_store (&left, strands);
    for (unsigned i = 0; i < strands; i++)
      waker_wake (atomic_exchange (&sleepers[i].waker, NULL));
    while (sem_wait (&all) < 0)
      ;
    turns++;
  }
  double took = (now_ns () - begin) / 1e9;
  cpu = cpu_seconds () - cpu;
  atomic_store (&stop, 1);
  for (unsigned i = 0; i < strands; i++)
    waker_wake (atomic_exchange (&sleepers[i].waker, NULL));
  engine_free (&engine);
  sem_destroy (&all);
  free (sleepers);
  printf ("wake  %2u workers %5u strands: %8.0f wakes/s  %7.2f us a turn  cpu %5.2f us a wake\n",
          workers, strands, turns * strands / took, took / turns * 1e6,
          cpu / (turns * strands) * 1e6);
}

/* --- the queue ------------------------------------------------------------------------ */

static task_next
run_again (struct ptn_task *task, void *user, unsigned events) {
  return atomic_load_explicit ((_Atomic int *)user, memory_order_relaxed) ? TASK_DONE : TASK_AGAIN;
}

static void
bench_queue (unsigned strands, unsigned workers, double seconds) {
  struct engine *engine = engine_new (&(struct engine_settings){ .workers = workers }, NULL);
  _Atomic int stop = 0;
  engine_start (engine, NULL);
  for (unsigned i = 0; i < strands; i++)
    task_new (engine, "again", run_again, NULL, (void *)&stop);
  struct engine_counts before, after;
  engine_count (engine, &before);
  double cpu = cpu_seconds ();
  int64_t begin = now_ns ();
  nanosleep (&(struct timespec){ (time_t)seconds, (seconds - (time_t)seconds) * 1e9 }, NULL);
  engine_count (engine, &after);
  double took = (now_ns () - begin) / 1e9;
  cpu = cpu_seconds () - cpu;
  atomic_store (&stop, 1);
  engine_free (&engine);
  printf ("queue %2u workers %5u strands: %8.0f steps/s  cpu %5.3f us a step\n", workers, strands,
          (after.steps - before.steps) / took, cpu / (after.steps - before.steps) * 1e6);
}

int
main (int argc, char **argv) {
  double seconds = argc > 1 ? atof (argv[1]) : 1;
  static const unsigned connections[] = { 1, 4, 20, 200 };
  for (size_t i = 0; i < G_N_ELEMENTS (connections); i++)
    for (unsigned workers = 0; workers <= 4; workers += workers ? workers : 1)
      bench_echo (connections[i], workers, seconds);
  for (unsigned workers = 1; workers <= 4; workers *= 2) {
    bench_churn (workers, false, seconds);
    bench_churn (workers, true, seconds);
  }
  static const unsigned strands[] = { 1, 20, 200 };
  for (size_t i = 0; i < G_N_ELEMENTS (strands); i++) {
    bench_wake (strands[i], 4, seconds);
    bench_queue (strands[i], 4, seconds);
  }
  return 0;
}
