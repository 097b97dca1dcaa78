/* SPDX-License-Identifier: Apache-2.0 */
/* winbind_test.c - what becomes of a domain's answers, of those that do not come, and who may have
 * been proved. */
#include "harness/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

static const char *module;

struct fixture {
  struct harness *harness;
  const struct ptn_host *host;
  struct ptn_task *task;
  struct ptn_binding credentials;
  struct ptn_sasl_request request;
};

static struct fixture *
fixture_new (const char *const *settings) {
  static const char *const usual[] = { "refusal_time=0", NULL };
  struct fixture *f = g_new0 (struct fixture, 1);
  f->harness = harness_new ();
  f->host = harness_host (f->harness);
  assert_int_equal (harness_load (f->harness, module, settings ? settings : usual), PTN_OK);
  assert_int_equal (harness_start (f->harness), PTN_OK);
  f->task = harness_task_new (f->harness);
  f->credentials = harness_find (f->harness, PTN_CREDENTIALS_ID, NULL);
  f->request = (struct ptn_sasl_request){ .size = sizeof f->request, .service = "imap" };
  return f;
}

static void
fixture_free (struct fixture *f) {
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_free (f);
}

static ptn_status
password (struct fixture *f, const char *domain, const char *user, const char *text, size_t size) {
  const struct ptn_credentials *credentials = f->credentials.table;
  struct ptn_call call = { .task = f->task };
  const ptn_status status =
      HARNESS_AWAIT (f->task,
                     credentials->verify_password (f->credentials.instance, &call, &f->request,
                                                   domain, user, (struct ptn_bytes){ text, size }));
  f->host->call_end (&call);
  return status;
}
#define PASSWORD(f, user, text) password (f, "CONTOSO", user, text, strlen (text))

/* nt: 24 octets are NTLMv1, more are NTLMv2. */
static ptn_status
ntlm (struct fixture *f, const char *domain, const char *user, const char *client,
      const char *workstation, const char *nt, struct ptn_ntlm_proof *proof) {
  const struct ptn_credentials *credentials = f->credentials.table;
  g_auto (GStrv) names = g_strsplit (client, "\\", 2);
  const struct ptn_ntlm_response response = {
    .size = sizeof response,
    .domain = names[0],
    .user = names[1],
    .workstation = workstation,
    .challenge = { "12345678", 8 },
    .lm = { "", 0 },
    .nt = { nt, strlen (nt) },
  };
  struct ptn_ntlm_proof ours = { { 0 }, 0, 0 };
  struct ptn_call call = { .task = f->task };
  const ptn_status status =
      HARNESS_AWAIT (f->task,
                     credentials->verify_ntlm (f->credentials.instance, &call, &f->request, domain,
                                               user, &response, proof ? proof : &ours));
  f->host->call_end (&call);
  return status;
}
#define V1 "rrrrrrrrrrrrrrrrrrrrrrrr"
#define V2 V1 "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"

static void
right_and_wrong (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL);
  struct ptn_ntlm_proof proof = { { 0 }, 0, 0 };
  assert_int_equal (PASSWORD (f, "alice", "right"), PTN_OK);
  assert_int_equal (PASSWORD (f, "alice", "wrong"), PTN_E_AUTHENTICATION);
  assert_string_equal (f->host->failure_log (f->task), "wrong password");
  assert_int_equal (PASSWORD (f, "alice", ""), PTN_E_AUTHENTICATION);
  assert_int_equal (password (f, "CONTOSO", "alice", "right\0more", 10), PTN_E_AUTHENTICATION);
  assert_int_equal (PASSWORD (f, NULL, "right"), PTN_E_AUTHENTICATION);
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "\\alice", "WS", V2, &proof), PTN_OK);
  assert_int_equal (proof.has_session_base_key, 1);
  assert_memory_equal (proof.session_base_key, "kkkkkkkkkkkkkkkk", 16);
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "\\alice", "WS", "wrong", NULL),
                    PTN_E_AUTHENTICATION);
  assert_int_equal (ntlm (f, "CONTOSO", NULL, "\\alice", "WS", V2, NULL), PTN_E_AUTHENTICATION);
  fixture_free (f);
}

