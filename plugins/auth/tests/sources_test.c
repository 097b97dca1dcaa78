/* SPDX-License-Identifier: Apache-2.0 */
/* sources_test.c - who verifies whom, what is remembered of slow sources, what others prove, and
 * what `posternctl delegate` and `cache flush` do. */
#include "../delegations.h"
#include "fixture.h"

#include <glib/gstdio.h>

static const char people[] = "[alice]\npassword = {PLAIN}pass\nalias = al\n"
                             "[bob]\npassword = {PLAIN}pass\nauth.word = yes\n"
                             "[old]\n[off]\n[down]\n[administrator]\npassword = {PLAIN}pass\n";
#define COMPARED "postern_password_checks{kind=\"compare\"}"
#define CHAIN "credentials=directory-file:fake+directory-file"

static int64_t
asked (struct fixture *f) {
  return harness_metric (f->harness, "fake_asked");
}

static void
sources_are_asked_in_order (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_login (f, "bob", "pass", NULL), PTN_END); /* the second knows him */
  assert_int_equal (fixture_login (f, "old", "right", NULL), PTN_E_PASSWORD_EXPIRED);
  assert_int_equal (fixture_login (f, "old", "wrong", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_login (f, "off", "right", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_login (f, "down", "right", NULL), PTN_E_TEMPORARY);
  assert_int_equal (fixture_login (f, "nobody", "right", NULL), PTN_E_AUTHENTICATION);
  fixture_free (f);
}

static void
slow_verdicts_are_remembered (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  for (int i = 0; i < 3; i++)
    assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 1);
  for (int i = 0; i < 3; i++)
    assert_int_equal (fixture_login (f, "alice", "wrong", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (asked (f), 2);
  assert_int_equal (fixture_login (f, "EXAMPLE\\Alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 2);
  for (int i = 0; i < 2; i++) /* not a verdict: asked each time */
    assert_int_equal (fixture_login (f, "down", "right", NULL), PTN_E_TEMPORARY);
  assert_int_equal (asked (f), 4);
  fixture_address (f, "192.0.2.77", true); /* it may have decided by the address */
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 5);
  for (int i = 0; i < 2; i++) /* passed on, as bob is: asked each time; else remembered */
    assert_int_equal (fixture_login (f, "nobody", "right", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (asked (f), harness_metric (f->harness, "fake_nobody") ? 6 : 7);
  fixture_free (f);
}

/* How often the source is asked must not tell which of these names somebody has. */
static void
spellings_are_remembered_alike (void **state) {
  struct fixture *f =
      fixture_new (people,
                   (const char *[]){ "failure_delay=0", "credentials=directory-file:fake", NULL },
                   NULL);
  static const char *const same[] = { "%s", "%s@example.org", "EXAMPLE\\%s",
                                      "%s@example.test/bob" };
  static const char *const names[] = { "alice", "nobody" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    const int64_t before = asked (f);
    for (size_t k = 0; k < 2 * G_N_ELEMENTS (same); k++) {
      g_auto (GStrv) pieces = g_strsplit (same[k / 2], "%s", 2);
      g_autofree char *name = k % 2 ? g_ascii_strup (names[i], -1) : g_strdup (names[i]);
      g_autofree char *login = g_strconcat (pieces[0], name, pieces[1], NULL);
      assert_int_equal (fixture_login (f, login, "wrong", NULL), PTN_E_AUTHENTICATION);
    }
    assert_int_equal (asked (f), before + 1);
    assert_int_equal (fixture_login (f, i ? "no" : "al", "wrong", NULL), PTN_E_AUTHENTICATION);
    assert_int_equal (asked (f), before + 2); /* another name, of the same user or of nobody */
  }
  fixture_free (f);
}

static void
nothing_is_no_password (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  g_free (harness_log_take (f->harness));
  assert_int_equal (fixture_login (f, "alice", "", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_login (f, "nobody", "", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (asked (f), 0);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "reason=empty password login=alice"));
  assert_non_null (strstr (log, "reason=unknown user login=nobody"));
  fixture_free (f);
}

/* Who of many that nobody knows is judged by the first source, a bit each. */
static guint64
judged_by_first (struct fixture *f, unsigned *count) {
  guint64 which = 0;
  *count = 0;
  for (unsigned i = 0; i < 64; i++) {
    g_autofree char *name = g_strdup_printf ("%s%u", i % 2 ? "nobody" : "EXAMPLE\\no-body", i);
    g_autofree char *password = g_strdup_printf ("%u", g_random_int ()); /* is not remembered */
    const int64_t nobody = harness_metric (f->harness, "fake_nobody");
    const int64_t first = asked (f), second = harness_metric (f->harness, COMPARED);
    assert_int_equal (fixture_login (f, name, password, NULL), PTN_E_AUTHENTICATION);
    const bool by_first = harness_metric (f->harness, "fake_nobody") > nobody;
    assert_int_equal (asked (f), first + 1);
    assert_int_equal (harness_metric (f->harness, COMPARED), second + !by_first);
    which |= (guint64)by_first << i;
    *count += by_first;
  }
  return which;
}

/* Some users are the first source's and some are passed on to the second, which takes longer: so it
 * goes with nobody, always in the same way with a name. */
static void
nobody_is_passed_on_as_users_are (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  unsigned before, again, after;
  const guint64 which = judged_by_first (f, &before);
  assert_in_range (before, 8, 56); /* by chance not: 1 in 10^9 */
  assert_true (judged_by_first (f, &again) == which);
  for (int i = 0; i < 300; i++)
    assert_int_equal (fixture_login (f, "bob", "pass", NULL), PTN_END);
  judged_by_first (f, &after);
  assert_in_range (after, 0, 12);
  fixture_free (f);
}

/* A mistake is told, and nobody is verified by somebody else than was meant. */
static void
slips_of_the_pen_are_told (void **state) {
  static const struct {
    const char *setting, *word;
    ptn_status status;
  } cases[] = {
    { "credentials=directory-fyle:fake", "wants DIRECTORY", PTN_END },
    { "credentials=directory-file", "wants DIRECTORY", PTN_END },
    { "credentials=directory-file:fkae", "is not there", PTN_E_TEMPORARY },
    { "credentials=directory-file:directory-file+fkae", "is not there", PTN_E_TEMPORARY },
    { "credentials=directory-file:fake+fake+fake+fake+fake", "more than 4", PTN_E_TEMPORARY },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct fixture *f = fixture_new (people, (const char *[]){ cases[i].setting, NULL }, NULL);
    g_autofree char *log = harness_log_take (f->harness);
    assert_non_null (strstr (log, "login.no_source"));
    assert_non_null (strstr (log, cases[i].word));
    assert_int_equal (fixture_login (f, "alice", "pass", NULL), cases[i].status);
    fixture_free (f);
  }
}

/* ---- Mechanisms of others ------------------------------------------------------------------ */

#define OFFERS "sasl_mechanisms=X-PROOF X-NOT-HERE X-NOBODY-CAN ANONYMOUS PLAIN"

static void
only_what_works_is_offered (void **state) {
  struct fixture *f = fixture_new (people, NULL, (const char *[]){ OFFERS, NULL });
  const struct ptn_login *login = f->login.table;
  struct ptn_call call = { .task = f->task };
  struct ptn_strings names;
  uint32_t plaintext;
  assert_int_equal (login->mechanisms (f->login.instance, &call, &f->request, &names, &plaintext),
                    PTN_OK);
  assert_int_equal (names.count, 2);
  assert_string_equal (names.items[0], "X-PROOF");
  assert_string_equal (names.items[1], "PLAIN");
  f->host->call_end (&call);
  assert_int_equal (fixture_sasl (f, "ANONYMOUS", "x", 1, NULL), PTN_E_UNSUPPORTED);
  assert_int_equal (fixture_sasl (f, "X-NOT-HERE", "x", 1, NULL), PTN_E_UNSUPPORTED);
  assert_int_equal (fixture_sasl (f, "X-NOBODY-CAN", "x", 1, NULL), PTN_E_UNSUPPORTED);
  fixture_free (f);
}

static ptn_status
prove (struct fixture *f, const char *text, char **who) {
  return fixture_sasl (f, "X-PROOF", text, strlen (text), who);
}

static void
proofs_of_others_are_adopted (void **state) {
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=0", NULL },
                                   (const char *[]){ OFFERS, NULL });
  g_autofree char *who = NULL;
  assert_int_equal (prove (f, "AL@example.test", &who), PTN_END);
  assert_string_equal (who, "alice alice EXAMPLE alice");
  assert_int_equal (prove (f, "nobody", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (prove (f, "alice bob", NULL), PTN_E_AUTHENTICATION); /* no delegate */
  assert_int_equal (prove (f, "EXAMPLE\\alice", NULL), PTN_END);
  /* A name that is one is not taken apart: alice is somebody else. */
  assert_int_equal (prove (f, "alice@example.test/alice", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (prove (f, "alice@example.test\\al", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (prove (f, "EXAMPLE/alice/alice", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (prove (f, "guest", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (prove (f, "administrator", NULL), PTN_E_AUTHENTICATION);
  g_free (harness_log_take (f->harness));
  assert_int_equal (prove (f, "!alice", NULL), PTN_E_AUTHENTICATION);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "login=alice"));
  assert_non_null (strstr (log, "mechanism=X-PROOF"));
  fixture_free (f);
}

/* What was wrong with others' mechanisms counts against the name that was claimed; our own trouble
 * does not. */
static void
failures_of_others_count (void **state) {
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=200ms", NULL },
                                   (const char *[]){ OFFERS, NULL });
  for (int i = 0; i < 2; i++)
    assert_int_equal (prove (f, "!down", NULL), PTN_E_TEMPORARY);
  assert_int_equal (fixture_login (f, "down", "x", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (harness_metric (f->harness, "postern_login_waits"), 0);
  for (int i = 0; i < 2; i++)
    assert_int_equal (prove (f, "!alice", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (fixture_login (f, "alice", "pass", NULL), PTN_END);
  assert_int_equal (harness_metric (f->harness, "postern_login_waits"), 1);
  fixture_free (f);
}

/* How many attempts of this user may wait, until there are too many: 6, 3, 1 after 1, 2, 3 failures
 * with the settings below. */
static unsigned
queue_of (struct fixture *f, const char *name) {
  const struct ptn_login *login = f->login.table;
  const struct ptn_bytes response = { name, strlen (name) + 1 };
  unsigned waiting = 0;
  for (ptn_status status = PTN_PENDING; status == PTN_PENDING && waiting < 10; waiting++) {
    struct ptn_call call = { .task = f->task };
    const struct ptn_identity *identity = NULL;
    struct ptn_bytes challenge;
    void *exchange;
    assert_int_equal (login->start (f->login.instance, &call, &f->request, NULL, &exchange),
                      PTN_OK);
    status = login->step (exchange, &call, response, &challenge, &identity);
    f->host->call_end (&call);
    login->finish (exchange);
  }
  return waiting - 1;
}

/* A client that is told why by a last challenge, and answers it or not. */
static void
is_told (struct fixture *f, const char *claim, bool answers, ptn_status expected) {
  const struct ptn_login *login = f->login.table;
  struct ptn_call call = { .task = f->task };
  const struct ptn_identity *identity = NULL;
  struct ptn_bytes challenge;
  void *exchange;
  assert_int_equal (login->start (f->login.instance, &call, &f->request, "X-PROOF", &exchange),
                    PTN_OK);
  assert_int_equal (login->step (exchange, &call, (struct ptn_bytes){ claim, strlen (claim) },
                                 &challenge, &identity),
                    PTN_OK);
  assert_int_equal (challenge.size, 2);
  if (answers)
    assert_int_equal (HARNESS_AWAIT (f->task,
                                     login->step (exchange, &call, (struct ptn_bytes){ "alice", 5 },
                                                  &challenge, &identity)),
                      expected);
  assert_null (identity);
  f->host->call_end (&call);
  login->finish (exchange);
}

static void
failures_that_are_told_count_once (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=1h", "failure_delay_max=3h", NULL },
                   (const char *[]){ OFFERS, NULL });
  static const char *const claims[] = { "?alice", "?bob", "?down" };
  for (size_t i = 0; i < 2 * G_N_ELEMENTS (claims); i++) {
    const char *claim = claims[i / 2];
    g_free (harness_log_take (f->harness));
    is_told (f, claim, i % 2,
             strcmp (claim, "?down") == 0 ? PTN_E_TEMPORARY : PTN_E_AUTHENTICATION);
    g_autofree char *log = harness_log_take (f->harness);
    const char *line = strstr (log, "login.failure");
    assert_non_null (line);
    assert_null (strstr (line + 1, "login.failure"));
    assert_null (strstr (log, "login.success"));
    assert_non_null (strstr (line, "told why"));
    g_autofree char *field = g_strconcat ("login=", claim + 1, NULL);
    assert_non_null (strstr (line, field));
  }
  assert_int_equal (harness_metric (f->harness, "postern_logins{result=\"failure\"}"), 4);
  assert_int_equal (harness_metric (f->harness, "postern_logins{result=\"trouble\"}"), 2);
  assert_int_equal (queue_of (f, "alice"), 3);
  assert_int_equal (queue_of (f, "bob"), 3);
  assert_int_equal (harness_metric (f->harness, "postern_login_waits"), 6);
  assert_int_equal (fixture_login (f, "down", "x", NULL), PTN_E_AUTHENTICATION); /* at once */
  fixture_free (f);
}

/* ---- Commands ------------------------------------------------------------------------------ */

static ptn_status
command (struct fixture *f, const char *name, const char *const *arguments) {
  const struct ptn_binding found = harness_find (f->harness, PTN_CONTROL_ID, name);
  const struct ptn_control *control = found.table;
  struct ptn_call call = { .task = f->task };
  const struct ptn_strings words = { arguments, g_strv_length ((char **)arguments) };
  const ptn_status status =
      HARNESS_AWAIT (f->task, control->run (found.instance, &call, words,
                                            (struct ptn_bytes){ NULL, 0 }, NULL));
  f->host->call_end (&call);
  return status;
}
#define COMMAND(f, name, ...) command (f, name, (const char *const[]){ __VA_ARGS__, NULL })

static void
caches_are_flushed (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (COMMAND (f, "cache flush", "bob"), PTN_OK);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 1);
  assert_int_equal (COMMAND (f, "cache flush", "alice"), PTN_OK);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 2);
  assert_int_equal (COMMAND (f, "cache flush", NULL), PTN_OK);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 3);
  assert_int_equal (harness_metric (f->harness, "fake_flushed"), 3);
  /* By any name of the user. */
  static const char *const spellings[] = { "al", "ALICE", "EXAMPLE\\Alice", "al@example.test" };
  for (size_t i = 0; i < G_N_ELEMENTS (spellings); i++) {
    assert_int_equal (COMMAND (f, "cache flush", spellings[i]), PTN_OK);
    assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
    assert_int_equal (asked (f), 4 + (int64_t)i);
  }
  assert_int_equal (COMMAND (f, "cache flush", "who is this"), PTN_OK);
  assert_int_equal (COMMAND (f, "cache flush", "a", "b"), PTN_E_INVALID);
  fixture_free (f);
}

/* A question that was under way when everything was forgotten may have been about the old password. */
static void
answers_from_before_a_flush_are_not_kept (void **state) {
  struct fixture *f =
      fixture_new (people, (const char *[]){ "failure_delay=0", CHAIN, NULL }, NULL);
  const struct ptn_login *login = f->login.table;
  const struct ptn_bytes response = { "alice\0right", 11 };
  struct ptn_call call = { .task = f->task };
  const struct ptn_identity *identity = NULL;
  struct ptn_bytes challenge;
  void *exchange;
  assert_int_equal (login->start (f->login.instance, &call, &f->request, NULL, &exchange), PTN_OK);
  f->host->call_end (&call);
  assert_int_equal (login->step (exchange, &call, response, &challenge, &identity), PTN_PENDING);
  assert_int_equal (COMMAND (f, "cache flush", "alice"), PTN_OK);
  assert_int_equal (HARNESS_AWAIT (f->task,
                                   login->step (exchange, &call, response, &challenge, &identity)),
                    PTN_END);
  login->finish (exchange);
  f->host->call_end (&call);
  assert_int_equal (asked (f), 1);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 2);
  assert_int_equal (fixture_login (f, "alice", "right", NULL), PTN_END);
  assert_int_equal (asked (f), 2);
  fixture_free (f);
}

static void
delegates_are_let_in (void **state) {
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=0", NULL }, NULL);
  g_autofree char *who = NULL;
  assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (COMMAND (f, "delegate add", "al", "bob", "--read-only"), PTN_OK);
  g_free (harness_log_take (f->harness));
  assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", &who), PTN_END);
  g_autofree char *log = harness_log_take (f->harness);
  assert_non_null (strstr (log, "login.on_behalf user=bob account=alice"));
  assert_non_null (strstr (log, "access=read"));
  assert_int_equal (COMMAND (f, "delegate add", "alice", "bob"), PTN_OK);
  assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL), PTN_END);
  g_autofree char *full = harness_log_take (f->harness);
  assert_non_null (strstr (full, "access=full"));
  assert_int_equal (COMMAND (f, "delegate remove", "alice", "bob"), PTN_OK);
  assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL), PTN_E_AUTHENTICATION);
  assert_int_equal (COMMAND (f, "delegate remove", "alice", "bob"), PTN_E_NOT_FOUND);
  assert_int_equal (COMMAND (f, "delegate add", "nobody", "bob"), PTN_E_NOT_FOUND);
  assert_int_equal (COMMAND (f, "delegate add", "bob", "bob"), PTN_E_INVALID);
  assert_int_equal (COMMAND (f, "delegate add", "bob"), PTN_E_INVALID);
  assert_int_equal (COMMAND (f, "delegate add", "EXAMPLE/bob/alice", "bob"), PTN_E_INVALID);
  fixture_free (f);
}

/* A grant is one account's to another, and not to whoever is called like them later. */
static void
grants_do_not_pass_to_namesakes (void **state) {
  static const char before[] = "[alice]\npassword = {PLAIN}pass\naccount.id = 1\n"
                               "[bob]\npassword = {PLAIN}pass\n";
  static const struct {
    const char *people;
    ptn_status status;
  } after[] = {
    { before, PTN_END },
    { "[alice]\naccount.id = 2\n[bob]\npassword = {PLAIN}pass\n", PTN_E_AUTHENTICATION },
    { "[alice]\n[bob]\npassword = {PLAIN}pass\n", PTN_E_AUTHENTICATION },
    { "[alice]\naccount.id = 1\n[bob]\npassword = {PLAIN}pass\naccount.id = 3\n",
      PTN_E_AUTHENTICATION },
    { "[alice]\naccount.id = 2\ndelegates = bob\n[bob]\npassword = {PLAIN}pass\n", PTN_END },
    { before, PTN_END },
  };
  struct fixture *f = fixture_new (before, (const char *[]){ "failure_delay=0", NULL }, NULL);
  assert_int_equal (COMMAND (f, "delegate add", "alice", "bob"), PTN_OK);
  for (size_t i = 0; i < G_N_ELEMENTS (after); i++) {
    fixture_rewrite (f, after[i].people);
    const ptn_status status = fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL);
    if (status != after[i].status)
      fail_msg ("%zu: %d", i, status);
  }
  fixture_free (f);
}

/* By the commands, as it happens. */
static void
grants_go_with_the_account (void **state) {
  struct fixture *f = fixture_new (people, (const char *[]){ "failure_delay=0", NULL }, NULL);
  for (int i = 0; i < 2; i++) { /* the delegate, and then the owner */
    assert_int_equal (COMMAND (f, "delegate add", "alice", "bob"), PTN_OK);
    assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL), PTN_END);
    const char *gone = i ? "alice" : "bob";
    assert_int_equal (COMMAND (f, "user remove", gone), PTN_OK);
    assert_int_equal (COMMAND (f, "user add", gone, "--no-password"), PTN_OK);
    assert_int_equal (COMMAND (f, "user set", gone, "password={PLAIN}pass"), PTN_OK);
    assert_int_equal (fixture_login (f, gone, "pass", NULL), PTN_END);
    assert_int_equal (fixture_login (f, "EXAMPLE/bob/alice", "pass", NULL), PTN_E_AUTHENTICATION);
  }
  fixture_free (f);
}

/* What a file could say is either understood or told; see delegations.h. */
static void
delegations_survive_and_are_checked (void **state) {
  g_autofree char *folder = g_dir_make_tmp ("delegations-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (folder, "delegations", NULL);
  g_autofree char *why = NULL;
  struct delegations *delegations = delegations_new (folder, &why);
  assert_non_null (delegations);
  assert_true (delegations_set (delegations, (struct delegations_account){ "alice", "7" },
                                (struct delegations_account){ "bob", "" }, PTN_ACCESS_READ, &why));
  delegations_free (&delegations);
  delegations = delegations_new (folder, &why);
  assert_int_equal (delegations_find (delegations, "alice", "bob"), PTN_ACCESS_READ);
  assert_int_equal (delegations_find (delegations, "bob", "alice"), PTN_ACCESS_UNTOLD);
  static const struct {
    const char *mailbox, *user;
    ptn_access access;
  } ids[] = { { "7", "", PTN_ACCESS_READ },
              { NULL, "", PTN_ACCESS_READ },
              { "7", NULL, PTN_ACCESS_READ },
              { "", "", PTN_ACCESS_UNTOLD },
              { "7", "7", PTN_ACCESS_UNTOLD } };
  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++)
    assert_int_equal (delegations_find_exactly (delegations,
                                                (struct delegations_account){ "alice",
                                                                              ids[i].mailbox },
                                                (struct delegations_account){ "bob", ids[i].user }),
                      ids[i].access);
  delegations_free (&delegations);
  static const struct delegations_account odd[] = { { "a\tb", "" }, { "a", "1\nx" }, { "#a", "" } };
  delegations = delegations_new (folder, &why);
  for (size_t i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autofree char *fault = NULL;
    assert_false (delegations_set (delegations, odd[i], (struct delegations_account){ "bob", "" },
                                   PTN_ACCESS_FULL, &fault));
    assert_non_null (fault);
  }
  delegations_free (&delegations);
  assert_true (g_file_set_contents (file, "alice\tbob\tfull\n", -1, NULL)); /* as it was once */
  delegations = delegations_new (folder, &why);
  assert_int_equal (delegations_find (delegations, "alice", "bob"), PTN_ACCESS_FULL);
  delegations_free (&delegations);
  assert_true (g_file_set_contents (file, "# x\nalice\tbob\tall\n", -1, NULL));
  assert_null (delegations_new (folder, &why));
  assert_non_null (strstr (why, ":2: "));
  g_unlink (file);
  g_rmdir (folder);
}

int
main (int argc, char **argv) {
  fixture_directory_module = argv[1];
  fixture_auth_module = argv[2];
  fixture_extra_module = argv[3];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (sources_are_asked_in_order),
    cmocka_unit_test (slow_verdicts_are_remembered),
    cmocka_unit_test (spellings_are_remembered_alike),
    cmocka_unit_test (nothing_is_no_password),
    cmocka_unit_test (nobody_is_passed_on_as_users_are),
    cmocka_unit_test (slips_of_the_pen_are_told),
    cmocka_unit_test (only_what_works_is_offered),
    cmocka_unit_test (proofs_of_others_are_adopted),
    cmocka_unit_test (failures_of_others_count),
    cmocka_unit_test (failures_that_are_told_count_once),
    cmocka_unit_test (caches_are_flushed),
    cmocka_unit_test (answers_from_before_a_flush_are_not_kept),
    cmocka_unit_test (delegates_are_let_in),
    cmocka_unit_test (grants_do_not_pass_to_namesakes),
    cmocka_unit_test (grants_go_with_the_account),
    cmocka_unit_test (delegations_survive_and_are_checked),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
