/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - see keys.h.  The set owns its OpenSSL keys. */
#include "keys.h"

#include "base64url.h"
#include "json.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define EXPONENT_OCTETS_MAX 4 /* a larger one only costs time */

struct key {
  char *kid;                    /* NULL: none */
  const struct algorithm *only; /* what the set says it is for; NULL: whatever fits its kind */
  key_kind kind;
  EVP_PKEY *key;
};

struct keys {
  gint references;
  size_t count;
  struct key all[KEYS_LIMIT];
};

/* ---- One key ----------------------------------------------------------------------------- */

static unsigned char *
member (const json_t *jwk, const char *name, size_t *size) {
  const char *text = json_text (jwk, name);
  return text ? base64url_decode (text, strlen (text), size) : NULL;
}

static EVP_PKEY *
from_parameters (const char *type, OSSL_PARAM_BLD *builder) {
  EVP_PKEY *key = NULL;
  OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param (builder);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name (NULL, type, NULL);
  if (!parameters || !context || EVP_PKEY_fromdata_init (context) <= 0
      || EVP_PKEY_fromdata (context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
    key = NULL;
  EVP_PKEY_CTX_free (context);
  OSSL_PARAM_free (parameters);
  return key;
}

/* RFC 7518 section 6.3. */
static EVP_PKEY *
read_rsa (const json_t *jwk) {
  size_t n_size, e_size;
  g_autofree unsigned char *n = member (jwk, "n", &n_size), *e = member (jwk, "e", &e_size);
  if (!n || !e || n_size > RSA_BITS_MAX / 8 + 1 || e_size > EXPONENT_OCTETS_MAX)
    return NULL;
  BIGNUM *modulus = BN_bin2bn (n, (int)n_size, NULL), *exponent = BN_bin2bn (e, (int)e_size, NULL);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new ();
  EVP_PKEY *key = NULL;
  if (modulus && exponent && builder && BN_num_bits (modulus) >= RSA_BITS_MIN
      && BN_num_bits (modulus) <= RSA_BITS_MAX && BN_is_odd (modulus) && BN_is_odd (exponent)
      && !BN_is_one (exponent) && OSSL_PARAM_BLD_push_BN (builder, OSSL_PKEY_PARAM_RSA_N, modulus)
      && OSSL_PARAM_BLD_push_BN (builder, OSSL_PKEY_PARAM_RSA_E, exponent))
    key = from_parameters ("RSA", builder);
  OSSL_PARAM_BLD_free (builder);
  BN_free (modulus);
  BN_free (exponent);
  return key;
}

static const struct curve {
  const char *name, *group;
  key_kind kind;
  size_t coordinate;
} curves[] = {
  { "P-256", "P-256", KEY_P256, 32 },
  { "P-384", "P-384", KEY_P384, 48 },
  { "P-521", "P-521", KEY_P521, 66 },
};

/* RFC 7518 section 6.2; OpenSSL sees to it that the point is on the curve. */
static EVP_PKEY *
read_ec (const json_t *jwk, key_kind *kind) {
  const char *name = json_text (jwk, "crv");
  const struct curve *curve = NULL;
  for (size_t i = 0; name && i < G_N_ELEMENTS (curves); i++)
    if (strcmp (curves[i].name, name) == 0)
      curve = &curves[i];
  size_t x_size, y_size;
  g_autofree unsigned char *x = member (jwk, "x", &x_size), *y = member (jwk, "y", &y_size);
  if (!curve || !x || !y || x_size != curve->coordinate || y_size != curve->coordinate)
    return NULL;
  unsigned char point[1 + 2 * 66] = { 4 }; /* uncompressed */
  memcpy (point + 1, x, x_size);
  memcpy (point + 1 + x_size, y, y_size);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new ();
  EVP_PKEY *key = NULL;
  if (builder
      && OSSL_PARAM_BLD_push_utf8_string (builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0)
      && OSSL_PARAM_BLD_push_octet_string (builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                           1 + 2 * curve->coordinate))
    key = from_parameters ("EC", builder);
  OSSL_PARAM_BLD_free (builder);
  *kind = curve->kind;
  return key;
}

/* RFC 8037 section 2. */
static EVP_PKEY *
read_okp (const json_t *jwk) {
  const char *curve = json_text (jwk, "crv");
  size_t size;
  g_autofree unsigned char *x = member (jwk, "x", &size);
  if (!curve || strcmp (curve, "Ed25519") != 0 || !x || size != 32)
    return NULL;
  return EVP_PKEY_new_raw_public_key (EVP_PKEY_ED25519, NULL, x, size);
}

static bool
is_for_signatures (const json_t *jwk) {
  const char *use = json_text (jwk, "use");
  if (use && strcmp (use, "sig") != 0)
    return false;
  const json_t *operations = json_object_get (jwk, "key_ops"), *operation;
  size_t i;
  if (!json_is_array (operations))
    return true;
  json_array_foreach (operations, i,
                      operation) if (g_strcmp0 (json_string_value (operation), "verify")
                                     == 0) return true;
  return false;
}

/* false: none of ours. */
static bool
read_key (const json_t *jwk, struct key *key) {
  const char *type = json_text (jwk, "kty"), *algorithm = json_text (jwk, "alg");
  *key = (struct key){ NULL };
  if (!type || !is_for_signatures (jwk))
    return false;
  if (strcmp (type, "RSA") == 0) {
    key->kind = KEY_RSA;
    key->key = read_rsa (jwk);
  } else if (strcmp (type, "EC") == 0) {
    key->key = read_ec (jwk, &key->kind);
  } else if (strcmp (type, "OKP") == 0) {
    key->kind = KEY_ED25519;
    key->key = read_okp (jwk);
  }
  key->only = algorithm_named (algorithm);
  if (!key->key || (algorithm && (!key->only || key->only->kind != key->kind))) {
    EVP_PKEY_free (key->key);
    return false;
  }
  key->kid = g_strdup (json_text (jwk, "kid"));
  return true;
}

/* ---- The set ----------------------------------------------------------------------------- */

struct keys *
keys_parse (struct ptn_bytes text, const char **error) {
  json_t *set = text.size <= KEYS_TEXT_LIMIT ? json_of (text) : NULL;
  const json_t *list = json_object_get (set, "keys"), *jwk;
  struct keys *keys = g_new0 (struct keys, 1);
  size_t i;
  keys->references = 1;
  json_array_foreach (list, i, jwk) if (keys->count < KEYS_LIMIT
                                        && read_key (jwk, &keys->all[keys->count])) keys->count++;
  *error = !set                    ? "it is no JSON object, or too large"
           : !json_is_array (list) ? "it has no list \"keys\""
           : keys->count == 0      ? "no key in it can verify signatures"
                                   : NULL;
  json_decref (set);
  if (*error)
    g_clear_pointer (&keys, keys_unref);
  return keys;
}

struct keys *
keys_ref (struct keys *keys) {
  g_atomic_int_inc (&keys->references);
  return keys;
}

void
keys_unref (struct keys *keys) {
  if (!keys || !g_atomic_int_dec_and_test (&keys->references))
    return;
  for (size_t i = 0; i < keys->count; i++) {
    g_free (keys->all[i].kid);
    EVP_PKEY_free (keys->all[i].key);
  }
  g_free (keys);
}

size_t
keys_count (const struct keys *keys) {
  return keys->count;
}

size_t
keys_find (const struct keys *keys, const char *kid, const struct algorithm *algorithm,
           EVP_PKEY *found[KEYS_TRIED]) {
  size_t count = 0;
  for (size_t i = 0; i < keys->count && count < KEYS_TRIED; i++) {
    const struct key *key = &keys->all[i];
    if (key->kind == algorithm->kind && (!key->only || key->only == algorithm)
        && (!kid || g_strcmp0 (key->kid, kid) == 0))
      found[count++] = key->key;
  }
  return count;
}
