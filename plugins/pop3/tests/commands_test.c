/* SPDX-License-Identifier: Apache-2.0 */
/* commands_test.c - what each command answers, in each state. */
#include "client.h"

static void
a_whole_session (void **state) {
  struct server *server = *state;
  deliver (server, "ann", "Subject: 1\r\n\r\none\r\n");
  deliver (server, "ann", "Subject: 2\r\n\r\nno end");
  struct client *client = client_new (server, NULL);
  client_expect (client, "+OK mail.example.test POP3 ready\r\n");
  client_say (client, "USER ann\r\n");
  client_expect_line (client, "+OK");
  client_say (client, "PASS secret\r\n");
  client_expect (client, "+OK 2 messages (41 octets)\r\n");
  client_say (client, "STAT\r\n");
  client_expect (client, "+OK 2 41\r\n");
  client_say (client, "LIST\r\n");
  client_expect (client, "+OK 2 messages (41 octets)\r\n1 19\r\n2 22\r\n.\r\n");
  client_say (client, "LIST 2\r\n");
  client_expect (client, "+OK 2 22\r\n");
  client_say (client, "RETR 1\r\n");
  client_expect (client, "+OK 19 octets\r\nSubject: 1\r\n\r\none\r\n.\r\n");
  client_say (client, "RETR 2\r\n");
  client_expect (client, "+OK 22 octets\r\nSubject: 2\r\n\r\nno end\r\n.\r\n");
  client_say (client, "TOP 1 0\r\n");
  client_expect (client, "+OK\r\nSubject: 1\r\n\r\n.\r\n");
  client_say (client, "DELE 1\r\n");
  client_expect (client, "+OK deleted\r\n");
  client_say (client, "STAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\nLIST 1\r\nTOP 1 1\r\nUIDL 1\r\n");
  client_expect (client, "+OK 1 22\r\n+OK 1 messages (22 octets)\r\n2 22\r\n.\r\n");
  for (int i = 0; i < 5; i++)
    client_expect_line (client, "-ERR message is deleted");
  client_say (client, "NOOP\r\nRSET\r\n");
  client_expect (client, "+OK\r\n+OK 2 messages (41 octets)\r\n");
  client_say (client, "QUIT\r\n");
  client_expect (client, "+OK bye\r\n");
  client_expect_end (client);
  client_free (&client);
}

static void
empty_maildrop (void **state) {
  struct server *server = *state;
  struct client *client = client_login (server, "nobody-wrote-yet", NULL);
  client_say (client, "STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nDELE 0\r\nRSET\r\nQUIT\r\n");
  client_expect (client, "+OK 0 0\r\n+OK 0 messages (0 octets)\r\n.\r\n"
                         "+OK 0 messages (0 octets)\r\n.\r\n");
  client_expect_line (client, "-ERR no such message");
  client_expect_line (client, "-ERR no such message");
  client_expect (client, "+OK 0 messages (0 octets)\r\n+OK bye\r\n");
  client_expect_end (client);
  client_free (&client);
}

static void
in_any_case (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_say (client, "user bob\npAsS secret\r\nstat\r\nNoop\nquit\r\n");
  client_expect_line (client, "+OK mail");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK 0");
  client_expect (client, "+OK 0 0\r\n+OK\r\n+OK bye\r\n");
  client_expect_end (client);
  client_free (&client);
}

static void
wrong_states_and_arguments (void **state) {
  struct server *server = *state;
  static const char *const before[] = { "STAT",    "LIST",   "LIST 1",  "UIDL", "RETR 1",
                                        "TOP 1 1", "DELE 1", "NOOP",    "RSET", "PASS secret",
                                        "LAST",    "",       "RETRY 1", "QUI",  "QUIT now",
                                        "CAPA x",  "STLS x" };
  static const char *const behind[] = { "USER x",
                                        "PASS x",
                                        "APOP x y",
                                        "AUTH PLAIN",
                                        "STLS",
                                        "UTF8",
                                        "LAST",
                                        "RETR",
                                        "RETR x",
                                        "RETR 0",
                                        "RETR 2",
                                        "RETR -1",
                                        "RETR 99999999999999999999999",
                                        "RETR 1 1",
                                        "TOP 1",
                                        "TOP 1 x",
                                        "TOP x 1",
                                        "TOP 1 -1",
                                        "TOP 1 2 3",
                                        "DELE",
                                        "DELE 2",
                                        "LIST 2",
                                        "LIST x",
                                        "LIST 1 1",
                                        "UIDL 2",
                                        "STAT 1",
                                        "NOOP 1",
                                        "RSET 1",
                                        "QUIT 1",
                                        "CAPA 1",
                                        "LANG x",
                                        "LANG en x" };
  deliver (server, "ann", "x\r\n");
  for (int logged_in = 0; logged_in < 2; logged_in++) {
    struct client *client =
        logged_in ? client_login (server, "ann", NULL) : client_new (server, NULL);
    if (!logged_in)
      client_expect_line (client, "+OK mail");
    size_t count = logged_in ? G_N_ELEMENTS (behind) : G_N_ELEMENTS (before);
    for (size_t i = 0; i < count; i++) {
      client_say (client, logged_in ? behind[i] : before[i]);
      client_say (client, "\r\n");
      client_expect_line (client, "-ERR");
      client_expect_nothing (client);
    }
    client_say (client, "QUIT\r\n");
    client_expect (client, "+OK bye\r\n");
    client_expect_end (client);
    client_free (&client);
  }
}

