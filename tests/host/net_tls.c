/* SPDX-License-Identifier: Apache-2.0 */
/* net_tls.c - TLS: handshakes, certificates, STARTTLS, and octets under pressure. */
#include "net_test.h"

#include "net_protocol.h"

#include <openssl/err.h>
#include <openssl/x509.h>

static struct server server;

static void
start (listener_tls tls, int minimum) {
  struct listener_spec spec = spec_default ();

  spec.tls = tls;
  spec.context = context_new ("mail.example.test", minimum, true);
  server_start (&server, &spec, 0);
  tls_context_unref (spec.context);
}

static int
setup (void **state) {
  start (LISTENER_TLS, 0);
  return 0;
}

static int
setup_starttls (void **state) {
  start (LISTENER_STARTTLS, 0);
  return 0;
}

static int
setup_1_3 (void **state) {
  start (LISTENER_TLS, TLS1_3_VERSION);
  return 0;
}

static int
teardown (void **state) {
  server_stop (&server);
  return 0;
}

static void
open_tls (struct client *client, int max_version) {
  client_open (client, server.port);
  client_tls (client, max_version, "mail.example.test");
  expect_line (client, "hello");
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void
echo_and_sources (void **state) {
  static const char *const commands[] = { "SEND", "GIVE", "FILE", "SLOW" };

  for (unsigned v = 0; v < 2; v++) {
    struct client client;
    open_tls (&client, versions[v]);
    for (unsigned i = 0; i < 200; i++)
      ask (&client, "ECHO a word", "a word");
    for (unsigned i = 0; i < G_N_ELEMENTS (commands); i++) {
      char command[40];
      g_snprintf (command, sizeof command, "%s 1000000\n", commands[i]);
      client_send (&client, command);
      expect_pattern (&client, 1000000);
      expect_line (&client, "sent");
    }
    ask (&client, "QUIT", "bye");
    expect_end (&client); /* with close_notify */
    client_close (&client);
  }
  AWAIT (net_sessions (server.net) == 0);
  assert_int_equal (server_counts (&server).tls_handshakes, 2);
  assert_int_equal (server_counts (&server).tls_sessions, 0);
}

/* More input than a record, then more than the buffer, with output that is not read. */
static void
left_in_the_ssl_buffer (void **state) {
  for (unsigned v = 0; v < 2; v++) {
    g_autoptr (GString) commands = g_string_new ("SEND 4000000\n");
    struct client client;

    open_tls (&client, versions[v]);
    for (unsigned i = 0; i < 5000; i++)
      g_string_append_printf (commands, "ECHO %u\n", i);
    client_send_octets (&client, commands->str, commands->len);
    sleep_ms (100);
    expect_pattern (&client, 4000000);
    expect_line (&client, "sent");
    for (unsigned i = 0; i < 5000; i++) {
      char number[12];
      g_snprintf (number, sizeof number, "%u", i);
      expect_line (&client, number);
    }
    ask (&client, "ECHO end", "end");
    client_close (&client);
  }
}

static void
key_updates (void **state) {
  const size_t piece = 40000, pieces = 100;
  unsigned char octets[40000];
  struct client client;

  open_tls (&client, TLS1_3_VERSION);
  client_send (&client, "SEND 4000000\n");
  for (unsigned i = 0; i < pieces; i++) {
    size_t done = 0;
    assert_int_equal (SSL_key_update (client.ssl, i & 1 ? SSL_KEY_UPDATE_REQUESTED
                                                        : SSL_KEY_UPDATE_NOT_REQUESTED),
                      1);
    assert_int_equal (SSL_do_handshake (client.ssl), 1); /* sends it */
    while (done < piece) {
      ssize_t got = client_read (&client, octets + done, piece - done);
      assert_true (got > 0);
      done += (size_t)got;
    }
    for (size_t j = 0; j < piece; j++)
      if (octets[j] != pattern_at (i * piece + j))
        fail_msg ("wrong octet at %zu", i * piece + j);
    if (i < 20)
      sleep_ms (2);
  }
  expect_line (&client, "sent");
  ask (&client, "ECHO on", "on");
  client_close (&client);
}

/* What was asked for is still sent after the peer has said that it will say no more. */
static void
close_notify_during_a_source (void **state) {
  for (unsigned v = 0; v < 2; v++) {
    struct client client;

    open_tls (&client, versions[v]);
    client_send (&client, "SEND 3000000\nECHO last\n");
    SSL_shutdown (client.ssl);
    expect_pattern (&client, 3000000);
    expect_line (&client, "sent");
    expect_line (&client, "last");
    expect_end (&client);
    client_close (&client);
  }
}

static void
broken_off (void **state) {
  struct client client;

  open_tls (&client, 0);
  client_send (&client, "TAKE 1000\nabc");
  shutdown (client.fd, SHUT_WR); /* without close_notify: somebody may have cut it */
  assert_null (client_line (&client));
  client_close (&client);
  AWAIT (log_has ("reason=tls"));
}

static void
not_tls (void **state) {
  struct client client;

  client_open (&client, server.port);
  client_send (&client, "USER somebody\r\nPASS something\r\n");
  AWAIT (server_counts (&server).tls_failures == 1);
  AWAIT (log_has ("tls.failed"));
  client_close (&client);
  for (unsigned i = 0; i < 5; i++) { /* nor is silence, or an end */
    client_open (&client, server.port);
    client_close (&client);
  }
  AWAIT (net_sessions (server.net) == 0);
}

static void
minimum (void **state) {
  struct client client;

  client_open (&client, server.port);
  assert_false (client_try_tls (&client, TLS1_2_VERSION, NULL));
  assert_int_equal (ERR_GET_REASON (ERR_peek_error ()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
  client_close (&client);
  open_tls (&client, TLS1_3_VERSION);
  ask (&client, "PROP tls.version", "TLSv1.3");
  client_close (&client);
}

static void
hex (const unsigned char *octets, size_t size, char *text) {
  for (size_t i = 0; i < size; i++)
    sprintf (text + 2 * i, "%02x", octets[i]);
}

static void
properties_and_bindings (void **state) {
  for (unsigned v = 0; v < 2; v++) {
    struct client client;
    unsigned char value[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1];
    X509 *certificate;

    open_tls (&client, versions[v]);
    ask (&client, "PROP tls.version", v ? "TLSv1.3" : "TLSv1.2");
    ask (&client, "PROP tls.sni", "mail.example.test");
    ask (&client, "PROP tls.cipher", SSL_get_cipher_name (client.ssl));
    ask (&client, "PROP tls.client-subject", "-");
    assert_int_equal (SSL_export_keying_material (client.ssl, value, 32, "EXPORTER-Channel-Binding",
                                                  24, NULL, 0, v ? 0 : 1),
                      1);
    hex (value, 32, text);
    ask (&client, "BIND tls-exporter", text);
    certificate = SSL_get0_peer_certificate (client.ssl);
    X509_digest (certificate, EVP_sha256 (), value, NULL);
    hex (value, 32, text);
    ask (&client, "BIND tls-server-end-point", text);
    ask (&client, "BIND tls-unique", "-");
    client_close (&client);
  }
}

static void
starttls (void **state) {
  for (unsigned v = 0; v < 2; v++) {
    struct client client;

    client_open (&client, server.port);
    expect_line (&client, "hello");
    ask (&client, "ECHO clear", "clear");
    ask (&client, "STLS", "go");
    client_tls (&client, versions[v], NULL);
    ask (&client, "ECHO hidden", "hidden");
    ask (&client, "PROP tls.version", v ? "TLSv1.3" : "TLSv1.2");
    client_close (&client);
  }
  /* Behind a source and other answers it begins when these are through. */
  struct client client;
  client_open (&client, server.port);
  expect_line (&client, "hello");
  client_send (&client, "SEND 2000000\nSTLS\n");
  expect_pattern (&client, 2000000);
  expect_line (&client, "sent");
  expect_line (&client, "go");
  client_tls (&client, 0, NULL);
  ask (&client, "ECHO hidden", "hidden");
  client_close (&client);
}

/* Commands that somebody put behind STLS in clear must not be executed as if TLS carried them. */
static void
starttls_injection (void **state) {
  struct client client;

  for (unsigned i = 0; i < 20; i++) {
    client_open (&client, server.port);
    expect_line (&client, "hello");
    client_send (&client, "STLS\nECHO injected\n");
    assert_null (client_line (&client));
    client_close (&client);
    AWAIT (server_counts (&server).closed == 2 * i + 1);
    AWAIT (log_has ("reason=starttls-injection"));

    /* In a packet of its own: caught there, or it is no handshake. */
    client_open (&client, server.port);
    expect_line (&client, "hello");
    client_send (&client, "STLS\n");
    client_send (&client, "ECHO injected\nECHO again\n");
    for (const char *line; (line = client_line (&client));)
      assert_string_equal (line, "go");
    client_close (&client);
    AWAIT (server_counts (&server).closed == 2 * i + 2);
  }
  assert_false (log_has ("injected"));
}

static void
no_starttls_without_certificate (void **state) {
  struct listener_spec spec = spec_default ();
  struct client client;

  server_start (&server, &spec, 0);
  client_open (&client, server.port);
  expect_line (&client, "hello");
  client_send (&client, "STLS\n");
  AWAIT (log_has ("reason=failed"));
  client_close (&client);
  server_stop (&server);
}

/* A handshake and commands that arrive octet by octet. */
static void
octet_by_octet (void **state) {
  SSL_CTX *context = SSL_CTX_new (TLS_client_method ());
  SSL *ssl = SSL_new (context);
  BIO *in = BIO_new (BIO_s_mem ()), *out = BIO_new (BIO_s_mem ());
  int fd = connect_to (server.port);
  bool asked = false;
  char answer[40] = "";

  BIO_set_mem_eof_return (in, -1);
  SSL_set_bio (ssl, in, out);
  SSL_set_connect_state (ssl);
  while (!strstr (answer, "slow")) {
    char octets[16384];
    char *data;
    long size;
    ssize_t got;

    if (SSL_do_handshake (ssl) == 1) {
      if (!asked)
        assert_int_equal (SSL_write (ssl, "ECHO slow\n", 10), 10);
      asked = true;
      int read = SSL_read (ssl, octets, 30);
      if (read > 0)
        strncat (answer, octets, (size_t)read);
    }
    size = BIO_get_mem_data (out, &data);
    for (long i = 0; i < size; i++) {
      assert_int_equal (send (fd, data + i, 1, MSG_NOSIGNAL), 1);
      if (i % 16 == 0)
        sleep_ms (1);
    }
    (void)BIO_reset (out);
    got = recv (fd, octets, sizeof octets, MSG_DONTWAIT);
    if (got > 0)
      BIO_write (in, octets, (int)got);
    else
      sleep_ms (1);
  }
  SSL_free (ssl);
  SSL_CTX_free (context);
  close (fd);
}

static void
resumption (void **state) {
  SSL_SESSION *ticket;
  struct client client;

  open_tls (&client, 0);
  ask (&client, "ECHO x", "x");
  ticket = SSL_get1_session (client.ssl);
  assert_true (SSL_SESSION_is_resumable (ticket));
  SSL_shutdown (client.ssl);
  client_close (&client);

  client_open (&client, server.port);
  client.context = SSL_CTX_new (TLS_client_method ());
  client.ssl = SSL_new (client.context);
  SSL_set_session (client.ssl, ticket);
  SSL_set_fd (client.ssl, client.fd);
  assert_int_equal (SSL_connect (client.ssl), 1);
  expect_line (&client, "hello");
  assert_true (SSL_session_reused (client.ssl));
  assert_int_equal (server_counts (&server).tls_resumed, 1);
  client_close (&client);
  SSL_SESSION_free (ticket);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (echo_and_sources, setup, teardown),
    cmocka_unit_test_setup_teardown (left_in_the_ssl_buffer, setup, teardown),
    cmocka_unit_test_setup_teardown (key_updates, setup, teardown),
    cmocka_unit_test_setup_teardown (close_notify_during_a_source, setup, teardown),
    cmocka_unit_test_setup_teardown (broken_off, setup, teardown),
    cmocka_unit_test_setup_teardown (not_tls, setup, teardown),
    cmocka_unit_test_setup_teardown (minimum, setup_1_3, teardown),
    cmocka_unit_test_setup_teardown (properties_and_bindings, setup, teardown),
    cmocka_unit_test_setup_teardown (starttls, setup_starttls, teardown),
    cmocka_unit_test_setup_teardown (starttls_injection, setup_starttls, teardown),
    cmocka_unit_test (no_starttls_without_certificate),
    cmocka_unit_test_setup_teardown (octet_by_octet, setup, teardown),
    cmocka_unit_test_setup_teardown (resumption, setup, teardown),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
