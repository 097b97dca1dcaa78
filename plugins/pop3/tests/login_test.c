/* SPDX-License-Identifier: Apache-2.0 */
/* login_test.c - USER and PASS, APOP, AUTH, the lock, LOGIN-DELAY. */
#include "client.h"

static char *
base64 (const char *data, size_t size) {
  return g_base64_encode ((const guchar *)data, size);
}

static void
say_base64 (struct client *client, const char *before, const char *data, size_t size) {
  g_autofree char *encoded = base64 (data, size);
  g_autofree char *line = g_strdup_printf ("%s%s\r\n", before, encoded);
  client_say (client, line);
}

static void
refusals (void **state) {
  struct server *server = *state;
  static const struct {
    const char *user, *pass, *answer;
  } logins[] = {
    { "ann", "wrong", "-ERR [AUTH] wrong name or password\r\n" },
    { "expired", "secret", "-ERR [AUTH] the password has expired\r\n" },
    { "expired", "wrong", "-ERR [AUTH] wrong name or password\r\n" },
    { "busy", "secret", "-ERR [SYS/TEMP] the login cannot be checked now, try again later\r\n" },
    { "closed", "secret", "-ERR [SYS/PERM] this account is switched off\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (logins); i++) {
    struct client *client = client_new (server, NULL);
    client_expect_line (client, "+OK");
    for (int attempt = 0; attempt < 3; attempt++) {
      g_autofree char *commands =
          g_strdup_printf ("USER %s\r\nPASS %s\r\n", logins[i].user, logins[i].pass);
      client_say (client, commands);
      client_expect_line (client, "+OK");
      client_expect (client, logins[i].answer);
    }
    client_expect_end (client); /* three are enough */
    client_free (&client);
  }
}

static void
passwords_with_spaces (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "PASS secret\r\nUSER \r\nUSER a b\r\nPASS  secret\r\nPASS secret\r\n");
  client_expect_line (client, "-ERR USER first");
  client_expect_line (client, "-ERR not a name");
  client_expect_line (client, "+OK");
  client_expect_line (client, "-ERR [AUTH]"); /* the space belongs to it */
  client_expect_line (client, "-ERR USER first");
  client_say (client, "USER a b\r\nPASS secret\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK 0");
  client_free (&client);
}

static void
sasl_with_and_without_initial_response (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  say_base64 (client, "AUTH plain ", "\0ann\0secret", 11);
  client_expect_line (client, "+OK 0");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH PLAIN\r\n");
  client_expect (client, "+ \r\n");
  say_base64 (client, "", "\0ann\0secret", 11);
  client_expect_line (client, "+OK 0");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH CHAT\r\n");
  client_expect (client, "+ bmFtZT8=\r\n");
  client_say (client, "YW5u\r\n");
  client_expect (client, "+ c2VjcmV0Pw==\r\n");
  client_say (client, "c2VjcmV0\r\n");
  client_expect_line (client, "+OK 0");
  client_free (&client);
}

static void
sasl_refusals (void **state) {
  struct server *server = *state;
  static const struct {
    const char *say, *answer;
  } rounds[] = {
    { "AUTH PLAIN\r\n*\r\n", "+ \r\n-ERR authentication given up\r\n" },
    { "AUTH PLAIN\r\nnot base64!\r\n", "+ \r\n-ERR malformed response\r\n" },
    { "AUTH PLAIN AGFu\r\n", "-ERR malformed response\r\n" },
    { "AUTH PLAIN ====\r\n", "-ERR malformed response\r\n" },
    { "AUTH PLAIN A\r\n", "-ERR malformed response\r\n" },
    { "AUTH PLAIN =\r\n", "-ERR malformed response\r\n" },
    { "AUTH PLAIN\r\n\r\n", "+ \r\n-ERR malformed response\r\n" },
    { "AUTH NOSUCH\r\n", "-ERR this mechanism is not offered\r\n" },
    { "AUTH APOP\r\n", "-ERR this mechanism is not offered\r\n" },
    { "AUTH AMECHANISMOFAVERYLONGNAMEINDEED\r\n", "-ERR this mechanism is not offered\r\n" },
    { "AUTH PLAIN AGFubgB3cm9uZw==\r\n", "-ERR [AUTH] wrong name or password\r\n" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rounds); i++) {
    struct client *client = client_new (server, NULL);
    client_expect_line (client, "+OK");
    client_say (client, rounds[i].say);
    client_expect (client, rounds[i].answer);
    client_say (client, "QUIT\r\n"); /* still there */
    client_expect (client, "+OK bye\r\n");
    client_free (&client);
  }
}

