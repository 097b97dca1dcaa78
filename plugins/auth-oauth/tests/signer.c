/* SPDX-License-Identifier: Apache-2.0 */
/* signer.c - see signer.h. */
#include "signer.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>

signer_key *
signer_key_new (const char *algorithm, unsigned bits) {
  EVP_PKEY *key = NULL;
  if (g_str_has_prefix (algorithm, "RS") || g_str_has_prefix (algorithm, "PS"))
    key = EVP_PKEY_Q_keygen (NULL, NULL, "RSA", (size_t)bits);
  else if (strcmp (algorithm, "EdDSA") == 0)
    key = EVP_PKEY_Q_keygen (NULL, NULL, "ED25519");
  else
    key = EVP_PKEY_Q_keygen (NULL, NULL, "EC",
                             strcmp (algorithm, "ES256") == 0   ? "P-256"
                             : strcmp (algorithm, "ES384") == 0 ? "P-384"
                                                                : "P-521");
  g_assert_nonnull (key);
  return key;
}

char *
signer_base64url (const void *data, size_t size) {
  char *text = g_base64_encode (data, size);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[strcspn (text, "=")] = '\0';
  return text;
}

static void
add_number (GString *jwk, signer_key *key, const char *parameter, const char *member, int pad) {
  BIGNUM *number = NULL;
  g_assert_true (EVP_PKEY_get_bn_param (key, parameter, &number));
  const int size = pad ? pad : BN_num_bytes (number);
  g_autofree unsigned char *octets = g_malloc ((gsize)size);
  g_assert_true (BN_bn2binpad (number, octets, size) == size);
  g_autofree char *text = signer_base64url (octets, (size_t)size);
  g_string_append_printf (jwk, ",\"%s\":\"%s\"", member, text);
  BN_free (number);
}

char *
signer_jwk (signer_key *key, const char *kid, const char *algorithm, const char *use) {
  GString *jwk = g_string_new (NULL);
  if (EVP_PKEY_is_a (key, "RSA")) {
    g_string_append (jwk, "{\"kty\":\"RSA\"");
    add_number (jwk, key, OSSL_PKEY_PARAM_RSA_N, "n", 0);
    add_number (jwk, key, OSSL_PKEY_PARAM_RSA_E, "e", 0);
  } else if (EVP_PKEY_is_a (key, "EC")) {
    const int bits = EVP_PKEY_get_bits (key);
    g_string_append_printf (jwk, "{\"kty\":\"EC\",\"crv\":\"P-%d\"", bits);
    add_number (jwk, key, OSSL_PKEY_PARAM_EC_PUB_X, "x", (bits + 7) / 8);
    add_number (jwk, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", (bits + 7) / 8);
  } else {
    unsigned char octets[32];
    size_t size = sizeof octets;
    g_assert_true (EVP_PKEY_get_raw_public_key (key, octets, &size));
    g_autofree char *text = signer_base64url (octets, size);
    g_string_append_printf (jwk, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", text);
  }
  if (kid)
    g_string_append_printf (jwk, ",\"kid\":\"%s\"", kid);
  if (algorithm)
    g_string_append_printf (jwk, ",\"alg\":\"%s\"", algorithm);
  if (use)
    g_string_append_printf (jwk, ",\"use\":\"%s\"", use);
  g_string_append_c (jwk, '}');
  return g_string_free (jwk, FALSE);
}

char *
signer_set (const char *first, ...) {
  GString *set = g_string_new ("{\"keys\":[");
  va_list list;
  va_start (list, first);
  for (const char *jwk = first; jwk; jwk = va_arg (list, const char *))
    g_string_append_printf (set, "%s%s", jwk == first ? "" : ",", jwk);
  va_end (list);
  g_string_append (set, "]}");
  return g_string_free (set, FALSE);
}

/* ---- Tokens ------------------------------------------------------------------------------ */

static char *
both_parts (const char *header, const char *claims) {
  g_autofree char *first = signer_base64url (header, strlen (header));
  g_autofree char *second = signer_base64url (claims, strlen (claims));
  return g_strconcat (first, ".", second, NULL);
}

/* DER into r and s of the same length. */
static size_t
to_pair (unsigned char *signature, size_t size, unsigned bits) {
  const unsigned char *at = signature;
  const int coordinate = (int)(bits + 7) / 8;
  ECDSA_SIG *pair = d2i_ECDSA_SIG (NULL, &at, (long)size);
  g_assert_nonnull (pair);
  BN_bn2binpad (ECDSA_SIG_get0_r (pair), signature, coordinate);
  BN_bn2binpad (ECDSA_SIG_get0_s (pair), signature + coordinate, coordinate);
  ECDSA_SIG_free (pair);
  return (size_t)coordinate * 2;
}

char *
signer_token (const char *header, const char *claims, signer_key *key, const char *algorithm) {
  g_autofree char *text = both_parts (header, claims);
  g_autofree char *digest =
      strcmp (algorithm, "EdDSA") == 0 ? NULL : g_strconcat ("SHA", algorithm + 2, NULL);
  unsigned char signature[1100];
  size_t size = sizeof signature;
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  EVP_PKEY_CTX *parameters = NULL;
  g_assert_true (EVP_DigestSignInit_ex (context, &parameters, digest, NULL, NULL, key, NULL) == 1);
  if (*algorithm == 'P')
    g_assert_true (EVP_PKEY_CTX_set_rsa_padding (parameters, RSA_PKCS1_PSS_PADDING) > 0
                   && EVP_PKEY_CTX_set_rsa_pss_saltlen (parameters, RSA_PSS_SALTLEN_DIGEST) > 0);
  g_assert_true (
      EVP_DigestSign (context, signature, &size, (const unsigned char *)text, strlen (text)) == 1);
  EVP_MD_CTX_free (context);
  if (EVP_PKEY_is_a (key, "EC"))
    size = to_pair (signature, size, (unsigned)EVP_PKEY_get_bits (key));
  g_autofree char *last = signer_base64url (signature, size);
  return g_strconcat (text, ".", last, NULL);
}

char *
signer_sign (const char *claims, signer_key *key, const char *algorithm, const char *kid) {
  g_autofree char *header =
      kid ? g_strdup_printf ("{\"alg\":\"%s\",\"kid\":\"%s\"}", algorithm, kid)
          : g_strdup_printf ("{\"alg\":\"%s\"}", algorithm);
  return signer_token (header, claims, key, algorithm);
}

char *
signer_hmac (const char *header, const char *claims, const void *secret, size_t size) {
  g_autofree char *text = both_parts (header, claims);
  unsigned char signature[32];
  HMAC (EVP_sha256 (), secret, (int)size, (const unsigned char *)text, strlen (text), signature,
        NULL);
  g_autofree char *last = signer_base64url (signature, sizeof signature);
  return g_strconcat (text, ".", last, NULL);
}
