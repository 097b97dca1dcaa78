/* SPDX-License-Identifier: Apache-2.0 */
/* login_test.c - postern.login/1 as protocols use it: what is offered, the dialogues, what is
 * logged, and that all failures look and cost the same. */
#include "fixture.h"

#include <openssl/evp.h>

#define HASHED "postern_password_checks{kind=\"hash\"}"
#define BOBS_HASH                                                                      \
  "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdc" \
  "bYEdFCoEOfaS35inz1"

static const char people[] = "[alice]\npassword = {PLAIN}pass\n";
static const char hashed_people[] = "[alice]\npassword = " BOBS_HASH "\n"
                                    "[nopop]\npassword = " BOBS_HASH "\nprotocols = imap\n"
                                    "[off]\npassword = " BOBS_HASH "\ndisabled = yes\n"
                                    "[empty]\n";
static const char *const no_delay[] = { "failure_delay=0", NULL };

static char *
offered (struct fixture *f, uint32_t *plaintext) {
  const struct ptn_login *login = f->login.table;
  struct ptn_call call = { .task = f->task };
  struct ptn_strings names;
  assert_int_equal (login->mechanisms (f->login.instance, &call, &f->request, &names, plaintext),
                    PTN_OK);
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < names.count; i++)
    g_string_append_printf (text, "%s%s", i ? " " : "", names.items[i]);
  f->host->call_end (&call);
  return g_string_free (text, FALSE);
}

static void
secrets_need_tls (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, no_delay, NULL);
  uint32_t plaintext;
  g_autofree char *safe = offered (f, &plaintext);
  assert_string_equal (safe, "PLAIN LOGIN");
  assert_int_equal (plaintext, 1);

  fixture_address (f, "127.0.0.1", false);
  g_autofree char *clear = offered (f, &plaintext);
  assert_string_equal (clear, "");
  assert_int_equal (plaintext, 0);
  assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_E_DENIED);
  assert_int_equal (fixture_sasl (f, "PLAIN", "\0alice\0pass", 11, NULL), PTN_E_DENIED);
  assert_int_equal (fixture_sasl (f, "LOGIN", NULL, 0, NULL), PTN_E_DENIED);

  fixture_address (f, "unix", false);
  g_autofree char *local = offered (f, &plaintext);
  assert_string_equal (local, "PLAIN LOGIN");
  assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_END);
  fixture_free (f);

  f = fixture_new (people, no_delay,
                   (const char *[]){ "cleartext_login=yes", "sasl_mechanisms=login", NULL });
  fixture_address (f, "127.0.0.1", false);
  g_autofree char *configured = offered (f, &plaintext);
  assert_string_equal (configured, "LOGIN");
  assert_int_equal (plaintext, 1);
  assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_END);
  assert_int_equal (fixture_sasl (f, "PLAIN", "\0alice\0pass", 11, NULL), PTN_E_UNSUPPORTED);
  assert_int_equal (fixture_sasl (f, "GSSAPI", "x", 1, NULL), PTN_E_UNSUPPORTED);
  fixture_free (f);
}

/* Runs a dialogue of answers (NULL: none); returns the last status, and what was asked. */
static ptn_status
talk (struct fixture *f, const char *mechanism, const char *const *answers, size_t count,
      GString *asked) {
  const struct ptn_login *login = f->login.table;
  struct ptn_call call = { .task = f->task };
  const struct ptn_identity *identity;
  struct ptn_bytes challenge;
  void *exchange;
  assert_int_equal (login->start (f->login.instance, &call, &f->request, mechanism, &exchange),
                    PTN_OK);
  ptn_status status = PTN_OK;
  for (size_t i = 0; i < count && status == PTN_OK; i++) {
    const struct ptn_bytes answer = { answers[i], answers[i] ? strlen (answers[i]) : 0 };
    status = HARNESS_AWAIT (f->task, login->step (exchange, &call, answer, &challenge, &identity));
    if (status == PTN_OK)
      g_string_append_printf (asked, "<%.*s>", (int)challenge.size,
                              challenge.data ? (const char *)challenge.data : "");
  }
  login->finish (exchange);
  return status;
}

