/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - see keys.h. */
#include "keys.h"

#include "common/base64.h"
#include "common/text/saslprep.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

const struct scram_hash scram_sha_1 = { "SCRAM-SHA-1", 20 };
const struct scram_hash scram_sha_256 = { "SCRAM-SHA-256", 32 };

static const EVP_MD *
md_of (const struct scram_hash *hash) {
  return hash->size == 20 ? EVP_sha1 () : EVP_sha256 ();
}

/* ---- Stored keys ------------------------------------------------------------------------- */

struct rest {
  const char *at, *end;
};

/* The text up to `stop`, which is skipped; spaces around it are RFC 3112's. */
static bool
take_until (struct rest *rest, char stop, struct ptn_bytes *piece) {
  const char *from = rest->at;
  const char *to = stop ? memchr (from, stop, (size_t)(rest->end - from)) : rest->end;
  if (!to)
    return false;
  rest->at = stop ? to + 1 : to;
  while (from < to && *from == ' ')
    from++;
  while (from < to && to[-1] == ' ')
    to--;
  *piece = (struct ptn_bytes){ from, (size_t)(to - from) };
  return piece->size > 0;
}

static bool
read_octets (struct ptn_bytes text, unsigned char *out, size_t limit, size_t *size) {
  return BASE64_DECODED_MAX (text.size) <= limit + 2
         && base64_decode (text.data, text.size, out, size) && *size <= limit && *size > 0;
}

static bool
read_iterations (struct ptn_bytes text, unsigned *iterations) {
  const char *digits = text.data;
  *iterations = 0;
  if (text.size > 8)
    return false;
  for (size_t i = 0; i < text.size; i++) {
    if (!g_ascii_isdigit (digits[i]))
      return false;
    *iterations = *iterations * 10 + (unsigned)(digits[i] - '0');
  }
  return *iterations >= SCRAM_ITERATIONS_MIN && *iterations <= SCRAM_ITERATIONS_MAX;
}

static bool
read_key (const struct scram_hash *hash, struct ptn_bytes text, unsigned char *key) {
  unsigned char octets[SCRAM_DIGEST_LIMIT + 2];
  size_t size;
  const bool good = read_octets (text, octets, SCRAM_DIGEST_LIMIT, &size) && size == hash->size;
  if (good)
    memcpy (key, octets, size);
  explicit_bzero (octets, sizeof octets);
  return good;
}

bool
scram_keys_read (const struct scram_hash *hash, struct ptn_bytes text, struct scram_salt *salt,
                 struct scram_keys *keys) {
  struct rest rest = { text.data, (const char *)text.data + text.size };
  struct ptn_bytes scheme, iterations, salted, stored, server;
  unsigned char octets[SCRAM_SALT_LIMIT + 2];
  size_t size;
  if (text.size == 0 || !take_until (&rest, '$', &scheme) || !take_until (&rest, ':', &iterations)
      || !take_until (&rest, '$', &salted) || !take_until (&rest, ':', &stored)
      || !take_until (&rest, '\0', &server))
    return false;
  if (scheme.size != strlen (hash->mechanism)
      || g_ascii_strncasecmp (scheme.data, hash->mechanism, scheme.size) != 0
      || !read_iterations (iterations, &salt->iterations)
      || !read_octets (salted, octets, SCRAM_SALT_LIMIT, &size)
      || !read_key (hash, stored, keys->stored) || !read_key (hash, server, keys->server))
    return false;
  memcpy (salt->octets, octets, size);
  salt->size = (unsigned)size;
  return true;
}

bool
scram_salt_equal (const struct scram_salt *a, const struct scram_salt *b) {
  return a->iterations == b->iterations && a->size == b->size
         && memcmp (a->octets, b->octets, a->size) == 0;
}

/* ---- Computing --------------------------------------------------------------------------- */

static bool
sign (const struct scram_hash *hash, const unsigned char *key, struct ptn_bytes text,
      unsigned char *signature) {
  unsigned size = 0;
  return HMAC (md_of (hash), key, (int)hash->size, text.data, text.size, signature, &size)
         && size == hash->size;
}

static struct ptn_bytes
words (const char *text) {
  return (struct ptn_bytes){ text, strlen (text) };
}

bool
scram_keys_derive (const struct scram_hash *hash, const struct scram_salt *salt,
                   struct ptn_bytes password, struct scram_keys *keys) {
  unsigned char salted[SCRAM_DIGEST_LIMIT], client[SCRAM_DIGEST_LIMIT];
  char *prepared = saslprep (password);
  const size_t size = prepared ? strlen (prepared) : password.size;
  const bool done = PKCS5_PBKDF2_HMAC (prepared ? prepared : password.data, (int)size, salt->octets,
                                       (int)salt->size, (int)salt->iterations, md_of (hash),
                                       (int)hash->size, salted)
                    && sign (hash, salted, words ("Client Key"), client)
                    && sign (hash, salted, words ("Server Key"), keys->server)
                    && EVP_Digest (client, hash->size, keys->stored, NULL, md_of (hash), NULL);
  if (prepared)
    explicit_bzero (prepared, size);
  g_free (prepared);
  explicit_bzero (salted, sizeof salted);
  explicit_bzero (client, sizeof client);
  return done;
}

bool
scram_keys_prove (const struct scram_hash *hash, const struct scram_keys *keys,
                  struct ptn_bytes auth_message, const unsigned char *proof,
                  unsigned char signature[SCRAM_DIGEST_LIMIT]) {
  unsigned char client[SCRAM_DIGEST_LIMIT], stored[SCRAM_DIGEST_LIMIT];
  bool right = sign (hash, keys->stored, auth_message, client)
               && sign (hash, keys->server, auth_message, signature);
  for (unsigned i = 0; right && i < hash->size; i++)
    client[i] ^= proof[i];
  right = right && EVP_Digest (client, hash->size, stored, NULL, md_of (hash), NULL)
          && CRYPTO_memcmp (stored, keys->stored, hash->size) == 0;
  explicit_bzero (client, sizeof client);
  explicit_bzero (stored, sizeof stored);
  return right;
}

void
scram_keys_wipe (struct scram_keys *keys) {
  explicit_bzero (keys, sizeof *keys);
}
