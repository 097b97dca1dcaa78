/* SPDX-License-Identifier: Apache-2.0 */
/* uidlist_test.c - dovecot-uidlist and dovecot-keywords, as they are and as they may be broken. */
#include "../uidlist.h"
#include "../maildir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct uidlist *
parse (const char *text) {
  return uidlist_parse (g_strdup (text), strlen (text));
}

#define LINE(list, i) (&g_array_index ((list)->lines, struct uidlist_line, i))

static void
version_three (void **state) {
  g_autoptr (uidlist) list = parse ("3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n"
                                    "25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n"
                                    "25017 W2481 Pabc :1276533073.M242911P3632.kurkku:2,F\n");
  assert_non_null (list);
  assert_int_equal (list->uidvalidity, 1275660208);
  assert_int_equal (list->next_uid, 25022);
  assert_true (list->has_id);
  assert_int_equal (list->id.octets[0], 0x30);
  assert_int_equal (list->id.octets[15], 0xc1);
  assert_int_equal (list->lines->len, 2);
  assert_int_equal (LINE (list, 0)->uid, 25006);
  assert_int_equal (LINE (list, 0)->base, strlen ("1276528487.M364837P9451.kurkku,S=1355,W=1394"));
  assert_int_equal (LINE (list, 1)->crlf_size, 2481);
  assert_string_equal (LINE (list, 1)->extension, "W2481 Pabc");
}

static void
next_uid_may_lag (void **state) {
  g_autoptr (uidlist) list = parse ("3 V5 N1 Gnothex\n1 :a\n9 :b\n");
  assert_int_equal (list->next_uid, 10);
  assert_false (list->has_id);
}

static void
version_one (void **state) {
  g_autoptr (uidlist) list = parse ("1 1275660208 7\n2 123.a:2,S\n4 124.b\n");
  assert_int_equal (list->uidvalidity, 1275660208);
  assert_int_equal (list->lines->len, 2);
  assert_string_equal (LINE (list, 1)->name, "124.b");
}

static void
rotten_heads (void **state) {
  static const char *const texts[] = {
    "",
    "\n",
    "3\n",
    "3 V0 N1\n",
    "3 N1\n",
    "2 V1 N1\n",
    "3 Vx N1\n",
    "4294967296 V1\n",
    "3 V1 N1",
    "3 V99999999999 N1\n",
    "garbage\n1 :a\n",
    "1 5\n",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_null (parse (texts[i]));
}

static void
rotten_lines (void **state) {
  g_autoptr (uidlist) list = parse ("3 V5 N50\n"
                                    "1 :a\n"
                                    "0 :zero\n"
                                    "2 :../../etc/passwd\n"
                                    "3 :.hidden\n"
                                    "x :b\n"
                                    "4294967296 :c\n"
                                    "5 W1\n"
                                    "9 :late\n"
                                    "7 :early\n"
                                    "7 :twice\n"
                                    "11 :a:2,S\n"
                                    "12 :torn");
  assert_int_equal (list->lines->len, 3);
  assert_int_equal (LINE (list, 0)->uid, 7);
  assert_int_equal (LINE (list, 1)->uid, 9);
  assert_int_equal (LINE (list, 2)->uid, 11); /* the file's later UID */
  assert_true (list->skipped >= 7);
}

static void
octets_of_zero (void **state) {
  static const char text[] = "3 V5 N50\n1 :a\0b\n2 :c\n";
  g_autoptr (uidlist) list = uidlist_parse (g_memdup2 (text, sizeof text), sizeof text - 1);
  assert_int_equal (list->lines->len, 1);
  assert_int_equal (LINE (list, 0)->uid, 2);
}

static void
written_and_read (void **state) {
  struct ptn_id id = { "0123456789abcde" };
  GString *text = g_string_new (NULL);
  uidlist_put_head (text, 77, 5, &id);
  uidlist_put_line (text, 1, "", "1.a:2,S", 3);
  uidlist_put_line (text, 4, "P123", "2.b", 3);
  assert_true (g_str_has_suffix (text->str, "\n1 :1.a\n4 P123 :2.b\n"));
  g_autoptr (uidlist) list = uidlist_parse (g_strdup (text->str), text->len);
  assert_memory_equal (&list->id, &id, sizeof id);
  assert_int_equal (list->uidvalidity, 77);
  assert_string_equal (LINE (list, 1)->extension, "P123");
  g_string_free (text, TRUE);
}

static void
keywords (void **state) {
  g_autoptr (GPtrArray) words =
      keywords_parse ("0 $Junk\n2 Work\n26 toomuch\n1x y\n3 two words\n\xff\n4 \xff\xfe\n");
  assert_int_equal (words->len, 3);
  assert_string_equal (words->pdata[0], "$Junk");
  assert_string_equal (words->pdata[1], "unknown-1");
  g_autofree char *text = keywords_format (words);
  assert_string_equal (text, "0 $Junk\n1 unknown-1\n2 Work\n");
}

static void
numbers_and_sets (void **state) {
  static const uint64_t numbers[] = { 0, 127, 128, UINT32_MAX, UINT64_MAX };
  static const int64_t signs[] = { 0, -1, 1, INT64_MIN, INT64_MAX };
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GArray) set = RANGES_NEW (), back = RANGES_NEW ();
  for (size_t i = 0; i < 5; i++) {
    put_number (out, numbers[i]);
    put_signed (out, signs[i]);
  }
  set_append (set, 1);
  set_append (set, 2);
  set_append (set, UINT32_MAX);
  put_set (out, SET_OF (set));
  for (guint cut = 0; cut <= out->len; cut++) {
    struct octets in = { out->data, out->data + cut, false };
    g_array_set_size (back, 0);
    for (size_t i = 0; i < 5; i++) {
      uint64_t number = get_number (&in);
      int64_t sign = get_signed (&in);
      if (!in.bad) {
        assert_int_equal (number, numbers[i]);
        assert_int_equal (sign, signs[i]);
      }
    }
    get_set (&in, back);
    assert_int_equal (in.bad, cut < out->len);
  }
  assert_int_equal (back->len, 2);
  assert_true (set_contains (SET_OF (back), UINT32_MAX));
  assert_false (set_contains (SET_OF (back), 3));
  assert_int_equal (crc32_of (0, "123456789", 9), 0xcbf43926);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (version_three),    cmocka_unit_test (next_uid_may_lag),
    cmocka_unit_test (version_one),      cmocka_unit_test (rotten_heads),
    cmocka_unit_test (rotten_lines),     cmocka_unit_test (octets_of_zero),
    cmocka_unit_test (written_and_read), cmocka_unit_test (keywords),
    cmocka_unit_test (numbers_and_sets),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
