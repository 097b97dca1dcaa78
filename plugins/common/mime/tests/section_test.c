/* SPDX-License-Identifier: Apache-2.0 */
/* section_test.c - which octets a section is; digests that are damaged. */
#include "common/mime/digest.h"
#include "common/mime/envelope.h"
#include "common/mime/structure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char mail[] =
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nX: 1\r\n\r\none\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: i\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\n\r\ninner one\r\n--c\r\nX: 2\r\n\r\ninner two\r\n--c--\r\n"
    "--b\r\nContent-Type: message/rfc822\r\nX: 3\r\n\r\nSubject: j\r\n\r\nflat\r\n--b--\r\n";

static struct mime_builder *
built (const char *octets, size_t size) {
  struct mime_builder *builder = mime_builder_new ();
  mime_builder_feed (builder, octets, size);
  return builder;
}

static void
check (const struct mime_digest *digest, const char *octets, const char *name,
       const char *expected) {
  uint32_t path[MIME_SECTION_DEPTH];
  struct mime_section section;
  struct mime_range range;
  assert_true (mime_section_parse (name, strlen (name), path, &section));
  ptn_status status = mime_digest_section (digest, &section, &range);
  if (!expected) {
    assert_int_equal (status, PTN_E_NOT_FOUND);
    return;
  }
  assert_int_equal (status, PTN_OK);
  g_autofree char *text = g_strndup (octets + range.offset, range.size);
  assert_string_equal (text, expected);
}

static void
sections (void **state) {
  struct mime_builder *builder = built (mail, sizeof mail - 1);
  struct mime_digest digest;
  mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest);
  check (&digest, mail, "", mail);
  check (&digest, mail, "HEADER", "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
  check (&digest, mail, "text", mail + 45);
  check (&digest, mail, "1", "one");
  check (&digest, mail, "1.Mime", "X: 1\r\n\r\n");
  check (&digest, mail, "1.HEADER", NULL);
  check (&digest, mail, "1.1", NULL);
  check (&digest, mail, "2.MIME", "Content-Type: message/rfc822\r\n\r\n");
  check (&digest, mail, "2.HEADER",
         "Subject: i\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n");
  check (&digest, mail, "2.1", "inner one");
  check (&digest, mail, "2.2", "inner two");
  check (&digest, mail, "2.2.MIME", "X: 2\r\n\r\n");
  check (&digest, mail, "2.3", NULL);
  check (&digest, mail, "3", "Subject: j\r\n\r\nflat");
  check (&digest, mail, "3.TEXT", "flat");
  check (&digest, mail, "3.1", "flat");
  check (&digest, mail, "3.1.MIME", "Subject: j\r\n\r\n");
  check (&digest, mail, "3.2", NULL);
  check (&digest, mail, "4", NULL);
  check (&digest, mail, "3.1.1", NULL);
  mime_builder_free (&builder);
}

static void
plain (void **state) {
  static const char text[] = "X: y\r\n\r\nbody";
  struct mime_builder *builder = built (text, sizeof text - 1);
  struct mime_digest digest;
  mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest);
  check (&digest, text, "1", "body");
  check (&digest, text, "1.MIME", "X: y\r\n\r\n");
  check (&digest, text, "2", NULL);
  check (&digest, text, "1.1", NULL);
  check (&digest, text, "1.TEXT", NULL);
  mime_builder_free (&builder);
}

static void
names (void **state) {
  static const char *const wrong[] = { "0",       "1.",  ".1", "1.0", "MIME",       "1..2",
                                       "HEADERS", "1.X", "1 ", "01x", "4294967296", "HEADER.1" };
  uint32_t path[MIME_SECTION_DEPTH];
  struct mime_section section;
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_false (mime_section_parse (wrong[i], strlen (wrong[i]), path, &section));
  g_autoptr (GString) deep = g_string_new ("1");
  for (unsigned i = 1; i < MIME_SECTION_DEPTH; i++)
    g_string_append (deep, ".1");
  assert_true (mime_section_parse (deep->str, deep->len, path, &section));
  g_string_append (deep, ".1");
  assert_false (mime_section_parse (deep->str, deep->len, path, &section));
}

/* Reads all there is of a digest. */
static void
read_all (struct ptn_bytes octets) {
  struct mime_digest digest;
  struct mime_part part;
  if (mime_digest_open (octets, &digest) != PTN_OK)
    return;
  for (uint32_t i = 0; i < digest.parts; i++)
    if (mime_digest_part (&digest, i, &part) == PTN_OK)
      assert_true (part.body + part.body_size <= digest.octets);
  const uint32_t path[] = { 2, 1 };
  struct mime_section section = { path, 2, MIME_SECTION_MIME };
  struct mime_range range;
  if (mime_digest_section (&digest, &section, &range) == PTN_OK)
    assert_true (range.offset + range.size <= digest.octets);
  struct mime_envelope envelope;
  mime_envelope_open (digest.members[MIME_ENVELOPE], &envelope);
  g_autoptr (GString) body = g_string_new (NULL);
  mime_body_append (digest.members[MIME_STRUCTURE], body);
}

static void
damaged (void **state) {
  struct mime_builder *builder = built (mail, sizeof mail - 1);
  struct ptn_bytes digest = mime_builder_finish (builder, SIZE_MAX);
  for (size_t i = 0; i < digest.size; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      g_autofree unsigned char *copy = g_memdup2 (digest.data, digest.size);
      copy[i] ^= (unsigned char)(1u << bit);
      read_all ((struct ptn_bytes){ copy, digest.size });
    }
  for (size_t size = 0; size < digest.size; size++) {
    g_autofree unsigned char *copy = g_memdup2 (digest.data, size);
    read_all ((struct ptn_bytes){ copy, size });
  }
  mime_builder_free (&builder);
}

static void
previews (void **state) {
  struct mime_builder *builder = built (mail, sizeof mail - 1);
  struct ptn_bytes digest = mime_builder_finish (builder, SIZE_MAX);
  unsigned char out[8192];
  struct mime_digest with;
  struct mime_part part;
  assert_int_equal (mime_digest_with_preview (digest, (struct ptn_bytes){ "ab", 2 }, out, 100), 0);
  size_t size = mime_digest_with_preview (digest, (struct ptn_bytes){ "ab", 2 }, out, sizeof out);
  assert_int_equal (size, digest.size + 2);
  assert_int_equal (mime_digest_open ((struct ptn_bytes){ out, size }, &with), PTN_OK);
  assert_memory_equal (with.members[MIME_PREVIEW].data, "ab", 2);
  assert_int_equal (mime_digest_part (&with, 5, &part), PTN_OK);
  mime_builder_free (&builder);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (sections), cmocka_unit_test (plain),    cmocka_unit_test (names),
    cmocka_unit_test (damaged),  cmocka_unit_test (previews),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
