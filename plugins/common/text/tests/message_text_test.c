/* SPDX-License-Identifier: Apache-2.0 */
/* message_text_test.c - the texts of a mail whose parts are told here by hand, in pieces of all sizes;
 * and its preview. */
#include "common/text/message_text.h"
#include "common/text/preview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The parts of the mail below: instead of the reader of digests. */
static struct mime_part parts[16];

ptn_status
mime_digest_part (const struct mime_digest *digest, uint32_t index, struct mime_part *part) {
  if (index >= digest->parts)
    return PTN_E_CORRUPT;
  *part = parts[index];
  return PTN_OK;
}

struct mail {
  GString *octets;
  struct mime_digest digest;
};

static uint32_t
add_part (struct mail *mail, enum mime_kind kind, enum mime_encoding encoding, const char *charset,
          const char *header, const char *body) {
  struct mime_part *part = &parts[mail->digest.parts];

  memset (part, 0, sizeof *part);
  part->kind = (uint8_t)kind;
  part->encoding = (uint8_t)encoding;
  part->charset = (struct ptn_bytes){ charset, strlen (charset) };
  part->header = mail->octets->len;
  part->header_size = strlen (header);
  g_string_append (mail->octets, header);
  part->body = mail->octets->len;
  part->body_size = strlen (body);
  g_string_append (mail->octets, body);
  mail->digest.octets = mail->octets->len;
  return mail->digest.parts++;
}

static bool
begin (void *user, const struct message_text_item *item) {
  GString *out = user;

  if (item->name && item->name_size == 5 && memcmp (item->name, "X-Not", 5) == 0)
    return false;
  g_string_append_printf (out, "[%u:%.*s:", item->kind, (int)item->name_size,
                          item->name ? item->name : "");
  return true;
}

static bool
put (void *user, const char *text, size_t size) {
  g_string_append_len (user, text, (gssize)size);
  return true;
}

static void
end (void *user) {
  g_string_append_c (user, ']');
}

static void
check (const struct mail *mail, unsigned wanted, const char *expected) {
  for (size_t piece = 1; piece <= mail->octets->len; piece = piece * 3 / 2 + 1) {
    g_autoptr (GString) out = g_string_new (NULL);
    struct message_text_sink sink = { begin, put, end, out };
    struct message_text *t = message_text_new (wanted, &sink);
    ptn_status status = PTN_OK;
    uint64_t offset, size, at;

    message_text_begin (t, &mail->digest, &offset, &size);
    assert_true (offset + size <= mail->octets->len);
    for (at = offset; at < offset + size && status == PTN_OK; at += piece) {
      uint64_t idle = message_text_idle (t);

      if (idle > 3) {
        message_text_skip (t, idle - 3);
        at += idle - 3;
      }
      status = message_text_feed (t, mail->octets->str + at, MIN (piece, mail->octets->len - at));
    }
    if (size > 0)
      assert_int_equal (status, PTN_END);
    assert_string_equal (out->str, expected);
    message_text_free (&t);
  }
}

static void
single (void **state) {
  struct mail mail = { .octets = g_string_new (NULL) };

  add_part (&mail, MIME_KIND_TEXT_PLAIN, MIME_ENCODING_QUOTED_PRINTABLE, "iso-8859-1",
            "Subject: =?utf-8?q?gr=C3=BC?=\r\n =?utf-8?q?n?= x\r\nX-Not: this\r\n nor this\r\n"
            "no field\r\nX-Empty:\r\nDate : now\r\n\r\n",
            "h=E4llo=\r\n w=F6rld\r\n");
  check (&mail, MESSAGE_TEXT_HEADER, "[1:Subject: gr\xc3\xbcn x][1:X-Empty:][1:Date: now]");
  check (&mail, MESSAGE_TEXT_BODY, "[8::h\xc3\xa4llo w\xc3\xb6rld\r\n]");
  check (&mail, MESSAGE_TEXT_MIME, "");
  g_string_free (mail.octets, TRUE);
}

