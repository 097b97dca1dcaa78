/* SPDX-License-Identifier: Apache-2.0 */
/* message_test.c - what clients send with a token, whole, cut and wrong. */
#include "auth-oauth/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

typedef bool form (struct ptn_bytes, struct oauth_message *);

static bool
parses (form *parse, const char *text, size_t size) {
  struct oauth_message message;
  /* A copy of its exact size, so that AddressSanitizer sees a step too far. */
  g_autofree char *copy = g_memdup2 (text, size ? size : 1);
  const bool good = parse ((struct ptn_bytes){ copy, size }, &message);
  if (!good)
    assert_null (message.user);
  message_clear (&message);
  return good;
}

static void
must_be (form *parse, const char *text, const char *user, const char *token) {
  struct oauth_message message;
  assert_true (parse ((struct ptn_bytes){ text, strlen (text) }, &message));
  assert_string_equal (message.user, user);
  assert_int_equal (message.token.size, strlen (token));
  assert_memory_equal (message.token.data, token, strlen (token));
  message_clear (&message);
}

static void
right_ones (void **state) {
  (void)state;
  must_be (message_oauthbearer,
           "n,a=alice@example.test,\1host=mail.example.test\1port=143\1auth=Bearer "
           "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1",
           "alice@example.test", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
  must_be (message_oauthbearer, "n,,\1auth=Bearer a.b-c_d~e+f/g\1\1", "", "a.b-c_d~e+f/g");
  must_be (message_oauthbearer, "y,a=x=2Cy=3Dz,\1AUTH=bEARER  t\1\1", "x,y=z", "t");
  must_be (message_oauthbearer, "n,a=j\xc3\xbcrgen,\1other=a b\1auth=Bearer t\1\1", "j\xc3\xbcrgen",
           "t");
  must_be (message_oauthbearer, "n,,\1auth=\1\1", "", "");
  must_be (message_xoauth2, "user=alice@example.test\1auth=Bearer t.t.t\1\1", "alice@example.test",
           "t.t.t");
  must_be (message_xoauth2, "user=\1auth=Bearer t\1\1", "", "t");
}

static void
wrong_ones (void **state) {
  (void)state;
  static const char *const bearer[] = {
    "",
    "\1",
    "n",
    "n,",
    "n,,",
    "n,,\1",
    "n,,\1\1",
    "n,,\1auth=Bearer t\1",
    "n,,\1auth=Bearer t",
    "p=tls-unique,,\1auth=Bearer t\1\1", /* there is no channel binding */
    "F,n,,\1auth=Bearer t\1\1",
    "x,,\1auth=Bearer t\1\1",
    "nn,,\1auth=Bearer t\1\1",
    "n,alice,\1auth=Bearer t\1\1",
    "n,a=,\1auth=Bearer t\1\1",
    "n,a=x=,\1auth=Bearer t\1\1",
    "n,a=x=2,\1auth=Bearer t\1\1",
    "n,a=x=2c,\1auth=Bearer t\1\1",
    "n,a=x=41,\1auth=Bearer t\1\1",
    "n,a=\xff,\1auth=Bearer t\1\1",
    "n,a=a\nb,\1auth=Bearer t\1\1",
    "n,,auth=Bearer t\1\1",
    "n,,\1auth=Bearer t\1\1more",
    "n,,\1auth=Bearer t\1\1\1",
    "n,,\1auth=Bearer t\1auth=Bearer u\1\1", /* which? */
    "n,,\1auth=Bearer t\1Auth=Bearer t\1\1",
    "n,,\1auth=Basic t\1\1",
    "n,,\1auth=Bearer\1\1",
    "n,,\1auth=Bearer \1\1",
    "n,,\1auth=t\1\1",
    "n,,\1auth=Bearer t t\1\1",
    "n,,\1auth=Bearer =\1\1",
    "n,,\1auth=Bearer t=t\1\1",
    "n,,\1auth=Bearer t\xc3\xbc\1\1",
    "n,,\1=x\1auth=Bearer t\1\1",
    "n,,\1a1=x\1auth=Bearer t\1\1",
    "n,,\1x\1auth=Bearer t\1\1",
    "n,,\1x=\x02\1auth=Bearer t\1\1",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bearer); i++)
    if (parses (message_oauthbearer, bearer[i], strlen (bearer[i])))
      fail_msg ("taken: %s", bearer[i]);
  static const char *const google[] = {
    "",
    "user=",
    "user=a",
    "user=a\1",
    "user=a\1auth=Bearer t",
    "user=a\1auth=Bearer t\1",
    "user=a\1auth=Bearer t\1\1\1",
    "user=a\1auth=Bearer t\1x\1",
    "auth=Bearer t\1user=a\1\1",
    "user=a\1\1auth=Bearer t\1\1",
    "USER=a\1auth=Bearer t\1\1",
    "user=a\x7f\1auth=Bearer t\1\1",
    "n,,\1auth=Bearer t\1\1",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (google); i++)
    if (parses (message_xoauth2, google[i], strlen (google[i])))
      fail_msg ("taken: %s", google[i]);
  assert_false (parses (message_oauthbearer, "n,a=a\0b,\1auth=Bearer t\1\1", 24));
}

