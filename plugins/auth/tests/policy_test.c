/* SPDX-License-Identifier: Apache-2.0 */
/* policy_test.c - who is turned away whatever a directory says. */
#include "auth/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char *
refusal (const char *user, const char *account, const char *service) {
  char *closed[] = { (char *)"administrator", NULL };
  struct roster roster = { .closed = closed };
  const struct ptn_sasl_request request = { .size = sizeof request, .service = service };
  const struct attempt attempt = {
    .roster = &roster,
    .request = &request,
    .identity = { .size = sizeof attempt.identity, .authcid = user, .account = account },
  };
  return policy_refusal (&attempt);
}

static void
guests_are_turned_away (void **state) {
  (void)state;
  static const char *const guests[] = { "guest",
                                        "Guest",
                                        "anonymous",
                                        "guest@example.test",
                                        "ANONYMOUS@example.test",
                                        "EXAMPLE\\Guest",
                                        "example/anonymous@example.test" };
  for (size_t i = 0; i < G_N_ELEMENTS (guests); i++) {
    assert_non_null (refusal (guests[i], "alice", "smtp"));
    assert_non_null (refusal ("alice", guests[i], "smtp"));
  }
  static const char *const others[] = {
    "guests", "gues", "guest.house@example.test", "me@guest.example.test", "anonymous1", "GUEST\\me"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
    assert_null (refusal (others[i], others[i], "imap"));
}

static void
closed_mailboxes_are_closed (void **state) {
  (void)state;
  assert_non_null (refusal ("administrator", "administrator", "pop"));
  assert_non_null (refusal ("alice", "Administrator", "imap"));
  assert_null (refusal ("administrator", "administrator", "smtp"));
  assert_null (refusal ("administrator", "alice", "imap"));
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (guests_are_turned_away),
    cmocka_unit_test (closed_mailboxes_are_closed),
  };
  return cmocka_run_group_tests_name ("auth: policy", tests, NULL, NULL);
}
