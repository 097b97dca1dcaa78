/* SPDX-License-Identifier: Apache-2.0 */
/* net_limits.c - how many may connect, for how long they may be silent, and how it ends. */
#include "net_test.h"

#include "net_protocol.h"

#define MS INT64_C (1000000)

static struct server server;
static struct client clients[40];

static void
open_some (unsigned from, unsigned count) {
  for (unsigned i = from; i < from + count; i++) {
    client_open (&clients[i], server.port);
    expect_line (&clients[i], "hello");
  }
}

static void
close_all (void) {
  for (unsigned i = 0; i < G_N_ELEMENTS (clients); i++)
    if (clients[i].fd > 0)
      client_close (&clients[i]);
}

/* The next one is told so in the protocol's own words, before a greeting; after one has gone
 * there is room again. */
static void
one_too_many (unsigned most) {
  struct client client;

  open_some (0, most);
  for (unsigned i = 0; i < 3; i++) {
    client_open (&client, server.port);
    expect_line (&client, "BYE 1");
    expect_end (&client);
    client_close (&client);
  }
  client_close (&clients[0]);
  AWAIT (net_sessions (server.net) == most - 1);
  open_some (0, 1);
  close_all ();
  AWAIT (net_sessions (server.net) == 0);
}

static void
in_all (void **state) {
  struct listener_spec spec = spec_default ();

  server_start (&server, &spec, 5);
  one_too_many (5);
  assert_int_equal (server_counts (&server).limit_all, 3);
  AWAIT (log_has ("limit=all most=5"));
  net_set_max_connections (server.net, 7);
  one_too_many (7);
  server_stop (&server);
}

static void
of_a_listener (void **state) {
  struct listener_spec spec = spec_default ();
  struct listener_counts counts;

  spec.max_connections = 4;
  server_start (&server, &spec, 100);
  one_too_many (4);
  assert_int_equal (server_counts (&server).limit_listener, 3);
  listener_count (server.listener, &counts);
  assert_int_equal (counts.sessions, 0);
  assert_int_equal (counts.accepted, 8);
  spec.max_connections = 6;
  listener_update (server.listener, &spec);
  one_too_many (6);
  server_stop (&server);
}

static void
of_an_address (void **state) {
  struct listener_spec spec = spec_default ();

  spec.max_connections_per_address = 3;
  server_start (&server, &spec, 100);
  one_too_many (3);
  assert_int_equal (server_counts (&server).limit_address, 3);
  AWAIT (log_has ("limit.reached session="));
  server_stop (&server);
}

static void
of_a_user (void **state) {
  struct listener_spec spec = spec_default ();

  spec.max_connections_per_user = 2;
  server_start (&server, &spec, 100);
  open_some (0, 4);
  ask (&clients[0], "CLAIM anna", "ok");
  ask (&clients[1], "CLAIM anna", "ok");
  ask (&clients[2], "CLAIM anna", "too many");
  ask (&clients[2], "CLAIM bert", "ok");
  ask (&clients[3], "CLAIM anna", "too many");
  assert_int_equal (server_counts (&server).claimed, 3);
  client_close (&clients[0]);
  AWAIT (net_sessions (server.net) == 3);
  ask (&clients[3], "CLAIM anna", "ok");
  ask (&clients[3], "CLAIM bert", "ok"); /* instead of the other */
  ask (&clients[2], "CLAIM anna", "ok");
  ask (&clients[2], "UNCLAIM", "ok"); /* its place is free again */
  ask (&clients[3], "CLAIM anna", "ok");
  assert_int_equal (server_counts (&server).claimed, 2);
  close_all ();
  AWAIT (log_has ("account=anna reason="));
  server_stop (&server);
}

static void
through_tls (void **state) {
  struct listener_spec spec = spec_default ();

  spec.tls = LISTENER_TLS;
  spec.context = context_new ("mail", 0, false);
  spec.max_connections = 1;
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  client_open (&clients[0], server.port);
  client_tls (&clients[0], 0, NULL);
  expect_line (&clients[0], "hello");
  client_open (&clients[1], server.port);
  client_tls (&clients[1], 0, NULL);
  expect_line (&clients[1], "BYE 1");
  expect_end (&clients[1]);
  close_all ();
  server_stop (&server);
}

