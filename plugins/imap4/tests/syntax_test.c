/* SPDX-License-Identifier: Apache-2.0 */
/* syntax_test.c - reading and writing the grammar of RFC 9051 section 9, octet by octet. */
#include "syntax/reader.h"
#include "syntax/utf7.h"
#include "syntax/writer.h"

#include "common/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct reader r;

static struct reader *
over (const char *text) {
  reader_clear (&r);
  reader_init (&r, text, strlen (text), false);
  return &r;
}

static struct reader *
over_utf8 (const char *text) {
  over (text);
  r.utf8 = true;
  return &r;
}

static int
done (void **state) {
  reader_clear (&r);
  return 0;
}

static void
assert_string (const char *text, const char *expected) {
  size_t size = 0;
  const char *got = reader_astring (over (text), &size);
  if (!expected) {
    assert_null (got);
    assert_non_null (r.error);
    return;
  }
  assert_non_null (got);
  assert_string_equal (got, expected);
  assert_int_equal (size, strlen (expected));
  assert_true (reader_end (&r));
}

static void
test_strings (void **state) {
  assert_string ("atom]+", "atom]+");
  assert_string ("\"\"", "");
  assert_string ("\"a \\\"b\\\\\"", "a \"b\\");
  assert_string ("\"ä\"", "ä");
  assert_string ("{0}\r\n", "");
  assert_string ("{3}\r\na\"\r", "a\"\r");
  assert_string ("{3+}\r\nabc", "abc");
  assert_string ("\"open", NULL);
  assert_string ("\"a\\b\"", NULL);
  assert_string ("\"a\nb\"", NULL);
  assert_string ("\"\xff\"", NULL);
  assert_string ("{4}\r\nabc", NULL);
  assert_string ("{}\r\n", NULL);
  assert_string ("{99999999999999999999}\r\nabc", NULL);
  assert_string ("(", NULL);
  assert_string ("%", NULL);
  assert_string ("", NULL);
}

static void
test_literal_with_nul (void **state) {
  static const char text[] = "{3}\r\na\0b";
  reader_clear (&r);
  reader_init (&r, text, sizeof text - 1, false);
  assert_null (reader_string (&r, NULL));
  static const char eight[] = "~{3}\r\na\0b";
  struct ptn_bytes value;
  reader_clear (&r);
  reader_init (&r, eight, sizeof eight - 1, false);
  assert_true (reader_value (&r, &value));
  assert_int_equal (value.size, 3);
  assert_memory_equal (value.data, "a\0b", 3);
  assert_true (reader_value (over ("NIL"), &value));
  assert_null (value.data);
}

static void
test_numbers (void **state) {
  uint32_t number;
  uint64_t big;
  assert_true (reader_number (over ("4294967295"), &number));
  assert_int_equal (number, 4294967295u);
  assert_false (reader_number (over ("4294967296"), &number));
  assert_false (reader_nz_number (over ("0"), &number));
  assert_true (reader_number64 (over ("9223372036854775807"), &big));
  assert_true (big == INT64_MAX);
  assert_false (reader_number64 (over ("9223372036854775808"), &big));
  assert_false (reader_number64 (over ("99999999999999999999999"), &big));
  assert_false (reader_number (over ("-1"), &number));
}

static void
test_words (void **state) {
  assert_false (reader_accept_word (over ("NILS"), "NIL"));
  assert_true (reader_accept_word (over ("nil)"), "NIL"));
  assert_string_equal (reader_keyword (over ("fetch 1")), "FETCH");
  assert_true (reader_space (&r));
  assert_false (reader_space (over ("  x")));
  assert_false (reader_end (over ("x")));
}

static char *
ranges_text (const char *text, uint32_t largest) {
  struct sequence_set set;
  char *result = NULL;
  if (reader_sequence_set (over (text), &set) && reader_end (&r)) {
    g_autoptr (GArray) ranges = sequence_set_ranges (&set, largest);
    struct writer w = { 0 };
    put_uid_set (&w, SET_OF (ranges));
    result = g_strndup (w.data ? w.data : "", w.size);
    writer_clear (&w);
  }
  sequence_set_clear (&set);
  return result;
}

