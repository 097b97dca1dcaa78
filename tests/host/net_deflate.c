/* SPDX-License-Identifier: Apache-2.0 */
/* net_deflate.c - compressed connections (RFC 4978), in clear and inside TLS. */
#include "net_test.h"

#include "net_protocol.h"

static struct server server;

static int
setup_with (listener_tls tls) {
  struct listener_spec spec = spec_default ();

  spec.tls = tls;
  spec.context = tls == LISTENER_CLEAR ? NULL : context_new ("mail.example.test", 0, true);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
  return 0;
}

static int
setup_clear (void **state) {
  *state = NULL;
  return setup_with (LISTENER_CLEAR);
}

static int
setup_tls (void **state) {
  *state = &server; /* anything: TLS */
  return setup_with (LISTENER_TLS);
}

static int
teardown (void **state) {
  server_stop (&server);
  return 0;
}

static void
open_plain (struct client *client, void **state) {
  client_open (client, server.port);
  if (*state)
    client_tls (client, 0, "mail.example.test");
  expect_line (client, "hello");
}

static void
open_zipped (struct client *client, void **state) {
  open_plain (client, state);
  ask (client, "ZIP", "go");
  client_zip (client, 6);
}

static void
echo_and_sources (void **state) {
  static const char *const commands[] = { "SEND", "GIVE", "FILE", "SLOW" };
  static const unsigned sizes[] = { 1, 500, 2049, 16384, 70000, 1000000 };
  struct client client;

  open_zipped (&client, state);
  for (unsigned i = 0; i < 200; i++)
    ask (&client, "ECHO a word", "a word");
  for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++)
    for (unsigned j = 0; j < G_N_ELEMENTS (sizes); j++) {
      char command[40];
      g_snprintf (command, sizeof command, "%s %u\n", commands[i], sizes[j]);
      client_send (&client, command);
      expect_pattern (&client, sizes[j]);
      expect_line (&client, "sent");
    }
  ask (&client, "QUIT", "bye");
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);
}

/* Pieces of any size, in both directions, cut anywhere on the way; rests between some. */
static void
random_sizes (void **state) {
  g_autoptr (GRand) random = g_rand_new_with_seed (4978);
  struct client client;

  for (int level = 0; level <= 9; level += 3) {
    open_plain (&client, state);
    ask (&client, "ZIP", "go");
    client_zip (&client, level);
    for (unsigned i = 0; i < 60; i++) {
      unsigned size = 1u << g_rand_int_range (random, 0, 17);
      g_autofree char *octets = g_malloc (size);
      char command[40], answer[80];
      uint64_t sum = 0;

      size = (unsigned)g_rand_int_range (random, 1, (gint32)size + 1);
      for (unsigned j = 0; j < size; j++) {
        octets[j] = (char)(i & 1 ? g_rand_int_range (random, 0, 256) : 'a' + (int)(j / 7 % 3));
        sum = sum * 31 + (unsigned char)octets[j];
      }
      g_snprintf (command, sizeof command, "TAKE %u\n", size);
      g_snprintf (answer, sizeof answer, "took %u %" G_GUINT64_FORMAT, size, sum);
      client_send (&client, command);
      for (unsigned at = 0; at < size;) {
        unsigned part = (unsigned)g_rand_int_range (random, 1, 9000);
        part = MIN (part, size - at);
        client_send_octets (&client, octets + at, part);
        at += part;
      }
      expect_line (&client, answer);
      if (i % 8 == 0)
        sleep_ms (2); /* it rests, and begins again with what it kept */
    }
    client_close (&client);
  }
}

