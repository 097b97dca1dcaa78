/* SPDX-License-Identifier: Apache-2.0 */
/* references_test.c - which messages a header refers to, whatever pieces it comes in. */
#include "common/references.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "own|nearest|..." of the mail, in pieces of `piece` octets. */
static void
strings_of (const char *mail, size_t size, size_t piece, char *out, size_t room) {
  struct references references = { 0 };
  struct ptn_strings ids;

  for (size_t at = 0; at < size; at += piece)
    if (!references_feed (&references, mail + at, size - at < piece ? size - at : piece))
      break;
  ids = references_strings (&references);
  out[0] = '\0';
  for (size_t i = 0; i < ids.count; i++) {
    strncat (out, i ? "|" : "", room - strlen (out) - 1);
    strncat (out, ids.items[i], room - strlen (out) - 1);
  }
  references_clear (&references);
}

static void
check (const char *mail, const char *expected) {
  char out[4096];

  for (size_t piece = 1; piece < strlen (mail) + 2; piece++) {
    strings_of (mail, strlen (mail), piece, out, sizeof out);
    assert_string_equal (out, expected);
  }
}

static void
headers (void **state) {
  check ("", "");
  check ("\r\n", "");
  check ("Subject: x\r\n\r\nMessage-ID: <a@x>\r\n", "");
  check ("Message-ID: <a@x>\r\n\r\n", "a@x");
  check ("MESSAGE-id :\t<a@x>\nX: y\n\n", "a@x");
  check ("Message-ID: <a@x>\r\nIn-Reply-To: <b@x>\r\nReferences: <c@x> <d@x>\r\n <b@x>\r\n\r\n",
         "a@x|b@x|d@x|c@x");
  check ("References: <c@x>\r\n\t<d@x>", "|d@x|c@x");
  check ("In-Reply-To: Your message of Monday (\"<no@x>\" \\) ) <yes@x>\r\n\r\n", "|yes@x");
  check ("In-Reply-To: \"Joe <joe@x>\" <yes@x>\r\n\r\n", "|yes@x");
  check ("Message-ID: <a@\r\n x>\r\n\r\n", "a@x"); /* some fold there */
  check ("Message-ID: a@x\r\n\r\n", "");
  check ("Message-ID: <>\r\nReferences: < > <<a@x> <b\x01@x> <\xc3\xa4@x>\r\n\r\n", "|a@x");
  check ("Message-ID: <a@x>\r\nMessage-ID: <b@x>\r\n\r\n", "a@x");
  check ("Message-Identity: <a@x>\r\n <b@x>\r\n\r\n", "");
  check (" <a@x>\r\nMessage-ID: <b@x>\r\n\r\n", "b@x"); /* goes on with nothing */
  check ("no colon\r\nMessage-ID: <b@x>\r\n\r\n", "b@x");
  check ("References: <a@x> <b@x> <a@x> <c\r\n\r\n", "|a@x|b@x");
}

static void
many (void **state) {
  char mail[65536] = "References:", expected[4096] = "", out[4096];
  size_t size = strlen (mail);

  for (int i = 0; i < 2000; i++)
    size += (size_t)snprintf (mail + size, sizeof mail - size, "\r\n <%d@x>", i);
  for (int i = 0; i < REFERENCES_IDS - 1; i++)
    snprintf (expected + strlen (expected), sizeof expected - strlen (expected), "|%d@x", 1999 - i);
  for (size_t piece = 1; piece < 70000; piece = piece * 3 + 1) {
    strings_of (mail, size, piece, out, sizeof out);
    assert_string_equal (out, expected);
  }
  memset (mail, '<', sizeof mail);
  strings_of (mail, sizeof mail, 100, out, sizeof out);
  assert_string_equal (out, "");
  memcpy (mail, "References:", 11);
  strings_of (mail, sizeof mail, 4096, out, sizeof out);
  assert_string_equal (out, "");
}

int
main (void) {
  static const struct CMUnitTest tests[] = { cmocka_unit_test (headers), cmocka_unit_test (many) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
