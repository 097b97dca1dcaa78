/* SPDX-License-Identifier: Apache-2.0 */
/* fetch_test.c - header fields that are chosen, parts that are decoded, texts that are converted, whatever
 * pieces the octets come in. */
#include "fetch/convert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
check_transform (GHashTable *fields, bool except, enum transfer_encoding encoding,
                 const char *octets, uint64_t skip, uint64_t left, const char *expected) {
  size_t size = strlen (octets);
  for (size_t piece = 1; piece <= size + 1; piece++) {
    struct transform transform;
    g_autoptr (GString) out = g_string_new (NULL);
    transform_begin (&transform, fields, except, encoding, skip, left);
    for (size_t at = 0; at < size; at += piece)
      transform_feed (&transform, octets + at, MIN (piece, size - at), out);
    transform_end (&transform, out);
    assert_string_equal (out->str, expected);
  }
}

static GHashTable *
names_of (const char *list) {
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto (GStrv) words = g_strsplit (list, " ", 0);
  for (char **word = words; *word; word++)
    g_hash_table_add (names, g_strdup (*word));
  return names;
}

static void
chosen_fields (void **state) {
  static const char header[] =
      "From: a\r\nSUBJECT : b\r\n\tc\r\nX-Long: d\r\nno colon\r\nsubject:\r\n\r\n"
      "Subject: body\r\n";
  g_autoptr (GHashTable) one = names_of ("subject x"), none = names_of ("y");
  check_transform (one, false, TRANSFER_IDENTITY, header, 0, UINT64_MAX,
                   "SUBJECT : b\r\n\tc\r\nsubject:\r\n\r\n");
  check_transform (one, true, TRANSFER_IDENTITY, header, 0, UINT64_MAX,
                   "From: a\r\nX-Long: d\r\nno colon\r\n\r\n");
  check_transform (none, false, TRANSFER_IDENTITY, header, 0, UINT64_MAX, "\r\n");
  check_transform (one, false, TRANSFER_IDENTITY, header, 8, 6, ": b\r\n\t");
  check_transform (one, false, TRANSFER_IDENTITY, "Subject: without an end", 0, UINT64_MAX,
                   "Subject: without an end");
  check_transform (one, false, TRANSFER_IDENTITY, "From: x\nSubject: y\n\nz", 0, UINT64_MAX,
                   "Subject: y\n\n");
  check_transform (none, false, TRANSFER_IDENTITY, "", 0, UINT64_MAX, "");
}

static void
long_lines (void **state) {
  g_autoptr (GHashTable) names = names_of ("subject");
  g_autoptr (GString) header = g_string_new ("Subject: ");
  g_autofree char *wanted = NULL;
  for (unsigned i = 0; i < 600; i++)
    g_string_append_c (header, 'x');
  wanted = g_strconcat (header->str, "\r\n\r\n", NULL);
  g_string_append (header, "\r\n");
  for (unsigned i = 0; i < 600; i++)
    g_string_append_c (header, 'y');
  g_string_append (header, ": z\r\n\r\n");
  check_transform (names, false, TRANSFER_IDENTITY, header->str, 0, UINT64_MAX, wanted);
}

static void
decoded (void **state) {
  check_transform (NULL, false, TRANSFER_BASE64, "SGVsbG8s\r\nIHdvcmxk\r\nLg==\r\n", 0, UINT64_MAX,
                   "Hello, world.");
  check_transform (NULL, false, TRANSFER_BASE64, "SGVsbG8sIHdvcmxkLg==", 7, 5, "world");
  check_transform (NULL, false, TRANSFER_QUOTED_PRINTABLE, "a=3Db=\r\nc", 0, UINT64_MAX, "a=bc");
  check_transform (NULL, false, TRANSFER_IDENTITY, "abc", 1, 1, "b");
}

static void
converted (void **state) {
  struct ptn_bytes latin = { "iso-8859-1", 10 }, none = { NULL, 0 };
  g_autoptr (GString) out = g_string_new (NULL);
  assert_true (convert_text ("\xe4", 1, latin, false, true, "utf-8", out));
  assert_string_equal (out->str, "\xc3\xa4");
  g_string_truncate (out, 0);
  assert_true (convert_text ("<p>a</p><p>b</p>", 16, none, true, true, "utf-8", out));
  assert_non_null (strstr (out->str, "a\r\n"));
  g_string_truncate (out, 0);
  convert_header ("Subject: =?utf-8?Q?=C3?= =?utf-8?Q?=A4?= = =?x\r\n", 48, "iso-8859-1", out);
  assert_string_equal (out->str, "Subject: =?iso-8859-1?B?5A==?= = =?x\r\n");
  g_string_truncate (out, 0);
  convert_header ("To: =?utf-8?B?5pel?=", 20, "iso-8859-1", out); /* it has no such character */
  assert_string_equal (out->str, "To: =?utf-8?B?5pel?=");
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (chosen_fields),
    cmocka_unit_test (long_lines),
    cmocka_unit_test (decoded),
    cmocka_unit_test (converted),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