static void
login_asks_twice (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, no_delay, NULL);
  static const struct {
    const char *answers[3];
    const char *asked;
    ptn_status status;
  } cases[] = {
    { { NULL, "alice", "pass" }, "<Username:><Password:>", PTN_END },
    { { "alice", "pass" }, "<Password:>", PTN_END },
    { { NULL, "EXAMPLE\\alice", "pass" }, "<Username:><Password:>", PTN_END },
    { { NULL, "alice", "wrong" }, "<Username:><Password:>", PTN_E_AUTHENTICATION },
    { { NULL, "alice", "" }, "<Username:><Password:>", PTN_E_AUTHENTICATION },
    { { NULL, "", "" }, "<Username:>", PTN_E_INVALID },
    { { NULL, "\xff", "" }, "<Username:>", PTN_E_INVALID },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) asked = g_string_new (NULL);
    assert_int_equal (talk (f, "LOGIN", cases[i].answers, 3, asked), cases[i].status);
    assert_string_equal (asked->str, cases[i].asked);
  }
  g_autoptr (GString) asked = g_string_new (NULL);
  assert_int_equal (talk (f, "PLAIN", (const char *[]){ NULL, "alice" }, 2, asked), PTN_E_INVALID);
  assert_string_equal (asked->str, "<>");
  fixture_free (f);
}

static void
apop_compares_digests (void **state) {
  (void)state;
  static const char accounts[] =
      "[alice]\npassword = {PLAIN}tanstaaf\n[hashed]\npassword = " BOBS_HASH "\n";
  /* The example of RFC 1939 section 7. */
  static const char stamp[] = "<1896.697170952@dbc.mtview.ca.us>";
  static const unsigned char digest[16] = { 0xc4, 0xc9, 0x33, 0x4b, 0xac, 0x56, 0x0e, 0xcc,
                                            0x97, 0x9e, 0x58, 0x00, 0x1b, 0x3e, 0x22, 0xfb };
  struct fixture *f = fixture_new (accounts, no_delay, NULL);
  fixture_address (f, "192.0.2.1", false);
  static const struct {
    const char *user;
    size_t digest_size;
    unsigned char change;
    ptn_status status;
  } cases[] = {
    { "alice", 16, 0, PTN_END },
    { "alice", 16, 1, PTN_E_AUTHENTICATION },
    { "hashed", 16, 0, PTN_E_AUTHENTICATION },
    { "nobody", 16, 0, PTN_E_AUTHENTICATION },
    { "alice", 15, 0, PTN_E_INVALID },
    { "", 16, 0, PTN_E_INVALID },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) response = g_string_new (cases[i].user);
    g_string_append_c (response, '\0');
    g_string_append_len (response, stamp, sizeof stamp);
    g_string_append_len (response, (const char *)digest, (gssize)cases[i].digest_size);
    response->str[response->len - 1] ^= (char)cases[i].change;
    assert_int_equal (fixture_sasl (f, "APOP", response->str, response->len, NULL),
                      cases[i].status);
  }
  fixture_free (f);
}

static void
all_failures_cost_the_same (void **state) {
  (void)state;
  struct fixture *f = fixture_new (hashed_people, no_delay, NULL);
  static const struct {
    const char *user, *password;
  } cases[] = {
    { "alice", "wrong" },
    { "nobody", "Hello world!" },
    { "nopop", "Hello world!" },
    { "nopop", "wrong" },
    { "off", "Hello world!" },
    { "empty", "Hello world!" },
    { "guest", "Hello world!" },
    { "OTHER\\alice", "x" },
    { "alice@example.test/nobody", "x" },
    { "alice/", "Hello world!" },
  };
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    const int64_t before = harness_metric (f->harness, HASHED);
    assert_int_equal (fixture_login (f, cases[i / 2].user, cases[i / 2].password, NULL),
                      PTN_E_AUTHENTICATION);
    assert_int_equal (harness_metric (f->harness, HASHED), before + 1);
    assert_null (f->host->failure_text (f->task)); /* one standard text for all */
  }
  assert_int_equal (harness_metric (f->harness, "postern_logins{result=\"failure\"}"),
                    2 * G_N_ELEMENTS (cases));
  fixture_free (f);
}