/* Those who ask again and again while we are full cost no more than a bounded number of words. */
static void
flood_of_refused (void **state) {
  struct listener_spec spec = spec_default ();
  int fds[600];

  server_start (&server, &spec, 1);
  open_some (0, 1);
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = connect_to (server.port);
  AWAIT (server_counts (&server).accepted == 1 + G_N_ELEMENTS (fds));
  assert_true (net_sessions (server.net) <= 1 + 256);
  assert_true (server_counts (&server).shed > 0);
  ask (&clients[0], "ECHO here", "here");
  for (unsigned i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  AWAIT (net_sessions (server.net) == 1);
  close_all ();
  server_stop (&server);
}

static void
times (void **state) {
  struct listener_spec spec = spec_default ();
  int64_t before;

  /* Each wait ends 600 ms before what it must not meet: others use the machine too. */
  spec.login_time_ns = 1500 * MS;
  spec.idle_time_ns = 1000 * MS;
  server_start (&server, &spec, 0);
  open_some (0, 1);
  ask (&clients[0], "CLAIM anna", "ok");
  for (unsigned i = 0; i < 4; i++) {
    sleep_ms (400);
    ask (&clients[0], "ECHO on", "on");
  }
  ask (&clients[0], "UNCLAIM", "ok"); /* 1500 ms from now on, though it is older */
  sleep_ms (900);
  ask (&clients[0], "ECHO on", "on");
  expect_line (&clients[0], "BYE 2");
  expect_end (&clients[0]);
  close_all ();
  open_some (0, 3);
  ask (&clients[1], "CLAIM anna", "ok");
  ask (&clients[2], "CLAIM ", "ok"); /* nobody in particular */
  for (unsigned i = 0; i < 5; i++) { /* moving octets keep these two alive */
    sleep_ms (400);
    before = now_ns ();
    ask (&clients[1], "ECHO on", "on");
    ask (&clients[2], "ECHO on", "on");
  }
  expect_line (&clients[0], "BYE 2");
  expect_end (&clients[0]);
  expect_line (&clients[1], "BYE 3");
  expect_line (&clients[2], "BYE 3");
  assert_true (now_ns () - before > 900 * MS);
  close_all ();
  assert_int_equal (server_counts (&server).login_timeouts, 2);
  assert_int_equal (server_counts (&server).idle_timeouts, 2);
  AWAIT (log_has ("reason=login-time"));
  AWAIT (log_has ("reason=idle-time"));
  server_stop (&server);
}

/* Who lets a download lie is idle, too; and learns that it is cut. */
static void
idle_in_a_download (void **state) {
  struct listener_spec spec = spec_default ();
  char octets[65536];
  ssize_t got;

  spec.idle_time_ns = 1000 * MS;
  server_start (&server, &spec, 0);
  open_some (0, 1);
  client_send (&clients[0], "SEND 50000000\n");
  AWAIT (server_counts (&server).idle_timeouts == 1);
  AWAIT (net_sessions (server.net) == 0);
  while ((got = client_read (&clients[0], octets, sizeof octets)) > 0)
    ;
  assert_int_equal (got, -1);
  close_all ();
  server_stop (&server);
}

static void
silent_handshake (void **state) {
  struct listener_spec spec = spec_default ();

  spec.tls = LISTENER_TLS;
  spec.context = context_new ("mail", 0, false);
  spec.login_time_ns = 100 * MS;
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  client_open (&clients[0], server.port);
  client_open (&clients[1], server.port);
  client_send (&clients[1], "\x16\x03\x01\x02");
  expect_end (&clients[0]);
  client_close (&clients[0]);
  AWAIT (net_sessions (server.net) == 0);
  close_all ();
  server_stop (&server);
}

/* Who waits is told at once; who is being served is served. */
static void
drain (void **state) {
  struct listener_spec spec = spec_default ();

  server_start (&server, &spec, 0);
  open_some (0, 3);
  client_send (&clients[1], "SEND 20000000\n");
  client_send (&clients[2], "BUSY 1000\n");
  expect_pattern (&clients[1], 1); /* it is being sent, */
  AWAIT (sessions_busy == 1);      /* and the other one worked at */
  listener_stop (server.listener);
  net_drain (server.net);
  expect_line (&clients[0], "BYE 4");
  expect_end (&clients[0]);
  expect_rest (&clients[1], 1, 20000000);
  expect_line (&clients[1], "sent");
  expect_line (&clients[1], "BYE 4");
  expect_end (&clients[1]);
  expect_line (&clients[2], "done");
  expect_line (&clients[2], "BYE 4");
  expect_end (&clients[2]);
  close_all ();
  AWAIT (net_sessions (server.net) == 0);
  server_stop (&server);
}

static void
cancel (void **state) {
  struct listener_spec spec = spec_default ();

  server_start (&server, &spec, 0);
  open_some (0, 2);
  client_send (&clients[1], "SEND 20000000\n");
  sleep_ms (20);
  net_cancel (server.net);
  expect_line (&clients[0], "BYE 4");
  AWAIT (net_sessions (server.net) == 0);
  open_some (2, 0);
  client_open (&clients[2], server.port); /* it still listens, but serves nobody */
  assert_null (client_line (&clients[2]));
  close_all ();
  server_stop (&server);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (in_all),
    cmocka_unit_test (of_a_listener),
    cmocka_unit_test (of_an_address),
    cmocka_unit_test (of_a_user),
    cmocka_unit_test (through_tls),
    cmocka_unit_test (flood_of_refused),
    cmocka_unit_test (times),
    cmocka_unit_test (idle_in_a_download),
    cmocka_unit_test (silent_handshake),
    cmocka_unit_test (drain),
    cmocka_unit_test (cancel),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
