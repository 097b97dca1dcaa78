/* SPDX-License-Identifier: Apache-2.0 */
/* follow_test.c - the index against brute force, while mail comes, moves and goes. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const quick[] = { "settle=0", "batch=1 kB", "patience=1h", NULL };
static const char *const usual[] = { "patience=1h", NULL };
static const char *const hasty[] = { "settle=0", "batch=1 kB", "patience=1ms", NULL };

/* A part of what stands in some mail, or of nothing. */
static char *
some_needle (struct fixture *fixture, unsigned number) {
  GPtrArray *mails = fixture->places[number].mails;
  GRand *dice = fixture->dice;
  g_autofree char *text = NULL;
  if (mails->len == 0 || g_rand_int_range (dice, 0, 5) == 0)
    text = fixture_text (dice, 2);
  else {
    const struct mail *mail = mails->pdata[g_rand_int_range (dice, 0, (gint32)mails->len)];
    text = g_strdup (g_rand_boolean (dice) ? mail->subject : mail->body);
  }
  glong length = g_utf8_strlen (text, -1);
  glong from = g_rand_int_range (dice, 0, (gint32)length);
  glong size = g_rand_int_range (dice, 1, 9);
  return g_utf8_substring (text, from, MIN (length, from + size));
}

static void
search_some (struct fixture *fixture, unsigned times) {
  static const struct {
    ptn_search_scope scope;
    const char *field;
  } scopes[] = { { PTN_SEARCH_TEXT, NULL },
                 { PTN_SEARCH_BODY, NULL },
                 { PTN_SEARCH_HEADER, NULL },
                 { PTN_SEARCH_HEADER, "SUBJECT" },
                 { PTN_SEARCH_HEADER, "X-None" } };
  for (unsigned i = 0; i < times; i++) {
    unsigned number = (unsigned)g_rand_int_range (fixture->dice, 0, BOXES);
    int scope = g_rand_int_range (fixture->dice, 0, G_N_ELEMENTS (scopes));
    g_autofree char *needle = some_needle (fixture, number);
    fixture_check (fixture, number, scopes[scope].scope, scopes[scope].field, needle);
  }
}

static void
change_some (struct fixture *fixture, unsigned times) {
  for (unsigned i = 0; i < times; i++) {
    unsigned number = (unsigned)g_rand_int_range (fixture->dice, 0, BOXES);
    GPtrArray *mails = fixture->places[number].mails;
    unsigned other = (number + 1) % BOXES;
    int what = g_rand_int_range (fixture->dice, 0, 10);
    if (what < 5 || mails->len == 0) {
      g_autofree char *subject =
          fixture_text (fixture->dice, (unsigned)g_rand_int_range (fixture->dice, 1, 5));
      g_autofree char *body =
          fixture_text (fixture->dice, (unsigned)g_rand_int_range (fixture->dice, 1, 60));
      fixture_add (fixture, number, subject, body);
      continue;
    }
    unsigned at = (unsigned)g_rand_int_range (fixture->dice, 0, (gint32)mails->len);
    if (what < 8)
      fixture_copy (fixture, number, other, at, what == 7);
    else
      fixture_expunge (fixture, number, at);
  }
}

static void
follows (void **state) {
  struct fixture *fixture = fixture_new (quick, 4);
  for (int round = 0; round < 25; round++) {
    change_some (fixture, 8);
    search_some (fixture, 8);
  }
  fixture_free (&fixture);
}

static void
waits_for_quiet (void **state) {
  struct fixture *fixture = fixture_new (usual, 5);
  for (int round = 0; round < 10; round++) {
    change_some (fixture, 10);
    search_some (fixture, 6);
  }
  fixture_free (&fixture);
}

/* Who does not wait is told the truth, and in the end all of it. */
static void
impatient (void **state) {
  struct fixture *fixture = fixture_new (hasty, 13);
  unsigned early = 0;
  fixture->impatient = true;
  for (int round = 0; round < 6; round++) {
    change_some (fixture, 60);
    for (int i = 0; i < 8; i++) {
      search_some (fixture, 1);
      early += fixture->unknown > 0;
    }
  }
  print_message ("%u answers before all was indexed\n", early);
  for (int i = 0; i < 6000; i++) {
    fixture_check (fixture, 0, PTN_SEARCH_TEXT, NULL, "abc");
    if (!fixture->unknown)
      break;
    g_usleep (10000);
  }
  assert_int_equal (fixture->unknown, 0);
  fixture_free (&fixture);
}

static void
restarts (void **state) {
  if (!fixture_survives ())
    skip ();
  struct fixture *fixture = fixture_new (quick, 6);
  for (int round = 0; round < 6; round++) {
    change_some (fixture, 12);
    if (round % 2)
      search_some (fixture, 6);
    fixture_restart (fixture);
    search_some (fixture, 6);
  }
  fixture_free (&fixture);
}

