/* SPDX-License-Identifier: Apache-2.0 */
/* escape.c - nobody can forge a line, a field or the order of what is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "log/format.h"

#include <endian.h>
#include <glib.h>
#include <string.h>

typedef void escape (struct escape_buffer *, const char *, size_t);

static void
becomes (escape *function, const char *text, const char *expected) {
  char room[256] = "";
  struct escape_buffer out = { .data = room, .room = sizeof room - 1 };
  function (&out, text, 100);
  assert_string_equal (room, expected);
}

static void
test_text (void **state) {
  becomes (escape_text, "plain text", "plain text");
  becomes (escape_text, "a\nb\r\tc\\\"", "a\\nb\\r\\tc\\\\\\\"");
  becomes (escape_text, "\x1b[2J\x7f", "\\x1b[2J\\x7f");
  becomes (escape_text, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
  becomes (escape_text, "\xff\xc3(", "\\xff\\xc3(");
  becomes (escape_text, "\xc2\x85\xe2\x80\xa8", "\\u{0085}\\u{2028}");
  becomes (escape_text,
           "a\xe2\x80\xae"
           "b\xe2\x81\xa6",
           "a\\u{202e}b\\u{2066}");
  becomes (escape_text, "\xed\xa0\x80", "\\xed\\xa0\\x80");
}

static void
test_word (void **state) {
  becomes (escape_word, "bob@example.test", "bob@example.test");
  becomes (escape_word, "", "\"\"");
  becomes (escape_word, "a b", "\"a b\"");
  becomes (escape_word, "x event=login", "\"x event=login\"");
  becomes (escape_word, "k=v", "\"k=v\"");
}

static void
test_json (void **state) {
  becomes (escape_json, "a\"b\\c\nd", "a\\\"b\\\\c\\nd");
  becomes (escape_json, "\x01\xff", "\\u0001\\ufffd");
  becomes (escape_json, "\xe2\x80\xae", "\\u202e");
  becomes (escape_json, "\xf3\xa0\x80\xa1", "\\udb40\\udc21");
}

static void
test_limits (void **state) {
  char room[16] = "";
  struct escape_buffer out = { .data = room, .room = sizeof room - 1 };
  escape_text (&out, "abcdefgh", 4);
  assert_string_equal (room, "abcd...");
  out = (struct escape_buffer){ .data = room, .room = 5 };
  memset (room, 0, sizeof room);
  escape_text (&out, "abc\n\n\n", 100);
  assert_true (out.full);
  assert_string_equal (room, "abc\\n");
}

static char *
format (void (*function) (struct escape_buffer *, const struct log_entry *), size_t *size) {
  static char room[8192];
  static const struct ptn_field context[] = { { "session", "s1" }, { "account", "bob" } };
  static const struct ptn_field fields[] = { { "account", "eve\n{\"event\":\"login\"}" },
                                             { "Event", "x" },
                                             { "nothing", NULL } };
  struct log_entry entry = { .level = PTN_LOG_INFO,
                             .origin = "auth",
                             .event = "login.failure",
                             .context = context,
                             .context_count = 2,
                             .fields = fields,
                             .count = 3,
                             .time_us = 1000000 };
  struct escape_buffer out = { .data = room, .room = sizeof room - 1 };
  function (&out, &entry);
  room[out.size] = 0;
  *size = out.size;
  return room;
}

static void
test_lines (void **state) {
  size_t size;
  assert_string_equal (format (log_format_json, &size),
                       "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"info\","
                       "\"event\":\"login.failure\",\"plugin\":\"auth\",\"session\":\"s1\","
                       "\"account\":\"eve\\n{\\\"event\\\":\\\"login\\\"}\",\"event_\":\"x\"}\n");
  const char *text = format (log_format_text, &size);
  assert_non_null (strstr (text, " info    login.failure plugin=auth session=s1 "
                                 "account=\"eve\\n{\\\"event\\\":\\\"login\\\"}\" event_=x\n"));
  assert_int_equal (strlen (text), size);
  assert_ptr_equal (strchr (text, '\n'), text + size - 1);
}

static void
test_journal (void **state) {
  size_t size;
  const char *entry = format (log_format_journal, &size);
  assert_non_null (memmem (entry, size, "PRIORITY=6\nPOSTERN_EVENT=login.failure\nMESSAGE\n", 47));
  const char *found = memmem (entry, size, "POSTERN_ACCOUNT\n", 16);
  assert_non_null (found);
  uint64_t length;
  memcpy (&length, found + 16, sizeof length);
  assert_int_equal (le64toh (length), strlen ("eve\n{\"event\":\"login\"}"));
  assert_non_null (memmem (entry, size, "POSTERN_EVENT_\n", 15));
}

static void
test_long_line (void **state) {
  char room[512];
  g_autofree char *value = g_strnfill (300, '\n');
  struct ptn_field fields[] = { { "a", "1" }, { "b", value }, { "c", "3" } };
  struct log_entry entry = { .level = PTN_LOG_ERROR, .event = "x", .fields = fields, .count = 3 };
  struct escape_buffer out = { .data = room, .room = sizeof room };
  log_format_json (&out, &entry);
  assert_true (out.size <= sizeof room);
  assert_memory_equal (room + out.size - 10, ",\"a\":\"1\"}\n", 10);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_text),      cmocka_unit_test (test_word),
    cmocka_unit_test (test_json),      cmocka_unit_test (test_limits),
    cmocka_unit_test (test_lines),     cmocka_unit_test (test_journal),
    cmocka_unit_test (test_long_line),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
