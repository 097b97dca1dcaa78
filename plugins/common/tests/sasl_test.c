/* SPDX-License-Identifier: Apache-2.0 */
/* sasl_test.c - base64 as SASL wants it, and what the protocols share of its framing. */
#include "common/base64.h"
#include "common/sasl.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
decoding (void **state) {
  static const struct {
    const char *text, *octets; /* NULL: refused */
    size_t size;
  } rows[] = {
    { "", "", 0 },
    { "AA==", "\0", 1 },
    { "AAA=", "\0\0", 2 },
    { "AAAA", "\0\0\0", 3 },
    { "/+9=", NULL, 0 }, /* bits left over */
    { "/+8=", "\xff\xef", 2 },
    { "YWJjZGVm", "abcdef", 6 },
    { "AB==", NULL, 0 },
    { "AAB=", NULL, 0 },
    { "A===", NULL, 0 },
    { "====", NULL, 0 },
    { "=", NULL, 0 },
    { "A", NULL, 0 },
    { "AA", NULL, 0 },
    { "AAA", NULL, 0 },
    { "AA=A", NULL, 0 },
    { "AA==AAAA", NULL, 0 },
    { "AAA AAA", NULL, 0 },
    { "AAAA\n", NULL, 0 },
    { "A-_A", NULL, 0 },
    { "AAA\x80", NULL, 0 },
    { "\xff\xff\xff\xff", NULL, 0 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    struct sasl_response response = { 0 };
    /* Exactly as long as it is: a read behind it is seen. */
    const size_t length = strlen (rows[i].text);
    g_autofree char *text = g_memdup2 (rows[i].text, MAX (length, 1));
    assert_int_equal (sasl_response_decode (&response, text, length), rows[i].octets != NULL);
    assert_int_equal (response.data != NULL, rows[i].octets != NULL);
    assert_int_equal (response.size, rows[i].size);
    if (rows[i].size)
      assert_memory_equal (response.data, rows[i].octets, rows[i].size);
    sasl_response_clear (&response);
    assert_null (response.data);
  }
}

static void
there_and_back (void **state) {
  unsigned char octets[300], again[300];
  char text[BASE64_ENCODED_MAX (sizeof octets)];
  for (size_t i = 0; i < sizeof octets; i++)
    octets[i] = (unsigned char)(i * 37);
  for (size_t size = 0; size <= sizeof octets; size++) {
    const size_t length = base64_encode (octets, size, text);
    size_t decoded;
    assert_int_equal (length, strlen (text));
    assert_true (base64_decode (text, length, again, &decoded));
    assert_int_equal (decoded, size);
    assert_memory_equal (again, octets, size);
    assert_true (base64_decode (text, length, (unsigned char *)text, &decoded)); /* in its place */
    assert_memory_equal (text, octets, size);
  }
}

static void
initial_responses (void **state) {
  struct sasl_response response = { 0 };
  assert_true (sasl_response_initial (&response, "=", 1));
  assert_non_null (response.data); /* sent, and empty */
  assert_int_equal (response.size, 0);
  assert_false (sasl_response_initial (&response, "==", 2));
  assert_null (response.data);
  assert_true (sasl_response_initial (&response, "AAAA", 4));
  assert_int_equal (response.size, 3);
  sasl_response_clear (&response);
  sasl_response_clear (&response);
}

static void
challenges (void **state) {
  size_t size;
  g_autofree char *empty = sasl_challenge ("+ ", (struct ptn_bytes){ NULL, 0 }, &size);
  assert_string_equal (empty, "+ \r\n");
  assert_int_equal (size, 4);
  g_autofree char *some = sasl_challenge ("334 ", (struct ptn_bytes){ "abc", 3 }, &size);
  assert_string_equal (some, "334 YWJj\r\n");
  assert_int_equal (size, 10);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (decoding),
    cmocka_unit_test (there_and_back),
    cmocka_unit_test (initial_responses),
    cmocka_unit_test (challenges),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
