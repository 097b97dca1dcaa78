/* SPDX-License-Identifier: Apache-2.0 */
/* commands_test.c - every command right and wrong, at every length and cut at every octet. */
#include "fixture.h"

struct talk {
  const char *line, *expected;
};

static void
run_talk (struct client *c, const struct talk *talk, size_t count) {
  for (size_t i = 0; i < count; i++)
    client_say (c, talk[i].line, talk[i].expected);
}
#define RUN(client, talk) run_talk (client, talk, G_N_ELEMENTS (talk))

static void
receiving (void **state) {
  static const struct talk talk[] = {
    { "MAIL FROM:<a@far.example>", "503 5.5.1" },
    { "EHLO", "501 5.5.4" },
    { "EHLO a b", "501 5.5.4" },
    { "EHLO me.example",
      "250-mail.example.test greets me.example\n250-PIPELINING\n250-SIZE 50000000\n250-8BITMIME\n"
      "250-SMTPUTF8\n250-CHUNKING\n250-STARTTLS\n250 ENHANCEDSTATUSCODES" },
    { "LHLO me.example", "500 5.5.1" },
    { "HELO me.example", "250 mail.example.test" },
    { "MAIL FROM:<a@far.example> SIZE=10", "555 5.5.4" }, /* after HELO */
    { "ehlo me.example", "250-" },
    { "AUTH PLAIN AGEAYg==", "502 5.5.1" },
    { "RCPT TO:<alice@example.test>", "503 5.5.1" },
    { "DATA", "503 5.5.1" },
    { "MAIL", "501 5.5.4" },
    { "MAIL FROM", "501 5.5.4" },
    { "MAIL FROM: <a@far.example>", "501 5.1.7" },
    { "MAIL FROM:a@far.example", "501 5.1.7" },
    { "MAIL FROM:<a@far.example", "501 5.1.7" },
    { "MAIL FROM:<a@far.example>SIZE=1", "501 5.5.4" },
    { "MAIL FROM:<a@far.example>  SIZE=1", "501 5.5.4" },
    { "MAIL FROM:<a@far.example> SIZE=x", "501 5.5.4" },
    { "MAIL FROM:<a@far.example> SIZE", "501 5.5.4" },
    { "MAIL FROM:<a@far.example> SIZE=1 SIZE=1", "501 5.5.4" },
    { "MAIL FROM:<a@far.example> SIZE=50000001", "552 5.3.4" },
    { "MAIL FROM:<a@far.example> SIZE=99999999999999999999", "552 5.3.4" },
    { "MAIL FROM:<a@far.example> BODY=BINARYMIME", "555 5.5.4" },
    { "MAIL FROM:<a@far.example> WHAT=1", "555 5.5.4" },
    { "MAIL FROM:<a@far.example> AUTH=<>", "555 5.5.4" },
    { "MAIL FROM:<a@far.example> SMTPUTF8=1", "501 5.5.4" },
    { "MAIL FROM:<\xc3\xbc@far.example>", "553 5.6.7" },
  };
  struct client *c =
      client_new (*state, (const char *const[]){ "kind=receive", "max_errors=100", NULL });
  client_say (c, NULL, "220 mail.example.test ESMTP Postern");
  RUN (c, talk);
  static const struct talk mail[] = {
    { "mail from:<a@far.example> size=50000000 body=8bitmime smtputf8", "250 2.1.0" },
    { "MAIL FROM:<b@far.example>", "503 5.5.1" },
    { "DATA", "554 5.5.1" },
    { "RCPT", "501 5.5.4" },
    { "RCPT TO:alice@example.test", "501 5.1.3" },
    { "RCPT TO:<>", "501 5.1.3" },
    { "RCPT TO:<alice@example.test> NOTIFY=NEVER", "555 5.5.4" },
    { "RCPT TO:<nobody@example.test>", "550 5.1.1 no such user" },
    { "RCPT TO:<x@far.example>", "550 5.7.1 not a local address" },
    { "RCPT TO:<later@example.test>", "451 4.3.0" },
    { "RCPT TO:<alice@example.test>", "250 2.1.5" },
    { "RCPT TO:<@relay.example:bob@example.test>", "250 2.1.5" },
    { "RCPT TO:<Postmaster>", "250 2.1.5" },
    { "RCPT TO:<\xc3\xbc@example.test>", "250 2.1.5" },
    { "VRFY", "501 5.5.4" },
    { "VRFY alice", "252 2.0.0" },
    { "EXPN team", "502 5.5.1" },
    { "NOOP", "250 2.0.0" },
    { "NOOP with words", "250 2.0.0" },
    { "HELP", "214-2.0.0" },
    { "RSET now", "501 5.5.4" },
    { "RSET", "250 2.0.0" },
    { "RCPT TO:<alice@example.test>", "503 5.5.1" },
    { "WHAT", "500 5.5.1" },
    { "", "500 5.5.1" },
    { " NOOP", "500 5.5.1" },
    { "NOO", "500 5.5.1" },
    { "NOOPS", "500 5.5.1" },
    { "NO\tOP", "500 5.5.2" },
    { "QUIT now", "501 5.5.4" },
    { "QUIT", "221 2.0.0" },
  };
  RUN (c, mail);
  client_expect_end (c);
  client_close (&c);
}

