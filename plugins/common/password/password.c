/* SPDX-License-Identifier: Apache-2.0 */
/* password.c - schemes of stored passwords and how each is read and checked; see password.h.
 * Owns nothing beyond a call; secrets on the stack are wiped. */
#include "password.h"

#include "hashes.h"
#include "md4.h"
#include "scram.h"

#include "common/base64.h"

#include <crypt.h>
#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* ---- Tags -------------------------------------------------------------------------------- */

static const struct tag {
  const char *name;
  password_scheme scheme;
} tags[] = {
  { "PLAIN", SCHEME_PLAIN },
  { "ARGON2ID", SCHEME_ARGON2 },
  { "CRYPT", SCHEME_CRYPT },
  { "SSHA", SCHEME_SHA },
  { "SSHA256", SCHEME_SHA },
  { "SSHA512", SCHEME_SHA },
  { "SHA", SCHEME_SHA },
  { "SHA256", SCHEME_SHA },
  { "SHA512", SCHEME_SHA },
  { "NT", SCHEME_NT },
  { "SCRAM-SHA-256", SCHEME_SCRAM_SHA_256 },
  { "SCRAM-SHA-1", SCHEME_SCRAM_SHA_1 },
  { "CLEARTEXT", SCHEME_PLAIN },
  { "ARGON2I", SCHEME_ARGON2 },
  { "BLF-CRYPT", SCHEME_CRYPT },
  { "SHA256-CRYPT", SCHEME_CRYPT },
  { "SHA512-CRYPT", SCHEME_CRYPT },
};

static password_scheme
scheme_of_tag (const char *name, size_t length) {
  for (size_t i = 0; i < G_N_ELEMENTS (tags); i++)
    if (strlen (tags[i].name) == length && g_ascii_strncasecmp (tags[i].name, name, length) == 0)
      return tags[i].scheme;
  return SCHEME_NONE;
}

static const char *
fault_of_crypt (const char *text) {
  switch (crypt_checksalt (text)) {
  case CRYPT_SALT_INVALID:
    return "is no crypt(3) hash";
  case CRYPT_SALT_METHOD_DISABLED:
    return "is a crypt(3) hash that this system does not know";
  default:
    return NULL;
  }
}

static const char *
fault_of_nt (const char *text) {
  if (strspn (text, "0123456789abcdefABCDEF") != 32 || text[32])
    return "is no NT hash: 32 hexadecimal digits are";
  return NULL;
}

const char *
password_read (const char *written, struct password *password) {
  password->whole = password->text = written;
  if (*written == '$') {
    password->scheme = g_str_has_prefix (written, "$argon2") ? SCHEME_ARGON2 : SCHEME_CRYPT;
  } else {
    const char *end = *written == '{' ? strchr (written, '}') : NULL;
    if (!end)
      return "has no scheme, as {PLAIN} or {ARGON2ID}";
    password->scheme = scheme_of_tag (written + 1, (size_t)(end - written) - 1);
    password->text = end + 1;
  }
  if (!*password->text)
    return "is empty";
  switch (password->scheme) {
  case SCHEME_NONE:
    return "has an unknown scheme";
  case SCHEME_PLAIN:
    return strlen (password->text) > PASSWORD_LIMIT ? "is longer than 512 octets" : NULL;
  case SCHEME_SHA:
    return hash_sha_fault (password);
  case SCHEME_NT:
    return fault_of_nt (password->text);
  case SCHEME_ARGON2:
    return hash_argon2_fault (password->text);
  case SCHEME_SCRAM_SHA_1:
  case SCHEME_SCRAM_SHA_256:
    return scram_fault (password->scheme, password->text);
  default:
    return fault_of_crypt (password->text);
  }
}

bool
password_is_slow (const struct password *password) {
  return password->scheme == SCHEME_ARGON2 || password->scheme == SCHEME_CRYPT
         || password_is_scram (password->scheme);
}

bool
password_is_scram (password_scheme scheme) {
  return scheme == SCHEME_SCRAM_SHA_1 || scheme == SCHEME_SCRAM_SHA_256;
}

bool
password_can (password_scheme scheme) {
#ifdef HAVE_ARGON2
  return scheme != SCHEME_NONE;
#else
  return scheme != SCHEME_NONE && scheme != SCHEME_ARGON2;
#endif
}

/* ---- Checking ---------------------------------------------------------------------------- */

/* Both sides are padded, so that not even the length shows in the time. */
static bool
matches_plain (const char *text, struct ptn_bytes guess) {
  unsigned char right[PASSWORD_LIMIT] = { 0 }, left[PASSWORD_LIMIT] = { 0 };
  const size_t length = strlen (text);
  memcpy (right, text, length);
  memcpy (left, guess.data, guess.size);
  const bool same = (CRYPTO_memcmp (right, left, sizeof left) == 0) & (length == guess.size);
  explicit_bzero (right, sizeof right);
  explicit_bzero (left, sizeof left);
  return same;
}