static void
sasl_long_responses (void **state) {
  struct server *server = *state;
  g_autofree char *secret = g_strnfill (9000, 's');
  memcpy (secret, "\0ann\0", 5);
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH PLAIN\r\n");
  client_expect (client, "+ \r\n");
  say_base64 (client, "", secret, 9000); /* 12,000 characters */
  client_expect_line (client, "-ERR [AUTH]");
  say_base64 (client, "AUTH PLAIN ", secret, 3000);
  client_expect_line (client, "-ERR [AUTH]");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  g_autofree char *token = g_strnfill (49000, 's'); /* 65,336 characters */
  memcpy (token, "\0ann\0", 5);
  say_base64 (client, "AUTH PLAIN ", token, 49000);
  client_expect_line (client, "-ERR [AUTH]");
  client_say (client, "AUTH PLAIN\r\n");
  client_expect (client, "+ \r\n");
  say_base64 (client, "", token, 49000);
  client_expect_line (client, "-ERR [AUTH]");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  g_autofree char *big = g_strnfill (70000, 'A');
  client_say (client, "AUTH PLAIN\r\n");
  client_expect (client, "+ \r\n");
  client_say (client, big);
  client_say (client, "\r\nNOOP\r\n");
  client_expect_line (client, "-ERR malformed response");
  client_expect_line (client, "-ERR log in first");
  client_free (&client);
}

static void
data_with_success (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH EXTRA YW5u\r\n");
  client_expect (client, "+ dj1maW5l\r\n");
  client_expect_nothing (client);
  client_say (client, "\r\n");
  client_expect_line (client, "+OK 0");
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH EXTRA YW5u\r\n*\r\nSTAT\r\nAUTH EXTRA YW5u\r\nYW5u\r\nSTAT\r\n");
  client_expect (client, "+ dj1maW5l\r\n");
  client_expect_line (client, "-ERR authentication given up");
  client_expect_line (client, "-ERR log in first");
  client_expect (client, "+ dj1maW5l\r\n");
  client_expect_line (client, "-ERR malformed");
  client_expect_line (client, "-ERR log in first");
  client_free (&client);
}

static void
list_of_mechanisms (void **state) {
  struct server *server = *state;
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH\r\n");
  client_expect (client, "+OK mechanisms:\r\nPLAIN\r\nCHAT\r\nEXTRA\r\n.\r\n");
  client_free (&client);
}

