/* SPDX-License-Identifier: Apache-2.0 */
/* token_test.c - signed tokens and sets of keys: every algorithm, and what attackers make of them. */
#include "auth-oauth/jwt.h"
#include "signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/x509.h>
#include <string.h>

#define CLAIMS "{\"iss\":\"i\",\"exp\":2000000000}"

static struct keys *
set_of (const char *text) {
  const char *error;
  struct keys *keys = keys_parse ((struct ptn_bytes){ text, strlen (text) }, &error);
  if (!keys)
    fail_msg ("%s: %s", error, text);
  return keys;
}

static struct keys *
set_with (signer_key *key, const char *kid) {
  g_autofree char *jwk = signer_jwk (key, kid, NULL, NULL), *set = signer_set (jwk, NULL);
  return set_of (set);
}

/* RSA keys take a while to make: two for all. */
static signer_key *
made_key (const char *algorithm, unsigned number) {
  static signer_key *rsa[2];
  if (!g_str_has_prefix (algorithm, "RS") && !g_str_has_prefix (algorithm, "PS"))
    return signer_key_new (algorithm, 0);
  if (!rsa[number])
    rsa[number] = signer_key_new (algorithm, 2048);
  EVP_PKEY_up_ref (rsa[number]);
  return rsa[number];
}

/* -1: cannot be taken apart, or has an algorithm that is never taken; else what jwt_verify says. */
static int
verdict (const char *token, size_t size, const struct keys *keys) {
  struct jwt jwt;
  const char *reason;
  g_autofree char *copy = g_memdup2 (token, size ? size : 1);
  if (!jwt_parse ((struct ptn_bytes){ copy, size }, &jwt, &reason)) {
    assert_non_null (reason);
    return -1;
  }
  const int found = jwt.algorithm ? (int)jwt_verify (&jwt, keys) : -1;
  jwt_clear (&jwt);
  return found;
}

static int
judged (const char *token, const struct keys *keys) {
  return verdict (token, strlen (token), keys);
}

static void
every_algorithm (void **state) {
  (void)state;
  g_auto (GStrv) names = g_strsplit (ALGORITHM_NAMES, " ", 0);
  for (char **name = names; *name; name++) {
    g_autoptr (signer_key) key = made_key (*name, 0);
    g_autoptr (signer_key) other = made_key (*name, 1);
    g_autoptr (keys_auto) keys = set_with (key, "k1");
    g_autofree char *good = signer_sign (CLAIMS, key, *name, "k1");
    g_autofree char *bare = signer_sign (CLAIMS, key, *name, NULL);
    g_autofree char *forged = signer_sign (CLAIMS, other, *name, "k1");
    g_autofree char *unknown = signer_sign (CLAIMS, key, *name, "k2");
    assert_true (jwt_is_one ((struct ptn_bytes){ good, strlen (good) }));
    assert_int_equal (judged (good, keys), JWT_SIGNED);
    assert_int_equal (judged (bare, keys), JWT_SIGNED);
    assert_int_equal (judged (forged, keys), JWT_FORGED);
    assert_int_equal (judged (unknown, keys), JWT_UNKNOWN_KEY);
    /* Every cut, and every octet another one. */
    for (size_t size = 0; size < strlen (good); size++)
      assert_int_not_equal (verdict (good, size, keys), JWT_SIGNED);
    for (size_t i = 0; i < strlen (good); i += 3) {
      const char before = good[i];
      good[i] = before == 'A' ? 'B' : 'A';
      assert_int_not_equal (judged (good, keys), JWT_SIGNED);
      good[i] = before;
    }
  }
}

