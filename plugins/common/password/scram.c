/* SPDX-License-Identifier: Apache-2.0 */
/* scram.c - see scram.h.  Owns nothing beyond a call; what was derived is wiped. */
#include "scram.h"

#include "common/base64.h"
#include "common/text/saslprep.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_LIMIT 32
#define SALT_LIMIT 128
#define ITERATIONS 4096 /* the least that RFC 7677 allows, and what clients expect */

struct keys {
  const EVP_MD *digest;
  size_t size; /* of a key */
  unsigned iterations;
  size_t salt_size;
  unsigned char salt[SALT_LIMIT], stored[KEY_LIMIT], server[KEY_LIMIT];
};

static void
set_scheme (struct keys *keys, password_scheme scheme) {
  keys->digest = scheme == SCHEME_SCRAM_SHA_1 ? EVP_sha1 () : EVP_sha256 ();
  keys->size = (size_t)EVP_MD_get_size (keys->digest);
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* One base64 field that ends before `end`. */
static bool
read_field (const char *text, const char *end, unsigned char *out, size_t limit, size_t *size) {
  unsigned char octets[SALT_LIMIT + 3];
  const size_t length = (size_t)(end - text);
  if (BASE64_DECODED_MAX (length) > sizeof octets || !base64_decode (text, length, octets, size)
      || *size > limit || *size == 0)
    return false;
  memcpy (out, octets, *size);
  return true;
}

static bool
read_keys (password_scheme scheme, const char *text, struct keys *keys) {
  char *end;
  const guint64 iterations = g_ascii_strtoull (text, &end, 10);
  set_scheme (keys, scheme);
  if (!g_ascii_isdigit (*text) || *end != ':' || iterations < 1 || iterations > 1000000)
    return false;
  keys->iterations = (unsigned)iterations;
  const char *salt = end + 1;
  const char *stored = strchr (salt, '$');
  const char *server = stored ? strchr (stored, ':') : NULL;
  size_t stored_size, server_size;
  return server && read_field (salt, stored, keys->salt, SALT_LIMIT, &keys->salt_size)
         && read_field (stored + 1, server, keys->stored, KEY_LIMIT, &stored_size)
         && read_field (server + 1, server + strlen (server), keys->server, KEY_LIMIT, &server_size)
         && stored_size == keys->size && server_size == keys->size;
}

const char *
scram_fault (password_scheme scheme, const char *text) {
  struct keys keys;
  return read_keys (scheme, text, &keys) ? NULL : "is not ITERATIONS:SALT$STOREDKEY:SERVERKEY";
}

/* ---- Deriving ---------------------------------------------------------------------------- */

/* RFC 5802 section 3, of a salt and its iterations. */
static bool
derive (struct keys *keys, struct ptn_bytes password) {
  unsigned char salted[KEY_LIMIT], client[KEY_LIMIT];
  unsigned length = 0;
  /* What SASLprep refuses is hashed as it is, which is what clients do. */
  char *prepared = saslprep (password);
  const struct ptn_bytes text =
      prepared ? (struct ptn_bytes){ prepared, strlen (prepared) } : password;
  const bool done = PKCS5_PBKDF2_HMAC (text.data, (int)text.size, keys->salt, (int)keys->salt_size,
                                       (int)keys->iterations, keys->digest, (int)keys->size, salted)
                    && HMAC (keys->digest, salted, (int)keys->size, (const void *)"Client Key", 10,
                             client, &length)
                    && HMAC (keys->digest, salted, (int)keys->size, (const void *)"Server Key", 10,
                             keys->server, &length)
                    && EVP_Digest (client, keys->size, keys->stored, NULL, keys->digest, NULL);
  if (prepared)
    explicit_bzero (prepared, text.size);
  g_free (prepared);
  explicit_bzero (salted, sizeof salted);
  explicit_bzero (client, sizeof client);
  return done;
}

bool
scram_matches (password_scheme scheme, const char *text, struct ptn_bytes guess) {
  struct keys stored, derived;
  if (!read_keys (scheme, text, &stored))
    return false;
  derived = stored;
  return derive (&derived, guess)
         && CRYPTO_memcmp (derived.stored, stored.stored, stored.size) == 0;
}

static char *
make (struct keys *keys, struct ptn_bytes password) {
  char salt[BASE64_ENCODED_MAX (SALT_LIMIT)], stored[BASE64_ENCODED_MAX (KEY_LIMIT)],
      server[BASE64_ENCODED_MAX (KEY_LIMIT)];
  if (!derive (keys, password))
    return NULL;
  base64_encode (keys->salt, keys->salt_size, salt);
  base64_encode (keys->stored, keys->size, stored);
  base64_encode (keys->server, keys->size, server);
  char *text = g_strdup_printf ("%u:%s$%s:%s", keys->iterations, salt, stored, server);
  explicit_bzero (keys, sizeof *keys);
  explicit_bzero (stored, sizeof stored);
  explicit_bzero (server, sizeof server);
  return text;
}

char *
scram_make (password_scheme scheme, struct ptn_bytes password, const char *like) {
  struct keys keys = { .iterations = ITERATIONS, .salt_size = SCRAM_SALT };
  if (like && read_keys (scheme, like, &keys))
    return make (&keys, password);
  set_scheme (&keys, scheme);
  keys.iterations = ITERATIONS;
  keys.salt_size = SCRAM_SALT;
  if (RAND_bytes (keys.salt, SCRAM_SALT) != 1)
    return NULL;
  return make (&keys, password);
}
