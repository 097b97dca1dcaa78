/* SPDX-License-Identifier: Apache-2.0 */
/* cutting_test.c - every command at every length, and a session cut at every octet. */
#include "client.h"

static const char conversation[] =
    "CAPA\r\nUSER ann\r\nPASS wrong\r\nAUTH CHAT\r\nYW5u\r\n*\r\nAUTH PLAIN\r\nAGFubgBzZWNyZXQ=\r\n"
    "CAPA\r\nSTAT\r\nLIST\r\nLIST 2\r\nUIDL 9\r\nRETR 1\r\nTOP 2 1\r\nNOOP\r\nbad\r\nDELE 2\r\n"
    "RSET\r\nLANG\r\nTOP 1 99999999999999999999\r\nQUIT\r\n";

static void
fill (struct server *server) {
  deliver (server, "ann", "Subject: a\r\n\r\n.one\r\n..\r\n");
  deliver (server, "ann", "Subject: b\r\n\r\none\r\ntwo\r\nthree");
}

static char *
whole (struct server *server) {
  struct client *client = client_new (server, NULL);
  client_say (client, conversation);
  g_autoptr (GString) all = g_string_new (NULL);
  while (!client->ended || client->output->len)
    g_string_append (all, client_line (client));
  client_free (&client);
  return g_string_free (g_steal_pointer (&all), FALSE);
}

static void
octet_by_octet (void **state) {
  struct server *server = *state;
  fill (server);
  g_autofree char *expected = whole (server);
  assert_non_null (strstr (expected, "+OK bye\r\n"));
  for (size_t step = 1; step < 12; step += 5) {
    struct client *client = client_new (server, NULL);
    for (size_t at = 0; at < sizeof conversation - 1; at += step) {
      client_send (client, conversation + at, MIN (step, sizeof conversation - 1 - at));
      if (!client->ended)
        client_step (client);
    }
    client_expect (client, expected);
    client_expect_end (client);
    client_free (&client);
  }
}

/* The connection ends behind each octet: nothing is left locked, nothing is removed. */
static void
ended_at_every_octet (void **state) {
  struct server *server = *state;
  fill (server);
  g_autofree char *expected = whole (server);
  for (size_t cut = 0; cut < sizeof conversation - 1; cut++) {
    struct client *client = client_new (server, NULL);
    client_send (client, conversation, cut);
    harness_stream_eof (client->stream);
    while (!client->ended)
      if (!client_step (client) && !client->ended)
        harness_wait (client->task);
    assert_true (g_str_has_prefix (expected, client->output->str));
    client_free (&client);
  }
}

/* A client that is gone at each step, whatever was waited for. */
static void
closed_at_every_step (void **state) {
  struct server *server = *state;
  fill (server);
  for (int steps = 0; steps < 60; steps++) {
    struct client *client = client_new (server, NULL);
    client_say (client, conversation);
    for (int i = 0; i < steps && !client->ended; i++)
      client_step (client);
    client_free (&client);
  }
  g_autofree char *still = whole (server);
  assert_non_null (strstr (still, "+OK 2 messages"));
}

static void
every_command_at_every_length (void **state) {
  struct server *server = *state;
  static const char *const commands[] = { "USER", "PASS", "APOP", "AUTH", "CAPA",
                                          "STLS", "UTF8", "LANG", "QUIT", "STAT",
                                          "LIST", "UIDL", "RETR", "TOP",  "DELE",
                                          "NOOP", "RSET", "XXXX", "",     "USER x\r\nPASS" };
  static const char *const listener[] = { "apop=yes", NULL };
  static const char fillers[] = { 'a', ' ', '9', '=', '\xff', '\0', '\r', '*' };
  fill (server);
  for (size_t c = 0; c < G_N_ELEMENTS (commands); c++)
    for (size_t f = 0; f < sizeof fillers; f++) {
      struct client *client = NULL;
      for (size_t length = 0; length < 530; length += length < 20 || length > 240 ? 1 : 13) {
        bool logged_in = length % 2;
        if (!client || client->ended) {
          if (client)
            client_free (&client);
          client =
              logged_in ? client_login (server, "ann", listener) : client_new (server, listener);
        }
        g_autofree char *argument = g_malloc (length + 4);
        memset (argument, fillers[f], length + 1);
        argument[0] = ' ';
        memcpy (argument + length + 1, "\r\n", 2);
        client_say (client, commands[c]);
        client_send (client, length ? argument : argument + 1, length ? length + 3 : 2);
        client_say (client, "*\r\nLANG\r\n"); /* out of an exchange, and a known answer */
        for (;;) {
          bool more = client_step (client);
          if (client->ended || strstr (client->output->str, "i-default Default language\r\n.\r\n"))
            break;
          if (!more)
            harness_wait (client->task);
        }
        g_string_truncate (client->output, 0);
      }
      client_free (&client);
    }
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    POP3_TEST (octet_by_octet),
    POP3_TEST (ended_at_every_octet),
    POP3_TEST (closed_at_every_step),
    POP3_TEST (every_command_at_every_length),
  };
  return client_main (argc, argv, tests, G_N_ELEMENTS (tests));
}