static void
submitting (void **state) {
  struct client *c = client_hello (*state, "submission");
  static const struct talk before[] = {
    { "MAIL FROM:<alice@example.test>", "530 5.7.0" },
    { "RCPT TO:<bob@example.test>", "503 5.5.1" },
    { "DATA", "503 5.5.1" },
  };
  RUN (c, before);
  client_login (c, "alice");
  static const struct talk after[] = {
    { "AUTH PLAIN", "503 5.5.1" },
    { "STARTTLS", "503 5.5.1" },
    { "MAIL FROM:<bob@example.test>", "550 5.7.1" },
    { "MAIL FROM:<later@example.test>", "451 4.3.0" },
    { "MAIL FROM:<alice@example.test> AUTH=a+2Bb@x.y", "250 2.1.0" },
    { "RSET", "250" },
    { "MAIL FROM:<alice@example.test> AUTH=a+2", "501 5.5.4" },
    { "MAIL FROM:<> AUTH=<>", "250 2.1.0" },
    { "RCPT TO:<x@far.example>", "550 5.7.1 this server does not send mail to other servers" },
    { "RCPT TO:<bob@example.test>", "250 2.1.5" },
    { "QUIT", "221" },
  };
  RUN (c, after);
  client_expect_end (c);
  client_close (&c);
}

static void
any_sender_when_not_checked (void **state) {
  struct client *c =
      client_new (*state, (const char *const[]){ "kind=submission", "check_sender=no", NULL });
  client_say (c, NULL, "220");
  client_say (c, "EHLO me", "250-");
  client_login (c, "alice");
  client_say (c, "MAIL FROM:<who@far.example>", "250");
  client_close (&c);
}

static void
lmtp_words (void **state) {
  struct client *c = client_new (*state, (const char *const[]){ "kind=lmtp", NULL });
  static const struct talk talk[] = {
    { NULL, "220 mail.example.test LMTP Postern" },
    { "EHLO me", "500 5.5.1" },
    { "HELO me", "500 5.5.1" },
    { "LHLO me", "250-" },
    { "AUTH PLAIN", "502 5.5.1" },
    { "MAIL FROM:<a@far.example>", "250" },
    { "DATA", "503 5.5.1" },
    { "RCPT TO:<nobody@example.test>", "550 5.1.1" },
    { "DATA", "503 5.5.1" },
  };
  RUN (c, talk);
  client_close (&c);
}

