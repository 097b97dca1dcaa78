/* SPDX-License-Identifier: Apache-2.0 */
/* directories_test.c - two directories: who is asked for whom, and where nobody's proof is checked. */
#include "fixture.h"

static const char people[] = "[alice]\npassword = {PLAIN}pass\n";

/* How a login failed, and what the log says of it. */
static ptn_status
reason_of (struct fixture *f, const char *user, char **log) {
  g_free (harness_log_take (f->harness));
  const ptn_status status = fixture_login (f, user, "wrong", NULL);
  *log = harness_log_take (f->harness);
  return status;
}

/* The sources of the first are not there: its users are told to try later.  A name that nobody has
 * must not be told so too, or it would stand out from the second directory's users. */
static void
nobody_is_checked_where_somebody_can_be (void **state) {
  struct fixture *f = fixture_new (people,
                                   (const char *[]){ "failure_delay=0",
                                                     "credentials=directory-file:not-there", NULL },
                                   NULL);
  g_autofree char *alice = NULL, *zoe = NULL, *nobody = NULL;
  assert_int_equal (reason_of (f, "alice", &alice), PTN_E_TEMPORARY);
  assert_int_equal (reason_of (f, "zoe", &zoe), PTN_E_AUTHENTICATION);
  assert_int_equal (reason_of (f, "nobody", &nobody), PTN_E_AUTHENTICATION);
  assert_non_null (strstr (nobody, "reason=unknown user"));
  fixture_free (f);
}

/* Where nobody at all verifies, everybody is told the same. */
static void
nobody_is_like_the_others_where_nobody_can_be (void **state) {
  struct fixture *f = fixture_new (people,
                                   (const char *[]){ "failure_delay=0",
                                                     "credentials=directory-file:not-there "
                                                     "fake-directory:not-there",
                                                     NULL },
                                   NULL);
  assert_int_equal (fixture_login (f, "alice", "wrong", NULL), PTN_E_TEMPORARY);
  assert_int_equal (fixture_login (f, "zoe", "wrong", NULL), PTN_E_TEMPORARY);
  assert_int_equal (fixture_login (f, "nobody", "wrong", NULL), PTN_E_TEMPORARY);
  fixture_free (f);
}

int
main (int argc, char **argv) {
  fixture_directory_module = argv[1];
  fixture_auth_module = argv[2];
  fixture_extra_module = argv[3];
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (nobody_is_checked_where_somebody_can_be),
    cmocka_unit_test (nobody_is_like_the_others_where_nobody_can_be),
  };
  return cmocka_run_group_tests_name ("auth: directories", tests, NULL, NULL);
}
