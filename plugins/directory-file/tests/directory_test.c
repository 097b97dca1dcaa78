/* SPDX-License-Identifier: Apache-2.0 */
/* directory_test.c - the plugin's tables: who may do what, passwords and their cache, and what a
 * changed file does. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

static const char people[] = "[alice]\n"
                             "password = {PLAIN}one\n"
                             "password = {SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"
                             "alias = sales@example.org, info\n"
                             "quota.octets = 5M\n"
                             "[bob]\n"
                             "password = $6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
                             "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\n"
                             "delegates = alice\n"
                             "[carol]\n"
                             "password = {NT}a4f49c406510bdcab6824ee7c30fd852\n"
                             "[group staff]\n"
                             "members = alice, bob\n"
                             "[group empty]\n";

static void
addresses_resolve (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_directory *directory = f->directory.table;
  const struct ptn_account_info *const *found;
  size_t count;

  struct ptn_call kept = { .task = f->task };
  assert_int_equal (directory->resolve (f->directory.instance, &kept, "Info+x@example.test", &found,
                                        &count),
                    PTN_OK);
  /* The answer outlives the accounts it came from. */
  fixture_write (f, "[zoe]\n");
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "alice", "one"), PTN_E_NOT_FOUND);
  fixture_write (f, people);
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "alice", "one"), PTN_OK);
  assert_int_equal (count, 1);
  assert_string_equal (found[0]->account, "alice");
  assert_string_equal (found[0]->address, "alice@example.test");
  assert_string_equal (found[0]->detail, "x");
  assert_string_equal (found[0]->attributes.items[0], "quota.octets=5000000");
  f->host->call_end (&kept);

  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "staff@example.org",
                                        &found, &count),
                    PTN_OK);
  assert_int_equal (count, 2);
  assert_string_equal (found[1]->account, "bob");
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "empty@example.org",
                                        &found, &count),
                    PTN_OK);
  assert_int_equal (count, 0);
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "nobody@example.org",
                                        &found, &count),
                    PTN_E_NOT_FOUND);
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "alice@other.test", &found,
                                        &count),
                    PTN_E_UNSUPPORTED);
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "", &found, &count),
                    PTN_E_UNSUPPORTED);
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "postmaster", &found,
                                        &count),
                    PTN_OK);
  fixture_free (f);
}

static void
senders_are_checked (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_directory *directory = f->directory.table;
  static const struct {
    const char *user, *mailbox, *address;
    ptn_status status;
  } cases[] = {
    { "alice", "alice", "", PTN_OK },
    { "alice", "alice", "Alice@example.org", PTN_OK },
    { "alice", "alice", "sales@example.org", PTN_OK },
    { "alice", "alice", "alice+x@example.org", PTN_OK },
    { "alice", "alice", "bob@example.test", PTN_OK }, /* his delegate */
    { "bob", "bob", "alice@example.test", PTN_E_DENIED },
    { "alice", "bob", "bob@example.test", PTN_OK },
    { "alice", "alice", "carol@example.test", PTN_E_DENIED },
    { "alice", "alice", "staff@example.test", PTN_E_DENIED },
    { "alice", "alice", "sales@example.test", PTN_E_DENIED },
    { "alice", "alice", "x@elsewhere.test", PTN_E_DENIED },
    { "alice", "alice", "nonsense", PTN_E_DENIED },
    { "gone", "gone", "alice@example.test", PTN_E_DENIED },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct ptn_identity identity = { .size = sizeof identity,
                                           .authcid = cases[i].user,
                                           .authzid = cases[i].user,
                                           .domain = "",
                                           .account = cases[i].mailbox };
    const ptn_status status =
        directory->may_send_as (f->directory.instance, &f->call, &identity, cases[i].address);
    if (status != cases[i].status)
      fail_msg ("%zu: %d", i, status);
  }
  fixture_free (f);
}

static void
accounts_are_listed (void **state) {
  (void)state;
  GString *text = g_string_new (NULL);
  for (int i = 2500; i-- > 0;)
    g_string_append_printf (text, "[u%04d]\n", i);
  struct fixture *f = fixture_new (text->str, NULL);
  const struct ptn_directory *directory = f->directory.table;
  struct ptn_strings names = { NULL, 0 };
  g_autofree char *after = g_strdup ("");
  int seen = 0;
  while (directory->list_accounts (f->directory.instance, &f->call, after, &names) == PTN_OK) {
    assert_in_range (names.count, 1, 1000);
    for (size_t i = 0; i < names.count; i++, seen++) {
      char name[8];
      snprintf (name, sizeof name, "u%04d", seen % 10000);
      assert_string_equal (names.items[i], name);
    }
    g_free (after);
    after = g_strdup (names.items[names.count - 1]);
  }
  assert_int_equal (seen, 2500);
  g_string_free (text, TRUE);
  fixture_free (f);
}

