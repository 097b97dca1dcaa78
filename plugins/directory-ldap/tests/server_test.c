/* SPDX-License-Identifier: Apache-2.0 */
/* server_test.c - the circuit breaker on a clock of the test's own, and what answers to binds mean. */
#include "directory-ldap/breaker.h"
#include "directory-ldap/pace.h"
#include "directory-ldap/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <ldap.h>
#include <string.h>

#define SECOND INT64_C (1000000000)

static void
one_failure_opens_nothing (void **state) {
  (void)state;
  struct breaker breaker;
  breaker_init (&breaker, 30 * SECOND);
  assert_true (breaker_admits (&breaker, 0));
  assert_false (breaker_failed (&breaker, 0));
  assert_true (breaker_admits (&breaker, 0));
  assert_false (breaker_worked (&breaker));
  assert_false (breaker_failed (&breaker, 0)); /* counted from the start again */
  assert_true (breaker_admits (&breaker, 0));
}

static void
an_open_breaker_lets_one_probe_through (void **state) {
  (void)state;
  struct breaker breaker;
  breaker_init (&breaker, 2 * SECOND);
  breaker_failed (&breaker, 0);
  assert_true (breaker_failed (&breaker, 0));
  assert_false (breaker_failed (&breaker, 0)); /* one that was under way */
  assert_false (breaker_admits (&breaker, BREAKER_FIRST_NS - 1));
  /* The wait doubles with each probe that fails, up to the limit. */
  int64_t now_ns = BREAKER_FIRST_NS;
  for (int64_t wait_ns = 2 * BREAKER_FIRST_NS; wait_ns <= 4 * SECOND; wait_ns *= 2) {
    assert_true (breaker_admits (&breaker, now_ns));
    assert_false (breaker_admits (&breaker, now_ns)); /* the others go elsewhere */
    assert_false (breaker_failed (&breaker, now_ns));
    const int64_t expected_ns = wait_ns < 2 * SECOND ? wait_ns : 2 * SECOND;
    assert_false (breaker_admits (&breaker, now_ns + expected_ns - 1));
    now_ns += expected_ns;
  }
  assert_true (breaker_admits (&breaker, now_ns));
  assert_true (breaker_worked (&breaker));
  assert_true (breaker_admits (&breaker, now_ns));
  assert_true (breaker_admits (&breaker, now_ns));
}

static void
answers_to_binds_are_told_apart (void **state) {
  (void)state;
  static const struct {
    int code;
    const char *text;
    int policy;
    ptn_status status;
    const char *reason; /* part of it */
  } cases[] = {
    { LDAP_SUCCESS, NULL, POLICY_SILENT, PTN_OK, "" },
    { LDAP_SUCCESS, "", PP_changeAfterReset, PTN_E_PASSWORD_EXPIRED, "changed" },
    { LDAP_INVALID_CREDENTIALS, NULL, POLICY_SILENT, PTN_E_AUTHENTICATION, "wrong" },
    { LDAP_INVALID_CREDENTIALS, NULL, PP_passwordExpired, PTN_E_PASSWORD_EXPIRED, "expired" },
    { LDAP_INVALID_CREDENTIALS, NULL, PP_accountLocked, PTN_E_DISABLED, "locked" },
    { LDAP_INVALID_CREDENTIALS,
      "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext "
      "error, data 52e, v2580",
      POLICY_SILENT, PTN_E_AUTHENTICATION, "52e" },
    { LDAP_INVALID_CREDENTIALS, "x, data 525, v", POLICY_SILENT, PTN_E_AUTHENTICATION, "525" },
    { LDAP_INVALID_CREDENTIALS, "x, data 530, v", POLICY_SILENT, PTN_E_DISABLED, "530" },
    { LDAP_INVALID_CREDENTIALS, "x, data 531, v", POLICY_SILENT, PTN_E_DISABLED, "531" },
    { LDAP_INVALID_CREDENTIALS, "x, data 532, v", POLICY_SILENT, PTN_E_PASSWORD_EXPIRED, "532" },
    { LDAP_INVALID_CREDENTIALS, "x, data 533, v", POLICY_SILENT, PTN_E_DISABLED, "533" },
    { LDAP_INVALID_CREDENTIALS, "x, data 701, v", POLICY_SILENT, PTN_E_DISABLED, "701" },
    { LDAP_INVALID_CREDENTIALS, "x, data 773, v", POLICY_SILENT, PTN_E_PASSWORD_EXPIRED, "773" },
    { LDAP_INVALID_CREDENTIALS, "x, data 775, v", POLICY_SILENT, PTN_E_DISABLED, "775" },
    { LDAP_INVALID_CREDENTIALS, "x, DATA 52E", POLICY_SILENT, PTN_E_AUTHENTICATION, "wrong" },
    { LDAP_INVALID_CREDENTIALS, "data 7733, v", POLICY_SILENT, PTN_E_AUTHENTICATION, "wrong" },
    { LDAP_INVALID_CREDENTIALS, "data ", POLICY_SILENT, PTN_E_AUTHENTICATION, "wrong" },
    { LDAP_CONSTRAINT_VIOLATION, NULL, POLICY_SILENT, PTN_E_DISABLED, "locked" },
    { LDAP_NO_SUCH_OBJECT, NULL, POLICY_SILENT, PTN_E_AUTHENTICATION, "" },
    { LDAP_STRONG_AUTH_REQUIRED, NULL, POLICY_SILENT, PTN_E_TEMPORARY, "TLS" },
    { LDAP_UNWILLING_TO_PERFORM, NULL, POLICY_SILENT, PTN_E_TEMPORARY, "" },
    { LDAP_OPERATIONS_ERROR, NULL, POLICY_SILENT, PTN_E_TEMPORARY, "" },
    { LDAP_REFERRAL, NULL, POLICY_SILENT, PTN_E_TEMPORARY, "" },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    const struct verdict verdict = verdict_of (cases[i].code, cases[i].text, cases[i].policy);
    if (verdict.status != cases[i].status || !strstr (verdict.reason, cases[i].reason))
      fail_msg ("%u: %d %s", i, verdict.status, verdict.reason);
  }
}

static void
nobody_takes_as_long_as_somebody (void **state) {
  (void)state;
  struct pace pace;
  pace_init (&pace);
  assert_int_equal (pace_draw (&pace), 0);
  pace_seed (&pace, 7);
  pace_seed (&pace, 8);
  assert_int_equal (pace_draw (&pace), 7);
  pace_note (&pace, 5);
  pace_seed (&pace, 9);
  for (int i = 0; i < 100; i++)
    assert_int_equal (pace_draw (&pace), 5);
  for (int i = 0; i < 10 * PACE_SAMPLES; i++)
    pace_note (&pace, i);
  for (int i = 0; i < 1000; i++)
    assert_in_range (pace_draw (&pace), 9 * PACE_SAMPLES, 10 * PACE_SAMPLES - 1);
  pace_clear (&pace);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (one_failure_opens_nothing),
    cmocka_unit_test (an_open_breaker_lets_one_probe_through),
    cmocka_unit_test (answers_to_binds_are_told_apart),
    cmocka_unit_test (nobody_takes_as_long_as_somebody),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
