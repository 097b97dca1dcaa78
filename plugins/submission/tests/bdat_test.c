/* SPDX-License-Identifier: Apache-2.0 */
/* bdat_test.c - BDAT (RFC 3030): chunks of any size, refused ones, and commands in between. */
#include "fixture.h"

static void
envelope (struct client *c) {
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "250");
}

static void
chunk (struct client *c, const char *data, bool last, const char *expected) {
  g_autofree char *line = g_strdup_printf ("BDAT %zu%s\r\n", strlen (data), last ? " LAST" : "");
  client_send (c, line);
  client_send (c, data);
  client_say (c, NULL, expected);
}

#define EXPECT(at, text) mailbox_expect (f, "alice", "INBOX", at, text, strlen (text))

static void
chunks (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  envelope (c);
  chunk (c, "Subject: x\r\n\r\n.\r\n..\r\n", true, "250 2.6.0");
  EXPECT (0, "Subject: x\r\n\r\n.\r\n..\r\n");
  envelope (c);
  chunk (c, "Subj", false, "250 2.0.0");
  client_say (c, "NOOP", "250");
  chunk (c, "", false, "250 2.0.0");
  client_say (c, "DATA", "503");
  client_say (c, "RCPT TO:<bob@example.test>", "503");
  client_say (c, "MAIL FROM:<>", "503");
  chunk (c, "ect: y\r\n", false, "250");
  chunk (c, "\r\nno line end", true, "250 2.6.0");
  EXPECT (1, "Subject: y\r\n\r\nno line end\r\n"); /* completed, as POP3 has to send lines */
  envelope (c);
  chunk (c, "x\r\n", false, "250");
  chunk (c, "", true, "250 2.6.0");
  EXPECT (2, "x\r\n");
  envelope (c);
  chunk (c, "", true, "250 2.6.0");
  EXPECT (3, "");
  /* Chunks do not know dots: this is no smuggling. */
  envelope (c);
  chunk (c, "a\n.\nb\r", true, "250");
  EXPECT (4, "a\n.\nb\r\r\n");
  client_close (&c);
}

static void
every_split (void **state) {
  static const char mail[] = "Subject: x\r\n\r\nab\r\n";
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  for (size_t cut = 0; cut <= strlen (mail); cut++) {
    g_autofree char *first = g_strndup (mail, cut);
    envelope (c);
    chunk (c, first, false, "250");
    chunk (c, mail + cut, true, "250 2.6.0");
    EXPECT (cut, mail);
  }
  client_close (&c);
}

static void
without_envelope (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  chunk (c, "MAIL FROM:<>\r\n", true, "503 5.5.1");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  chunk (c, "QUIT\r\n", false, "503 5.5.1 no valid recipients");
  chunk (c, "", true, "503");
  client_say (c, "NOOP", "250");
  client_close (&c);
}

/* After a refusal of the line nobody knows what comes: the end. */
static void
malformed (void **state) {
  static const char *const lines[] = { "BDAT",          "BDAT x",     "BDAT -1",
                                       "BDAT 1 LATE",   "BDAT 1LAST", "BDAT 99999999999999999999",
                                       "BDAT 1 LAST x", "BDAT  1" };
  struct fixture *f = *state;
  for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
    struct client *c = client_hello (f, "receive");
    envelope (c);
    client_say (c, lines[i], "501 5.5.4");
    client_expect_end (c);
    client_close (&c);
  }
}

static void
aborted (void **state) {
  struct fixture *f = *state;
  static const char *const words[] = { "RSET", "EHLO again", "QUIT" };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    struct client *c = client_hello (f, "receive");
    envelope (c);
    chunk (c, "Subject: x\r\n", false, "250");
    client_say (c, words[i], i == 2 ? "221" : "250");
    if (i < 2) {
      chunk (c, "more\r\n", true, "503");
      envelope (c);
      chunk (c, "whole\r\n", true, "250 2.6.0");
    }
    client_close (&c);
  }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 2);
  for (int cut = 0; cut < 10; cut++) { /* the peer goes away */
    struct client *c = client_hello (f, "receive");
    envelope (c);
    chunk (c, "Subject: x\r\n", false, "250");
    client_send_octets (c, "BDAT 8 LAST\r\n1234567", (size_t)cut * 2);
    client_settle (c);
    harness_stream_eof (c->stream);
    client_run (c);
    assert_string_equal (c->output->str, "");
    client_close (&c);
  }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 2);
}

static void
too_big (void **state) {
  struct fixture *f = *state;
  struct client *c =
      client_new (f, (const char *const[]){ "kind=receive", "max_message=20", NULL });
  client_say (c, NULL, "220");
  client_say (c, "EHLO me", "250-");
  envelope (c);
  chunk (c, "12345678901234567890", false, "250");
  chunk (c, "1", false, "552 5.3.4");
  chunk (c, "2", true, "503"); /* the mail is gone */
  envelope (c);
  chunk (c, "123456789012345678901", true, "552 5.3.4");
  envelope (c);
  chunk (c, "1234567890123456\r\n", true, "250");
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 1);
  client_close (&c);
}

static void
lmtp (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "lmtp");
  envelope (c);
  client_say (c, "RCPT TO:<bob@example.test>", "250");
  chunk (c, "half ", false, "250 2.0.0");
  client_send (c, "BDAT 6 LAST\r\nwhole\nNOOP\r\n");
  client_say (c, NULL, "250 2.1.5");
  client_say (c, NULL, "250 2.1.5");
  client_say (c, NULL, "250 2.0.0");
  EXPECT (0, "half whole\n\r\n");
  client_close (&c);
}

static void
pipelined (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  client_send (
      c, "MAIL FROM:<a@far.example>\r\nRCPT TO:<alice@example.test>\r\nBDAT 3\r\nabcBDAT 2\r\n"
         "\r\nBDAT 4 LAST\r\nde\r\nQUIT\r\n");
  static const char *const replies[] = { "250 2.1.0", "250 2.1.5", "250 2.0.0",
                                         "250 2.0.0", "250 2.6.0", "221" };
  for (size_t i = 0; i < G_N_ELEMENTS (replies); i++)
    client_say (c, NULL, replies[i]);
  EXPECT (0, "abc\r\nde\r\n");
  client_close (&c);
}

int
main (int argc, char **argv) {
#define TEST(name) cmocka_unit_test_setup_teardown (name, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST (chunks),  TEST (every_split), TEST (without_envelope), TEST (malformed), TEST (aborted),
    TEST (too_big), TEST (lmtp),        TEST (pipelined),
  };
  return smtp_tests (argc, argv, tests, G_N_ELEMENTS (tests));
}
