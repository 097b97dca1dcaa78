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
#include <openssl/hmac.h>
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

/* ---- SCRAM-SHA-256 ----------------------------------------------------------------------- */

#define SCRAM_KEY 32
#define SCRAM_SALT_LIMIT 128
#define SCRAM_ITERATIONS 4096 /* the least that RFC 7677 allows, and what clients expect */

struct scram {
  unsigned iterations;
  size_t salt_size;
  unsigned char salt[SCRAM_SALT_LIMIT], stored[SCRAM_KEY], server[SCRAM_KEY];
};

/* One base64 field that ends before `end`. */
static bool
scram_field (const char *text, const char *end, unsigned char *out, size_t limit, size_t *size) {
  unsigned char octets[SCRAM_SALT_LIMIT + 3];
  const size_t length = (size_t)(end - text);
  if (BASE64_DECODED_MAX (length) > sizeof octets || !base64_decode (text, length, octets, size)
      || *size > limit || *size == 0)
    return false;
  memcpy (out, octets, *size);
  return true;
}

static bool
scram_read (const char *text, struct scram *scram) {
  char *end;
  const guint64 iterations = g_ascii_strtoull (text, &end, 10);
  if (!g_ascii_isdigit (*text) || *end != ':' || iterations < 1 || iterations > 1000000)
    return false;
  scram->iterations = (unsigned)iterations;
  const char *salt = end + 1;
  const char *stored = strchr (salt, '$');
  const char *server = stored ? strchr (stored, ':') : NULL;
  size_t stored_size, server_size;
  return server && scram_field (salt, stored, scram->salt, SCRAM_SALT_LIMIT, &scram->salt_size)
         && scram_field (stored + 1, server, scram->stored, SCRAM_KEY, &stored_size)
         && scram_field (server + 1, server + strlen (server), scram->server, SCRAM_KEY,
                         &server_size)
         && stored_size == SCRAM_KEY && server_size == SCRAM_KEY;
}

/* RFC 5802 section 3, of a salt and its iterations. */
static bool
scram_derive (struct scram *scram, struct ptn_bytes password) {
  unsigned char salted[SCRAM_KEY], client[SCRAM_KEY];
  unsigned size = 0;
  const EVP_MD *sha256 = EVP_sha256 ();
  const bool done =
      PKCS5_PBKDF2_HMAC (password.data, (int)password.size, scram->salt, (int)scram->salt_size,
                         (int)scram->iterations, sha256, sizeof salted, salted)
      && HMAC (sha256, salted, sizeof salted, (const void *)"Client Key", 10, client, &size)
      && HMAC (sha256, salted, sizeof salted, (const void *)"Server Key", 10, scram->server, &size)
      && EVP_Digest (client, sizeof client, scram->stored, NULL, sha256, NULL);
  explicit_bzero (salted, sizeof salted);
  explicit_bzero (client, sizeof client);
  return done;
}

const char *
hash_scram_fault (const char *text) {
  struct scram scram;
  return scram_read (text, &scram) ? NULL : "is not ITERATIONS:SALT$STOREDKEY:SERVERKEY";
}

bool
hash_scram_matches (const char *text, struct ptn_bytes guess) {
  struct scram stored, derived;
  if (!scram_read (text, &stored))
    return false;
  derived = stored;
  return scram_derive (&derived, guess)
         && CRYPTO_memcmp (derived.stored, stored.stored, SCRAM_KEY) == 0;
}

char *
hash_scram_make (struct ptn_bytes password) {
  struct scram scram = { .iterations = SCRAM_ITERATIONS, .salt_size = 16 };
  if (RAND_bytes (scram.salt, (int)scram.salt_size) != 1 || !scram_derive (&scram, password))
    return NULL;
  char salt[BASE64_ENCODED_MAX (16)], stored[BASE64_ENCODED_MAX (SCRAM_KEY)],
      server[BASE64_ENCODED_MAX (SCRAM_KEY)];
  base64_encode (scram.salt, scram.salt_size, salt);
  base64_encode (scram.stored, SCRAM_KEY, stored);
  base64_encode (scram.server, SCRAM_KEY, server);
  return g_strdup_printf ("{SCRAM-SHA-256}%u:%s$%s:%s", scram.iterations, salt, stored, server);
}
