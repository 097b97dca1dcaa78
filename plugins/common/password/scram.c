/* SPDX-License-Identifier: Apache-2.0 */
/* scram.c - see scram.h.  Owns nothing beyond a call; what was derived is wiped. */
#include "scram.h"

#include "common/base64.h"

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

/* ---- Preparing --------------------------------------------------------------------------- */

/* RFC 3454 table B.1. */
static bool
means_nothing (gunichar c) {
  return c == 0xad || c == 0x34f || c == 0x1806 || (c >= 0x180b && c <= 0x180d)
         || (c >= 0x200b && c <= 0x200d) || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f)
         || c == 0xfeff;
}

/* RFC 3454 table C.1.2; U+200B is in both tables, and nothing comes first. */
static bool
is_other_space (gunichar c) {
  return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f
         || c == 0x3000;
}

char *
scram_prepare (struct ptn_bytes password, size_t *size) {
  const char *text = password.data, *end = text + password.size;
  char *same = g_malloc (password.size + 1);
  memcpy (same, text, password.size);
  same[password.size] = '\0';
  *size = password.size;
  if (g_str_is_ascii (same) || !g_utf8_validate (text, (gssize)password.size, NULL))
    return same;

  /* Neither table makes a character longer, so nothing here moves to other memory unwiped. */
  GString *mapped = g_string_sized_new (password.size + 8);
  for (; text < end; text = g_utf8_next_char (text)) {
    const gunichar c = g_utf8_get_char (text);
    if (is_other_space (c))
      g_string_append_c (mapped, ' ');
    else if (!means_nothing (c))
      g_string_append_unichar (mapped, c);
  }
  char *normal = g_utf8_normalize (mapped->str, (gssize)mapped->len, G_NORMALIZE_NFKC);
  explicit_bzero (mapped->str, mapped->allocated_len);
  g_string_free (mapped, TRUE);
  if (!normal || !*normal) {
    g_free (normal);
    return same;
  }
  explicit_bzero (same, password.size);
  g_free (same);
  *size = strlen (normal);
  return normal;
}

/* ---- Deriving ---------------------------------------------------------------------------- */

/* RFC 5802 section 3, of a salt and its iterations. */
static bool
derive (struct keys *keys, struct ptn_bytes password) {
  unsigned char salted[KEY_LIMIT], client[KEY_LIMIT];
  unsigned length = 0;
  size_t size;
  char *prepared = scram_prepare (password, &size);
  const bool done = PKCS5_PBKDF2_HMAC (prepared, (int)size, keys->salt, (int)keys->salt_size,
                                       (int)keys->iterations, keys->digest, (int)keys->size, salted)
                    && HMAC (keys->digest, salted, (int)keys->size, (const void *)"Client Key", 10,
                             client, &length)
                    && HMAC (keys->digest, salted, (int)keys->size, (const void *)"Server Key", 10,
                             keys->server, &length)
                    && EVP_Digest (client, keys->size, keys->stored, NULL, keys->digest, NULL);
  explicit_bzero (prepared, size);
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

char *
scram_make_salted (password_scheme scheme, struct ptn_bytes password,
                   const unsigned char salt[SCRAM_SALT]) {
  struct keys keys = { .iterations = ITERATIONS, .salt_size = SCRAM_SALT };
  set_scheme (&keys, scheme);
  memcpy (keys.salt, salt, SCRAM_SALT);
  return make (&keys, password);
}
