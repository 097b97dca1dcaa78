/* SPDX-License-Identifier: Apache-2.0 */
/* hashes.c - salted SHA, Argon2 and SCRAM keys; see hashes.h.  Owns nothing beyond a call. */
#include "hashes.h"

#include "common/base64.h"

#ifdef HAVE_ARGON2
#include <argon2.h>
#endif
#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* ---- Salted SHA -------------------------------------------------------------------------- */

#define SHA_TEXT_LIMIT 512

static const EVP_MD *
sha_digest (const struct password *password) {
  const char *digits = password->whole + strcspn (password->whole, "0123456789}");
  if (*digits == '2')
    return EVP_sha256 ();
  return *digits == '5' ? EVP_sha512 () : EVP_sha1 ();
}

static bool
sha_is_salted (const struct password *password) {
  return g_ascii_strncasecmp (password->whole, "{SSHA", 5) == 0;
}

static bool
sha_decode (const struct password *password, unsigned char octets[SHA_TEXT_LIMIT], size_t *size) {
  const size_t length = strlen (password->text);
  return length <= SHA_TEXT_LIMIT && base64_decode (password->text, length, octets, size);
}

const char *
hash_sha_fault (const struct password *password) {
  unsigned char octets[SHA_TEXT_LIMIT];
  size_t size;
  if (!sha_decode (password, octets, &size))
    return "is not base64";
  const size_t digest = (size_t)EVP_MD_get_size (sha_digest (password));
  if (sha_is_salted (password) ? size <= digest : size != digest)
    return "has not the length of its scheme";
  return NULL;
}

bool
hash_sha_matches (const struct password *password, struct ptn_bytes guess) {
  unsigned char octets[SHA_TEXT_LIMIT], digest[EVP_MAX_MD_SIZE];
  unsigned char salted[PASSWORD_LIMIT + SHA_TEXT_LIMIT];
  size_t size;
  if (!sha_decode (password, octets, &size))
    return false;
  const EVP_MD *kind = sha_digest (password);
  const size_t digest_size = (size_t)EVP_MD_get_size (kind);
  const size_t salt_size = size - digest_size;
  memcpy (salted, guess.data, guess.size);
  memcpy (salted + guess.size, octets + digest_size, salt_size);
  const bool same = EVP_Digest (salted, guess.size + salt_size, digest, NULL, kind, NULL) == 1
                    && CRYPTO_memcmp (digest, octets, digest_size) == 0;
  explicit_bzero (salted, sizeof salted);
  return same;
}

/* ---- Argon2 ------------------------------------------------------------------------------ */

#define ARGON2_KIB_LIMIT (1024u * 1024u)

#ifdef HAVE_ARGON2
static bool
argon2_kind (const char *text, argon2_type *kind) {
  if (g_str_has_prefix (text, "$argon2id$"))
    *kind = Argon2_id;
  else if (g_str_has_prefix (text, "$argon2i$"))
    *kind = Argon2_i;
  else if (g_str_has_prefix (text, "$argon2d$"))
    *kind = Argon2_d;
  else
    return false;
  return true;
}

const char *
hash_argon2_fault (const char *text) {
  argon2_type kind;
  unsigned kib, passes, lanes;
  if (!argon2_kind (text, &kind))
    return "is no Argon2 hash";
  const char *costs = strstr (text, "$m=");
  if (!costs || sscanf (costs, "$m=%9u,t=%9u,p=%9u$", &kib, &passes, &lanes) != 3)
    return "is no Argon2 hash: its costs are missing";
  if (kib > ARGON2_KIB_LIMIT || passes > 1000 || lanes > 64 || passes < 1 || lanes < 1)
    return "asks for more than 1 GiB, 1000 passes or 64 lanes";
  const char *salt = strchr (costs + 1, '$');
  const char *hash = salt ? strchr (salt + 1, '$') : NULL;
  if (!hash || hash - salt < 9 || strlen (hash) < 6)
    return "is no Argon2 hash: it is cut off";
  return NULL;
}

bool
hash_argon2_matches (const char *text, struct ptn_bytes guess) {
  argon2_type kind;
  return argon2_kind (text, &kind)
         && argon2_verify (text, guess.data, guess.size, kind) == ARGON2_OK;
}

char *
hash_argon2_make (const struct password_costs *costs, struct ptn_bytes password) {
  enum { SALT = 16, HASH = 32 };
  unsigned char salt[SALT];
  if (RAND_bytes (salt, sizeof salt) != 1)
    return NULL;
  const size_t size = argon2_encodedlen (costs->argon2_passes, costs->argon2_kib,
                                         costs->argon2_lanes, SALT, HASH, Argon2_id);
  g_autofree char *encoded = g_malloc (size);
  if (argon2id_hash_encoded (costs->argon2_passes, costs->argon2_kib, costs->argon2_lanes,
                             password.data, password.size, salt, sizeof salt, HASH, encoded, size)
      != ARGON2_OK)
    return NULL;
  return g_strconcat ("{ARGON2ID}", encoded, NULL);
}

#else
const char *
hash_argon2_fault (const char *text) {
  return "is an Argon2 hash, and this build has no Argon2";
}

bool
hash_argon2_matches (const char *text, struct ptn_bytes guess) {
  return false;
}

char *
hash_argon2_make (const struct password_costs *costs, struct ptn_bytes password) {
  return NULL;
}
#endif