static void
long_lines_and_nul (void **state) {
  struct server *server = *state;
  struct client *client = client_login (server, "ann", NULL);
  for (size_t length = 200; length < 700; length++) {
    g_autofree char *spaces = g_strnfill (length - 6, ' ');
    g_autofree char *line = g_strdup_printf ("NOOP%s\r\n", spaces);
    client_say (client, line);
    client_expect_line (client, length <= 255 ? "+OK" : "-ERR line too long");
    if (length > 255) { /* and goes on */
      client_say (client, "STAT\r\n");
      client_expect (client, "+OK 0 0\r\n");
    }
  }
  client_send (client, "NOOP\0\r\n", 7);
  client_expect_line (client, "-ERR");
  client_send (client, "NO\0OP\r\n", 7);
  client_expect_line (client, "-ERR");
  g_autofree char *big = g_strnfill (3000000, 'x');
  client_say (client, big);
  client_say (client, "\r\nNOOP\r\n");
  client_expect_line (client, "-ERR line too long");
  client_expect (client, "+OK\r\n");
  client_free (&client);
}

static void
nonsense_has_an_end (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  for (int i = 0; i < 30; i++)
    client_say (client, "GET / HTTP/1.1\r\n");
  for (int i = 0; i < 20; i++)
    client_expect_line (client, "-ERR unknown command");
  client_expect_line (client, "-ERR too many bad commands");
  client_expect_end (client);
  client_free (&client);
}

static void
capabilities (void **state) {
  struct server *server = *state;
  static const char *const listener[] = { "login_delay=1500ms", NULL };
  struct client *client = client_new (server, listener);
  client_expect_line (client, "+OK");
  client_say (client, "CAPA\r\n");
  client_expect (client, "+OK capabilities:\r\nUSER\r\nSASL PLAIN CHAT EXTRA\r\nTOP\r\nUIDL\r\n"
                         "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
                         "LOGIN-DELAY 2\r\nUTF8 USER\r\nLANG\r\nSTLS\r\n.\r\n");
  client_say (client, "USER ann\r\nPASS secret\r\nCAPA\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK");
  client_expect (client, "+OK capabilities:\r\nUSER\r\nSASL PLAIN CHAT EXTRA\r\nTOP\r\nUIDL\r\n"
                         "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
                         "LOGIN-DELAY 2\r\nUTF8 USER\r\nLANG\r\nIMPLEMENTATION Postern\r\n"
                         ".\r\n");
  client_free (&client);
}

static void
capabilities_tell_the_truth (void **state) {
  struct server *server = *state;
  static const char *const listener[] = { "expire=7", "utf8=no", "implementation=", NULL };
  struct client *client = client_new (server, listener);
  client->info.start_tls = 0;
  client_expect_line (client, "+OK");
  client_say (client, "CAPA\r\n");
  client_expect (client, "+OK capabilities:\r\nUSER\r\nSASL PLAIN CHAT EXTRA\r\nTOP\r\nUIDL\r\n"
                         "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE 7 USER\r\n"
                         "LANG\r\n.\r\n");
  client_say (client, "UTF8\r\nSTLS\r\nUSER keeper\r\nPASS secret\r\nCAPA\r\n");
  client_expect_line (client, "-ERR");
  client_expect_line (client, "-ERR");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK");
  client_expect (client, "+OK capabilities:\r\nUSER\r\nSASL PLAIN CHAT EXTRA\r\nTOP\r\nUIDL\r\n"
                         "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE 30\r\n"
                         "LANG\r\n.\r\n");
  client_free (&client);
  for (int i = 0; i < 2; i++) { /* what was seen counts for those who come later */
    client = client_new (server, i ? listener : NULL);
    client_expect_line (client, "+OK");
    client_say (client, "CAPA\r\n");
    for (int line = 0; line < 8; line++)
      client_line (client);
    client_expect (client, i ? "EXPIRE 7 USER\r\n" : "EXPIRE 30 USER\r\n");
    client_free (&client);
  }
}

