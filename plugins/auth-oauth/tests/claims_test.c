/* SPDX-License-Identifier: Apache-2.0 */
/* claims_test.c - what a token or an answer says, held against rules. */
#include "auth-oauth/claims.h"
#include "auth-oauth/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define NOW 1000000
#define HEAD "{\"iss\":\"https://i/\",\"aud\":\"postern\",\"email\":\"alice@example.test\","
#define GOOD HEAD "\"scope\":\"openid mail\",\"exp\":1000100}"

#define W(word) ((char *)(word)) /* GLib's lists are not constant */
static char *issuers[] = { W ("https://i/"), W ("https://old/"), NULL };
static char *audiences[] = { W ("postern"), W ("api://postern"), NULL };
static char *scopes[] = { W ("mail"), NULL };
static char *user_claims[] = { W ("email"), W ("upn"), NULL };
static char *domains[] = { W ("example.test"), W ("example.org"), NULL };
static char *nothing[] = { NULL };

static const struct rules strict = { .issuers = issuers,
                                     .audiences = audiences,
                                     .scopes = scopes,
                                     .user_claims = user_claims,
                                     .domains = domains,
                                     .algorithms = nothing,
                                     .leeway_s = 10 };
static const struct rules loose = { .issuers = nothing,
                                    .audiences = nothing,
                                    .scopes = nothing,
                                    .user_claims = user_claims,
                                    .domains = nothing,
                                    .algorithms = nothing };

static struct grant
checked (const char *text, claims_kind kind, const struct rules *rules) {
  json_t *claims = json_of ((struct ptn_bytes){ text, strlen (text) });
  struct grant grant;
  if (!claims)
    fail_msg ("no JSON: %s", text);
  claims_check (claims, kind, rules, NOW, &grant);
  json_decref (claims);
  return grant;
}

static void
must_be (const char *text, claims_kind kind, const struct rules *rules, const char *user) {
  struct grant grant = checked (text, kind, rules);
  if (grant.reason)
    fail_msg ("%s: %s", grant.reason, text);
  assert_string_equal (grant.user, user);
  grant_clear (&grant);
}

/* The reason contains this word. */
static void
must_fail (const char *text, claims_kind kind, const struct rules *rules, const char *word) {
  struct grant grant = checked (text, kind, rules);
  if (!grant.reason || !strstr (grant.reason, word))
    fail_msg ("%s instead of %s: %s", grant.reason ? grant.reason : "taken", word, text);
  assert_int_equal (grant.narrow, strcmp (word, "scope") == 0);
  grant_clear (&grant);
}

static void
tokens (void **state) {
  (void)state;
  static const char *const good[] = {
    GOOD,
    "{\"iss\":\"https://old/\",\"aud\":[\"x\",7,\"api://"
    "postern\"],\"email\":\"alice@example.test\","
    "\"scp\":[\"mail\"],\"exp\":999991.5,\"nbf\":1000010,\"iat\":1000010}",
    HEAD "\"scp\":\"x mail\",\"exp\":1e6,\"email_verified\":true}",
    HEAD "\"scp\":\"mail\",\"exp\":1e6,\"email_verified\":\"true\"}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    must_be (good[i], CLAIMS_OF_TOKEN, &strict, "alice@example.test");

  static const struct {
    const char *text, *word;
  } bad[] = {
    { "{}", "another issuer" },
    { "{\"iss\":[\"https://i/\"],\"aud\":\"postern\"}", "another issuer" },
    { "{\"iss\":\"https://i\",\"aud\":\"postern\"}", "another issuer" },
    { "{\"iss\":\"https://i/\"}", "audience" },
    { "{\"iss\":\"https://i/\",\"aud\":\"Postern\"}", "audience" },
    { "{\"iss\":\"https://i/\",\"aud\":[]}", "audience" },
    { "{\"iss\":\"https://i/\",\"aud\":{\"postern\":1}}", "audience" },
    { "{\"iss\":\"https://i/\",\"aud\":\"postern postern\"}", "audience" },
    { HEAD "\"scope\":\"mail\"}", "no end" },
    { HEAD "\"scope\":\"mail\",\"exp\":\"1000100\"}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":null}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":-1}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":1e300}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":9223372036854775807}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":999990}", "expired" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"nbf\":1000011}", "not good yet" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"nbf\":\"x\"}", "malformed" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"iat\":1000011}", "future" },
    { HEAD "\"exp\":1000100}", "scope" },
    { HEAD "\"scope\":\"mailx xmail\",\"exp\":1000100}", "scope" },
    { HEAD "\"scope\":{\"mail\":1},\"exp\":1000100}", "scope" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"cnf\":{\"jkt\":\"x\"}}", "bound to a key" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"email_verified\":false}", "not verified" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"email_verified\":\"false\"}", "not verified" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"email_verified\":null}", "not verified" },
    { HEAD "\"scope\":\"mail\",\"exp\":1000100,\"email_verified\":0}", "not verified" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    must_fail (bad[i].text, CLAIMS_OF_TOKEN, &strict, bad[i].word);
}