static void
statuses_are_told_apart (void **state) {
  (void)state;
  static const struct {
    const char *user;
    ptn_status status;
    const char *text;
  } cases[] = {
    { "status-c0000064", PTN_E_NOT_FOUND, "unknown user" },
    { "status-c000006a", PTN_E_AUTHENTICATION, "wrong password" },
    { "status-c000006d", PTN_E_AUTHENTICATION, "wrong user or password" },
    { "status-c0000234", PTN_E_AUTHENTICATION, "account is locked out" },
    { "status-c0000071", PTN_E_PASSWORD_EXPIRED, "password has expired" },
    { "status-c0000224", PTN_E_PASSWORD_EXPIRED, "password must be changed" },
    { "status-c0000072", PTN_E_DISABLED, "account is disabled" },
    { "status-c0000193", PTN_E_DISABLED, "account has expired" },
    { "status-c000006e", PTN_E_DISABLED, "account is restricted" },
    { "status-c000006f", PTN_E_DISABLED, "account may not log on at this time" },
    { "status-c0000070", PTN_E_DISABLED, "account may not log on from this workstation" },
    { "status-c000015b", PTN_E_DISABLED, "account may not log on in this way" },
    { "status-c0000413", PTN_E_DISABLED, "account may not log on to this server" },
    { "status-c0000198", PTN_E_DISABLED, "account is a domain's, not a user's" },
    { "status-c0000199", PTN_E_DISABLED, "account is a workstation's, not a user's" },
    { "status-c000019a", PTN_E_DISABLED, "account is a server's, not a user's" },
    { "status-c0000418", PTN_E_UNSUPPORTED, "the domain's policy blocks NTLM" },
    { "status-c000005e", PTN_E_TEMPORARY, "no domain controller answers" },
    { "status-c00000b5", PTN_E_TEMPORARY, "the domain controller does not answer in time" },
    { "status-c0000022", PTN_E_TEMPORARY,
      "winbindd denies access: may this server's user enter winbindd_privileged?" },
    { "status-c0000233", PTN_E_TEMPORARY, "winbindd answers with NT status 0xc0000233" },
    { "status-deadbeef", PTN_E_TEMPORARY, "winbindd answers with NT status 0xdeadbeef" },
  };
  struct fixture *f = fixture_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *client = g_strconcat ("CONTOSO\\", cases[i].user, NULL);
    assert_int_equal (PASSWORD (f, cases[i].user, "right"), cases[i].status);
    assert_string_equal (f->host->failure_log (f->task), cases[i].text);
    assert_int_equal (ntlm (f, "CONTOSO", cases[i].user, client, "WS", V2, NULL), cases[i].status);
    assert_string_equal (f->host->failure_log (f->task), cases[i].text);
  }
  fixture_free (f);
}

static void
only_the_expected_is_let_in (void **state) {
  (void)state;
  static const char *const never[] = { "guest",   "anonymous", "flagged",
                                       "sidless", "trusted",   "other" };
  struct fixture *f = fixture_new (NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (never); i++) {
    g_autofree char *client = g_strconcat ("CONTOSO\\", never[i], NULL);
    assert_int_equal (PASSWORD (f, never[i], "right"), PTN_E_AUTHENTICATION);
    assert_int_equal (ntlm (f, "CONTOSO", never[i], client, "WS", V2, NULL), PTN_E_AUTHENTICATION);
    assert_int_equal (ntlm (f, "CONTOSO", never[i], client, "WS", V1, NULL), PTN_E_AUTHENTICATION);
  }
  /* The response is alice's, and the mailbox is not; the domain proved alice of CONTOSO. */
  assert_int_equal (ntlm (f, "CONTOSO", "bob", "\\alice", "WS", V2, NULL), PTN_E_AUTHENTICATION);
  assert_string_equal (f->host->failure_log (f->task),
                       "the domain controller proved CONTOSO\\alice");
  assert_int_equal (ntlm (f, "TRUSTED", "alice", "\\alice", "WS", V2, NULL), PTN_E_AUTHENTICATION);
  /* These are the same. */
  assert_int_equal (ntlm (f, "contoso", "ALICE", "\\alice", "WS", V2, NULL), PTN_OK);
  assert_int_equal (ntlm (f, "", "alice", "\\alice", "WS", V2, NULL), PTN_OK);
  assert_int_equal (ntlm (f, "contoso.example", "alice", "\\alice", "WS", V2, NULL), PTN_OK);
  assert_int_equal (ntlm (f, "", "alice@contoso.example", "\\alice@contoso.example", "WS", V2,
                          NULL),
                    PTN_OK);
  assert_int_equal (PASSWORD (f, "alice@contoso.example", "right"), PTN_OK);
  assert_int_equal (PASSWORD (f, "alice@elsewhere.example", "right"), PTN_E_AUTHENTICATION);
  fixture_free (f);
}

/* NTLMv2 needs the client's words; for NTLMv1 the directory's are as good, and better known. */
static void
names_that_are_asked_about (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL);
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "WS\\ALICE", "ask=WS\\ALICE", V2, NULL), PTN_OK);
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "\\ALICE", "ask=CONTOSO\\ALICE", V2, NULL),
                    PTN_OK);
  assert_int_equal (ntlm (f, "", "alice", "\\ALICE", "ask=CONTOSO\\ALICE", V2, NULL), PTN_OK);
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "WS\\al", "ask=CONTOSO\\alice", V1, NULL), PTN_OK);
  fixture_free (f);
  f = fixture_new ((const char *[]){ "domain=OTHER", "refusal_time=0", NULL });
  assert_int_equal (ntlm (f, "", "alice", "\\ALICE", "ask=OTHER\\ALICE", V2, NULL),
                    PTN_E_AUTHENTICATION);
  assert_string_equal (f->host->failure_log (f->task),
                       "the domain controller proved CONTOSO\\ALICE");
  fixture_free (f);
}

