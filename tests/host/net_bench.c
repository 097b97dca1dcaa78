/* SPDX-License-Identifier: Apache-2.0 */
/* net_bench.c - not a test: round trips of host/net, downloads, handshakes, and what an idle
 * connection costs.  The server is a process of its own, so that its memory can be told.
 *
 *   net_bench echo CLIENTS [tls]      round trips a second of a short command
 *   net_bench send MEGABYTES [tls]    a download from sources that give their chunks away
 *   net_bench login COUNT [tls]       connect, one command, QUIT
 *   net_bench idle COUNT [tls]        PSS of the server for each connection */
#include "net_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

static pid_t child;
static uint16_t port;
static bool tls;

static void
serve (int tell) {
  struct listener_spec spec = spec_default ();
  struct server server;

  if (tls) {
    spec.tls = LISTENER_TLS;
    spec.context = context_new ("mail.example.test", 0, false);
  }
  server_start (&server, &spec, 0);
  net_set_log_level (server.net, PTN_LOG_ERROR);
  CHECK (write (tell, &server.port, sizeof server.port) == sizeof server.port);
  for (;;)
    pause ();
}

static long
pss_kb (void) {
  g_autofree char *path = g_strdup_printf ("/proc/%d/smaps_rollup", (int)child);
  g_autofree char *text = NULL;

  CHECK (g_file_get_contents (path, &text, NULL, NULL));
  return strtol (strstr (text, "\nPss:") + 5, NULL, 10);
}

static double
server_cpu (void) {
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int)child);
  g_autofree char *text = NULL;
  unsigned long user = 0, system = 0;

  CHECK (g_file_get_contents (path, &text, NULL, NULL));
  sscanf (strrchr (text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
          &system);
  return (double)(user + system) / (double)sysconf (_SC_CLK_TCK);
}

static void
echo (unsigned count) {
  struct client *clients = g_new0 (struct client, count);
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  unsigned long done = 0;
  double cpu;
  int64_t began;

  for (unsigned i = 0; i < count; i++) {
    client_open (&clients[i], port);
    if (tls)
      client_tls (&clients[i], 0, NULL);
    expect_line (&clients[i], "hello");
    epoll_ctl (epoll, EPOLL_CTL_ADD, clients[i].fd,
               &(struct epoll_event){ .events = EPOLLIN, .data.u32 = i });
  }
  cpu = server_cpu ();
  began = now_ns ();
  for (unsigned i = 0; i < count; i++)
    client_send (&clients[i], "ECHO word\n");
  while (now_ns () - began < 2000000000) {
    struct epoll_event events[64];
    int got = epoll_wait (epoll, events, 64, 1000);
    for (int i = 0; i < got; i++) {
      char octets[64];
      CHECK (client_read (&clients[events[i].data.u32], octets, sizeof octets) == 5);
      client_send (&clients[events[i].data.u32], "ECHO word\n");
      done++;
    }
  }
  printf ("%u clients: %.0f round trips/s, server %.2f us CPU each\n", count,
          (double)done * 1e9 / (double)(now_ns () - began),
          (server_cpu () - cpu) * 1e6 / (double)done);
}

static void
download (unsigned megabytes) {
  struct client client;
  char command[40], octets[65536];
  uint64_t left = (uint64_t)megabytes * 1000000 + 5;
  double cpu = server_cpu ();
  int64_t began;

  client_open (&client, port);
  if (tls)
    client_tls (&client, 0, NULL);
  expect_line (&client, "hello");
  began = now_ns ();
  g_snprintf (command, sizeof command, "FILE %u000000\n", megabytes);
  client_send (&client, command);
  while (left > 0) {
    ssize_t got = client_read (&client, octets, sizeof octets);
    CHECK (got > 0);
    left -= (size_t)got;
  }
  printf ("%.0f MB/s, server %.2f s CPU\n", megabytes * 1e9 / (double)(now_ns () - began),
          server_cpu () - cpu);
}

static void
login (unsigned count) {
  int64_t began = now_ns ();
  double cpu = server_cpu ();

  for (unsigned i = 0; i < count; i++) {
    struct client client;
    client_open (&client, port);
    if (tls)
      client_tls (&client, 0, NULL);
    client_send (&client, "CLAIM anna\nQUIT\n");
    expect_line (&client, "hello");
    expect_line (&client, "ok");
    expect_line (&client, "bye");
    client_close (&client);
  }
  printf ("%.0f sessions/s one by one, server %.0f us CPU each\n",
          count * 1e9 / (double)(now_ns () - began), (server_cpu () - cpu) * 1e6 / count);
}

static void
idle (unsigned count) {
  long before;

  struct client client;

  for (unsigned i = 0; i < 100; i++) { /* what every thread makes once */
    client_open (&client, port);
    if (tls)
      client_tls (&client, 0, NULL);
    expect_line (&client, "hello");
    ask (&client, "ECHO word", "word");
    client_close (&client);
  }
  sleep_ms (200);
  before = pss_kb ();
  for (unsigned i = 0; i < count; i++) {
    client_open (&client, port);
    if (tls)
      client_tls (&client, 0, NULL);
    expect_line (&client, "hello");
    ask (&client, "CLAIM anna", "ok");
    if (tls) { /* the descriptor stays */
      SSL_free (client.ssl);
      SSL_CTX_free (client.context);
    }
  }
  sleep_ms (200);
  printf ("%u idle connections: %.2f kB each (%ld kB before, %ld kB now)\n", count,
          (double)(pss_kb () - before) / count, before, pss_kb ());
}

int
main (int count, char **arguments) {
  struct rlimit most;
  unsigned number = count > 2 ? (unsigned)atoi (arguments[2]) : 0;
  int tell[2];

  tls = count > 3 && strcmp (arguments[3], "tls") == 0;
  if (number == 0) {
    fprintf (stderr, "net_bench echo|send|login|idle NUMBER [tls]\n");
    return 2;
  }
  getrlimit (RLIMIT_NOFILE, &most);
  most.rlim_cur = most.rlim_max;
  setrlimit (RLIMIT_NOFILE, &most);
  CHECK (pipe (tell) == 0);
  child = fork ();
  if (child == 0)
    serve (tell[1]);
  CHECK (read (tell[0], &port, sizeof port) == sizeof port);
  if (strcmp (arguments[1], "echo") == 0)
    echo (number);
  else if (strcmp (arguments[1], "send") == 0)
    download (number);
  else if (strcmp (arguments[1], "login") == 0)
    login (number);
  else
    idle (number);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  return 0;
}