/* The public key, as anybody can read it, must not become the secret of an HMAC. */
static void
algorithm_confusion (void **state) {
  (void)state;
  g_autoptr (signer_key) rsa = made_key ("RS256", 0);
  g_autoptr (signer_key) ec = signer_key_new ("ES256", 0);
  g_autofree char *rsa_jwk = signer_jwk (rsa, "k1", NULL, "sig");
  g_autofree char *set = signer_set (rsa_jwk, NULL);
  g_autoptr (keys_auto) keys = set_of (set);
  unsigned char *der = NULL;
  const int size = i2d_PUBKEY (rsa, &der);
  g_autofree char *hmac =
      signer_hmac ("{\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS, der, (size_t)size);
  g_autofree char *hmac_set =
      signer_hmac ("{\"alg\":\"HS256\",\"kid\":\"k1\"}", CLAIMS, rsa_jwk, strlen (rsa_jwk));
  OPENSSL_free (der);
  assert_int_equal (judged (hmac, keys), -1);
  assert_int_equal (judged (hmac_set, keys), -1);
  /* Says RS256 and is HMAC; says ES256 and the key is RSA; is PS256 and says RS256. */
  g_autofree char *lying = signer_hmac ("{\"alg\":\"RS256\",\"kid\":\"k1\"}", CLAIMS, "x", 1);
  g_autofree char *other_kind =
      signer_token ("{\"alg\":\"ES256\",\"kid\":\"k1\"}", CLAIMS, ec, "ES256");
  g_autofree char *other_padding =
      signer_token ("{\"alg\":\"RS256\",\"kid\":\"k1\"}", CLAIMS, rsa, "PS256");
  g_autofree char *other_digest =
      signer_token ("{\"alg\":\"RS256\",\"kid\":\"k1\"}", CLAIMS, rsa, "RS512");
  assert_int_equal (judged (lying, keys), JWT_FORGED);
  assert_int_equal (judged (other_kind, keys), JWT_UNKNOWN_KEY);
  assert_int_equal (judged (other_padding, keys), JWT_FORGED);
  assert_int_equal (judged (other_digest, keys), JWT_FORGED);
}

static void
none_and_friends (void **state) {
  (void)state;
  g_autoptr (signer_key) key = signer_key_new ("ES256", 0);
  g_autoptr (keys_auto) keys = set_with (key, "k1");
  static const char *const headers[] = {
    "{\"alg\":\"none\"}",
    "{\"alg\":\"None\"}",
    "{\"alg\":\"NONE\"}",
    "{\"alg\":\"\"}",
    "{}",
    "{\"alg\":null}",
    "{\"alg\":256}",
    "{\"alg\":\"es256\"}",
    "{\"alg\":\"ES256K\"}",
    "{\"alg\":\"ES256\",\"alg\":\"none\"}",
    "{\"alg\":\"none\",\"alg\":\"ES256\"}",
    "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
    "{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}",
    "{\"alg\":\"ES256\",\"kid\":7}",
    "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}",
    "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}",
    "{\"alg\":\"ES256\",\"typ\":1}",
    "[]",
    "7",
    "\"x\"",
    "{\"alg\":\"ES256\"",
    "{\"alg\":\"ES256\"}}",
    "{\"alg\":\"ES256\\u0000\"}",
    "",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autofree char *token = signer_token (headers[i], CLAIMS, key, "ES256");
    if (judged (token, keys) != -1)
      fail_msg ("taken: %s", headers[i]);
    *strrchr (token, '.') = '\0';
    g_autofree char *bare = g_strconcat (token, ".", NULL);
    assert_int_equal (judged (bare, keys), -1);
  }
  static const char *const good[] = {
    "{\"alg\":\"ES256\"}",
    "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
    "{\"typ\":\"at+JWT\",\"alg\":\"ES256\",\"kid\":\"k1\",\"jku\":\"https://evil/\"}",
    "{ \"alg\" : \"ES256\" }",
    "{\n\"alg\":\"ES256\"}",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *token = signer_token (good[i], CLAIMS, key, "ES256");
    assert_int_equal (judged (token, keys), JWT_SIGNED);
    assert_true (jwt_is_one ((struct ptn_bytes){ token, strlen (token) }));
  }
}

static void
malformed_parts (void **state) {
  (void)state;
  g_autoptr (signer_key) key = signer_key_new ("ES256", 0);
  g_autoptr (keys_auto) keys = set_with (key, "k1");
  g_autofree char *deep = g_strnfill (20, '[');
  g_autofree char *deep_claims = g_strconcat ("{\"a\":", deep, "1", NULL);
  const char *const claims[] = { "",
                                 "[]",
                                 "null",
                                 "{\"a\":1,\"a\":2}",
                                 "{\"a\":\"\\u0000\"}",
                                 "{\"a\":\"\xff\"}",
                                 deep_claims,
                                 "{\"a\":1e999}" };
  for (size_t i = 0; i < G_N_ELEMENTS (claims); i++) {
    g_autofree char *token = signer_token ("{\"alg\":\"ES256\"}", claims[i], key, "ES256");
    if (judged (token, keys) != -1)
      fail_msg ("taken: %s", claims[i]);
  }
  g_autofree char *good = signer_sign (CLAIMS, key, "ES256", "k1");
  g_autofree char *padded = g_strconcat (good, "=", NULL), *fourth = g_strconcat (good, ".x", NULL),
                  *more = g_strconcat (good, "AAAA", NULL), *first = g_strconcat (".", good, NULL);
  assert_int_equal (judged (padded, keys), -1);
  assert_int_equal (judged (fourth, keys), -1);
  assert_int_equal (judged (first, keys), -1);
  assert_int_equal (judged (more, keys), JWT_FORGED);
  assert_int_equal (judged ("..", keys), -1);
  assert_int_equal (judged ("opaque", keys), -1);
  assert_false (jwt_is_one ((struct ptn_bytes){ "opaque", 6 }));
  assert_false (jwt_is_one ((struct ptn_bytes){ "a.b.c", 5 }));
  assert_false (jwt_is_one ((struct ptn_bytes){ "eyJ.eyJ", 7 }));
}

/* DER inside of r and s, a zero, another half. */
static void
ecdsa_malleability (void **state) {
  (void)state;
  g_autoptr (signer_key) key = signer_key_new ("ES256", 0);
  g_autoptr (keys_auto) keys = set_with (key, "k1");
  g_autofree char *token = signer_sign (CLAIMS, key, "ES256", "k1");
  *strrchr (token, '.') = '\0';
  static const unsigned char zeros[64];
  for (size_t size = 0; size <= sizeof zeros; size += 32) {
    g_autofree char *signature = signer_base64url (zeros, size);
    g_autofree char *forged = g_strconcat (token, ".", signature, NULL);
    assert_int_equal (judged (forged, keys), JWT_FORGED);
  }
}

static void
sets (void **state) {
  (void)state;
  g_autoptr (signer_key) rsa = made_key ("RS256", 0), small = signer_key_new ("RS256", 1024);
  g_autoptr (signer_key) ec = signer_key_new ("ES256", 0), ed = signer_key_new ("EdDSA", 0);
  g_autofree char *a = signer_jwk (rsa, "a", "RS256", "sig"), *b = signer_jwk (ec, "b", NULL, NULL);
  g_autofree char *c = signer_jwk (ed, "c", "EdDSA", "sig"),
                  *weak = signer_jwk (small, "w", NULL, NULL);
  g_autofree char *encryption = signer_jwk (rsa, "e", NULL, "enc");
  g_autofree char *liar = signer_jwk (ec, "l", "RS256", NULL),
                  *hmac = signer_jwk (rsa, "h", "HS256", NULL);
  g_autofree char *set =
      signer_set (a, weak, "{}", "7", b, encryption, liar, hmac,
                  "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", "{\"kty\":\"RSA\",\"n\":\"AQAB\"}",
                  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", c, NULL);
  g_autoptr (keys_auto) keys = set_of (set);
  assert_int_equal (keys_count (keys), 3);
  /* "a" is for RS256 only. */
  g_autofree char *rs = signer_sign (CLAIMS, rsa, "RS256", "a"),
                  *ps = signer_sign (CLAIMS, rsa, "PS256", "a");
  assert_int_equal (judged (rs, keys), JWT_SIGNED);
  assert_int_equal (judged (ps, keys), JWT_UNKNOWN_KEY);

  static const char *const bad[] = {
    "", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[{}]}", "{\"keys\":[],\"keys\":[]}"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *error = NULL;
    assert_null (keys_parse ((struct ptn_bytes){ bad[i], strlen (bad[i]) }, &error));
    assert_non_null (error);
  }
  for (size_t size = 0; size < strlen (set); size++) {
    const char *error;
    g_autofree char *cut = g_memdup2 (set, size ? size : 1);
    assert_null (keys_parse ((struct ptn_bytes){ cut, size }, &error));
  }
}

/* A point that is not on the curve is no key. */
static void
invalid_points (void **state) {
  (void)state;
  g_autoptr (signer_key) key = signer_key_new ("ES256", 0);
  g_autofree char *jwk = signer_jwk (key, NULL, NULL, NULL);
  char *x = strstr (jwk, "\"x\":\"") + 5;
  x[3] = x[3] == 'A' ? 'B' : 'A';
  x[4] = x[4] == 'A' ? 'B' : 'A';
  g_autofree char *set = signer_set (jwk, NULL);
  const char *error;
  struct keys *keys = keys_parse ((struct ptn_bytes){ set, strlen (set) }, &error);
  assert_null (keys);
}

/* Without a kid, four keys are tried and no more. */
static void
bounded_work (void **state) {
  (void)state;
  g_autoptr (signer_key) last = signer_key_new ("ES256", 0);
  g_autoptr (GString) set = g_string_new ("{\"keys\":[");
  for (unsigned i = 0; i < KEYS_TRIED; i++) {
    g_autoptr (signer_key) key = signer_key_new ("ES256", 0);
    g_autofree char *jwk = signer_jwk (key, NULL, NULL, NULL);
    g_string_append_printf (set, "%s,", jwk);
  }
  g_autofree char *jwk = signer_jwk (last, "last", NULL, NULL);
  g_string_append_printf (set, "%s]}", jwk);
  g_autoptr (keys_auto) keys = set_of (set->str);
  g_autofree char *bare = signer_sign (CLAIMS, last, "ES256", NULL),
                  *named = signer_sign (CLAIMS, last, "ES256", "last");
  assert_int_equal (judged (named, keys), JWT_SIGNED);
  assert_int_equal (judged (bare, keys), JWT_UNKNOWN_KEY);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_algorithm),    cmocka_unit_test (algorithm_confusion),
    cmocka_unit_test (none_and_friends),   cmocka_unit_test (malformed_parts),
    cmocka_unit_test (ecdsa_malleability), cmocka_unit_test (sets),
    cmocka_unit_test (invalid_points),     cmocka_unit_test (bounded_work),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