static void
assert_ranges (const char *text, uint32_t largest, const char *expected) {
  g_autofree char *got = ranges_text (text, largest);
  if (!expected)
    assert_null (got);
  else
    assert_string_equal (got ? got : "(failed)", expected);
}

static void
test_sequence_sets (void **state) {
  assert_ranges ("1", 9, "1");
  assert_ranges ("2,4:7,9,12:*", 15, "2,4:7,9,12:15"); /* the example of RFC 9051 section 9 */
  assert_ranges ("*:4,5:7", 10, "4:10");
  assert_ranges ("*", 10, "10");
  assert_ranges ("5:*", 3, "3:5"); /* "*:5 and 5:*" are the same */
  assert_ranges ("3,1,2", 9, "1:3");
  assert_ranges ("7:2,9", 9, "2:7,9");
  assert_ranges ("4294967295,1:4294967295", 9, "1:4294967295");
  assert_ranges ("*", 0, "");
  assert_ranges ("1:*", 0, ""); /* clients ask so without looking whether there are any */
  assert_ranges ("0", 9, NULL);
  assert_ranges ("1:", 9, NULL);
  assert_ranges ("1,,2", 9, NULL);
  assert_ranges (",1", 9, NULL);
  assert_ranges ("1:2:3", 9, NULL);
  assert_ranges ("4294967296", 9, NULL);
}

static void
test_dates (void **state) {
  int32_t days;
  int64_t seconds;
  assert_true (reader_date (over ("1-Jan-1970"), &days));
  assert_int_equal (days, 0);
  assert_true (reader_date (over ("\"29-feb-2000\""), &days));
  assert_int_equal (days, 11016);
  assert_false (reader_date (over ("29-Feb-1900"), &days));
  assert_false (reader_date (over ("0-Jan-2000"), &days));
  assert_false (reader_date (over ("32-Jan-2000"), &days));
  assert_false (reader_date (over ("1-Foo-2000"), &days));
  assert_false (reader_date (over ("1-Jan-00"), &days));
  assert_false (reader_date (over ("\"1-Jan-2000"), &days));
  assert_true (reader_date_time (over ("\"17-Jul-1996 02:44:25 -0700\""), &seconds));
  assert_int_equal (seconds, 837596665);
  assert_true (reader_date_time (over ("\" 1-Jan-1970 00:00:00 +0000\""), &seconds));
  assert_int_equal (seconds, 0);
  assert_true (reader_date_time (over ("\"31-Dec-9999 23:59:60 +1400\""), &seconds));
  assert_false (reader_date_time (over ("\"1-Jan-1970 00:00:00 +0000\""), &seconds));
  assert_false (reader_date_time (over ("\" 1-Jan-1970 24:00:00 +0000\""), &seconds));
  assert_false (reader_date_time (over ("\" 1-Jan-1970 00:00:00 0000\""), &seconds));
  assert_false (reader_date_time (over ("\" 1-Jan-1970 00:00:00 +0060\""), &seconds));
}

static void
assert_date_time (int64_t seconds, const char *expected) {
  struct writer w = { 0 };
  put_date_time (&w, seconds);
  put_char (&w, 0);
  assert_string_equal (w.data, expected);
  writer_clear (&w);
}

static void
test_date_time_written (void **state) {
  assert_date_time (0, "\" 1-Jan-1970 00:00:00 +0000\"");
  assert_date_time (837596665, "\"17-Jul-1996 09:44:25 +0000\"");
  assert_date_time (-1, "\"31-Dec-1969 23:59:59 +0000\"");
  assert_date_time (INT64_MAX, "\"31-Dec-9999 23:59:59 +0000\"");
  assert_date_time (INT64_MIN, "\" 1-Jan-0000 00:00:00 +0000\"");
}

