/* SPDX-License-Identifier: Apache-2.0 */
/* structure_test.c - ENVELOPE, BODYSTRUCTURE and BODY of mails, whatever pieces they come in; limits.
 */
#include "common/mime/digest.h"
#include "common/mime/envelope.h"
#include "common/mime/structure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ENVELOPE_NIL "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
#define PLAIN "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

static struct mime_builder *
built (const char *mail, size_t size, size_t piece) {
  struct mime_builder *builder = mime_builder_new ();
  for (size_t at = 0; at < size; at += piece)
    mime_builder_feed (builder, mail + at, MIN (piece, size - at));
  return builder;
}

/* Compares a member in pieces of every size up to that of the mail. */
static void
check_member (const char *mail, enum mime_member member, const char *expected) {
  size_t size = strlen (mail);
  for (size_t piece = 1; piece <= size + 1; piece++) {
    struct mime_builder *builder = built (mail, size, piece);
    struct mime_digest digest;
    assert_int_equal (mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest), PTN_OK);
    assert_int_equal (digest.octets, size);
    g_autofree char *text = g_strndup (digest.members[member].data, digest.members[member].size);
    assert_string_equal (text, expected);
    mime_builder_free (&builder);
  }
}

static void
structures (void **state) {
  check_member ("", MIME_STRUCTURE, "(" PLAIN "0 0 NIL NIL NIL NIL)");
  check_member ("Subject: x\r\n\r\none\r\ntwo", MIME_STRUCTURE, "(" PLAIN "8 1 NIL NIL NIL NIL)");
  check_member (
      "Content-Type: TEXT/Html (a comment); charset=\"utf-8\" (x); format=flowed (y)\r\n"
      "Content-Transfer-Encoding: 8BIT\r\nContent-ID: <a@x>\r\nContent-MD5: abc==\r\n"
      "Content-Description: a\r\n \"b\"\r\nContent-Language: de, en (English)\r\n"
      "Content-Disposition: attachment; filename=\"a\\\"b.txt\"\r\n"
      "Content-Location: http://x/\r\n y\r\n\r\n",
      MIME_STRUCTURE,
      "(\"TEXT\" \"Html\" (\"charset\" \"utf-8\" \"format\" \"flowed\") \"<a@x>\" "
      "\"a \\\"b\\\"\" \"8BIT\" 0 0 \"abc==\" (\"attachment\" (\"filename\" \"a\\\"b.txt\"))"
      " (\"de\" \"en\") \"http://x/y\")");
  check_member ("Content-Type: application/x-y\n\nabc\n", MIME_STRUCTURE,
                "(\"application\" \"x-y\" NIL NIL NIL \"7bit\" 4 NIL NIL NIL NIL)");
  check_member (
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b \t\r\n"
      "Content-Type: message/rfc822\r\n\r\nSubject: i\r\n\r\ninner\r\n\r\n--b--\r\nx\r\n",
      MIME_STRUCTURE,
      "((" PLAIN "3 0 NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 "
      "(NIL \"i\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN
      "7 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
  check_member (
      "Content-Type: multipart/digest; boundary=\"b c\"\r\n\r\n--b c\r\n\r\n\r\nx\r\n--b c--",
      MIME_STRUCTURE,
      "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 3 " ENVELOPE_NIL " (" PLAIN
      "1 0 NIL NIL NIL NIL) 1 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"b c\") NIL NIL NIL)");
  /* Without a boundary, and without a part, it is a text. */
  check_member ("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", MIME_STRUCTURE,
                "(" PLAIN "17 4 NIL NIL NIL NIL)");
  check_member (
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Disposition: inline\r\n\r\nx\r\n",
      MIME_STRUCTURE, "(" PLAIN "3 1 NIL (\"inline\" NIL) NIL NIL)");
  check_member ("Content-Type: nonsense\r\n\r\n", MIME_STRUCTURE, "(" PLAIN "0 0 NIL NIL NIL NIL)");
}

static void
nesting (void **state) {
  /* The outer delimiter ends all within; the boundary of one is the start of the other's. */
  check_member (
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
      "Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--b\r\n\r\n"
      "--bb\r\n--b--\r\n--b\r\n\r\nafter\r\n",
      MIME_STRUCTURE,
      "(((" PLAIN "1 0 NIL NIL NIL NIL) \"alternative\" (\"boundary\" \"bb\") NIL NIL NIL)(" PLAIN
      "4 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
  /* A header that the delimiter ends. */
  check_member (
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/x\r\n--b\r\n"
      "--b\r\nContent-Type: message/rfc822\r\n--b--\r\n",
      MIME_STRUCTURE,
      "((\"text\" \"x\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)(" PLAIN
      "0 0 NIL NIL NIL NIL)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 " ENVELOPE_NIL " (" PLAIN
      "0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL)"
      " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void
envelopes (void **state) {
  check_member ("", MIME_ENVELOPE, ENVELOPE_NIL);
  check_member (
      "SUBJECT :  a\r\n\tb\r\nsubject: second\r\nDate:\r\nFrom: A \"B\" <a@x>\r\nSender: \r\n"
      "To: b@x\r\ncc: G: c@x, d@x;\r\nTo: <@r,@s:e@x>\r\nMessage-ID: <i@x>\r\n\r\nFrom: no",
      MIME_ENVELOPE,
      "(\"\" \"a\tb\" ((\"A B\" NIL \"a\" \"x\")) ((\"A B\" NIL \"a\" \"x\")) "
      "((\"A B\" NIL \"a\" \"x\")) ((NIL NIL \"b\" \"x\")(NIL \"@r,@s\" \"e\" \"x\")) "
      "((NIL NIL \"G\" NIL)(NIL NIL \"c\" \"x\")(NIL NIL \"d\" \"x\")(NIL NIL NIL NIL)) NIL "
      "NIL \"<i@x>\")");
  check_member ("Subject: \xc3\xa4\"\r\nIn-Reply-To: a\rb\r\nTo: \"\\\\\" <\"q\\\"\"@x>\r\n\r\n",
                MIME_ENVELOPE,
                "(NIL {3}\r\n\xc3\xa4\" NIL NIL NIL ((\"\\\\\" NIL \"q\\\"\" \"x\")) NIL NIL "
                "{3}\r\na\rb NIL)");
  check_member ("Subject: a\r\n \r\n\r\n", MIME_ENVELOPE,
                "(NIL \"a\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void
bodies (void **state) {
  static const char mail[] =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
      "Content-Language: de\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
      "Subject: ()\r\nContent-Type: image/x; a=\"(\"\r\n\r\n--b--\r\n";
  struct mime_builder *builder = built (mail, sizeof mail - 1, sizeof mail);
  struct mime_digest digest;
  g_autoptr (GString) body = g_string_new (NULL);
  mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest);
  assert_int_equal (mime_body_append (digest.members[MIME_STRUCTURE], body), PTN_OK);
  assert_string_equal (
      body->str, "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 0)(\"message\" \"rfc822\" NIL NIL "
                 "NIL \"7bit\" 43 (NIL \"()\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"image\" \"x\" "
                 "(\"a\" \"(\") NIL NIL \"7bit\" 0) 2) \"mixed\")");
  mime_builder_free (&builder);
}

static GString *
repeated (const char *start, const char *what, unsigned count) {
  GString *mail = g_string_new (start);
  for (unsigned i = 0; i < count; i++)
    g_string_append (mail, what);
  return mail;
}

static struct mime_builder *
digest_of (GString *mail, struct mime_digest *digest) {
  struct mime_builder *builder = built (mail->str, mail->len, 65536);
  assert_int_equal (mime_digest_open (mime_builder_finish (builder, SIZE_MAX), digest), PTN_OK);
  assert_int_equal (digest->octets, mail->len);
  g_string_free (mail, TRUE);
  return builder;
}

static void
limits (void **state) {
  struct mime_digest digest;
  struct mime_part part;
  struct mime_builder *builder =
      digest_of (repeated ("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n",
                           20000),
                 &digest);
  assert_int_equal (digest.parts, MIME_PARTS_MAX);
  assert_int_equal (mime_digest_part (&digest, MIME_PARTS_MAX - 1, &part), PTN_OK);
  assert_int_equal (part.body + part.body_size, digest.octets);
  /* What does not fit is left out, the rest is there. */
  assert_int_equal (mime_digest_open (mime_builder_finish (builder, MIME_DIGEST_MAX), &digest),
                    PTN_OK);
  assert_true (mime_digest_has (&digest, MIME_ENVELOPE));
  assert_false (mime_digest_has (&digest, MIME_STRUCTURE));
  assert_false (mime_digest_has (&digest, MIME_PARTS));
  mime_builder_free (&builder);

  builder =
      digest_of (repeated ("", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 1000),
                 &digest);
  assert_int_equal (mime_digest_part (&digest, digest.parts - 1, &part), PTN_OK);
  assert_int_equal (part.depth, MIME_DEPTH_MAX - 1);
  mime_builder_free (&builder);

  builder = digest_of (repeated ("", "Content-Type: message/rfc822\r\n\r\n", 1000), &digest);
  assert_int_equal (digest.parts, MIME_DEPTH_MAX);
  assert_int_equal (mime_digest_part (&digest, MIME_DEPTH_MAX - 1, &part), PTN_OK);
  assert_int_equal (part.kind, MIME_KIND_OTHER);
  mime_builder_free (&builder);

  builder = digest_of (repeated ("", "To: a@x\r\n", 100000), &digest);
  assert_true (digest.members[MIME_ENVELOPE].size < 1000);
  mime_builder_free (&builder);

  builder = digest_of (repeated ("To: ", "a@x,\r\n ", 1000000), &digest);
  assert_in_range (digest.members[MIME_ENVELOPE].size, MIME_FIELD_MAX, 4 * MIME_FIELD_MAX);
  mime_builder_free (&builder);
}

static void
reset (void **state) {
  struct mime_builder *builder =
      built ("Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n-", 47, 5);
  struct mime_digest digest;
  mime_builder_preview (builder, (struct ptn_bytes){ "text", 4 });
  mime_builder_reset (builder);
  mime_builder_feed (builder, "Date: 1 Jan 1970 00:00:01 +0100\r\n\r\n", 35);
  mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest);
  assert_int_equal (digest.parts, 1);
  assert_int_equal (digest.date, -3599);
  assert_int_equal (digest.zone, 60);
  assert_false (mime_digest_has (&digest, MIME_PREVIEW));
  mime_builder_free (&builder);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (structures), cmocka_unit_test (nesting), cmocka_unit_test (envelopes),
    cmocka_unit_test (bodies),     cmocka_unit_test (limits),  cmocka_unit_test (reset),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