/* Anything may have happened to the file: the answers are right. */
static void
bad_files (void **state) {
  if (!fixture_survives ())
    skip ();
  struct fixture *fixture = fixture_new (quick, 7);
  change_some (fixture, 40);
  search_some (fixture, 4);
  for (int way = 0; way < 6; way++) {
    fixture_stop (fixture);
    g_autofree char *file = fixture_file (fixture);
    assert_non_null (file);
    g_autofree char *data = NULL;
    gsize size;
    assert_true (g_file_get_contents (file, &data, &size, NULL));
    switch (way) {
    case 0:
      g_remove (file);
      break;
    case 1:
      assert_true (g_file_set_contents (file, "not a database at all", -1, NULL));
      break;
    case 2:
      assert_true (g_file_set_contents (file, data, (gssize)size / 2, NULL));
      break;
    case 3:
      assert_true (g_file_set_contents (file, "", 0, NULL));
      break;
    case 4:
      memset (data + size / 4, 0x5a, size / 2);
      assert_true (g_file_set_contents (file, data, (gssize)size, NULL));
      break;
    default: /* of another version */
      data[60] ^= 0x55;
      assert_true (g_file_set_contents (file, data, (gssize)size, NULL));
    }
    fixture_start (fixture);
    search_some (fixture, 8);
    change_some (fixture, 6);
    search_some (fixture, 4);
  }
  fixture_free (&fixture);
}

/* The file of an older time, as after a restored backup of one of the two. */
static void
old_files (void **state) {
  if (!fixture_survives ())
    skip ();
  struct fixture *fixture = fixture_new (quick, 8);
  change_some (fixture, 30);
  search_some (fixture, 6);
  fixture_stop (fixture);
  g_autofree char *file = fixture_file (fixture);
  g_autofree char *old = NULL;
  gsize size;
  assert_true (g_file_get_contents (file, &old, &size, NULL));
  fixture_start (fixture);
  change_some (fixture, 40);
  search_some (fixture, 10);
  fixture_stop (fixture);
  assert_true (g_file_set_contents (file, old, (gssize)size, NULL));
  fixture_start (fixture);
  search_some (fixture, 30);
  fixture_free (&fixture);
}

/* --- kill ------------------------------------------------------------------------------------ */

static const char *program;

/* The child: searches all mailboxes again and again, until it is killed. */
static int
child_main (const char *folder) {
  struct fixture fixture = { .index_settings = quick, .state = g_strdup (folder) };
  fixture_start (&fixture);
  struct ptn_mailbox_name name = { NULL, "INBOX" };
  const struct ptn_mailbox *mailbox;
  if (HARNESS_AWAIT (fixture.task,
                     fixture.store->status (fixture.account, &fixture.call, name, &mailbox))
      != PTN_OK)
    return 1;
  fixture.places[0].id = mailbox->id;
  fixture.places[0].uidvalidity = mailbox->uidvalidity;
  fixture.places[0].uidnext = mailbox->uidnext;
  fixture.host->call_end (&fixture.call);
  puts ("begins");
  fflush (stdout);
  struct ptn_search_term term = { .scope = PTN_SEARCH_TEXT, .needle = { "XYZZY", 5 } };
  struct ptn_call call;
  const struct ptn_search_result *result;
  fixture_query (&fixture, 0, &term, 1, &call, &result);
  for (;;)
    pause ();
}

static void
run_and_kill (struct fixture *fixture, gulong after) {
  char *arguments[16] = { (char *)(uintptr_t)program, (char *)(uintptr_t)module_index,
                          (char *)(uintptr_t)module_store };
  int count = 3, output;
  GPid child;
  char line[7];
  for (int i = 0; store_settings[i]; i++)
    arguments[count++] = (char *)(uintptr_t)store_settings[i];
  arguments[count] = NULL;
  g_auto (GStrv) environment = g_get_environ ();
  environment = g_environ_setenv (environment, "SEARCH_FTS_CHILD", fixture->state, TRUE);
  assert_true (g_spawn_async_with_pipes (NULL, arguments, environment, G_SPAWN_DO_NOT_REAP_CHILD,
                                         NULL, NULL, &child, NULL, &output, NULL, NULL));
  assert_int_equal (read (output, line, sizeof line), sizeof line);
  g_usleep (after);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  close (output);
}

static void
killed (void **state) {
  if (!fixture_survives ())
    skip ();
  struct fixture *fixture = fixture_new (quick, 9);
  for (int i = 0; i < 150; i++) {
    g_autofree char *body = fixture_text (fixture->dice, 40);
    fixture_add (fixture, 0, "xyzzy", body);
  }
  for (int i = 0; i < 6; i++) {
    fixture_stop (fixture);
    run_and_kill (fixture, (gulong)g_rand_int_range (fixture->dice, 0, 60000));
    fixture_start (fixture);
    search_some (fixture, 10);
    change_some (fixture, 10);
  }
  fixture_free (&fixture);
}

/* --- the call --------------------------------------------------------------------------------- */