static void
assert_utf7 (const char *encoded, const char *expected) {
  g_autofree char *decoded = utf7_decode (encoded, strlen (encoded));
  if (!expected) {
    assert_null (decoded);
    return;
  }
  assert_string_equal (decoded ? decoded : "(failed)", expected);
  g_autofree char *again = utf7_encode (expected);
  assert_string_equal (again, encoded);
}

static void
test_utf7 (void **state) {
  assert_utf7 ("INBOX", "INBOX");
  assert_utf7 ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"); /* RFC 3501 5.1.3 */
  assert_utf7 ("R&AOQ-ksm&APY-rg&AOU-s", "Räksmörgås");
  assert_utf7 ("Tom &- Jerry", "Tom & Jerry");
  assert_utf7 ("&2D3eAA-", "😀");
  assert_utf7 ("&Jjo-!", "☺!");
  assert_utf7 ("&Jjo!", NULL);              /* no "-" */
  assert_utf7 ("&U,BTFw-&ZeVnLIqe-", NULL); /* superfluous shift */
  assert_utf7 ("&", NULL);
  assert_utf7 ("&AGE-", NULL); /* "a" needs no shift */
  assert_utf7 ("&2D0-", NULL); /* half a pair */
  assert_utf7 ("&3gA-", NULL);
  assert_utf7 ("&AOR-", NULL); /* bits that are not 0 */
  assert_utf7 ("\xc3\xa4", NULL);
}

static void
test_mailbox_names (void **state) {
  assert_string_equal (reader_mailbox (over ("inbox")), "INBOX");
  assert_string_equal (reader_mailbox (over ("\"InBox/sub\"")), "INBOX/sub");
  assert_string_equal (reader_mailbox (over ("R&AOQ-ksm")), "Räksm");
  assert_string_equal (reader_mailbox (over_utf8 ("\"Räksm\"")), "Räksm");
  assert_string_equal (reader_mailbox (over_utf8 ("a&b")), "a&b");
  assert_null (reader_mailbox (over ("\"Räksm\"")));
  assert_null (reader_mailbox (over ("a//b")));
  assert_null (reader_mailbox (over ("/a")));
  assert_null (reader_mailbox (over ("\"\"")));
  assert_null (reader_mailbox (over ("a*")) && reader_end (&r) ? "" : NULL);
  assert_string_equal (reader_list_mailbox (over ("in%*]")), "in%*]");
}

static void
assert_written (const char *text, size_t size, bool utf8, const char *expected) {
  struct writer w = { 0 };
  put_astring (&w, text, size, utf8);
  put_char (&w, 0);
  assert_string_equal (w.data, expected);
  writer_clear (&w);
}

static void
test_strings_written (void **state) {
  assert_written ("a", 1, false, "a");
  assert_written ("", 0, false, "\"\"");
  assert_written ("nil", 3, false, "\"nil\"");
  assert_written ("a b", 3, false, "\"a b\"");
  assert_written ("a\"\\", 3, false, "\"a\\\"\\\\\"");
  assert_written ("ä", 2, false, "{2}\r\nä");
  assert_written ("ä", 2, true, "\"ä\"");
  assert_written ("\xe4", 1, true, "{1}\r\n\xe4");
  assert_written ("a\r\nb", 4, true, "{4}\r\na\r\nb");
  assert_written ("a\0b", 3, true, "{2}\r\nab");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_strings, done),
    cmocka_unit_test_teardown (test_literal_with_nul, done),
    cmocka_unit_test_teardown (test_numbers, done),
    cmocka_unit_test_teardown (test_words, done),
    cmocka_unit_test_teardown (test_sequence_sets, done),
    cmocka_unit_test_teardown (test_dates, done),
    cmocka_unit_test_teardown (test_date_time_written, done),
    cmocka_unit_test_teardown (test_utf7, done),
    cmocka_unit_test_teardown (test_mailbox_names, done),
    cmocka_unit_test_teardown (test_strings_written, done),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
