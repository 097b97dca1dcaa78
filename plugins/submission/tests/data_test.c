/* SPDX-License-Identifier: Apache-2.0 */
/* data_test.c - DATA: what is sent is what is stored, octet for octet, or nothing is. */
#include "fixture.h"

static void
envelope (struct client *c, const char *recipient) {
  g_autofree char *line = g_strdup_printf ("RCPT TO:<%s@example.test>", recipient);
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, line, "250");
  client_say (c, "DATA", "354");
}

/* Dots doubled at line starts, CRLF.CRLF at the end. */
static GString *
stuff (const char *data, size_t size) {
  GString *out = g_string_new (NULL);
  for (size_t i = 0; i < size; i++) {
    if (data[i] == '.' && (i == 0 || (i >= 2 && data[i - 1] == '\n' && data[i - 2] == '\r')))
      g_string_append_c (out, '.');
    g_string_append_c (out, data[i]);
  }
  if (size && (size < 2 || memcmp (data + size - 2, "\r\n", 2)))
    g_string_append (out, "\r\n");
  g_string_append (out, ".\r\n");
  return out;
}

static void
shapes (void **state) {
  static const struct {
    const char *data;
    size_t size;
  } mails[] = {
#define MAIL(text) { text, sizeof text - 1 }
    MAIL (""),
    MAIL ("\r\n"),
    MAIL ("body only\r\n"),
    MAIL ("Subject: x\r\n\r\nbody\r\n"),
    MAIL ("Subject: x\r\n\r\n.\r\n..\r\n...\r\n.a\r\n"),
    MAIL ("Subject: \xc3\xbc\r\n\r\n\xff\xfe\x80\r\n"),
    MAIL ("Subject: x\r\n\r\nNUL \0 and \0\r\n"),
    MAIL ("Subject: x\r\n\r\nbare \n and \r here\n\n\r\r\n"),
    MAIL ("\n\n\n\r\n"),
  };
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  for (size_t i = 0; i < G_N_ELEMENTS (mails); i++) {
    g_autoptr (GString) wire = stuff (mails[i].data, mails[i].size);
    envelope (c, "alice");
    client_send_octets (c, wire->str, wire->len);
    client_say (c, NULL, "250 2.6.0");
    mailbox_expect (f, "alice", "INBOX", i, mails[i].data, mails[i].size);
  }
  client_close (&c);
}

static void
big_ones (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  g_autoptr (GString) mail = g_string_new ("Subject: one line\r\n\r\n");
  for (int i = 0; i < 1000 * 1000; i++)
    g_string_append_c (mail, (char)(i % 251 == 13 || i % 251 == 10 ? ' ' : i % 251));
  g_string_append (mail, "\r\n");
  g_autoptr (GString) wire = stuff (mail->str, mail->len);
  envelope (c, "alice");
  for (size_t at = 0; at < wire->len; at += 40000) {
    client_send_octets (c, wire->str + at, MIN (wire->len - at, 40000));
    client_settle (c);
  }
  client_say (c, NULL, "250 2.6.0");
  mailbox_expect (f, "alice", "INBOX", 0, mail->str, mail->len);
  client_close (&c);
}

/* A mail without header that begins with a blank must not become part of our Received field. */
static void
leading_blank (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  envelope (c, "alice");
  client_say (c, "\tforged; Mon, 1 Jan 2001 00:00:00 +0000\r\n.", "250");
  g_autoptr (GPtrArray) mails = mailbox_read (f, "alice", "INBOX");
  const GString *mail = mails->pdata[0];
  assert_non_null (strstr (mail->str, "+0000\r\n\r\n\tforged; Mon, 1 Jan 2001 00:00:00 +0000\r\n"));
  client_close (&c);
}