static void
users (void **state) {
  (void)state;
#define USER(claim) "{\"active\":true,\"exp\":2000000," claim "}"
  must_be (USER ("\"email\":\"a@b\",\"upn\":\"c\""), CLAIMS_OF_ANSWER, &loose, "a@b");
  must_be (USER ("\"upn\":\"c\""), CLAIMS_OF_ANSWER, &loose, "c");
  must_be (USER ("\"email\":\"j\\u00fcrgen\""), CLAIMS_OF_ANSWER, &loose, "j\xc3\xbcrgen");
  must_be (USER ("\"upn\":\"alice\",\"scope\":\"mail\",\"aud\":\"postern\""), CLAIMS_OF_ANSWER,
           &strict, "alice@example.test");
  must_be (USER ("\"upn\":\"al@EXAMPLE.org\",\"scope\":\"mail\",\"aud\":\"postern\""),
           CLAIMS_OF_ANSWER, &strict, "al@EXAMPLE.org");
  must_fail (USER ("\"upn\":\"al@example.com\",\"scope\":\"mail\",\"aud\":\"postern\""),
             CLAIMS_OF_ANSWER, &strict, "does not vouch");
  must_fail (USER ("\"upn\":\"al@example.test@example.com\",\"aud\":\"postern\""), CLAIMS_OF_ANSWER,
             &strict, "does not vouch");
  must_fail (USER ("\"sub\":\"c\""), CLAIMS_OF_ANSWER, &loose, "whose");
  must_fail (USER ("\"email\":7"), CLAIMS_OF_ANSWER, &loose, "whose");
  static const char *const names[] = { "", "a/b", "a\\\\b", "a\\nb", "a\\u007f" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *text =
        g_strdup_printf ("{\"active\":true,\"email\":\"%s\",\"exp\":2000000}", names[i]);
    must_fail (text, CLAIMS_OF_ANSWER, &loose, "no name");
  }
  g_autofree char *name = g_strnfill (CLAIMS_USER_LIMIT + 1, 'x');
  g_autofree char *huge = g_strdup_printf ("{\"active\":true,\"email\":\"%s\"}", name);
  must_fail (huge, CLAIMS_OF_ANSWER, &loose, "no name");
}

static void
answers (void **state) {
  (void)state;
  must_be ("{\"active\":true,\"email\":\"a\"}", CLAIMS_OF_ANSWER, &loose, "a");
  must_fail ("{\"active\":false,\"email\":\"a\"}", CLAIMS_OF_ANSWER, &loose, "not active");
  must_fail ("{\"active\":\"true\",\"email\":\"a\"}", CLAIMS_OF_ANSWER, &loose, "not active");
  must_fail ("{\"email\":\"a\"}", CLAIMS_OF_ANSWER, &loose, "not active");
  must_fail ("{\"active\":true,\"email\":\"a\",\"exp\":1000000}", CLAIMS_OF_ANSWER, &loose,
             "expired");
  must_fail ("{\"active\":true,\"email\":\"a\",\"iss\":\"x\"}", CLAIMS_OF_ANSWER, &strict,
             "another issuer");
  must_fail ("{\"active\":true,\"email\":\"a\"}", CLAIMS_OF_ANSWER, &strict, "audience");
  /* Who it is stands there even if it does not do: for the log. */
  struct grant grant =
      checked ("{\"active\":true,\"email\":\"a\",\"exp\":1}", CLAIMS_OF_ANSWER, &loose);
  assert_string_equal (grant.user, "a");
  grant_clear (&grant);
}

static void
urls (void **state) {
  (void)state;
  static const char *const good[] = { "https://id.example/keys", "http://127.0.0.1:81/k",
                                      "http://localhost/k", "http://[::1]:8/k", "HTTPS://x/" };
  static const char *const bad[] = { "http://id.example/keys",
                                     "ftp://127.0.0.1/k",
                                     "file:///etc/passwd",
                                     "",
                                     "id.example",
                                     "http://127.0.0.1.example/k",
                                     "https://",
                                     "https://user@id.example/",
                                     "http://localhost.example/" };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    assert_true (rules_url_is_safe (good[i]));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    if (rules_url_is_safe (bad[i]))
      fail_msg ("taken: %s", bad[i]);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (tokens),
    cmocka_unit_test (users),
    cmocka_unit_test (answers),
    cmocka_unit_test (urls),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
