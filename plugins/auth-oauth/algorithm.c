/* SPDX-License-Identifier: Apache-2.0 */
/* algorithm.c - see algorithm.h. */
#include "algorithm.h"

#include <glib.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

static const struct algorithm algorithms[] = {
  { "RS256", KEY_RSA, "SHA256", false, 0, false },
  { "RS384", KEY_RSA, "SHA384", false, 0, false },
  { "RS512", KEY_RSA, "SHA512", false, 0, false },
  { "PS256", KEY_RSA, "SHA256", true, 0, false },
  { "PS384", KEY_RSA, "SHA384", true, 0, false },
  { "PS512", KEY_RSA, "SHA512", true, 0, false },
  { "ES256", KEY_P256, "SHA256", false, 32, false },
  { "ES384", KEY_P384, "SHA384", false, 48, true },
  { "ES512", KEY_P521, "SHA512", false, 66, true },
  { "EdDSA", KEY_ED25519, NULL, false, 0, false },
};

const struct algorithm *
algorithm_named (const char *name) {
  for (size_t i = 0; name && i < G_N_ELEMENTS (algorithms); i++)
    if (strcmp (algorithms[i].name, name) == 0)
      return &algorithms[i];
  return NULL;
}

/* RFC 7518 section 3.4: r and s side by side; OpenSSL wants them in DER. */
static unsigned char *
to_der (struct ptn_bytes signature, unsigned coordinate, size_t *size) {
  if (signature.size != (size_t)2 * coordinate)
    return NULL;
  const unsigned char *octets = signature.data;
  BIGNUM *r = BN_bin2bn (octets, (int)coordinate, NULL);
  BIGNUM *s = BN_bin2bn (octets + coordinate, (int)coordinate, NULL);
  ECDSA_SIG *pair = ECDSA_SIG_new ();
  unsigned char *der = NULL;
  if (r && s && pair && ECDSA_SIG_set0 (pair, r, s)) {
    r = s = NULL; /* the pair's */
    const int length = i2d_ECDSA_SIG (pair, &der);
    *size = length > 0 ? (size_t)length : 0;
  }
  BN_free (r);
  BN_free (s);
  ECDSA_SIG_free (pair);
  return der;
}

static bool
prepare (EVP_MD_CTX *context, const struct algorithm *algorithm, EVP_PKEY *key) {
  EVP_PKEY_CTX *parameters = NULL; /* the context's */
  if (EVP_DigestVerifyInit_ex (context, &parameters, algorithm->digest, NULL, NULL, key, NULL) != 1)
    return false;
  if (!algorithm->pss)
    return true;
  /* RFC 7518 section 3.5: the salt is as long as the digest. */
  return EVP_PKEY_CTX_set_rsa_padding (parameters, RSA_PKCS1_PSS_PADDING) > 0
         && EVP_PKEY_CTX_set_rsa_pss_saltlen (parameters, RSA_PSS_SALTLEN_DIGEST) > 0;
}

bool
algorithm_verify (const struct algorithm *algorithm, EVP_PKEY *key, struct ptn_bytes text,
                  struct ptn_bytes signature) {
  unsigned char *der = NULL;
  if (algorithm->coordinate) {
    size_t size = 0;
    der = to_der (signature, algorithm->coordinate, &size);
    if (!der)
      return false;
    signature = (struct ptn_bytes){ der, size };
  }
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  const bool right =
      context && prepare (context, algorithm, key)
      && EVP_DigestVerify (context, signature.data, signature.size, text.data, text.size) == 1;
  EVP_MD_CTX_free (context);
  OPENSSL_free (der);
  return right;
}