static void
quota (void **state) {
  struct client *c = client_hello (*state, "receive");
  static const struct talk talk[] = {
    { "MAIL FROM:<a@far.example> SIZE=2001", "250" },
    { "RCPT TO:<small@example.test>", "552 5.2.3" },
    { "RSET", "250" },
    { "MAIL FROM:<a@far.example> SIZE=1999", "250" },
    { "RCPT TO:<small@example.test>", "250" },
    { "DATA", "354" },
    { "small mail\r\n.", "250 2.6.0" },
    { "MAIL FROM:<a@far.example> SIZE=1999", "250" },
    { "RCPT TO:<small@example.test>", "452 4.2.2" },
    { "RCPT TO:<few@example.test>", "250" },
  };
  RUN (c, talk);
  client_close (&c);
}

static void
too_many (void **state) {
  struct client *c = client_new (*state, (const char *const[]){ "kind=receive", "max_recipients=3",
                                                                "max_errors=5", NULL });
  client_say (c, NULL, "220");
  client_say (c, "EHLO me", "250-");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  for (int i = 0; i < 3; i++)
    client_say (c, "RCPT TO:<alice@example.test>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "452 4.5.3");
  client_say (c, "RSET", "250");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  for (int i = 0; i < 3; i++)
    client_say (c, "RCPT TO:<nobody@example.test>", "550");
  for (int i = 0; i < 3; i++)
    client_say (c, "WHAT", "500");
  client_say (c, NULL, "421 4.7.0 mail.example.test too many errors");
  client_expect_end (c);
  client_close (&c);
}

static void
starttls (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "STARTTLS now", "501 5.5.4");
  client_say (c, "STARTTLS", "220 2.0.0");
  client_say (c, "MAIL FROM:<alice@example.test>", "503 5.5.1 say EHLO first");
  client_send (c, "EHLO me\r\n");
  assert_null (strstr (client_reply (c), "STARTTLS"));
  client_say (c, "STARTTLS", "503 5.5.1");
  client_close (&c);

  /* What was sent in clear behind the command must not count. */
  c = client_hello (*state, "submission");
  client_send (c, "STARTTLS\r\nEHLO evil\r\n");
  client_say (c, NULL, "220");
  client_run (c);
  assert_true (c->last < 0);
  client_close (&c);
}

/* A web page can make a browser say things to us. */
static void
not_a_browser (void **state) {
  struct client *c = client_new (*state, (const char *const[]){ "kind=receive", NULL });
  client_say (c, NULL, "220");
  client_say (c, "POST / HTTP/1.1", "421 4.7.0");
  client_expect_end (c);
  client_close (&c);
}

static void
line_ends (void **state) {
  struct client *c = client_hello (*state, "receive");
  client_send (c, "NOOP\nNOOP\r\n");
  client_say (c, NULL, "500 5.5.2");
  client_say (c, NULL, "250");
  client_send (c, "NOOP\rNOOP\r\n");
  client_say (c, NULL, "500 5.5.2");
  client_send_octets (c, "NOOP\0\r\n", 7);
  client_say (c, NULL, "500 5.5.2");
  client_say (c, "NOOP", "250");
  client_close (&c);
}

/* A word and blanks or letters behind it, up to and over every limit. */
static void
every_length (void **state) {
  static const char *const words[] = { "NOOP", "MAIL FROM:", "EHLO", "XYZ", "VRFY" };
  struct client *c =
      client_new (*state, (const char *const[]){ "kind=receive", "max_errors=1000000", NULL });
  client_say (c, NULL, "220");
  for (size_t w = 0; w < G_N_ELEMENTS (words); w++)
    for (size_t size = 0; size < 1200; size += size < 540 || size > 1040 ? 1 : 37) {
      g_autoptr (GString) line = g_string_new (words[w]);
      g_string_append_c (line, ' ');
      while (line->len < size)
        g_string_append_c (line, 'x');
      client_send (c, line->str);
      client_send (c, "\r\n");
      const char *reply = client_reply (c);
      bool fits = line->len + 2 <= 512 + 26 + 17 + 10 + 500;
      assert_int_equal (fits, !g_str_has_prefix (reply, "500 5.5.2 line too long"));
    }
  /* Far over, and what follows is understood. */
  g_autofree char *much = g_strnfill (300000, 'y');
  client_say (c, much, "500 5.5.2 line too long");
  client_say (c, "NOOP", "250");
  client_close (&c);
}

