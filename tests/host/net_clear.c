/* SPDX-License-Identifier: Apache-2.0 */
/* net_clear.c - streams, sessions and listeners without TLS. */
#include "net_test.h"

#include "net_protocol.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

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

static void
echo_and_quit (void **state) {
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  for (unsigned i = 0; i < 1000; i++)
    ask (&client, "ECHO a word", "a word");
  ask (&client, "QUIT", "bye");
  expect_end (&client);
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);
  AWAIT (log_has ("session.close session="));
  AWAIT (log_has ("peer=127.0.0.1 reason=end in=12005 out=7010"));
}

static void
properties (void **state) {
  struct client client;
  char port[8];

  client_open (&client, server.port);
  expect_line (&client, "hello");
  ask (&client, "PROP peer.address", "127.0.0.1");
  ask (&client, "PROP local.address", "127.0.0.1");
  g_snprintf (port, sizeof port, "%u", server.port);
  ask (&client, "PROP local.port", port);
  ask (&client, "PROP tls.version", "-");
  ask (&client, "BIND tls-exporter", "-");
  client_close (&client);
}

/* All commands at once; answers come in order, sources among them. */
static void
pipelined (void **state) {
  g_autoptr (GString) commands = g_string_new (NULL);
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  for (unsigned i = 0; i < 2000; i++)
    g_string_append_printf (commands, "ECHO %u\nGIVE %u\nSEND 100\n", i, 10 + i * 5);
  g_string_append (commands, "QUIT\n");
  client_send_octets (&client, commands->str, commands->len);
  for (unsigned i = 0; i < 2000; i++) {
    char number[12];
    g_snprintf (number, sizeof number, "%u", i);
    expect_line (&client, number);
    expect_pattern (&client, 10 + i * 5);
    expect_line (&client, "sent");
    expect_pattern (&client, 100);
    expect_line (&client, "sent");
  }
  expect_line (&client, "bye");
  expect_end (&client);
  client_close (&client);
}

static void
large_sources (void **state) {
  static const char *const commands[] = { "SEND", "GIVE", "FILE", "SLOW" };
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
    char command[40];
    g_snprintf (command, sizeof command, "%s 3000000\n", commands[i]);
    client_send (&client, command);
    expect_pattern (&client, 3000000);
    expect_line (&client, "sent");
  }
  client_close (&client);
}