static void
nested (void **state) {
  struct mail mail = { .octets = g_string_new (NULL) };

  add_part (&mail, MIME_KIND_MULTIPART, MIME_ENCODING_7BIT, "", "A: 1\r\n\r\n", "");
  g_string_append (mail.octets, "preamble\r\n--x\r\n");
  add_part (&mail, MIME_KIND_TEXT_HTML, MIME_ENCODING_BASE64, "utf-8", "B: 2\r\n\r\n", "PGI+w6Q=");
  g_string_append (mail.octets, "\r\n--x\r\n");
  add_part (&mail, MIME_KIND_OTHER, MIME_ENCODING_BASE64, "",
            "Content-Disposition: attachment; filename*=utf-8''%C3%A4\r\n\r\n", "AAAA");
  g_string_append (mail.octets, "\r\n--x\r\n");
  add_part (&mail, MIME_KIND_MESSAGE, MIME_ENCODING_7BIT, "", "C: 3\r\n\r\n", "");
  add_part (&mail, MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT, "us-ascii", "D: 4\r\n\r\n", "inner");
  g_string_append (mail.octets, "\r\n--x--\r\nepilogue");
  mail.digest.octets = mail.octets->len;
  check (&mail, MESSAGE_TEXT_ALL,
         "[1:A: 1][4:B: 2][8::<b>\xc3\xa4][4:Content-Disposition: attachment; "
         "filename*=utf-8''%C3%A4 filename=\xc3\xa4][4:C: 3][2:D: 4][8::inner]");
  check (&mail, MESSAGE_TEXT_OF_BODY, "[8::<b>\xc3\xa4][2:D: 4][8::inner]");
  g_string_free (mail.octets, TRUE);
}

static void
huge_field (void **state) { /* it comes in pieces, whole */
  struct mail mail = { .octets = g_string_new (NULL) };
  g_autoptr (GString) header = g_string_new ("X:"), expected = g_string_new ("[1:X:");

  for (int i = 0; i < 20000; i++) {
    g_string_append (header, " =?utf-8?q?w=C3=BC?=\r\n");
    g_string_append (header, "  x\r\n");
    g_string_append (expected, " w\xc3\xbc  x");
  }
  g_string_append (header, "\r\n");
  g_string_append (expected, "]");
  add_part (&mail, MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT, "", header->str, "");
  for (size_t piece = 1; piece < 3; piece++) {
    g_autoptr (GString) out = g_string_new (NULL);
    struct message_text_sink sink = { begin, put, end, out };
    struct message_text *t = message_text_new (MESSAGE_TEXT_HEADER, &sink);
    uint64_t offset, size;

    message_text_begin (t, &mail.digest, &offset, &size);
    for (uint64_t at = 0; at < size; at += 7777 * piece)
      message_text_feed (t, mail.octets->str + at, MIN (7777 * piece, size - at));
    assert_string_equal (out->str, expected->str);
    message_text_free (&t);
  }
  g_string_free (mail.octets, TRUE);
}

static void
check_preview (enum mime_kind kind, enum mime_encoding encoding, const char *body,
               const char *expected) {
  struct mail mail = { .octets = g_string_new (NULL) };
  g_autoptr (GString) out = g_string_new (NULL);
  uint64_t offset, size;

  add_part (&mail, kind, encoding, "utf-8", "A: 1\r\n\r\n", body);
  assert_true (preview_range (&mail.digest, &offset, &size));
  preview_make (&mail.digest, mail.octets->str + offset, size, out);
  assert_string_equal (out->str, expected);
  g_string_free (mail.octets, TRUE);
}

static void
previews (void **state) {
  g_autofree char *many = g_strnfill (1000, 'x'), *few = g_strnfill (PREVIEW_CHARACTERS, 'x');

  check_preview (MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT, "  Hello,\r\n\r\n  world \r\n",
                 "Hello, world");
  check_preview (MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT,
                 "> quoted\r\nanswer\r\n-- \r\nsignature\r\n", "answer");
  check_preview (MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT, "> quoted\r\n", "> quoted");
  check_preview (MIME_KIND_TEXT_PLAIN, MIME_ENCODING_7BIT, many, few);
  check_preview (MIME_KIND_TEXT_HTML, MIME_ENCODING_QUOTED_PRINTABLE,
                 "<style>x</style><p>H=C3=A4llo</p><p>&gt; you &amp; me</p>",
                 "H\xc3\xa4llo > you & me");
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (single),
    cmocka_unit_test (nested),
    cmocka_unit_test (huge_field),
    cmocka_unit_test (previews),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