static void
refuses (void **state) {
  struct fixture *fixture = fixture_new (usual, 10);
  struct ptn_call call;
  const struct ptn_search_result *result;
  static const struct ptn_search_term terms[] = {
    { .scope = PTN_SEARCH_TEXT, .needle = { "AB", 2 } },
    { .scope = PTN_SEARCH_TEXT, .needle = { "\xc3\x84\xc3\x96", 4 } },
    { .scope = PTN_SEARCH_TEXT, .needle = { "", 0 } },
    { .scope = PTN_SEARCH_TEXT, .needle = { "AB\0CD", 5 } },
    { .scope = PTN_SEARCH_TEXT,
      .needle = { "AB\xff"
                  "CD",
                  5 } },
    { .scope = 9, .needle = { "ABC", 3 } },
    { .scope = PTN_SEARCH_HEADER, .field = "\xc3\x84", .needle = { "ABC", 3 } },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (terms); i++) {
    assert_int_equal (fixture_query (fixture, 0, &terms[i], 1, &call, &result), PTN_E_UNSUPPORTED);
    fixture->host->call_end (&call);
  }
  struct ptn_search_term good = { .scope = PTN_SEARCH_TEXT, .needle = { "ABC", 3 } };
  assert_int_equal (fixture_query (fixture, 0, &good, 1001, &call, &result), PTN_E_INVALID);
  fixture->host->call_end (&call);
  fixture->places[0].id.octets[3] ^= 1;
  assert_int_equal (fixture_query (fixture, 0, &good, 1, &call, &result), PTN_E_NOT_FOUND);
  fixture->host->call_end (&call);
  fixture_free (&fixture);
}

/* Who gives up, at any time, harms nobody. */
static void
gives_up (void **state) {
  struct fixture *fixture = fixture_new (quick, 11);
  change_some (fixture, 60);
  struct ptn_search_term term = { .scope = PTN_SEARCH_TEXT, .needle = { "UTF-8", 5 } };
  for (int i = 0; i < 40; i++) {
    struct place *place = &fixture->places[i % BOXES];
    struct ptn_search_query query = { .size = sizeof query,
                                      .owner = "ann",
                                      .mailbox = place->id,
                                      .uidvalidity = place->uidvalidity,
                                      .uidnext = place->uidnext,
                                      .terms = &term,
                                      .count = 1 };
    const struct ptn_search_result *result;
    struct ptn_call call = { .task = fixture->task };
    uint64_t done, total;
    for (int calls = 0; calls <= i % 5; calls++) {
      ptn_status status = fixture->index->query (fixture->index_instance, &call, &query, &result);
      fixture->index->progress (fixture->index_instance, &call, &done, &total);
      assert_true (done <= total);
      if (status != PTN_PENDING)
        break;
      g_usleep (100);
    }
    fixture->host->call_end (&call);
  }
  search_some (fixture, 10);
  fixture_free (&fixture);
}

/* Long needles, odd ones, and those that must not be found across borders. */
static void
needles (void **state) {
  struct fixture *fixture = fixture_new (quick, 12);
  g_autofree char *body = fixture_text (fixture->dice, 400);
  fixture_add (fixture, 0, "one \"two\" AND three*", body);
  fixture_add (fixture, 0, "Straße ﬁne Ωmega", "x\ty'; DROP TABLE document; -- (a OR b) NEAR/2");
  fixture_add (fixture, 0, "", "");
  fixture_check (fixture, 0, PTN_SEARCH_TEXT, NULL, body);
  fixture_check (fixture, 0, PTN_SEARCH_BODY, NULL, g_utf8_offset_to_pointer (body, 10));
  static const char *const texts[] = { "\"two\"",  "AND three", "three*",    "\"\"\"",    "STRASSE",
                                       "fine",     "ωMEGA",     "'; DROP",   "(a OR b)",  "NEAR/2",
                                       "ee* MIME", "subject:",  "ject: one", "two\" AND", "\t y'" };
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
    fixture_check (fixture, 0, PTN_SEARCH_TEXT, NULL, texts[i]);
    fixture_check (fixture, 0, PTN_SEARCH_HEADER, NULL, texts[i]);
    fixture_check (fixture, 0, PTN_SEARCH_HEADER, "subject", texts[i]);
    fixture_check (fixture, 0, PTN_SEARCH_BODY, NULL, texts[i]);
  }
  fixture_free (&fixture);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (needles),   cmocka_unit_test (follows),  cmocka_unit_test (waits_for_quiet),
    cmocka_unit_test (impatient), cmocka_unit_test (restarts), cmocka_unit_test (bad_files),
    cmocka_unit_test (old_files), cmocka_unit_test (killed),   cmocka_unit_test (refuses),
    cmocka_unit_test (gives_up),
  };
  if (argc < 3) {
    fprintf (stderr, "usage: TEST SEARCH-FTS STORE [STORE-SETTING]...\n");
    return 2;
  }
  program = argv[0];
  module_index = argv[1];
  module_store = argv[2];
  for (int i = 3; i < argc && i < 3 + (int)G_N_ELEMENTS (store_settings) - 1; i++)
    store_settings[i - 3] = argv[i];
  const char *folder = g_getenv ("SEARCH_FTS_CHILD");
  if (folder)
    return child_main (folder);
  return cmocka_run_group_tests (tests, NULL, NULL);
}
