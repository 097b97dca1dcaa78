/* SPDX-License-Identifier: Apache-2.0 */
/* question_test.c - questions as a JSON library reads them: whatever is in a text comes out again, and
 * stays in its place. */
#include "directory-exec/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

static json_t *
read_line (struct ptn_bytes line) {
  const char *end = memchr (line.data, '\n', line.size);
  assert_ptr_equal (end, (const char *)line.data + line.size - 1); /* one line */
  json_t *object = json_loadb (line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
  assert_true (json_is_object (object));
  return object;
}

static const char *
text_of (const json_t *object, const char *name) {
  return json_string_value (json_object_get (object, name));
}

static void
every_character_comes_out_again (void **state) {
  (void)state;
  for (gunichar first = 1; first < 0x110000; first += 0x700) {
    g_autoptr (GString) text = g_string_new (NULL);
    for (gunichar one = first; one < first + 0x700 && one < 0x110000; one++)
      if (one < 0xd800 || one > 0xdfff)
        g_string_append_unichar (text, one);
    struct question *question = question_new ();
    assert_true (question_add (question, "before", "\",\"id\":1,\"x\":\""));
    assert_true (question_add (question, "text", text->str));
    question_add_json (question, "limit", "1000");
    json_t *object = read_line (question_line (question, "verify", 7));
    assert_string_equal (text_of (object, "text"), text->str);
    assert_string_equal (text_of (object, "before"), "\",\"id\":1,\"x\":\"");
    assert_string_equal (text_of (object, "op"), "verify");
    assert_int_equal (json_integer_value (json_object_get (object, "id")), 7);
    assert_int_equal (json_integer_value (json_object_get (object, "limit")), 1000);
    assert_int_equal (json_object_size (object), 5);
    json_decref (object);
    question_free (&question);
  }
}

/* On another connection, with another number. */
static void
a_question_is_asked_again (void **state) {
  (void)state;
  struct question *question = question_new ();
  question_add (question, "name", "");
  for (gint64 id = 1; id < 100; id++) {
    json_t *object = read_line (question_line (question, "account", id));
    assert_int_equal (json_integer_value (json_object_get (object, "id")), id);
    assert_string_equal (text_of (object, "name"), "");
    assert_int_equal (json_object_size (object), 3);
    json_decref (object);
  }
  question_free (&question);
  assert_null (question);
  question_free (&question);
}

static void
what_is_no_text_is_not_asked (void **state) {
  (void)state;
  static const char *const texts[] = { "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80",
                                       "\xf5\x80\x80\x80" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    struct question *question = question_new ();
    assert_true (question_add (question, "name", "alice"));
    assert_false (question_add (question, "text", texts[i]));
    assert_false (question_is_whole (question));
    assert_int_equal (question_line (question, "verify", 1).size, 0);
    question_free (&question);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_character_comes_out_again),
    cmocka_unit_test (a_question_is_asked_again),
    cmocka_unit_test (what_is_no_text_is_not_asked),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