static void
trace (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  envelope (c, "alice");
  client_say (c, "x\r\n.", "250 2.6.0 the mail is stored as S1-1");
  g_autoptr (GPtrArray) mails = mailbox_read (f, "alice", "INBOX");
  const GString *mail = mails->pdata[0];
  assert_true (g_str_has_prefix (mail->str, "Return-Path: <a@far.example>\r\n"
                                            "Received: from me.example ([192.0.2.1])\r\n"
                                            "\tby mail.example.test (Postern) with ESMTP\r\n"
                                            "\tid S1-1\r\n"
                                            "\tfor <alice@example.test>; "));
  client_close (&c);

  harness_stream_set_property ((c = client_hello (f, "submission"))->stream, "peer.address",
                               "2001:db8::1");
  client_say (c, "STARTTLS", "220");
  client_say (c, "EHLO [IPv6:::1]", "250-");
  client_login (c, "bob");
  client_say (c, "MAIL FROM:<bob@example.test> SMTPUTF8", "250");
  client_say (c, "RCPT TO:<bob@example.test>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "250");
  client_say (c, "DATA", "354");
  client_say (c, "x\r\n.", "250");
  g_autoptr (GPtrArray) second = mailbox_read (f, "bob", "INBOX");
  mail = second->pdata[0];
  assert_true (g_str_has_prefix (mail->str, "Return-Path: <bob@example.test>\r\n"
                                            "Received: from [IPv6:::1] ([IPv6:2001:db8::1])\r\n"
                                            "\tby mail.example.test (Postern) with UTF8SMTPSA\r\n"
                                            "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
                                            "\tid S1-1; "));
  assert_null (strstr (mail->str, "for <"));
  client_close (&c);
}

static void
smuggling (void **state) {
  static const char *const dots[] = { "\n.\n",   "\n.\r\n", "\r\n.\n", "\r.\r",      "\r\n.\r",
                                      "\r.\r\n", "\n.\r",   "\r.\n",   "\r\n.\r\r\n" };
  struct fixture *f = *state;
  for (size_t i = 0; i < G_N_ELEMENTS (dots); i++)
    for (int lmtp = 0; lmtp < 2; lmtp++) {
      struct client *c = client_hello (f, lmtp ? "lmtp" : "receive");
      envelope (c, "alice");
      client_send (c, "Subject: x\r\n\r\nfirst");
      client_send (c, dots[i]);
      client_send (c, "MAIL FROM:<evil@far.example>\r\nRCPT TO:<alice@example.test>\r\n"
                      "DATA\r\nsecond\r\n.\r\nNOOP\r\n");
      client_say (c, NULL, "550 5.6.11");
      client_say (c, NULL, "250 2.0.0"); /* the NOOP behind the true end */
      envelope (c, "bob");
      client_say (c, "honest\r\n.", "250");
      client_close (&c);
    }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 0);
  assert_int_equal (mailbox_count (f, "bob", "INBOX"), 2 * G_N_ELEMENTS (dots));
}

static void
too_big (void **state) {
  struct fixture *f = *state;
  struct client *c =
      client_new (f, (const char *const[]){ "kind=receive", "max_message=1000", NULL });
  client_say (c, NULL, "220");
  client_say (c, "EHLO me", "250-");
  for (size_t size = 990; size < 1010; size++) {
    g_autofree char *text = g_strnfill (size - 2, 'x');
    envelope (c, "alice");
    client_send (c, text);
    client_say (c, "\r\n.", size <= 1000 ? "250" : "552 5.3.4");
  }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 11);
  client_close (&c);
}

static void
hops (void **state) {
  struct fixture *f = *state;
  struct client *c = client_new (f, (const char *const[]){ "kind=receive", "max_hops=3", NULL });
  client_say (c, NULL, "220");
  client_say (c, "EHLO me", "250-");
  envelope (c, "alice");
  client_say (c,
              "Received: a\r\nRECEIVED: b\r\nX-Received: c\r\n received: d\r\nreceived: e\r\n\r\n"
              "Received: body\r\n.",
              "250");
  envelope (c, "alice");
  client_say (c, "Received: a\r\nReceived: b\r\nA: b\r\nReceived: c\r\nReceived: d\r\n\r\nx\r\n.",
              "554 5.4.6");
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 1);
  client_close (&c);
}

static const char sent[] = "Subject: x\r\n\r\n..a\r\nb\n.c\r\n\r\n.\r\n";
static const char kept[] = "Subject: x\r\n\r\n.a\r\nb\n.c\r\n\r\n";

/* Cut at every octet, in two pieces: always the same mail. */
static void
every_cut (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  for (size_t cut = 0; cut <= strlen (sent); cut++) {
    envelope (c, "alice");
    client_send_octets (c, sent, cut);
    client_settle (c);
    client_send (c, sent + cut);
    client_say (c, NULL, "250");
    mailbox_expect (f, "alice", "INBOX", cut, kept, strlen (kept));
  }
  client_close (&c);
}

/* The peer goes away after any octet before the end: nothing is delivered. */
static void
every_end (void **state) {
  struct fixture *f = *state;
  for (size_t cut = 0; cut < strlen (sent); cut++) {
    struct client *c = client_hello (f, "receive");
    envelope (c, "alice");
    client_send_octets (c, sent, cut);
    if (cut % 2)
      client_settle (c);
    harness_stream_eof (c->stream);
    client_run (c);
    assert_true (c->last < 0);
    assert_string_equal (c->output->str, "");
    client_close (&c);
  }
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 0);
}