static const char whole[] = "EHLO me.example\r\nMAIL FROM:<a@far.example> SIZE=20\r\n"
                            "RCPT TO:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\n"
                            "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\nQUIT\r\n";

/* The octets come in two pieces, cut anywhere: the answers are the same. */
static void
every_cut (void **state) {
  g_autofree char *first = NULL;
  for (size_t cut = 0; cut <= strlen (whole); cut++) {
    struct client *c = client_new (*state, (const char *const[]){ "kind=receive", NULL });
    client_send_octets (c, whole, cut);
    client_settle (c);
    client_send (c, whole + cut);
    client_run (c);
    assert_int_equal (c->last, PTN_END);
    if (!first)
      first = g_strdup (c->output->str);
    assert_string_equal (c->output->str, first);
    client_close (&c);
  }
}

/* The peer goes away after any octet. */
static void
every_end (void **state) {
  for (size_t cut = 0; cut < strlen (whole); cut++) {
    struct client *c = client_new (*state, (const char *const[]){ "kind=receive", NULL });
    client_send_octets (c, whole, cut);
    harness_stream_eof (c->stream);
    client_run (c);
    assert_int_equal (c->last, PTN_END);
    client_close (&c);
  }
}

static void
ten_thousand_pipelined (void **state) {
  struct client *c = client_hello (*state, "receive");
  g_autoptr (GString) all = g_string_new (NULL);
  for (int i = 0; i < 10000; i++)
    g_string_append (all, "NOOP\r\n");
  client_send (c, all->str);
  for (int i = 0; i < 10000; i++)
    client_say (c, NULL, "250 2.0.0");
  client_say (c, "QUIT", "221");
  client_close (&c);
}

static void
goodbye (void **state) {
  static const struct {
    ptn_bye why;
    const char *expected;
  } byes[] = { { PTN_BYE_TOO_MANY, "421 4.7.0" },
               { PTN_BYE_LOGIN_TIME, "421 4.4.2" },
               { PTN_BYE_IDLE, "421 4.4.2" },
               { PTN_BYE_STOPPING, "421 4.3.2" },
               { PTN_BYE_MEMORY, "421 4.3.1" } };
  struct fixture *f = *state;
  for (size_t i = 0; i < G_N_ELEMENTS (byes); i++) {
    struct client *c = client_hello (f, "receive");
    client_say (c, "MAIL FROM:<a@far.example>", "250");
    client_say (c, "RCPT TO:<alice@example.test>", "250");
    client_say (c, "DATA", "354");
    client_send (c, "half a mail");
    client_settle (c);
    f->protocol->goodbye (c->session, c->task, byes[i].why, NULL);
    size_t size;
    g_autofree char *words = harness_stream_take (c->stream, &size);
    assert_true (g_str_has_prefix (words, byes[i].expected));
    client_close (&c);
  }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 0);
}

int
main (int argc, char **argv) {
#define TEST(name) cmocka_unit_test_setup_teardown (name, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST (receiving),
    TEST (submitting),
    TEST (any_sender_when_not_checked),
    TEST (lmtp_words),
    TEST (quota),
    TEST (too_many),
    TEST (starttls),
    TEST (not_a_browser),
    TEST (line_ends),
    TEST (every_length),
    TEST (every_cut),
    TEST (every_end),
    TEST (ten_thousand_pipelined),
    TEST (goodbye),
  };
  return smtp_tests (argc, argv, tests, G_N_ELEMENTS (tests));
}
