/* SPDX-License-Identifier: Apache-2.0 */
/* transfer_test.c - decoders give the same whatever pieces their input comes in. */
#include "common/text/transfer.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check_octets (enum transfer_encoding encoding, const char *in, size_t size, const char *expected,
              size_t expected_size, bool malformed) {
  for (size_t piece = 1; piece <= size + 1; piece++) {
    struct transfer_decoder d;
    g_autoptr (GString) out = g_string_new (NULL);
    g_autofree unsigned char *room = g_malloc (TRANSFER_ROOM (piece));

    transfer_begin (&d, encoding);
    for (size_t at = 0; at < size; at += piece)
      g_string_append_len (out, (char *)room,
                           (gssize)transfer_decode (&d, in + at, MIN (piece, size - at), room));
    assert_int_equal (d.malformed, malformed ? d.malformed : 0);
    g_string_append_len (out, (char *)room, (gssize)transfer_end (&d, room));
    assert_int_equal (out->len, expected_size);
    assert_memory_equal (out->str, expected, expected_size);
  }
}

static void
check (enum transfer_encoding encoding, const char *in, const char *expected) {
  check_octets (encoding, in, strlen (in), expected, strlen (expected), true);
}

static void
base64 (void **state) {
  check (TRANSFER_BASE64, "", "");
  check (TRANSFER_BASE64, "aGVsbG8gd29ybGQ=", "hello world");
  check (TRANSFER_BASE64, "aGVs\r\nbG8g\r\n d29y\tbGQ=\r\n", "hello world");
  check (TRANSFER_BASE64, "aGVsbG8gd29ybGQ", "hello world"); /* no padding */
  check (TRANSFER_BASE64, "aGVsbG8=d29ybGQ=", "helloworld"); /* two pieces */
  check (TRANSFER_BASE64, "aGVs!bG8g*d29ybGQ=-- ", "hello world");
  check (TRANSFER_BASE64, "YQ==\r\nYg==\r\n", "ab");
  check (TRANSFER_BASE64, "YQ=\r\n=", "a");
  check (TRANSFER_BASE64, "A", "");
  check (TRANSFER_BASE64, "====", "");
  check_octets (TRANSFER_BASE64, "AAECAwQF/v8=", 12, "\0\1\2\3\4\5\xfe\xff", 8, false);
}

static void
quoted_printable (void **state) {
  check (TRANSFER_QUOTED_PRINTABLE, "", "");
  check (TRANSFER_QUOTED_PRINTABLE, "a=3Db=3db=C3=A4", "a=b=b\xc3\xa4");
  check (TRANSFER_QUOTED_PRINTABLE, "one \t \r\ntwo\t\n three ", "one\r\ntwo\n three");
  check (TRANSFER_QUOTED_PRINTABLE, "kept=20\r\nkept=09 \t\r\n", "kept \r\nkept\t\r\n");
  check (TRANSFER_QUOTED_PRINTABLE, "so=\r\nft= \t\r\n line=\nend=", "soft lineend");
  check (TRANSFER_QUOTED_PRINTABLE, "a=zz=4", "a=zz=4");
  check (TRANSFER_QUOTED_PRINTABLE, "a==41", "a=A");
  check (TRANSFER_QUOTED_PRINTABLE, "a=  b", "a= b");
  check (TRANSFER_QUOTED_PRINTABLE, "cr\rlf", "cr\rlf");
  check_octets (TRANSFER_QUOTED_PRINTABLE, "=00=FF", 6, "\0\xff", 2, false);
}

static void
blanks (void **state) { /* many of them: bounded, and nothing is lost before other text */
  g_autofree char *in = g_strnfill (5000, ' '), *text = g_strconcat ("x", in, "y", NULL);

  check_octets (TRANSFER_QUOTED_PRINTABLE, text, 5002, text, 5002, false);
}

static void
uuencode (void **state) {
  check (TRANSFER_UUENCODE, "begin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n", "Cat");
  check (TRANSFER_UUENCODE, "noise\nbegin 644 x\n+:&5L;&\\@=V]R;&0\n`\nend\nmore\n", "hello world");
  /* Less than it says. */
  check_octets (TRANSFER_UUENCODE, "begin 644 x\n_#\n", 15, "\x0c\0\0", 3, true);
}

static void
names (void **state) {
  assert_int_equal (transfer_encoding_of ("", 0), TRANSFER_IDENTITY);
  assert_int_equal (transfer_encoding_of (" 7BIT ", 6), TRANSFER_IDENTITY);
  assert_int_equal (transfer_encoding_of ("BASE64", 6), TRANSFER_BASE64);
  assert_int_equal (transfer_encoding_of (" quoted-printable (x)", 21), TRANSFER_QUOTED_PRINTABLE);
  assert_int_equal (transfer_encoding_of ("base6", 5), TRANSFER_UNKNOWN);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (base64), cmocka_unit_test (quoted_printable),
    cmocka_unit_test (blanks), cmocka_unit_test (uuencode),
    cmocka_unit_test (names),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
