/* SPDX-License-Identifier: Apache-2.0 */
/* auth_test.c - AUTH (RFC 4954): initial responses, '=', '*', long lines, and what is not base64. */
#include "fixture.h"

#define ALICE "AGFsaWNlAHNlY3JldA==" /* NUL alice NUL secret */

static void
initial_response (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "AUTH PLAIN " ALICE, "235 2.7.0");
  client_say (c, "AUTH PLAIN " ALICE, "503 5.5.1");
  client_say (c, "EHLO again", "250-");
  client_say (c, "MAIL FROM:<alice@example.test>", "250");
  client_close (&c);
}

static void
without_initial_response (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "auth plain", "334 ");
  client_say (c, ALICE, "235 2.7.0");
  client_close (&c);
}

static void
login_mechanism (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "AUTH LOGIN", "334 VXNlcm5hbWU6");
  client_say (c, "YWxpY2U=", "334 UGFzc3dvcmQ6");
  client_say (c, "c2VjcmV0", "235");
  client_close (&c);
}

/* Data with success needs an empty answer. */
static void
data_with_success (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "AUTH ECHO " ALICE, "334 d2VsbCBkb25l");
  client_say (c, "", "235");
  client_close (&c);
  c = client_hello (*state, "submission");
  client_say (c, "AUTH ECHO " ALICE, "334 d2VsbCBkb25l");
  client_say (c, "AAAA", "501 5.5.2");
  client_say (c, "MAIL FROM:<alice@example.test>", "530");
  client_close (&c);
}

static void
refusals (void **state) {
  static const struct {
    const char *line, *then, *expected;
  } cases[] = {
    { "AUTH", NULL, "504 5.5.4" },
    { "AUTH ", NULL, "504 5.5.4" },
    { "AUTH WHAT", NULL, "504 5.5.4" },
    { "AUTH WHATWHATWHATWHATWHATWHAT AAAA", NULL, "504 5.5.4" },
    { "AUTH PLAIN =", NULL, "501 5.5.2" },
    { "AUTH PLAIN ", NULL, "501 5.5.2" },
    { "AUTH PLAIN ====", NULL, "501 5.5.2" },
    { "AUTH PLAIN AGFs*WNl", NULL, "501 5.5.2" },
    { "AUTH PLAIN AGFsaWNlAHNlY3JldA=", NULL, "501 5.5.2" },
    { "AUTH PLAIN AGFsaWNlAHNlY3JldB==", NULL, "501 5.5.2" },
    { "AUTH PLAIN AAAA AAAA", NULL, "501 5.5.2" },
    { "AUTH PLAIN YWxpY2U=", NULL, "501 5.5.2" },
    { "AUTH PLAIN AGFsaWNlAHdyb25n", NULL, "535 5.7.8" },
    { "AUTH PLAIN AGV4cGlyZWQAeA==", NULL, "535 5.7.8 the password has expired" },
    { "AUTH PLAIN AGJ1c3kAeA==", NULL, "454 4.7.0" },
    { "AUTH PLAIN AGJyb2tlbgB4", NULL, "454 4.7.0" },
    { "AUTH PLAIN", "*", "501 5.7.0" },
    { "AUTH PLAIN", "?", "501 5.5.2" },
    { "AUTH PLAIN", "**", "501 5.5.2" },
    { "AUTH PLAIN", "", "501 5.5.2" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct client *c = client_hello (*state, "submission");
    if (cases[i].then)
      client_say (c, cases[i].line, "334");
    client_say (c, cases[i].then ? cases[i].then : cases[i].line, cases[i].expected);
    client_say (c, "MAIL FROM:<alice@example.test>", "530 5.7.0");
    client_say (c, "AUTH PLAIN " ALICE, "235"); /* nothing is left of the first try */
    client_close (&c);
  }
}

static void
before_ehlo (void **state) {
  struct client *c = client_new (*state, (const char *const[]){ "kind=submission", NULL });
  client_say (c, NULL, "220");
  client_say (c, "AUTH PLAIN " ALICE, "503");
  client_say (c, "HELO me", "250");
  client_say (c, "AUTH PLAIN " ALICE, "503");
  client_close (&c);
}

/* RFC 4954 section 4.3 wants 12288 octets with CRLF; 65536 are taken. */
static void
long_lines (void **state) {
  static const int sizes[] = { 1000, 2000, 12288, 20000, 65520, 65532, 65536, 70000 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    struct client *c = client_hello (*state, "submission");
    client_say (c, "AUTH PLAIN", "334");
    g_autofree char *line = g_strnfill ((gsize)sizes[i], 'A');
    client_say (c, line, sizes[i] + 2 <= 65536 ? "535" : "500 5.5.6");
    g_autofree char *initial = g_strconcat ("AUTH PLAIN ", line, NULL);
    client_say (c, initial, sizes[i] + 13 <= 65536 ? "535" : "500 5.5.6 line too long");
    g_autofree char *noop = g_strconcat ("NOOP ", line, NULL);
    client_say (c, noop,
                sizes[i] + 7 <= 1065    ? "250"
                : sizes[i] + 7 <= 65536 ? "500 5.5.2 line too long"
                                        : "500 5.5.6 line too long");
    client_say (c, "NOOP", "250");
    client_close (&c);
  }
}

static void
needs_tls (void **state) {
  g_setenv ("FAKE_NEEDS_TLS", "1", TRUE);
  struct client *c = client_hello (*state, "submission");
  client_say (c, "AUTH PLAIN " ALICE, "538 5.7.11");
  client_say (c, "MAIL FROM:<alice@example.test>", "530 5.7.0 start TLS first");
  g_unsetenv ("FAKE_NEEDS_TLS");
  client_close (&c);
}

static void
closed_in_the_middle (void **state) {
  struct client *c = client_hello (*state, "submission");
  client_say (c, "AUTH LOGIN", "334");
  client_send (c, "YWxp");
  client_settle (c);
  client_close (&c);
  c = client_hello (*state, "submission");
  client_say (c, "AUTH LOGIN", "334");
  harness_stream_eof (c->stream);
  client_expect_end (c);
  client_close (&c);
}

int
main (int argc, char **argv) {
#define TEST(name) cmocka_unit_test_setup_teardown (name, fixture_setup, fixture_teardown)
  const struct CMUnitTest tests[] = {
    TEST (initial_response),
    TEST (without_initial_response),
    TEST (login_mechanism),
    TEST (data_with_success),
    TEST (refusals),
    TEST (before_ehlo),
    TEST (long_lines),
    TEST (needs_tls),
    TEST (closed_in_the_middle),
  };
  return smtp_tests (argc, argv, tests, G_N_ELEMENTS (tests));
}
