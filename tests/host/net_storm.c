/* SPDX-License-Identifier: Apache-2.0 */
/* net_storm.c - too many at once: descriptors that run out, and thousands who connect while one
 * client wants to be served. */
#include "net_test.h"

#include "net_protocol.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SLOW 1
#else
#define SLOW 0
#endif

static struct server server;

static int
setup (void **state) {
  struct listener_spec spec = spec_default ();

  server_start (&server, &spec, 0);
  return 0;
}

static int
teardown (void **state) {
  server_stop (&server);
  return 0;
}

/* The lowest descriptor that is free. */
static rlim_t
next_descriptor (void) {
  int fd = open ("/dev/null", O_RDONLY);

  close (fd);
  return (rlim_t)fd;
}

/* Those who are here are served; those who come are told (closed) instead of left hanging; and
 * when descriptors come free, all is well without anybody's help. */
static void
descriptors_run_out (void **state) {
  struct client client, other;
  struct rlimit old, scarce;
  int waiting[20];
  pid_t child;
  int status;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  assert_int_equal (getrlimit (RLIMIT_NOFILE, &old), 0);
  scarce = old;
  scarce.rlim_cur = next_descriptor ();
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &scarce), 0);
  /* The clients have to be in another process: here is no descriptor for them. */
  child = fork ();
  if (child == 0) {
    char octet;
    unsigned closed = 0;
    setrlimit (RLIMIT_NOFILE, &old);
    for (unsigned i = 0; i < G_N_ELEMENTS (waiting); i++)
      waiting[i] = connect_to (server.port);
    for (unsigned i = 0; i < G_N_ELEMENTS (waiting); i++)
      closed += recv (waiting[i], &octet, 1, 0) <= 0 && errno != EAGAIN;
    _exit (closed == G_N_ELEMENTS (waiting) ? 0 : 1);
  }
  for (unsigned i = 0; i < 100; i++) {
    ask (&client, "ECHO here", "here");
    sleep_ms (2);
  }
  assert_int_equal (waitpid (child, &status, 0), child);
  assert_int_equal (status, 0);
  assert_true (server_counts (&server).descriptor_pauses > 0);
  assert_int_equal (server_counts (&server).shed, G_N_ELEMENTS (waiting));
  assert_true (log_has ("limit.descriptors"));

  assert_int_equal (setrlimit (RLIMIT_NOFILE, &old), 0);
  client_open (&other, server.port);
  expect_line (&other, "hello");
  client_close (&other);
  client_close (&client);
}

static int
compare (const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

  return (x > y) - (x < y);
}

/* In a process of its own: connects as fast as it can, holds them, says nothing. */
static void
storm (unsigned count, int ready, int go_on) {
  int *fds = g_new (int, count);
  char octet = 0;
  unsigned made = 0;

  for (unsigned i = 0; i < count; i++)
    made += (fds[i] = connect_to (server.port)) >= 0;
  if (write (ready, &octet, 1) != 1 || read (go_on, &octet, 1) < 0)
    _exit (2);
  _exit (made == count ? 0 : 1);
}

static void
thousands_at_once (void **state) {
  unsigned count = SLOW ? 500 : 5000, asked = 0;
  int64_t *times = g_new (int64_t, 100000), most;
  int ready[2], go_on[2], status;
  struct client client;
  pid_t child;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  assert_int_equal (pipe (ready), 0);
  assert_int_equal (pipe (go_on), 0);
  child = fork ();
  if (child == 0) {
    close (go_on[1]);
    storm (count, ready[1], go_on[0]);
  }
  fcntl (ready[0], F_SETFL, O_NONBLOCK);
  for (char octet; read (ready[0], &octet, 1) != 1 && asked < 100000; asked++) {
    int64_t before = now_ns ();
    ask (&client, "ECHO here", "here");
    times[asked] = now_ns () - before;
  }
  AWAIT (net_sessions (server.net) == count + 1);
  qsort (times, asked, sizeof *times, compare);
  most = times[asked * 99 / 100];
  print_message ("%u connected; meanwhile %u round trips, p50 %.2f ms, p99 %.2f ms\n", count, asked,
                 (double)times[asked / 2] / 1e6, (double)most / 1e6);
  if (!SLOW)
    assert_true (most < 50000000);
  close (go_on[1]);
  assert_int_equal (waitpid (child, &status, 0), child);
  assert_int_equal (status, 0);
  AWAIT (net_sessions (server.net) == 1);
  ask (&client, "ECHO here", "here");
  client_close (&client);
  close (ready[0]), close (ready[1]), close (go_on[0]);
  g_free (times);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (descriptors_run_out, setup, teardown),
    cmocka_unit_test_setup_teardown (thousands_at_once, setup, teardown),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