static void
one_line_is_logged (void **state) {
  (void)state;
  struct fixture *f = fixture_new (hashed_people, no_delay, NULL);
  g_free (harness_log_take (f->harness));
  assert_int_equal (fixture_login (f, "EXAMPLE\\alice", "Hello world!", NULL), PTN_END);
  g_autofree char *success = harness_log_take (f->harness);
  assert_string_equal (success, "login.success user=alice account=alice mechanism=password "
                                "service=pop tls=TLSv1.3 access=full\n");
  static const struct {
    const char *user, *reason;
  } cases[] = {
    { "alice", "wrong password" },
    { "nobody", "unknown user" },
    { "OTHER\\alice", "unknown domain" },
    { "Guest", "name is always refused" },
    { "alice\\", "not a login name" },
    { "alice@example.test/x", "unknown mailbox" },
    { "nobody@example.test/x", "unknown user" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    assert_int_equal (fixture_login (f, cases[i].user, "s3cret", NULL), PTN_E_AUTHENTICATION);
    g_autofree char *failure = harness_log_take (f->harness);
    g_autofree char *wanted =
        g_strdup_printf ("login.failure reason=%s login=%s account=", cases[i].reason,
                         cases[i].user);
    if (!g_str_has_prefix (failure, wanted))
      fail_msg ("%s", failure);
    assert_null (strstr (failure, "s3cret"));
    assert_ptr_equal (strchr (failure, '\n'), failure + strlen (failure) - 1);
  }
  assert_int_equal (fixture_login (f, "nopop", "Hello world!", NULL), PTN_E_AUTHENTICATION);
  g_autofree char *off = harness_log_take (f->harness);
  assert_non_null (strstr (off, "reason=protocol is switched off for this account login=nopop "
                                "account=nopop"));
  fixture_free (f);
}

static double
seconds_of (struct fixture *f, const char *user, const char *password, ptn_status wanted) {
  const gint64 began = g_get_monotonic_time ();
  assert_int_equal (fixture_login (f, user, password, NULL), wanted);
  return (double)(g_get_monotonic_time () - began) / 1e6;
}

/* From the beginning of the attempt before: the gap counts from when that one was known to have
 * failed, and a machine that stalls makes this longer only. */
static double
seconds_after (gint64 *before, struct fixture *f, const char *user, const char *password,
               ptn_status wanted) {
  const gint64 since = *before;
  *before = g_get_monotonic_time ();
  assert_int_equal (fixture_login (f, user, password, NULL), wanted);
  return (double)(g_get_monotonic_time () - since) / 1e6;
}

static void
failures_are_waited_for (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=200ms", NULL }, NULL);
  static const char *const names[] = { "nobody", "alice" }; /* the same for both */
  gint64 before = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    fixture_address (f, i ? "192.0.2.1" : "198.51.100.1", true);
    before = g_get_monotonic_time ();
    /* Told at a multiple of 5 ms, from when it was sent. */
    assert_true (seconds_of (f, names[i], "wrong", PTN_E_AUTHENTICATION) >= 0.005);
    assert_true (seconds_after (&before, f, names[i], "wrong", PTN_E_AUTHENTICATION) >= 0.08);
    assert_true (seconds_after (&before, f, names[i], "wrong", PTN_E_AUTHENTICATION) >= 0.17);
  }
  /* The right one waits as well, in any spelling; then all is forgotten. */
  assert_true (seconds_after (&before, f, "EXAMPLE\\Alice", "pass", PTN_END) >= 0.17);
  const int64_t waits = harness_metric (f->harness, "postern_login_waits");
  assert_in_range (waits, 1, 5); /* nobody waits once the time has passed all the same */
  fixture_login (f, "alice", "pass", NULL);
  assert_int_equal (harness_metric (f->harness, "postern_login_waits"), waits);
  fixture_free (f);
}