static void
passwords_are_verified_and_remembered (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  static const char hashed[] = "postern_password_checks{kind=\"hash\"}";
  static const char cached[] = "postern_password_checks{kind=\"cache\"}";
  assert_int_equal (fixture_verify (f, "alice", "one"), PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", "password"), PTN_OK);
  assert_int_equal (fixture_verify (f, "alice", "two"), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, hashed), 0);

  assert_int_equal (fixture_verify (f, "bob", "Hello world!"), PTN_OK);
  assert_int_equal (harness_metric (f->harness, hashed), 1);
  assert_int_equal (fixture_verify (f, "bob", "Hello world!"), PTN_OK);
  assert_int_equal (harness_metric (f->harness, hashed), 1);
  assert_int_equal (harness_metric (f->harness, cached), 1);
  /* Wrong ones are never remembered. */
  assert_int_equal (fixture_verify (f, "bob", "Hello"), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "bob", "Hello"), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, hashed), 3);
  /* An NT hash is no password; nor is nothing, or what NUL would cut. */
  assert_int_equal (fixture_verify (f, "carol", "Password"), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "alice", ""), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_verify (f, "nobody", "one"), PTN_E_NOT_FOUND);
  g_autofree char *log = harness_log_take (f->harness);
  assert_null (strstr (log, "Hello"));
  fixture_free (f);
}

static void
nobody_costs_a_hash (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("[a]\npassword = $6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMH"
                                   "Wjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\n[b]\n",
                                   NULL);
  static const char hashed[] = "postern_password_checks{kind=\"hash\"}";
  assert_int_equal (fixture_verify (f, "a", "Hello world!"), PTN_OK);
  assert_int_equal (harness_metric (f->harness, hashed), 1);
  /* Not even with a password that is right for the dummy, and remembered. */
  assert_int_equal (fixture_verify (f, NULL, "Hello world!"), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, hashed), 2);
  /* Another source may have one; else the caller asks about nobody. */
  assert_int_equal (fixture_verify (f, "b", "Hello world!"), PTN_E_NOT_FOUND);
  assert_int_equal (harness_metric (f->harness, hashed), 2);
  fixture_free (f);
}

static void
a_check_may_be_left (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, NULL);
  const struct ptn_credentials *credentials = f->credentials.table;
  for (int i = 0; i < 20; i++) {
    assert_int_equal (credentials->verify_password (f->credentials.instance, &f->call, &f->request,
                                                    "", "bob", (struct ptn_bytes){ "x", 1 }),
                      PTN_PENDING);
    f->host->call_end (&f->call);
  }
  fixture_free (f);
}

static ptn_status
keep_secret (void *argument, struct ptn_bytes secret) {
  g_string_append_len (argument, secret.data, (gssize)secret.size);
  return PTN_OK;
}

static void
secrets_are_handed_out (void **state) {
  (void)state;
  struct fixture *f = fixture_new (
      "[a]\npassword = {PLAIN}Password\n[b]\npassword = {NT}A4F49C406510BDCAB6824EE7C30FD852\n"
      "[c]\npassword = {SCRAM-SHA-256}4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpc"
      "XkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n"
      "[d]\npassword = {PLAIN}Password\nexpired = yes\n"
      "[e]\npassword = {PLAIN}Password\ndisabled = yes\n",
      NULL);
  static const char nt[] = "\xa4\xf4\x9c\x40\x65\x10\xbd\xca\xb6\x82\x4e\xe7\xc3\x0f\xd8\x52";
  static const struct {
    const char *user, *scheme, *secret;
    ptn_status status;
  } cases[] = {
    { "a", "PLAIN", "Password", PTN_OK },
    { "a", "NT", nt, PTN_OK },
    { "b", "NT", nt, PTN_OK },
    { "b", "PLAIN", "", PTN_E_NOT_FOUND },
    { "c", "SCRAM-SHA-256",
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
      PTN_OK },
    { "c", "SCRAM-SHA-1", "", PTN_E_NOT_FOUND },
    { "a", "SCRAM-SHA-256", "", PTN_E_NOT_FOUND },
    { "a", "ROT13", "", PTN_E_NOT_FOUND },
    { "d", "PLAIN", "Password", PTN_E_PASSWORD_EXPIRED },
    { "e", "PLAIN", "Password", PTN_E_DISABLED },
    { "nobody", "PLAIN", "", PTN_E_NOT_FOUND },
  };
  const struct ptn_credentials *credentials = f->credentials.table;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) secret = g_string_new (NULL);
    assert_int_equal (
        HARNESS_AWAIT (f->task, credentials->with_secret (f->credentials.instance, &f->call,
                                                          &f->request, "", cases[i].user,
                                                          cases[i].scheme, keep_secret, secret)),
        cases[i].status);
    assert_string_equal (secret->str, cases[i].secret);
    f->host->call_end (&f->call);
  }
  fixture_free (f);
}

