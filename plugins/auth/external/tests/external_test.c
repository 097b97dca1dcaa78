/* SPDX-License-Identifier: Apache-2.0 */
/* external_test.c - whose certificate is it: rules, names in it, front ends, and what is refused
 * because nobody can tell. */
#include "auth/tests/fixture.h"

#include <unistd.h>

#include "auth/external/rules.h"

#define PRINT "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define OTHER "0f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char people[] = "[alice]\nalias = al\n"
                             "[bob]\ndelegates = alice\n"
                             "[off]\ndisabled = yes\n";

static char *
write_rules (const char *text) {
  char *file = g_strdup ("/tmp/external-test-XXXXXX");
  const int fd = mkstemp (file);
  assert_true (fd >= 0);
  assert_int_equal (write (fd, text, strlen (text)), strlen (text));
  close (fd);
  return file;
}

static struct fixture *
begin (const char *rules, const char *names) {
  g_autofree char *file = rules ? write_rules (rules) : NULL;
  g_autofree char *setting = g_strconcat ("external_users=", file, NULL);
  g_autofree char *named = g_strconcat ("external_names=", names, NULL);
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", file ? setting : NULL, NULL },
                   (const char *[]){ "sasl_mechanisms=EXTERNAL", names ? named : NULL, NULL });
  if (file)
    unlink (file);
  return f;
}

/* NULL ends the pairs of kind and value. */
static void
show (struct fixture *f, const char *const *pairs) {
  static const char *const kinds[] = { "fingerprint", "subject", "email", "upn", "cn", "dns" };
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *name = g_strconcat ("tls.client-", kinds[i], NULL);
    const char *value = NULL;
    for (const char *const *pair = pairs; *pair; pair += 2)
      if (strcmp (pair[0], kinds[i]) == 0)
        value = pair[1];
    harness_stream_set_property (f->stream, name, value);
  }
}
#define SHOW(f, ...) show (f, (const char *const[]){ "fingerprint", PRINT, __VA_ARGS__, NULL })

static void
expect (struct fixture *f, const char *authzid, ptn_status status, const char *expected) {
  g_autofree char *who = NULL;
  const ptn_status found = fixture_sasl (f, "EXTERNAL", authzid, strlen (authzid), &who);
  if (found != status)
    fail_msg ("\"%s\": %d instead of %d", authzid, found, status);
  if (expected)
    assert_string_equal (who, expected);
}

static void
logs (struct fixture *f, const char *text) {
  g_autofree char *log = harness_log_take (f->harness);
  if (!strstr (log, text))
    fail_msg ("\"%s\" is not in: %s", text, log);
}

static void
names_in_the_certificate (void **state) {
  struct fixture *f = begin (NULL, NULL);
  show (f, (const char *[]){ NULL });
  expect (f, "", PTN_E_UNSUPPORTED, NULL); /* none was shown, or it is not verified */
  show (f, (const char *[]){ "email", "alice@example.test", NULL });
  expect (f, "", PTN_E_UNSUPPORTED, NULL);

  SHOW (f, "email", "alice@example.test", "subject", "CN=Alice,O=X");
  expect (f, "", PTN_END, "alice alice EXAMPLE alice");
  logs (f, "detail=CN=Alice,O=X");
  expect (f, "alice", PTN_END, NULL);
  expect (f, "bob", PTN_END, "alice bob EXAMPLE bob");
  logs (f, "login.on_behalf");
  expect (f, "off", PTN_E_AUTHENTICATION, NULL);
  expect (f, "nobody", PTN_E_AUTHENTICATION, NULL);
  expect (f, "b\x01", PTN_E_INVALID, NULL);
  expect (f, "\xff", PTN_E_INVALID, NULL);

  SHOW (f, "upn", "bob@example.test", "email", "alice@example.test");
  expect (f, "", PTN_END, "bob bob EXAMPLE bob"); /* in the order of external_names */
  expect (f, "alice", PTN_E_AUTHENTICATION, NULL);
  SHOW (f, "email", "alice@example.test\nbob@example.test");
  expect (f, "", PTN_E_UNSUPPORTED, NULL);
  SHOW (f, "email", "off@example.test");
  expect (f, "", PTN_E_AUTHENTICATION, NULL);
  SHOW (f, "email", "nobody@example.test");
  expect (f, "", PTN_E_AUTHENTICATION, NULL);
  logs (f, "reason=unknown");
  SHOW (f, "cn", "alice"); /* not asked for */
  expect (f, "", PTN_E_UNSUPPORTED, NULL);
  fixture_free (f);

  f = begin (NULL, "cn");
  static const char *const tricks[] = { "alice@example.test/alice@example.test", "EXAMPLE/alice",
                                        "EXAMPLE\\alice", "alice@example.test\\alice",
                                        "EXAMPLE/alice/bob" };
  for (size_t i = 0; i < G_N_ELEMENTS (tricks); i++) {
    SHOW (f, "cn", tricks[i]);
    expect (f, "", PTN_E_UNSUPPORTED, NULL);
    expect (f, "alice", PTN_E_UNSUPPORTED, NULL);
  }
  SHOW (f, "cn", "al", "email", "bob@example.test");
  expect (f, "", PTN_END, "alice alice EXAMPLE alice");
  fixture_free (f);
}