static void
languages_and_utf8 (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "LANG\r\n");
  client_expect_line (client, "+OK");
  client_expect (client, "en English\r\ni-default Default language\r\n.\r\n");
  client_say (client, "LANG en\r\nLANG EN-gb\r\nLANG *\r\nLANG de\r\nLANG english\r\nUTF8\r\n");
  client_expect_line (client, "+OK en ");
  client_expect_line (client, "+OK en ");
  client_expect_line (client, "+OK i-default ");
  client_expect_line (client, "-ERR");
  client_expect_line (client, "-ERR");
  client_expect_line (client, "+OK UTF8");
  client_say (client, "USER J\xc3\xb6rg\r\nPASS secret\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK");
  g_autofree char *spaces = g_strnfill (506, ' ');
  g_autofree char *line = g_strdup_printf ("NOOP%s\r\nNOOP%s \r\n", spaces, spaces);
  client_say (client, line);
  client_expect_line (client, "+OK");
  client_expect_line (client, "-ERR line too long");
  client_free (&client);
  client = client_new (server, NULL);
  client_say (client, "USER J\xf6rg\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "-ERR");
  client_free (&client);
}

static void
uidls_last (void **state) {
  struct server *server = *state;
  for (int i = 0; i < 3; i++)
    deliver (server, "ann", "x\r\n");
  struct client *client = client_login (server, "ann", NULL);
  client_say (client, "UIDL\r\n");
  client_expect_line (client, "+OK");
  g_autofree char *first = g_strdup (client_line (client));
  g_autofree char *second = g_strdup (client_line (client));
  g_autofree char *third = g_strdup (client_line (client));
  client_expect (client, ".\r\n");
  assert_int_equal (strlen (first), strlen ("1 0123456789abcdef\r\n"));
  assert_string_not_equal (first + 2, second + 2);
  client_say (client, "UIDL 2\r\nDELE 1\r\nQUIT\r\n");
  g_autofree char *one = g_strconcat ("+OK ", second, NULL);
  client_expect (client, one);
  client_expect (client, "+OK deleted\r\n+OK bye, 1 messages removed\r\n");
  client_expect_end (client);
  client_free (&client);
  deliver (server, "ann", "y\r\n");
  client = client_login (server, "ann", NULL);
  client_say (client, "UIDL\r\n");
  client_expect_line (client, "+OK");
  second[0] = '1';
  third[0] = '2';
  client_expect (client, second);
  client_expect (client, third);
  const char *fourth = client_line (client);
  assert_string_not_equal (fourth + 2, first + 2);
  client_expect (client, ".\r\n");
  client_free (&client);
}

static void
goodbyes (void **state) {
  struct server *server = *state;
  static const struct {
    ptn_bye why;
    const char *text;
  } byes[] = { { PTN_BYE_TOO_MANY, "-ERR [SYS/TEMP] too\r\n" },
               { PTN_BYE_IDLE, "-ERR too\r\n" },
               { PTN_BYE_LOGIN_TIME, "-ERR too\r\n" },
               { PTN_BYE_STOPPING, "-ERR [SYS/TEMP] too\r\n" },
               { PTN_BYE_MEMORY, "-ERR [SYS/TEMP] too\r\n" } };
  for (size_t i = 0; i < G_N_ELEMENTS (byes); i++) {
    struct client *client = client_new (server, NULL);
    if (byes[i].why != PTN_BYE_TOO_MANY)
      client_expect_line (client, "+OK");
    server->protocol->goodbye (client->session, client->task, byes[i].why, "too");
    size_t size;
    g_autofree char *said = harness_stream_take (client->stream, &size);
    assert_string_equal (said, byes[i].text);
    client_free (&client);
  }
}

static void
start_tls (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "UTF8\r\nUSER ann\r\nSTLS\r\n");
  client_expect_line (client, "+OK UTF8");
  client_expect_line (client, "+OK");
  client_expect (client, "+OK begin TLS\r\n");
  client_expect_nothing (client);
  client_say (client, "PASS secret\r\nSTLS\r\nCAPA\r\n"); /* the name is forgotten */
  client_expect_line (client, "-ERR");
  client_expect_line (client, "-ERR TLS is active");
  client_expect_line (client, "+OK");
  for (const char *line; strcmp (line = client_line (client), ".\r\n") != 0;)
    assert_string_not_equal (line, "STLS\r\n");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "STLS\r\nUSER injected\r\n");
  client_expect (client, "+OK begin TLS\r\n");
  client_expect_end (client);
  assert_int_equal (client->status, PTN_E_INVALID);
  client_free (&client);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    POP3_TEST (a_whole_session),    POP3_TEST (empty_maildrop),
    POP3_TEST (in_any_case),        POP3_TEST (wrong_states_and_arguments),
    POP3_TEST (long_lines_and_nul), POP3_TEST (nonsense_has_an_end),
    POP3_TEST (capabilities),       POP3_TEST (capabilities_tell_the_truth),
    POP3_TEST (languages_and_utf8), POP3_TEST (uidls_last),
    POP3_TEST (goodbyes),           POP3_TEST (start_tls),
  };
  return client_main (argc, argv, tests, G_N_ELEMENTS (tests));
}