static void
mistakes_keep_the_old_accounts (void **state) {
  (void)state;
  struct fixture *f = fixture_new ("[a]\npassword = {PLAIN}one\n", NULL);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_OK);
  g_free (harness_log_take (f->harness));

  fixture_write (f, "[a]\npassword = {PLAIN}two\n[b\nfoo = 1\n");
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_OK);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "line=3"));
  assert_non_null (strstr (log, "directory.refused"));
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_OK);
  g_autofree char *quiet = harness_log_take (f->harness);
  assert_string_equal (quiet, ""); /* told once */

  fixture_write (f, "[a]\npassword = {PLAIN}two\n");
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "a", "two"), PTN_OK);

  assert_int_equal (g_unlink (f->file), 0);
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "a", "two"), PTN_OK);
  g_autofree char *gone = harness_log_take (f->harness);
  assert_non_null (strstr (gone, "directory.unreadable"));
  fixture_free (f);
}

static void
half_a_file_is_waited_for (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new ("[a]\npassword = {PLAIN}one\n[b]\npassword = {PLAIN}one\n", NULL);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_OK);
  g_usleep (1050 * 1000);
  FILE *file = fopen (f->file, "w");
  assert_non_null (file);
  fputs ("[a]\npassword = {PLAIN}two\n", file);
  fflush (file);
  assert_int_equal (fixture_verify (f, "b", "x"), PTN_E_AUTHENTICATION);
  fputs ("[b]\npassword = {PLAIN}two\n", file);
  fclose (file);
  g_usleep (2100 * 1000);
  assert_int_equal (fixture_verify (f, "b", "two"), PTN_OK);
  fixture_free (f);
}

static void
a_missing_file_is_temporary (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL, NULL);
  const struct ptn_directory *directory = f->directory.table;
  const struct ptn_account_info *const *found;
  size_t count;
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_E_TEMPORARY);
  assert_int_equal (directory->resolve (f->directory.instance, &f->call, "a@example.test", &found,
                                        &count),
                    PTN_E_TEMPORARY);
  fixture_write (f, "[a]\npassword = {PLAIN}one\n");
  g_usleep (1100 * 1000);
  assert_int_equal (fixture_verify (f, "a", "one"), PTN_OK);
  fixture_free (f);
}

static void
bad_settings_are_refused (void **state) {
  (void)state;
  static const char *const wrong[] = { "domains=", "domains=a@b", "nt_domains=A\\B",
                                       "argon2_memory=1k", "argon2_lanes=0" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    struct harness *harness = harness_new ();
    const char *const settings[] = { "domains=example.test", "file=/nonexistent", wrong[i], NULL };
    assert_int_equal (harness_load (harness, fixture_module, settings), PTN_E_INVALID);
    g_autofree char *log = harness_log_take (harness);
    assert_non_null (strstr (log, "directory.settings"));
    harness_free (&harness);
  }
}

int
main (int count, char **arguments) {
  (void)count;
  fixture_module = arguments[1];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (addresses_resolve),
    cmocka_unit_test (senders_are_checked),
    cmocka_unit_test (accounts_are_listed),
    cmocka_unit_test (passwords_are_verified_and_remembered),
    cmocka_unit_test (nobody_costs_a_hash),
    cmocka_unit_test (a_check_may_be_left),
    cmocka_unit_test (secrets_are_handed_out),
    cmocka_unit_test (mistakes_keep_the_old_accounts),
    cmocka_unit_test (half_a_file_is_waited_for),
    cmocka_unit_test (a_missing_file_is_temporary),
    cmocka_unit_test (bad_settings_are_refused),
  };
  return cmocka_run_group_tests_name ("directory-file: tables", tests, NULL, NULL);
}