static void
every_cut (void **state) {
  (void)state;
  static const char bearer[] = "n,a=alice=2C,\1host=h\1auth=Bearer abc==\1\1";
  static const char google[] = "user=alice\1auth=Bearer abc==\1\1";
  for (size_t size = 0; size + 1 < sizeof bearer; size++)
    assert_false (parses (message_oauthbearer, bearer, size));
  for (size_t size = 0; size + 1 < sizeof google; size++)
    assert_false (parses (message_xoauth2, google, size));
  assert_true (parses (message_oauthbearer, bearer, sizeof bearer - 1));
  assert_true (parses (message_xoauth2, google, sizeof google - 1));
  struct oauth_message message;
  assert_false (message_xoauth2 ((struct ptn_bytes){ NULL, 0 }, &message));
  assert_false (message_oauthbearer ((struct ptn_bytes){ NULL, 0 }, &message));
}

static char *
of_size (size_t token) {
  g_autofree char *text = g_strnfill (token, 't');
  return g_strconcat ("n,,\1auth=Bearer ", text, "\1\1", NULL);
}

static void
sizes (void **state) {
  (void)state;
  g_autofree char *largest = of_size (MESSAGE_TOKEN_LIMIT),
                  *larger = of_size (MESSAGE_TOKEN_LIMIT + 1);
  assert_true (parses (message_oauthbearer, largest, strlen (largest)));
  assert_false (parses (message_oauthbearer, larger, strlen (larger)));
  g_autofree char *name = g_strnfill (MESSAGE_USER_LIMIT, 'u');
  g_autofree char *good = g_strconcat ("user=", name, "\1auth=Bearer t\1\1", NULL);
  g_autofree char *bad = g_strconcat ("user=u", name, "\1auth=Bearer t\1\1", NULL);
  assert_true (parses (message_xoauth2, good, strlen (good)));
  assert_false (parses (message_xoauth2, bad, strlen (bad)));
  g_autofree char *filler = g_strnfill (MESSAGE_RESPONSE_LIMIT, 'x');
  g_autofree char *long_pair = g_strconcat ("n,,\1x=", filler, "\1auth=Bearer t\1\1", NULL);
  assert_false (parses (message_oauthbearer, long_pair, strlen (long_pair)));
}

static void
errors (void **state) {
  (void)state;
  g_autofree char *bare = message_oauthbearer_error ("invalid_token", "", NULL);
  assert_string_equal (bare, "{\"status\":\"invalid_token\"}");
  g_autofree char *full =
      message_oauthbearer_error ("insufficient_scope", "mail \"x\"", "https://i/");
  assert_string_equal (full, "{\"status\":\"insufficient_scope\",\"scope\":\"mail \\\"x\\\"\","
                             "\"openid-configuration\":\"https://i/\"}");
  g_autofree char *google = message_xoauth2_error ("mail");
  assert_string_equal (google, "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (right_ones), cmocka_unit_test (wrong_ones), cmocka_unit_test (every_cut),
    cmocka_unit_test (sizes),      cmocka_unit_test (errors),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