/* crypt_rn and not crypt_r, which AddressSanitizer takes over and can not find in a module. */
static bool
matches_crypt (const char *text, struct ptn_bytes guess) {
  char phrase[PASSWORD_LIMIT + 1];
  memcpy (phrase, guess.data, guess.size);
  phrase[guess.size] = '\0';

  struct crypt_data *data = g_new0 (struct crypt_data, 1); /* 32 KiB */
  const char *hashed = crypt_rn (phrase, text, data, sizeof *data);
  const size_t length = strlen (text);
  const bool same = hashed && *hashed != '*' && strlen (hashed) == length
                    && CRYPTO_memcmp (hashed, text, length) == 0;
  explicit_bzero (phrase, sizeof phrase);
  explicit_bzero (data, sizeof *data);
  g_free (data);
  return same;
}

bool
password_matches (const struct password *password, struct ptn_bytes guess) {
  /* crypt(3) stops at a NUL: "secret" NUL "anything" would be right. */
  if (guess.size == 0 || guess.size > PASSWORD_LIMIT || memchr (guess.data, '\0', guess.size))
    return false;
  switch (password->scheme) {
  case SCHEME_PLAIN:
    return matches_plain (password->text, guess);
  case SCHEME_SHA:
    return hash_sha_matches (password, guess);
  case SCHEME_ARGON2:
    return hash_argon2_matches (password->text, guess);
  case SCHEME_CRYPT:
    return matches_crypt (password->text, guess);
  case SCHEME_SCRAM_SHA_1:
  case SCHEME_SCRAM_SHA_256:
    return scram_matches (password->scheme, password->text, guess);
  default:
    return false;
  }
}

/* ---- Making ------------------------------------------------------------------------------ */

bool
password_nt (struct ptn_bytes password, unsigned char nt[16]) {
  glong units = 0;
  if (!g_utf8_validate (password.data, (gssize)password.size, NULL))
    return false;
  gunichar2 *wide = g_utf8_to_utf16 (password.data, (glong)password.size, NULL, &units, NULL);
  if (!wide)
    return false;
  for (glong i = 0; i < units; i++)
    wide[i] = GUINT16_TO_LE (wide[i]);
  md4 (wide, (size_t)units * 2, nt);
  explicit_bzero (wide, (size_t)units * 2);
  g_free (wide);
  return true;
}

char *
password_make_nt (struct ptn_bytes password) {
  unsigned char nt[16];
  if (!password_nt (password, nt))
    return NULL;
  GString *text = g_string_new ("{NT}");
  for (unsigned i = 0; i < sizeof nt; i++)
    g_string_append_printf (text, "%02x", nt[i]);
  explicit_bzero (nt, sizeof nt);
  return g_string_free (text, FALSE);
}

char *
password_make_sha256 (struct ptn_bytes password) {
  unsigned char digest[32];
  char text[BASE64_ENCODED_MAX (32)];
  if (EVP_Digest (password.data, password.size, digest, NULL, EVP_sha256 (), NULL) != 1)
    return NULL;
  base64_encode (digest, sizeof digest, text);
  return g_strconcat ("{SHA256}", text, NULL);
}

char *
password_make_scram (password_scheme scheme, struct ptn_bytes password, const char *like) {
  char *text = scram_make (scheme, password, like);
  char *made = NULL;
  if (text) {
    made = g_strconcat (scheme == SCHEME_SCRAM_SHA_1 ? "{SCRAM-SHA-1}" : "{SCRAM-SHA-256}", text,
                        NULL);
    explicit_bzero (text, strlen (text));
  }
  g_free (text);
  return made;
}

static char *
make_yescrypt (struct ptn_bytes password) {
  char setting[CRYPT_GENSALT_OUTPUT_SIZE], phrase[PASSWORD_LIMIT + 1];
  if (!crypt_gensalt_rn ("$y$", 0, NULL, 0, setting, sizeof setting))
    return NULL;
  memcpy (phrase, password.data, password.size);
  phrase[password.size] = '\0';
  struct crypt_data *data = g_new0 (struct crypt_data, 1);
  const char *hashed = crypt_rn (phrase, setting, data, sizeof *data);
  char *made = hashed && *hashed != '*' ? g_strconcat ("{CRYPT}", hashed, NULL) : NULL;
  explicit_bzero (phrase, sizeof phrase);
  explicit_bzero (data, sizeof *data);
  g_free (data);
  return made;
}

char *
password_make (const struct password_costs *costs, struct ptn_bytes password) {
  if (password.size == 0 || password.size > PASSWORD_LIMIT
      || memchr (password.data, '\0', password.size))
    return NULL;
  return costs->scheme == SCHEME_ARGON2 ? hash_argon2_make (costs, password)
                                        : make_yescrypt (password);
}
