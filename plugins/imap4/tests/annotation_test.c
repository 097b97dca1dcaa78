/* SPDX-License-Identifier: Apache-2.0 */
/* annotation_test.c - entries and values of annotations (RFC 5257), LIST patterns that reach a
 * namespace. */
#include "annotation/annotation.h"
#include "mailbox/pattern.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

/* What FETCH shows of these values for a query; NULL: it is malformed; "": nothing. */
static char *
fetched (const char *text) {
  struct reader r;
  struct annotation_query query;
  struct writer w = { 0 };
  g_autoptr (GArray) values = annotation_values_new ();
  annotation_values_add (values, "/private/comment", (struct ptn_bytes){ "mine", 4 });
  annotation_values_add (values, "/shared/comment", (struct ptn_bytes){ "a\0b", 3 });
  annotation_values_add (values, "/private/1.2/flags/seen", (struct ptn_bytes){ "1", 1 });
  annotation_values_add (values, "/pop3/retrieved", (struct ptn_bytes){ "1", 1 });
  reader_init (&r, text, strlen (text), false);
  char *result = NULL;
  if (annotation_read_query (&r, &query) && reader_end (&r)) {
    if (annotation_put (&w, &query, values, false))
      put_char (&w, 0);
    result = g_strdup (w.data ? w.data : "");
  }
  annotation_query_clear (&query);
  reader_clear (&r);
  writer_clear (&w);
  return result;
}

static void
check_fetch (const char *text, const char *shown) {
  g_autofree char *result = fetched (text);
  if (!shown)
    assert_null (result);
  else
    assert_string_equal (result, shown);
}

static void
queries (void **state) {
  check_fetch ("(/comment value.priv)", "(/comment (value.priv \"mine\"))");
  check_fetch ("(/comment (size value.priv))",
               "(/comment (size.priv \"4\" size.shared \"3\" value.priv \"mine\"))");
  check_fetch ("(/nothing (value size))",
               "(/nothing (value.priv NIL value.shared NIL size.priv \"0\" size.shared \"0\"))");
  check_fetch ("(/% size.priv)", "(/comment (size.priv \"4\"))");
  check_fetch ("((/* /comment) value.priv)",
               "(/comment (value.priv \"mine\") /1.2/flags/seen (value.priv \"1\"))");
  check_fetch ("(* size.shared)", "(/comment (size.shared \"3\"))");
  check_fetch ("(/nothing/* value)", "");
  check_fetch ("(comment value)", NULL);
  check_fetch ("(/comment colour)", NULL);
  check_fetch ("(/comment/ value)", NULL);
  check_fetch ("(/a//b value)", NULL);
  check_fetch ("(/1./comment value)", NULL);
  check_fetch ("(/01/comment value)", NULL);
  check_fetch ("(/2 value)", NULL);
  check_fetch ("(/comment value", NULL);
  check_fetch ("(/comment ())", NULL);
}

static GArray *
settings_of (const char *text, struct reader *r) {
  reader_init (r, text, strlen (text), false);
  return annotation_read_settings (r);
}

static void
settings (void **state) {
  static const char *const wrong[] = {
    "(/comment (value \"x\"))",
    "(/comment (size.priv \"1\"))",
    "(/comment ())",
    "()",
    "(/flags/seen (value.priv \"1\"))",
    "(/1/flags/seen (value.priv x))",
    "(/com*ent (value.priv \"x\"))",
  };
  struct reader r;
  g_autoptr (GArray) found = settings_of ("(/comment (value.priv \"x\" value.shared NIL) "
                                          "/1/flags/seen (value.shared \"1\"))",
                                          &r);
  assert_non_null (found);
  assert_int_equal (found->len, 3);
  const struct annotation_setting *all = (const void *)found->data;
  assert_string_equal (all[0].name, "/private/comment");
  assert_memory_equal (all[0].value.data, "x", 1);
  assert_string_equal (all[1].name, "/shared/comment");
  assert_null (all[1].value.data);
  assert_string_equal (all[2].name, "/shared/1/flags/seen");
  assert_false (annotation_too_big (found));
  reader_clear (&r);
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    assert_null (settings_of (wrong[i], &r));
    assert_non_null (r.error);
    reader_clear (&r);
  }
}

static void
prefixes (void **state) {
  assert_true (pattern_may_reach ("*", "Other Users"));
  assert_true (pattern_may_reach ("%", "Other Users"));
  assert_true (pattern_may_reach ("Oth%", "Other Users"));
  assert_true (pattern_may_reach ("Other Users", "Other Users"));
  assert_true (pattern_may_reach ("Other Users/bob", "Other Users"));
  assert_false (pattern_may_reach ("Other", "Other Users"));
  assert_false (pattern_may_reach ("Other UsersX*", "Other Users"));
  assert_false (pattern_may_reach ("INBOX", "Other Users"));
  assert_false (pattern_may_reach ("*", ""));
  assert_true (pattern_names ("Other Users/%", "Other Users"));
  assert_true (pattern_names ("Other Users*", "Other Users"));
  assert_false (pattern_names ("Other%", "Other Users"));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (queries),
    cmocka_unit_test (settings),
    cmocka_unit_test (prefixes),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