static void
trouble_is_no_verdict (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL);
  g_free (harness_log_take (f->harness));
  for (int i = 0; i < 3; i++) {
    assert_int_equal (ntlm (f, "CONTOSO", "alice", "\\alice", "down", "wrong", NULL),
                      PTN_E_TEMPORARY);
    assert_int_equal (ntlm (f, "CONTOSO", NULL, "\\alice", "down", "wrong", NULL), PTN_E_TEMPORARY);
  }
  assert_string_equal (f->host->failure_log (f->task), "winbindd is not there");
  assert_int_equal (ntlm (f, "CONTOSO", "alice", "\\alice", "denied", "wrong", NULL),
                    PTN_E_TEMPORARY);
  assert_non_null (strstr (f->host->failure_log (f->task), "winbindd_privileged"));
  g_autofree char *down = harness_log_take (f->harness);
  assert_non_null (strstr (down, "winbind.down"));
  assert_null (strstr (strstr (down, "winbind.down") + 1, "winbind.down")); /* once */
  assert_int_equal (PASSWORD (f, "alice", "right"), PTN_OK);
  g_autofree char *up = harness_log_take (f->harness);
  assert_non_null (strstr (up, "winbind.up"));
  fixture_free (f);
}

/* While this file is there "hang" does not answer. */
static char *stuck;

static void
stick (void) {
  assert_true (g_file_set_contents (stuck, "", -1, NULL));
}

static gint64
milliseconds (void) {
  return g_get_monotonic_time () / 1000;
}

/* "hang" takes until we say so, and 200 ms are allowed. */
static void
what_hangs_is_left_alone (void **state) {
  (void)state;
  struct fixture *f = fixture_new ((const char *[]){ "timeout=200ms", "refusal_time=0", NULL });
  stick ();
  for (int i = 0; i < 2; i++) {
    const gint64 started = milliseconds ();
    assert_int_equal (PASSWORD (f, "hang", "right"), PTN_E_TEMPORARY);
    assert_true (milliseconds () - started >= 190);
  }
  /* Not asked, and so not waited for. */
  assert_int_equal (PASSWORD (f, "alice", "right"), PTN_E_TEMPORARY);
  assert_string_equal (f->host->failure_log (f->task), "winbindd does not answer");
  assert_int_equal (harness_metric (f->harness, "postern_winbind_timeouts"), 2);
  g_unlink (stuck); /* now both come */
  ptn_status status = PTN_E_TEMPORARY;
  for (int i = 0; i < 2000 && status != PTN_OK; i++) {
    g_usleep (10000);
    status = PASSWORD (f, "alice", "right");
  }
  assert_int_equal (status, PTN_OK);
  fixture_free (f);
}

static void
clients_go_away (void **state) {
  (void)state;
  struct fixture *f = fixture_new (NULL);
  const struct ptn_credentials *credentials = f->credentials.table;
  stick ();
  for (int i = 0; i < 20; i++) {
    struct ptn_call call = { .task = f->task };
    const char *user = i == 7 ? "hang" : "alice";
    assert_int_equal (credentials->verify_password (f->credentials.instance, &call, &f->request,
                                                    "CONTOSO", user, (struct ptn_bytes){ "x", 1 }),
                      PTN_PENDING);
    if (i % 3 == 0)
      g_usleep (1000);
    f->host->call_end (&call);
  }
  g_unlink (stuck);
  fixture_free (f);
}

static void
refusals_take_their_time (void **state) {
  (void)state;
  struct fixture *f = fixture_new ((const char *[]){ "refusal_time=150ms", NULL });
  gint64 started = milliseconds ();
  assert_int_equal (PASSWORD (f, "alice", "wrong"), PTN_E_AUTHENTICATION);
  assert_true (milliseconds () - started >= 145);
  started = milliseconds ();
  assert_int_equal (PASSWORD (f, NULL, "wrong"), PTN_E_AUTHENTICATION);
  assert_true (milliseconds () - started >= 145);
  gint64 best = G_MAXINT64; /* others use the machine too */
  for (int i = 0; i < 10 && best > 140; i++) {
    started = milliseconds ();
    assert_int_equal (PASSWORD (f, "alice", "right"), PTN_OK);
    best = MIN (best, milliseconds () - started);
  }
  assert_in_range (best, 0, 140);
  fixture_free (f);
}

int
main (int argc, char **argv) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (right_and_wrong),
    cmocka_unit_test (statuses_are_told_apart),
    cmocka_unit_test (only_the_expected_is_let_in),
    cmocka_unit_test (names_that_are_asked_about),
    cmocka_unit_test (trouble_is_no_verdict),
    cmocka_unit_test (what_hangs_is_left_alone),
    cmocka_unit_test (clients_go_away),
    cmocka_unit_test (refusals_take_their_time),
  };
  module = argv[1];
  g_autofree char *folder = g_dir_make_tmp ("winbind-test-XXXXXX", NULL);
  stuck = g_build_filename (folder, "stuck", NULL);
  g_setenv ("FAKE_WBCLIENT_STUCK", stuck, TRUE);
  const int failed = cmocka_run_group_tests (tests, NULL, NULL);
  g_unlink (stuck);
  g_rmdir (folder);
  g_free (stuck);
  return failed;
}