static void
leave_while_a_hash_runs (struct fixture *f, bool scram) {
  static const char proof[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const struct ptn_login *login = f->login.table;
  struct ptn_call call = { .task = f->task };
  const struct ptn_identity *identity;
  struct ptn_bytes challenge;
  void *exchange;
  g_autofree char *final = NULL;
  assert_int_equal (login->start (f->login.instance, &call, &f->request,
                                  scram ? "SCRAM-SHA-256" : NULL, &exchange),
                    PTN_OK);
  struct ptn_bytes response = { "alice\0x", 7 };
  if (scram) {
    const char first[] = "n,,n=alice,r=abcdefghijkl";
    assert_int_equal (login->step (exchange, &call, (struct ptn_bytes){ first, strlen (first) },
                                   &challenge, &identity),
                      PTN_OK);
    const char *comma = memchr (challenge.data, ',', challenge.size);
    final = g_strdup_printf ("c=biws,%.*s,p=%s", (int)(comma - (const char *)challenge.data),
                             (const char *)challenge.data, proof);
    response = (struct ptn_bytes){ final, strlen (final) };
  }
  assert_int_not_equal (login->step (exchange, &call, response, &challenge, &identity), PTN_END);
  login->finish (exchange);
  f->host->call_end (&call);
}

/* Hashes for which nobody waits any more keep nobody waiting. */
static void
who_left_holds_nobody_up (void **state) {
  (void)state;
  for (int scram = 0; scram < 2; scram++) {
    struct fixture *f = fixture_new (hashed_people, no_delay,
                                     (const char *[]){ "sasl_mechanisms=SCRAM-SHA-256", NULL });
    double alone = 0;
    for (int i = 0; i < 8; i++)
      alone += seconds_of (f, "nobody", "wrong", PTN_E_AUTHENTICATION) / 8;
    for (int i = 0; i < 100; i++)
      leave_while_a_hash_runs (f, scram);
    const double after = seconds_of (f, "nobody", "wrong", PTN_E_AUTHENTICATION);
    if (after > 10 * alone)
      fail_msg ("%.1f ms, and %.1f ms behind a hundred who left", alone * 1e3, after * 1e3);
    fixture_free (f);
  }
}

static void
spellings_share_a_count (void **state) {
  (void)state;
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=100ms", NULL }, NULL);
  static const char *const spellings[] = { "\u00e5sa",           "\u00c5SA",
                                           "\u212bsa",           "A\u030asa",
                                           "EXAMPLE\\a\u030aSA", "\u00c5sa@example.test" };
  for (size_t i = 0; i < G_N_ELEMENTS (spellings); i++) {
    fixture_login (f, spellings[i], "wrong", NULL);
    assert_int_equal (harness_metric (f->harness, "postern_login_waits"), i);
  }
  fixture_free (f);
}

static void
a_login_may_be_left (void **state) {
  (void)state;
  struct fixture *f =
      fixture_new (hashed_people, (const char *[]){ "failure_delay=1s", NULL }, NULL);
  const struct ptn_login *login = f->login.table;
  for (int i = 0; i < 4; i++) { /* twice while a hash runs, then while waiting */
    struct ptn_call call = { .task = f->task };
    const struct ptn_identity *identity;
    struct ptn_bytes challenge;
    void *exchange;
    assert_int_equal (login->start (f->login.instance, &call, &f->request, NULL, &exchange),
                      PTN_OK);
    assert_int_equal (login->step (exchange, &call, (struct ptn_bytes){ "alice\0x", 7 }, &challenge,
                                   &identity),
                      PTN_PENDING);
    login->finish (exchange);
    f->host->call_end (&call);
    if (i == 1)
      assert_int_equal (fixture_login (f, "alice", "x", NULL), PTN_E_AUTHENTICATION);
  }
  fixture_free (f);
}

/* Five users fail from one address: the sixth waits there, unless the address is known to be
 * shared. */
static void
shared_addresses_are_trusted (void **state) {
  for (int trusted = 0; trusted < 2; trusted++) {
    const char *const settings[] = { "failure_delay=100ms",
                                     trusted ? "trusted_networks=192.0.2.0/24" : NULL, NULL };
    struct fixture *f = fixture_new (people, settings, NULL);
    for (int i = 0; i < 7; i++) {
      g_autofree char *user = g_strdup_printf ("user%d", i);
      assert_int_equal (fixture_login (f, user, "x", NULL), PTN_E_AUTHENTICATION);
    }
    const int64_t waits = harness_metric (f->harness, "postern_login_waits");
    assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_END);
    assert_int_equal (harness_metric (f->harness, "postern_login_waits") > waits, !trusted);
    fixture_free (f);
  }
}

int
main (int count, char **arguments) {
  (void)count;
  fixture_directory_module = arguments[1];
  fixture_auth_module = arguments[2];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (secrets_need_tls),        cmocka_unit_test (login_asks_twice),
    cmocka_unit_test (apop_compares_digests),   cmocka_unit_test (all_failures_cost_the_same),
    cmocka_unit_test (one_line_is_logged),      cmocka_unit_test (failures_are_waited_for),
    cmocka_unit_test (a_login_may_be_left),     cmocka_unit_test (shared_addresses_are_trusted),
    cmocka_unit_test (spellings_share_a_count), cmocka_unit_test (who_left_holds_nobody_up),
  };
  return cmocka_run_group_tests_name ("auth: logins", tests, NULL, NULL);
}
