/* SPDX-License-Identifier: Apache-2.0 */
/* texts_test.c - what of a mail is found, what the index does not know, and the commands. */
#include "fixture.h"

static const char *const quick[] = { "settle=0", "patience=1h", NULL };
static const char *const small[] = { "settle=0", "text_limit=2 kB", "patience=1h", NULL };

/* Is the message found? */
static bool
found (struct fixture *fixture, uint32_t uid, ptn_search_scope scope, const char *field,
       const char *needle) {
  struct ptn_search_term term = { .scope = scope,
                                  .field = field,
                                  .needle = { needle, strlen (needle) } };
  const struct ptn_search_result *result;
  struct ptn_call call;
  assert_int_equal (fixture_query (fixture, 0, &term, 1, &call, &result), PTN_OK);
  assert_false (fixture_has (result->unknown, uid));
  bool has = fixture_has (result->found[0].uids, uid);
  fixture->host->call_end (&call);
  return has;
}

#define TEXT(needle) found (fixture, uid, PTN_SEARCH_TEXT, NULL, needle)
#define BODY(needle) found (fixture, uid, PTN_SEARCH_BODY, NULL, needle)
#define HEADER(field, needle) found (fixture, uid, PTN_SEARCH_HEADER, field, needle)

static const char mixed[] = "Received: one\r\n"
                            "Received: two\r\n"
                            "From: =?utf-8?q?J=C3=BCrgen?= <jo@example.test>\r\n"
                            "Subject: =?iso-8859-1?Q?gr=FC=DFe?= and a\r\n"
                            " folded line\r\n"
                            "Content-Type: multipart/mixed; boundary=b\r\n"
                            "\r\n"
                            "nobody's preamble\r\n"
                            "--b\r\n"
                            "Content-Type: text/plain; charset=iso-8859-1\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n"
                            "\r\n"
                            "na=EFve soft=\r\nbreak\r\n"
                            "--b\r\n"
                            "Content-Type: text/html; charset=utf-8; name*=utf-8''partname\r\n"
                            "Content-Transfer-Encoding: base64\r\n"
                            "\r\n"
                            "PGI+Ym9sZCB0ZXh0PC9iPg==\r\n"
                            "--b\r\n"
                            "Content-Type: application/octet-stream\r\n"
                            "X-Part: partial header\r\n"
                            "\r\n"
                            "binary secret\r\n"
                            "--b\r\n"
                            "Content-Type: message/rfc822\r\n"
                            "\r\n"
                            "Subject: inner subject\r\n"
                            "\r\n"
                            "inner body\r\n"
                            "--b--\r\n";

static void
what_is_found (void **state) {
  struct fixture *fixture = fixture_new (quick, 1);
  uint32_t uid = fixture_append (fixture, 0, mixed, sizeof mixed - 1);
  assert_true (HEADER ("received", "ONE"));
  assert_true (HEADER ("Received", "TWO"));
  assert_false (HEADER ("Received", "ONETWO"));
  assert_true (HEADER ("From", "JU\xcc\x88RGEN"));
  assert_true (HEADER ("subject", "U\xcc\x88\xc3\x9f"
                                  "E AND A FOLDED"));
  assert_false (HEADER ("subject", "SUBJECT"));
  assert_false (HEADER ("subject", "INNER"));
  assert_true (HEADER (NULL, "SUBJECT: GRU"));
  assert_true (HEADER (NULL, "FROM: J"));
  assert_true (BODY ("NAI\xcc\x88VE SOFTBREAK"));
  assert_true (BODY ("<B>BOLD TEXT</B>"));
  assert_true (BODY ("INNER BODY"));
  assert_true (BODY ("INNER SUBJECT"));
  assert_false (BODY ("BINARY"));
  assert_false (BODY ("PREAMBLE"));
  assert_false (BODY ("FOLDED"));
  assert_false (BODY ("PARTIAL"));
  assert_false (TEXT ("BINARY"));
  assert_true (TEXT ("X-PART: PARTIAL HEADER"));
  assert_true (TEXT ("PARTNAME"));
  assert_true (TEXT ("INNER BODY"));
  assert_true (TEXT ("FOLDED LINE"));
  assert_false (TEXT ("LINECONTENT"));
  uid = fixture_append (fixture, 0, "", 0);
  assert_false (TEXT ("INNER"));
  static const char nuls[] = "\r\n\0\0abc\0def\0\xff\xfexyz";
  uid = fixture_append (fixture, 0, nuls, sizeof nuls - 1);
  assert_true (TEXT ("ABC"));
  assert_true (TEXT ("DEF"));
  assert_false (TEXT ("ABCDEF"));
  assert_true (TEXT ("XYZ"));
  fixture_free (&fixture);
}