/* The next commands come in the same packet as the one that turns compression on. */
static void
right_behind (void **state) {
  static const char text[] = "ECHO one\nECHO two\nSEND 100000\n";
  unsigned char packet[400] = "ZIP\n";
  z_stream zip = { 0 };
  struct client client;

  open_plain (&client, state);
  assert_int_equal (deflateInit2 (&zip, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  zip.next_in = (Bytef *)(guintptr)text;
  zip.avail_in = sizeof text - 1;
  zip.next_out = packet + 4;
  zip.avail_out = sizeof packet - 4;
  deflate (&zip, Z_PARTIAL_FLUSH);
  client_send_octets (&client, packet, sizeof packet - zip.avail_out);
  deflateEnd (&zip);
  expect_line (&client, "go");
  client_zip (&client, 6);
  expect_line (&client, "one");
  expect_line (&client, "two");
  expect_pattern (&client, 100000);
  expect_line (&client, "sent");
  client_close (&client);
}

/* Hundreds of megabytes in hundreds of kilobytes: a literal takes them piece by piece, a line
 * that never ends is refused; memory stays what it is (session_memory is 1 MiB). */
static void
bomb (void **state) {
  const size_t piece = 1 << 20, pieces = 64;
  g_autofree char *zeros = g_malloc0 (piece);
  g_autofree char *command = g_strdup_printf ("TAKE %zu\n", piece * pieces);
  g_autofree char *answer = g_strdup_printf ("took %zu 0", piece * pieces);
  struct client client;

  open_zipped (&client, state);
  client_send (&client, command);
  for (size_t i = 0; i < pieces; i++)
    client_send_octets (&client, zeros, piece);
  expect_line (&client, answer);
  ask (&client, "ECHO still", "still");
  for (size_t i = 0; i < pieces; i++)
    client_send_octets (&client, zeros, piece); /* no line: more than max_line */
  while (client_line (&client))
    ;
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);
}

static void
corrupt (void **state) {
  static const char garbage[] = "ECHO this is not compressed at all, and looks like a block type 3";
  g_autofree char *flushes = g_malloc0 (100000);
  struct client client;

  open_zipped (&client, state);
  ask (&client, "ECHO good", "good");
  client_send_raw (&client, "\x07garbage", 8); /* a block of type 3 */
  client_send_raw (&client, garbage, sizeof garbage);
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (log_has ("reason=deflate"));

  /* Blocks without an octet, for ever. */
  open_zipped (&client, state);
  for (size_t i = 0; i + 5 <= 100000; i += 5)
    memcpy (flushes + i, "\0\0\0\xff\xff", 5);
  client_send_raw (&client, flushes, 100000);
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);
}

/* The peer ends in the middle of a block, or ends its stream. */
static void
truncated (void **state) {
  struct client client;

  open_zipped (&client, state);
  client_send (&client, "TAKE 1000\n");
  client_send_raw (&client, "\x02", 1);
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);

  open_zipped (&client, state);
  client_send_raw (&client, "\x03\x00more", 6); /* the last block, empty */
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (net_sessions (server.net) == 0);
}

static void
slow_reader (void **state) {
  struct client client;

  open_zipped (&client, state);
  client_send (&client, "SEND 8000000\nECHO a\nFILE 3000000\nECHO b\n");
  sleep_ms (100);
  expect_pattern (&client, 8000000);
  expect_line (&client, "sent");
  expect_line (&client, "a");
  expect_pattern (&client, 3000000);
  expect_line (&client, "sent");
  expect_line (&client, "b");
  client_close (&client);
}

static void
goodbye (void **state) {
  struct client client;

  open_zipped (&client, state);
  ask (&client, "ECHO on", "on");
  net_drain (server.net);
  expect_line (&client, "BYE 4");
  assert_null (client_line (&client));
  client_close (&client);
}

/* On and off again, by a peer that ends its stream and by one that flushes it, with a plain
 * command right behind. */
static void
on_and_off (void **state) {
  static const int flushes[] = { Z_FINISH, Z_SYNC_FLUSH, Z_FULL_FLUSH };
  struct client client;

  open_plain (&client, state);
  for (unsigned round = 0; round < 3; round++) {
    ask (&client, "ZIP", "go");
    client_zip (&client, 6);
    ask (&client, "ECHO packed", "packed");
    client_send (&client, "SEND 50000\n");
    expect_pattern (&client, 50000);
    expect_line (&client, "sent");
    client_unzip (&client, "PLAIN\n", flushes[round]);
    ask (&client, "ECHO plain", "plain");
    client_send (&client, "SEND 50000\n");
    expect_pattern (&client, 50000);
    expect_line (&client, "sent");
    sleep_ms (5); /* it rests: what is left of the layer goes */
  }
  client_close (&client);
}

static void
off_and_right_behind (void **state) {
  static const int flushes[] = { Z_FINISH, Z_SYNC_FLUSH };

  for (unsigned i = 0; i < 2; i++) {
    unsigned char packet[200];
    z_stream zip = { 0 };
    struct client client;
    size_t size;

    open_zipped (&client, state);
    assert_int_equal (deflateInit2 (&zip, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    zip.next_in = (Bytef *)(guintptr) "PLAIN\n";
    zip.avail_in = 6;
    zip.next_out = packet;
    zip.avail_out = sizeof packet;
    deflate (&zip, flushes[i]);
    size = sizeof packet - zip.avail_out;
    deflateEnd (&zip);
    memcpy (packet + size, "ECHO behind\n", 12);
    client_send_raw (&client, packet, size + 12);
    expect_line (&client, "go");
    client_zip_ends (&client);
    expect_line (&client, "behind");
    client_close (&client);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
#define BOTH(test)                                               \
  cmocka_unit_test_setup_teardown (test, setup_clear, teardown), \
      cmocka_unit_test_setup_teardown (test, setup_tls, teardown)
    BOTH (echo_and_sources), BOTH (random_sizes),
    BOTH (right_behind),     BOTH (bomb),
    BOTH (corrupt),          BOTH (truncated),
    BOTH (slow_reader),      BOTH (goodbye),
    BOTH (on_and_off),       BOTH (off_and_right_behind),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