static void
one_octet_at_a_time (void **state) {
  static const char commands[] = "ECHO slow\nTAKE 10\n0123456789ECHO end\nQUIT\n";
  struct client client;
  int on = 1;

  client_open (&client, server.port);
  setsockopt (client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  for (const char *next = commands; *next; next++) {
    client_send_octets (&client, next, 1);
    sleep_ms (1);
  }
  expect_line (&client, "hello");
  expect_line (&client, "slow");
  assert_true (g_str_has_prefix (client_line (&client), "took 10 "));
  expect_line (&client, "end");
  expect_line (&client, "bye");
  expect_end (&client);
  client_close (&client);
}

/* The session rests before the octets come, or before it closes what it has read: it has no buffer
 * then. */
static void
literal_after_a_rest (void **state) {
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  for (unsigned i = 0; i < 3; i++) {
    client_send (&client, "TAKE 10\n");
    sleep_ms (50);
    client_send (&client, "0123456789");
    assert_true (g_str_has_prefix (client_line (&client), "took 10 "));
    client_send (&client, "KEEP 10\n0123456789"); /* as if a store took its time */
    expect_line (&client, "late");
    assert_true (g_str_has_prefix (client_line (&client), "took 10 "));
  }
  client_close (&client);
}

static void
literals (void **state) {
  static const size_t sizes[] = { 0, 1, 4095, 4096, 65536, 1000000 };
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  for (unsigned i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autofree unsigned char *octets = g_malloc (sizes[i] + 1);
    uint64_t sum = 0;
    char text[80];
    for (size_t j = 0; j < sizes[i]; j++) {
      octets[j] = pattern_at (j);
      sum = sum * 31 + octets[j];
    }
    g_snprintf (text, sizeof text, "TAKE %zu\n", sizes[i]);
    client_send (&client, text);
    client_send_octets (&client, octets, sizes[i]);
    g_snprintf (text, sizeof text, "took %zu %" G_GUINT64_FORMAT, sizes[i], sum);
    expect_line (&client, text);
  }
  ask (&client, "ECHO on", "on");
  client_close (&client);
}

/* A line that the buffer may not hold ends the session, since nobody can go on from there. */
static void
line_too_long (void **state) {
  g_autofree char *line = g_malloc (70000);
  struct client client;

  memset (line, 'x', 70000);
  client_open (&client, server.port);
  expect_line (&client, "hello");
  memcpy (line, "ECHO ", 5);
  line[65535] = '\n';
  client_send_octets (&client, line, 65536);
  assert_int_equal (strlen (client_line (&client)), 65530);
  line[65535] = 'x';
  client_send_octets (&client, line, 70000);
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (log_has ("reason=failed"));
}

/* The rest is still answered after the peer has closed its side. */
static void
half_closed (void **state) {
  struct client client;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  client_send (&client, "SEND 1000000\nECHO last\n");
  shutdown (client.fd, SHUT_WR);
  expect_pattern (&client, 1000000);
  expect_line (&client, "sent");
  expect_line (&client, "last");
  expect_end (&client);
  client_close (&client);
}

/* What a peer sent in vain must not reset the answers it has not read yet. */
static void
answers_survive_unread_input (void **state) {
  struct client client;

  for (unsigned i = 0; i < 20; i++) {
    client_open (&client, server.port);
    client_send (&client, "SEND 100000\nQUIT\nECHO this comes too late\nand this\n");
    sleep_ms (5);
    client_send (&client, "and this later still\n");
    expect_line (&client, "hello");
    expect_pattern (&client, 100000);
    expect_line (&client, "sent");
    expect_line (&client, "bye");
    expect_end (&client);
    client_close (&client);
  }
}

static void
failing_source (void **state) {
  char octets[1000];
  struct client client;
  ssize_t got;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  client_send (&client, "FAIL 5000\n");
  while ((got = client_read (&client, octets, sizeof octets)) > 0)
    ;
  assert_int_equal (got, -1); /* a reset, not an end */
  client_close (&client);
  AWAIT (server_counts (&server).source_failures == 1);
  AWAIT (log_has ("error=the pattern is torn"));
}

/* A peer that never reads stops its own session, with bounded memory, and nobody else's. */
static void
never_reads (void **state) {
  struct client deaf, other;
  char octets[8192];
  uint64_t out;

  client_open (&deaf, server.port);
  for (unsigned i = 0; i < 50; i++)
    client_send (&deaf, "SEND 1000000\n");
  sleep_ms (100);
  out = 0;
  client_open (&other, server.port);
  expect_line (&other, "hello");
  for (unsigned i = 0; i < 200; i++)
    ask (&other, "ECHO here", "here");
  client_close (&other);
  /* It goes on as soon as it reads. */
  while (out < 50 * 1000005 + 6) {
    ssize_t got = client_read (&deaf, octets, sizeof octets);
    assert_true (got > 0);
    out += (size_t)got;
  }
  client_close (&deaf);
}

static void
memory_limit (void **state) {
  struct client client;
  char octets[65536];
  size_t size = 0;
  ssize_t got;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  client_send (&client, "FLOOD 50000000\n");
  AWAIT (server_counts (&server).memory_spent == 1); /* the socket is full, and so is the memory */
  while ((got = client_read (&client, octets, sizeof octets)) > 0)
    size += (size_t)got;
  assert_int_equal (got, 0);
  assert_true (size < 50000000);
  client_close (&client);
}

static void
own_deadline (void **state) {
  struct client client;
  int64_t before;

  client_open (&client, server.port);
  expect_line (&client, "hello");
  before = now_ns ();
  ask (&client, "IDLE 50", "late");
  assert_true (now_ns () - before >= 50000000);
  ask (&client, "ECHO on", "on");
  client_close (&client);
}

/* Connections that end in every way while sources are under way; nothing leaks (server_stop). */
static void
vanishing_peers (void **state) {
  struct client client;

  for (unsigned i = 0; i < 100; i++) {
    client_open (&client, server.port);
    client_send (&client, i % 3 == 0   ? "SEND 10000000\nECHO x\n"
                          : i % 3 == 1 ? "SLOW 1000000\nTAKE 100\nab"
                                       : "TAKE 1000000\nabc");
    if (i & 1)
      sleep_ms (1);
    if (i & 2)
      setsockopt (client.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                  sizeof (struct linger));
    client_close (&client);
  }
  AWAIT (net_sessions (server.net) == 0);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (echo_and_quit, setup, teardown),
    cmocka_unit_test_setup_teardown (properties, setup, teardown),
    cmocka_unit_test_setup_teardown (pipelined, setup, teardown),
    cmocka_unit_test_setup_teardown (large_sources, setup, teardown),
    cmocka_unit_test_setup_teardown (one_octet_at_a_time, setup, teardown),
    cmocka_unit_test_setup_teardown (literal_after_a_rest, setup, teardown),
    cmocka_unit_test_setup_teardown (literals, setup, teardown),
    cmocka_unit_test_setup_teardown (line_too_long, setup, teardown),
    cmocka_unit_test_setup_teardown (half_closed, setup, teardown),
    cmocka_unit_test_setup_teardown (answers_survive_unread_input, setup, teardown),
    cmocka_unit_test_setup_teardown (failing_source, setup, teardown),
    cmocka_unit_test_setup_teardown (never_reads, setup, teardown),
    cmocka_unit_test_setup_teardown (memory_limit, setup, teardown),
    cmocka_unit_test_setup_teardown (own_deadline, setup, teardown),
    cmocka_unit_test_setup_teardown (vanishing_peers, setup, teardown),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