static void
rules (void **state) {
  struct fixture *f = begin ("# whose is it\n"
                             "\n"
                             "alice  fingerprint  " PRINT "\n"
                             "bob\tsubject\tCN=Bob B,O=Example\\, Inc.\n"
                             "alice  email  Alice@Example.Test\n"
                             "bob upn bob@corp.test\n"
                             "*  subject CN=front,O=Example\n",
                             "email");
  SHOW (f, "email", "bob@example.test"); /* the rule comes first */
  expect (f, "", PTN_END, "alice alice EXAMPLE alice");
  SHOW (f, "subject", "CN=Bob B,O=Example\\, Inc.");
  expect (f, "", PTN_E_UNSUPPORTED, NULL); /* fingerprint says alice */
  SHOW (f, "fingerprint", OTHER, "subject", "CN=Bob B,O=Example\\, Inc.");
  expect (f, "", PTN_END, "bob bob EXAMPLE bob");
  SHOW (f, "fingerprint", OTHER, "subject", "CN=bob b,O=Example\\, Inc.");
  expect (f, "", PTN_E_UNSUPPORTED, NULL);
  SHOW (f, "fingerprint", OTHER, "email", "alice@example.test", "upn", "bob@corp.test");
  expect (f, "", PTN_E_UNSUPPORTED, NULL);
  SHOW (f, "fingerprint", OTHER, "email", "x@example.test\nALICE@example.test");
  expect (f, "", PTN_END, "alice alice EXAMPLE alice");

  SHOW (f, "fingerprint", OTHER, "subject", "CN=front,O=Example");
  expect (f, "bob", PTN_END, "bob bob EXAMPLE bob");
  logs (f, "detail=front end CN=front,O=Example");
  expect (f, "EXAMPLE\\alice\\bob", PTN_END, "alice alice EXAMPLE bob");
  expect (f, "", PTN_E_AUTHENTICATION, NULL);
  logs (f, "reason=a front end named nobody");
  expect (f, "off", PTN_E_AUTHENTICATION, NULL);
  expect (f, "bob\\alice", PTN_E_AUTHENTICATION, NULL);
  fixture_free (f);
}

static void
changed_rules (void **state) {
  g_autofree char *file = write_rules ("alice upn a\n");
  struct external_rules *loaded = external_rules_new ();
  const gint64 second = 1000000000;
  char *why = NULL;
  assert_true (external_rules_load (loaded, file, &why));
  assert_true (external_rules_look (loaded, 10 * second, &why));
  assert_true (g_file_set_contents (file, "bob upn a\n", -1, NULL));
  assert_true (external_rules_look (loaded, 11 * second, &why)); /* too soon */
  g_autofree char *before = external_rules_find (loaded, "upn", "a");
  assert_string_equal (before, "alice");
  assert_true (external_rules_look (loaded, 13 * second, &why));
  g_autofree char *after = external_rules_find (loaded, "upn", "A");
  assert_string_equal (after, "bob");
  assert_true (g_file_set_contents (file, "carol\n", -1, NULL));
  assert_false (external_rules_look (loaded, 16 * second, &why));
  g_clear_pointer (&why, g_free);
  assert_true (external_rules_look (loaded, 19 * second, &why)); /* told already */
  unlink (file);
  assert_false (external_rules_look (loaded, 22 * second, &why));
  g_clear_pointer (&why, g_free);
  g_autofree char *still = external_rules_find (loaded, "upn", "a");
  assert_string_equal (still, "bob");
  external_rules_free (&loaded);
}

static void
bad_rules (void **state) {
  static const char *const bad[] = {
    "alice\n",
    "alice subject\n",
    "alice subject \n",
    "alice name x\n",
    "alice upn a\nbob upn A\n",
    "alice fingerprint 00:11\n",
    "a fingerprint " PRINT "0\n",
    "\xff\n",
  };
  struct external_rules *loaded = external_rules_new ();
  char *why = NULL;
  g_autofree char *good = write_rules ("alice fingerprint "
                                       "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:"
                                       "A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08");
  assert_true (external_rules_load (loaded, good, &why));
  unlink (good);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *file = write_rules (bad[i]);
    g_autofree char *text = NULL;
    assert_false (external_rules_load (loaded, file, &text));
    assert_true (g_str_has_prefix (text, file));
    unlink (file);
  }
  g_autofree char *missing = NULL;
  assert_false (external_rules_load (loaded, good, &missing));
  assert_non_null (strstr (missing, "No such file"));
  g_autofree char *login = external_rules_find (loaded, "fingerprint", PRINT); /* still */
  assert_string_equal (login, "alice");
  assert_true (external_rules_load (loaded, NULL, &why));
  assert_null (external_rules_find (loaded, "fingerprint", PRINT));
  external_rules_free (&loaded);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (names_in_the_certificate),
                                      cmocka_unit_test (rules), cmocka_unit_test (bad_rules),
                                      cmocka_unit_test (changed_rules) };
  fixture_directory_module = argv[1];
  fixture_auth_module = argv[2];
  return cmocka_run_group_tests (tests, NULL, NULL);
}