/* The session is closed at any place of a delivery: no leak, no half of a mail. */
static void
every_close (void **state) {
  struct fixture *f = *state;
  for (int steps = 0; steps < 12; steps++) {
    struct client *c = client_hello (f, "receive");
    envelope (c, "team");
    client_send (c, sent);
    for (int i = 0; i < steps && (c->last == PTN_OK || c->last == PTN_PENDING); i++) {
      int64_t deadline = INT64_MAX;
      c->last = f->protocol->step (c->session, c->task, &deadline);
      g_usleep (100);
    }
    client_close (&c);
  }
  g_autoptr (GPtrArray) mails = mailbox_bodies (f, "bob", "INBOX");
  for (unsigned i = 0; i < mails->len; i++)
    assert_string_equal (((GString *)mails->pdata[i])->str, kept);
}

static void
recipients (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "receive");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "250");
  client_say (c, "RCPT TO:<same@example.test>", "250"); /* alice again: one copy */
  client_say (c, "RCPT TO:<team@example.test>", "250");
  client_say (c, "RCPT TO:<nobody@example.test>", "550");
  client_say (c, "RCPT TO:<bob+detail@example.test>", "250");
  client_say (c, "DATA", "354");
  client_say (c, "x\r\n.", "250 2.6.0");
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 1);
  assert_int_equal (mailbox_count (f, "bob", "INBOX"), 1);
  assert_int_equal (mailbox_count (f, "carol", "INBOX"), 1);
  assert_int_equal (mailbox_count (f, "bob", "detail"), 0);
  client_close (&c);
}

/* One of two is full when the mail comes: over SMTP the sender must hear of it, over LMTP each
 * recipient has its own answer. */
static void
one_is_full (void **state) {
  struct fixture *f = *state;
  g_autofree char *text = g_strnfill (1900, 'x');
  g_autofree char *mail = g_strconcat (text, "\r\n.", NULL);
  struct client *c = client_hello (f, "receive");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "250");
  client_say (c, "RCPT TO:<small@example.test>", "250");
  client_say (c, "DATA", "354");
  client_say (c, mail, "451 4.5.0 1 of 2 recipients did not get the mail (the mailbox is full)");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, "RCPT TO:<small@example.test>", "250");
  client_say (c, "DATA", "354");
  client_say (c, mail, "552 5.2.2");
  client_close (&c);

  c = client_hello (f, "lmtp");
  client_say (c, "MAIL FROM:<a@far.example>", "250");
  client_say (c, "RCPT TO:<alice@example.test>", "250");
  client_say (c, "RCPT TO:<small@example.test>", "250");
  client_say (c, "RCPT TO:<nobody@example.test>", "550");
  client_say (c, "RCPT TO:<bob@example.test>", "250");
  client_say (c, "DATA", "354");
  client_say (c, mail, "250 2.1.5");
  client_say (c, NULL, "552 5.2.2");
  client_say (c, NULL, "250 2.1.5");
  client_say (c, "NOOP", "250 2.0.0");
  client_close (&c);
  assert_int_equal (mailbox_count (f, "alice", "INBOX"), 2);
  assert_int_equal (mailbox_count (f, "small", "INBOX"), 0);
}

/* Whole mails in one go, as LMTP clients with pipelining send them. */
static void
pipelined (void **state) {
  struct fixture *f = *state;
  struct client *c = client_hello (f, "lmtp");
  for (int i = 0; i < 50; i++) {
    client_send (c, "MAIL FROM:<a@far.example>\r\nRCPT TO:<alice@example.test>\r\n"
                    "RCPT TO:<bob@example.test>\r\nDATA\r\nx\r\n.\r\n");
    client_say (c, NULL, "250 2.1.0");
    client_say (c, NULL, "250 2.1.5");
    client_say (c, NULL, "250 2.1.5");
    client_say (c, NULL, "354");
    client_say (c, NULL, "250 2.1.5 delivered");
    client_say (c, NULL, "250 2.1.5 delivered");
  }
  assert_int_equal (mailbox_count (f, "bob", "INBOX"), 50);
  client_close (&c);
}

int
main (int argc, char **argv) {
#define TEST(name) cmocka_unit_test_setup_teardown (name, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST (shapes),    TEST (big_ones),    TEST (leading_blank), TEST (trace),
    TEST (smuggling), TEST (too_big),     TEST (hops),          TEST (every_cut),
    TEST (every_end), TEST (every_close), TEST (recipients),    TEST (one_is_full),
    TEST (pipelined),
  };
  return smtp_tests (argc, argv, tests, G_N_ELEMENTS (tests));
}