static void
apop (void **state) {
  struct server *server = *state;
  static const char *const listener[] = { "apop=yes", NULL };
  struct client *client = client_new (server, NULL);
  client_expect (client, "+OK mail.example.test POP3 ready\r\n");
  client_say (client, "APOP ann aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
  client_expect_line (client, "-ERR APOP is not offered");
  client_free (&client);
  char seen[2][64];
  for (int i = 0; i < 2; i++) {
    client = client_new (server, listener);
    const char *greeting = client_line (client);
    const char *stamp = strchr (greeting, '<');
    assert_non_null (stamp);
    assert_non_null (strstr (stamp, "@mail.example.test>\r\n"));
    g_strlcpy (seen[i], stamp, sizeof seen[i]);
    client_say (client, "APOP ann\r\nAPOP ann 12\r\n"
                        "APOP ann gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                        "APOP ann aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\r\n"
                        "APOP ann aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaAA\r\n");
    for (int wrong = 0; wrong < 3; wrong++)
      client_expect_line (client, "-ERR wrong arguments");
    client_expect_line (client, "-ERR [AUTH]");
    client_expect_line (client, "+OK 0");
    client_free (&client);
  }
  assert_string_not_equal (seen[0], seen[1]);
}

static void
plaintext_needs_tls (void **state) {
  static const char *const strict[] = { "clear=no", NULL };
  struct server *server = server_new (strict, NULL);
  struct client *client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "CAPA\r\n");
  for (const char *line; strcmp (line = client_line (client), ".\r\n") != 0;) {
    assert_string_not_equal (line, "USER\r\n");
    assert_false (g_str_has_prefix (line, "SASL"));
  }
  client_say (client, "USER ann\r\nPASS secret\r\nAUTH\r\nSTLS\r\n");
  client_expect_line (client, "-ERR [SYS/PERM] not without encryption");
  client_expect_line (client, "-ERR USER first");
  client_expect (client, "+OK mechanisms:\r\n.\r\n+OK begin TLS\r\n");
  client_say (client, "USER ann\r\nPASS secret\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "+OK 0");
  client_free (&client);
  server_free (&server);
}

static void
one_session_a_maildrop (void **state) {
  struct server *server = *state;
  struct client *first = client_login (server, "ann", NULL);
  struct client *second = client_new (server, NULL);
  client_expect_line (second, "+OK");
  for (int i = 0; i < 5; i++) { /* not a failed login: may try again and again */
    client_say (second, "USER ann\r\nPASS secret\r\n");
    client_expect_line (second, "+OK");
    client_expect_line (second, "-ERR [IN-USE]");
  }
  client_say (second, "STAT\r\n");
  client_expect_line (second, "-ERR log in first");
  struct client *other = client_login (server, "bob", NULL);
  client_free (&other);
  client_say (first, "QUIT\r\n");
  client_expect_line (first, "+OK bye"); /* before the connection is closed */
  client_say (second, "USER ann\r\nPASS secret\r\n");
  client_expect_line (second, "+OK");
  client_expect_line (second, "+OK 0");
  client_free (&first);
  client_free (&second); /* without QUIT: unlocked all the same */
  first = client_login (server, "ann", NULL);
  client_free (&first);
}

static void
login_delay (void **state) {
  struct server *server = *state;
  static const char *const long_delay[] = { "login_delay=1h", NULL };
  static const char *const short_delay[] = { "login_delay=300ms", NULL };
  struct client *client = client_login (server, "ann", long_delay);
  client_say (client, "QUIT\r\n");
  client_expect_line (client, "+OK bye");
  client_free (&client);
  client = client_new (server, long_delay);
  client_expect_line (client, "+OK");
  client_say (client, "USER ann\r\nPASS secret\r\nUSER bob\r\nPASS secret\r\n");
  client_expect_line (client, "+OK");
  client_expect_line (client, "-ERR [LOGIN-DELAY]");
  client_expect_line (client, "+OK"); /* somebody else */
  client_expect_line (client, "+OK 0");
  client_free (&client);
  g_usleep (320000);
  client = client_login (server, "ann", short_delay);
  client_free (&client);
}

static void
login_that_waits (void **state) {
  static const char *const waiting[] = { "pending=yes", NULL };
  struct server *server = server_new (waiting, NULL);
  struct client *client = client_login (server, "ann", NULL);
  client_free (&client);
  client = client_new (server, NULL);
  client_expect_line (client, "+OK");
  client_say (client, "AUTH CHAT\r\n");
  client_expect (client, "+ bmFtZT8=\r\n");
  client_say (client, "YW5u\r\n");
  client_expect (client, "+ c2VjcmV0Pw==\r\n");
  client_say (client, "c2VjcmV0\r\nSTAT\r\nQUIT\r\n");
  client_expect_line (client, "+OK 0");
  client_expect (client, "+OK 0 0\r\n+OK bye\r\n");
  client_free (&client);
  for (int i = 0; i < 20; i++) { /* gone while it is checked */
    client = client_new (server, NULL);
    client_expect_line (client, "+OK");
    client_say (client, "USER ann\r\nPASS secret\r\n");
    int64_t deadline = INT64_MAX;
    for (int step = 0; step < i % 4; step++)
      server->protocol->step (client->session, client->task, &deadline);
    client_free (&client);
  }
  client = client_login (server, "ann", NULL); /* and the lock with it */
  client_free (&client);
  server_free (&server);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    POP3_TEST (refusals),
    POP3_TEST (passwords_with_spaces),
    POP3_TEST (sasl_with_and_without_initial_response),
    POP3_TEST (sasl_refusals),
    POP3_TEST (sasl_long_responses),
    POP3_TEST (data_with_success),
    POP3_TEST (list_of_mechanisms),
    POP3_TEST (apop),
    POP3_TEST (plaintext_needs_tls),
    POP3_TEST (one_session_a_maildrop),
    POP3_TEST (login_delay),
    POP3_TEST (login_that_waits),
  };
  return client_main (argc, argv, tests, G_N_ELEMENTS (tests));
}