/* Of what is too large nothing is said. */
static void
too_large (void **state) {
  struct fixture *fixture = fixture_new (small, 2);
  g_autofree char *text = fixture_text (fixture->dice, 1000);
  g_autofree char *large = g_strconcat ("Subject: large\r\n\r\n", text, "\r\n", NULL);
  static const char plain[] = "Subject: small\r\n\r\nlittle\r\n";
  uint32_t first = fixture_append (fixture, 0, plain, sizeof plain - 1);
  uint32_t second = fixture_append (fixture, 0, large, strlen (large));
  uint32_t third = fixture_append (fixture, 0, plain, sizeof plain - 1);
  struct ptn_search_term terms[] = {
    { .scope = PTN_SEARCH_TEXT, .needle = { "LITTLE", 6 } },
    { .scope = PTN_SEARCH_HEADER, .field = "subject", .needle = { "LARGE", 5 } },
  };
  const struct ptn_search_result *result;
  struct ptn_call call;
  for (int i = 0; i < 2; i++) {
    assert_int_equal (fixture_query (fixture, 0, terms, 2, &call, &result), PTN_OK);
    assert_int_equal (result->count, 2);
    assert_true (fixture_has (result->found[0].uids, first));
    assert_true (fixture_has (result->found[0].uids, third));
    assert_int_equal (result->found[1].uids.count, 0);
    assert_int_equal (result->unknown.count, 1);
    assert_true (fixture_has (result->unknown, second));
    fixture->host->call_end (&call);
  }
  fixture_free (&fixture);
}

/* --- commands ---------------------------------------------------------------------------------- */

struct told {
  struct ptn_report report;
  GString *text;
};

static ptn_status
row (struct ptn_report *report, struct ptn_task *task, const char *const *columns, size_t count) {
  struct told *told = (struct told *)report;
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (told->text, "%s%c", columns[i], i + 1 < count ? ' ' : '\n');
  return PTN_OK;
}

static void
progress (struct ptn_report *report, uint64_t done, uint64_t total, const char *what) {
}

static void
note (struct ptn_report *report, const char *text) {
  g_string_append_printf (((struct told *)report)->text, "note: %s\n", text);
}

static ptn_status
run (struct fixture *fixture, const char *name, const char *argument, GString *text) {
  struct told told = {
    .report = { .size = sizeof told.report, .row = row, .progress = progress, .note = note },
    .text = text
  };
  struct ptn_binding command = harness_find (fixture->harness, PTN_CONTROL_ID, name);
  const struct ptn_control *control = command.table;
  struct ptn_strings arguments = { &argument, argument ? 1 : 0 };
  struct ptn_call call = { .task = fixture->task };
  g_string_truncate (text, 0);
  ptn_status status =
      HARNESS_AWAIT (fixture->task, control->run (command.instance, &call, arguments,
                                                  (struct ptn_bytes){ NULL, 0 }, &told.report));
  fixture->host->call_end (&call);
  return status;
}

static void
commands (void **state) {
  struct fixture *fixture = fixture_new (quick, 3);
  g_autoptr (GString) text = g_string_new (NULL);
  assert_int_equal (run (fixture, "search status", NULL, text), PTN_OK);
  assert_string_equal (text->str, "");
  fixture_add (fixture, 0, "first", "body");
  fixture_add (fixture, 1, "second", "body");
  fixture_copy (fixture, 0, 1, 0, false);
  assert_int_equal (run (fixture, "search rebuild", "ann", text), PTN_OK);
  assert_int_equal (run (fixture, "search status", NULL, text), PTN_OK);
  assert_true (g_str_has_prefix (text->str, "ann 3 3 0 2 "));
  assert_int_equal (run (fixture, "search rebuild", "ann", text), PTN_OK);
  assert_int_equal (run (fixture, "search status", "ann", text), PTN_OK);
  assert_true (g_str_has_prefix (text->str, "ann 3 3 0 2 "));
  assert_int_equal (run (fixture, "search status", "bob", text), PTN_OK);
  assert_string_equal (text->str, "");
  assert_int_equal (run (fixture, "search rebuild", NULL, text), PTN_E_INVALID);
  assert_int_equal (run (fixture, "search rebuild", "public:", text), PTN_OK);
  fixture_check (fixture, 1, PTN_SEARCH_TEXT, NULL, "first");
  fixture_expunge (fixture, 1, 0);
  for (int i = 0; i < 6000; i++) { /* in the background, by itself */
    assert_int_equal (run (fixture, "search status", "ann", text), PTN_OK);
    if (g_str_has_prefix (text->str, "ann 3 2 0 1 "))
      break;
    g_usleep (10000);
  }
  assert_true (g_str_has_prefix (text->str, "ann 3 2 0 1 "));
  fixture_free (&fixture);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (what_is_found),
                                      cmocka_unit_test (too_large), cmocka_unit_test (commands) };
  if (argc < 3) {
    fprintf (stderr, "usage: TEST SEARCH-FTS STORE [STORE-SETTING]...\n");
    return 2;
  }
  module_index = argv[1];
  module_store = argv[2];
  for (int i = 3; i < argc && i < 3 + (int)G_N_ELEMENTS (store_settings) - 1; i++)
    store_settings[i - 3] = argv[i];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
