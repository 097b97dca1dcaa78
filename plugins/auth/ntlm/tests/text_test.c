/* SPDX-License-Identifier: Apache-2.0 */
/* text_test.c - names to UTF-8 and back. */
#include "octets.h"

static void
from_unicode (void **state) {
  (void)state;
  static const struct {
    const char *hex, *text; /* NULL: refused */
  } cases[] = {
    { "", "" },
    { "6100", "a" },
    { "e400", "\xc3\xa4" },
    { "3dd84dde", "\xf0\x9f\x99\x8d" },
    { "61", NULL },       /* odd */
    { "610062", NULL },   /* odd */
    { "3dd8", NULL },     /* half a pair, at the end */
    { "3dd86100", NULL }, /* and before something else */
    { "4dde3dd8", NULL }, /* the wrong way round */
    { "3dd83dd84dde", NULL },
    { "3dd800e0", NULL }, /* no low half */
    { "61000000", NULL }, /* NUL */
    { "0a00", NULL },
    { "8500", NULL }, /* NEL */
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) octets = octets_from_hex (cases[i].hex);
    g_autofree char *text = ntlm_text_from_unicode (octets_bytes (octets));
    if (cases[i].text && cases[i].text[0] && !text)
      fail_msg ("%s was refused", cases[i].hex);
    if (!cases[i].text)
      assert_null (text);
    else
      assert_string_equal (text, cases[i].text);
  }
  g_autoptr (GByteArray) longest = g_byte_array_new ();
  for (size_t i = 0; i < NTLM_NAME_LIMIT; i++)
    g_byte_array_append (longest, (const guint8 *)"a", 2);
  g_autofree char *fits = ntlm_text_from_unicode (octets_bytes (longest));
  assert_non_null (fits);
  g_byte_array_append (longest, (const guint8 *)"a", 2);
  assert_null (ntlm_text_from_unicode (octets_bytes (longest)));
  g_byte_array_set_size (longest, NTLM_NAME_LIMIT + 1); /* 128 letters, of two octets in UTF-8 */
  for (guint i = 0; i < longest->len; i++)
    longest->data[i] = i % 2 ? 0 : 0xe4;
  assert_null (ntlm_text_from_unicode (octets_bytes (longest)));
}

static void
oem_has_a_limit (void **state) {
  (void)state;
  g_autofree char *plain = g_strnfill (NTLM_NAME_LIMIT + 1, 'a');
  g_autofree char *fits = ntlm_text_from_oem ((struct ptn_bytes){ plain, NTLM_NAME_LIMIT });
  assert_non_null (fits);
  assert_null (ntlm_text_from_oem ((struct ptn_bytes){ plain, NTLM_NAME_LIMIT + 1 }));
  assert_null (ntlm_text_widened ((struct ptn_bytes){ plain, NTLM_NAME_LIMIT + 1 }));
  g_autofree char *umlauts = g_strnfill (NTLM_NAME_LIMIT, '\xe4'); /* twice as long in UTF-8 */
  assert_null (ntlm_text_from_oem ((struct ptn_bytes){ umlauts, NTLM_NAME_LIMIT }));
}

static void
from_oem (void **state) {
  (void)state;
  static const struct {
    const char *octets, *text, *widened;
  } cases[] = {
    { "", "", "" },
    { "alice", "alice", "alice" },
    { "m\xc3\xbcller", "m\xc3\xbcller", "m\xc3\x83\xc2\xbcller" },
    { "m\xfcller", "m\xc3\xbcller", "m\xc3\xbcller" },
    { "a\nb", NULL, NULL },
    { "\x7f", NULL, NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ptn_bytes octets = { cases[i].octets, strlen (cases[i].octets) };
    g_autofree char *text = ntlm_text_from_oem (octets);
    g_autofree char *widened = ntlm_text_widened (octets);
    if (!cases[i].text) {
      assert_null (text);
      assert_null (widened);
      continue;
    }
    assert_string_equal (text, cases[i].text);
    assert_string_equal (widened, cases[i].widened);
  }
}

static void
to_unicode (void **state) {
  (void)state;
  static const struct {
    const char *text;
    ntlm_case how;
    const char *hex;
  } cases[] = {
    { "a\xc3\xa4", NTLM_AS_IS, "6100e400" },
    { "a\xc3\xa4", NTLM_UPPER, "4100c400" },
    { "a\xc3\xa4", NTLM_UPPER_ASCII, "4100e400" },
    { "\xc3\x9f", NTLM_UPPER, "df00" }, /* sharp s */
    { "\xc2\xb5\xc4\xb1", NTLM_UPPER, "b5003101" },
    { "\xc3\xbf", NTLM_UPPER, "7801" },
    { "\xcf\x83\xcf\x82", NTLM_UPPER, "a303c203" },             /* sigma, final sigma */
    { "\xd1\x8f\xd4\xa3\xd4\xa5", NTLM_UPPER, "2f0422052505" }, /* Cyrillic, old and new */
    { "\xe1\x83\x90", NTLM_UPPER, "d010" },                     /* Georgian */
    { "\xe2\x85\xb0\xe2\x93\x90", NTLM_UPPER, "6021b624" },     /* numeral one, a in a circle */
    { "\xea\xad\xb0", NTLM_UPPER, "70ab" },                     /* Cherokee */
    { "\xf0\x9f\x99\x8d", NTLM_UPPER, "3dd84dde" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) expected = octets_from_hex (cases[i].hex);
    g_autoptr (GByteArray) made = g_byte_array_new ();
    ntlm_text_append_unicode (made, cases[i].text, cases[i].how);
    assert_int_equal (made->len, expected->len);
    assert_memory_equal (made->data, expected->data, made->len);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (from_unicode),
    cmocka_unit_test (from_oem),
    cmocka_unit_test (oem_has_a_limit),
    cmocka_unit_test (to_unicode),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
