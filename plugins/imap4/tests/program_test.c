/* SPDX-License-Identifier: Apache-2.0 */
/* program_test.c - search programs: what is one, what is none, and the limits. */
#include "search/program.h"

#include <postern/search.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A program as text: kinds and what belongs to them. */
static void
describe (const struct program *p, const struct key *key, GString *out) {
  static const char *const names[] = {
    "all",     "and",     "or",     "not",     "flags",  "keyword", "recent", "numbers",
    "uids",    "saved",   "larger", "smaller", "modseq", "arrived", "sent",   "saved-on",
    "savable", "younger", "older",  "email",   "thread", "term",    "filter", "annotation",
  };
  g_string_append (out, names[key->kind]);
  if (key->kind == KEY_TERM) {
    const struct term *term = &p->terms[key->number];
    g_string_append_printf (out, ":%u:%s:%s", term->scope, term->field ? term->field : "",
                            term->text);
  }
  if (!key->first)
    return;
  g_string_append_c (out, '(');
  for (const struct key *child = key->first; child; child = child->next) {
    describe (p, child, out);
    g_string_append (out, child->next ? " " : ")");
  }
}

static void
check (const char *text, const char *expected) {
  struct program *p = program_new ();
  struct reader r;
  reader_init (&r, text, strlen (text), false);
  enum program_result result = program_parse (p, &r);
  if (!expected) {
    if (result != PROGRAM_BAD || !r.error)
      fail_msg ("taken: %s", text);
  } else {
    g_autoptr (GString) out = g_string_new (NULL);
    if (result != PROGRAM_OK)
      fail_msg ("refused: %s: %s", text, r.error);
    describe (p, p->top, out);
    assert_string_equal (out->str, expected);
  }
  reader_clear (&r);
  program_free (&p);
  assert_null (p);
}

static void
programs (void **state) {
  check ("ALL", "all");
  check ("all seen", "and(all flags)");
  check ("NEW", "and(recent flags)");
  check ("OLD", "not(recent)");
  check ("OR (1:2 UID 3) NOT UNKEYWORD x", "or(and(numbers uids) not(not(keyword)))");
  check ("$ UID $", "and(saved saved)");
  check ("SUBJECT \"a b\" HEADER X-Y z BODY {3}\r\nabc TEXT t",
         "and(term:1:Subject:a b term:1:X-Y:z term:2::abc term:3::t)");
  check ("CHARSET ISO-8859-1 TEXT {1}\r\n\xe4", "term:3::\xc3\xa4");
  check ("FUZZY TEXT t", "term:3::t");
  check ("MODSEQ 5 MODSEQ \"/flags/\\\\Seen\" all 5", "and(modseq modseq)");
  check ("BEFORE 1-Jan-2024 SENTON \"1-Jan-2024\" SAVEDSINCE 1-Jan-2024 SAVEDATESUPPORTED",
         "and(arrived sent saved-on savable)");
  check ("YOUNGER 1 OLDER 2 LARGER 0 SMALLER 18446744073", "and(younger older larger smaller)");
  check ("EMAILID M1 THREADID T1 FILTER f", "and(email thread filter)");
  check ("ANNOTATION /comment value \"x\" ANNOTATION * value.priv NIL",
         "and(annotation not(annotation))");
}

static void
malformed (void **state) {
  static const char *const texts[] = {
    "",
    " ",
    "ALL ",
    " ALL",
    "ALL  ALL",
    "()",
    "(ALL",
    "ALL)",
    "OR ALL",
    "NOT",
    "1:",
    "1,,2",
    "0",
    "1x",
    "$x",
    "UID",
    "UID x",
    "SUBJECT",
    "SUBJECT ",
    "HEADER x",
    "BEFORE 1-Foo-2024",
    "LARGER -1",
    "LARGER 9999999999999999999",
    "YOUNGER 0",
    "MODSEQ",
    "MODSEQ \"/flags/x\" none 5",
    "KEYWORD \\Seen",
    "CHARSET",
    "CHARSET utf-8",
    "CHARSET utf-8 ",
    "BOGUS",
    "FUZZY",
    "ANNOTATION /x bogus NIL",
    "TEXT {5}\r\nabc",
    "TEXT \"abc",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    check (texts[i], NULL);
}

static void
repeat (GString *text, const char *piece, int count) {
  for (int i = 0; i < count; i++)
    g_string_append (text, piece);
}

static void
limits (void **state) {
  g_autoptr (GString) deep = g_string_new (NULL);
  repeat (deep, "(", 100000);
  check (deep->str, NULL);
  g_string_truncate (deep, 0);
  repeat (deep, "NOT ", PROGRAM_DEPTH);
  g_string_append (deep, "ALL");
  check (deep->str, NULL);
  g_autoptr (GString) expected = g_string_new (NULL);
  g_string_truncate (deep, 0);
  repeat (deep, "NOT ", PROGRAM_DEPTH - 1);
  g_string_append (deep, "ALL");
  repeat (expected, "not(", PROGRAM_DEPTH - 1);
  g_string_append (expected, "all");
  repeat (expected, ")", PROGRAM_DEPTH - 1);
  check (deep->str, expected->str);
}

static void
counts (void **state) {
  g_autoptr (GString) many = g_string_new ("ALL");
  repeat (many, " SEEN", PROGRAM_KEYS);
  check (many->str, NULL);
  g_string_assign (many, "ALL");
  for (int i = 0; i <= PROGRAM_TERMS; i++)
    g_string_append_printf (many, " TEXT t%d", i);
  check (many->str, NULL);
  g_string_assign (many, "ALL");
  repeat (many, " TEXT same", 500); /* one term */
  struct program *p = program_new ();
  struct reader r;
  reader_init (&r, many->str, many->len, false);
  assert_int_equal (program_parse (p, &r), PROGRAM_OK);
  assert_int_equal (p->term_count, 1);
  reader_clear (&r);
  program_free (&p);
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (programs),
    cmocka_unit_test (malformed),
    cmocka_unit_test (limits),
    cmocka_unit_test (counts),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
