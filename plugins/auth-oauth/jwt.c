/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.c - see jwt.h.  Keys and addresses of keys in the header ("jwk", "jku", "x5u", "x5c") are what
 * the bearer says, and not looked at. */
#include "jwt.h"

#include "base64url.h"
#include "json.h"

#include <string.h>

static size_t
split (struct ptn_bytes token, struct ptn_bytes parts[3]) {
  size_t count = 0;
  const char *at = token.data, *end = at + token.size;
  for (;;) {
    const char *dot = at < end ? memchr (at, '.', (size_t)(end - at)) : NULL;
    if (count < 3)
      parts[count] = (struct ptn_bytes){ at, (size_t)((dot ? dot : end) - at) };
    count++;
    if (!dot)
      return count;
    at = dot + 1;
  }
}

bool
jwt_is_one (struct ptn_bytes token) {
  struct ptn_bytes parts[3];
  /* {" is the beginning of every header that is written without spaces; with them, of most. */
  return token.size && split (token, parts) == 3 && parts[0].size > 3
         && (memcmp (parts[0].data, "eyJ", 3) == 0 || memcmp (parts[0].data, "eyA", 3) == 0
             || memcmp (parts[0].data, "ewo", 3) == 0 || memcmp (parts[0].data, "ew0", 3) == 0);
}

static json_t *
decode_object (struct ptn_bytes part) {
  size_t size;
  g_autofree unsigned char *text = base64url_decode (part.data, part.size, &size);
  return text ? json_of ((struct ptn_bytes){ text, size }) : NULL;
}

/* RFC 8725 section 3.11: tokens made for something else do not pass for access tokens. */
static bool
is_access_token (const json_t *header) {
  const json_t *type = json_object_get (header, "typ");
  const char *text = json_string_value (type);
  if (!type)
    return true;
  return text
         && (g_ascii_strcasecmp (text, "JWT") == 0 || g_ascii_strcasecmp (text, "at+jwt") == 0
             || g_ascii_strcasecmp (text, "application/at+jwt") == 0);
}

static const char *
read_header (struct jwt *jwt) {
  const json_t *kid = json_object_get (jwt->header, "kid");
  if (!json_text (jwt->header, "alg"))
    return "the token names no algorithm";
  if (json_object_get (jwt->header, "crit")) /* RFC 7515 section 4.1.11 */
    return "the token has critical extensions";
  if (kid && (!json_is_string (kid) || json_string_length (kid) > JWT_KID_LIMIT))
    return "the token's key id is malformed";
  if (!is_access_token (jwt->header))
    return "the token is not of the type of access tokens";
  jwt->kid = json_string_value (kid);
  jwt->algorithm = algorithm_named (json_text (jwt->header, "alg"));
  return NULL;
}

bool
jwt_parse (struct ptn_bytes token, struct jwt *jwt, const char **reason) {
  struct ptn_bytes parts[3];
  *jwt = (struct jwt){ NULL };
  *reason = "the token is malformed";
  if (!token.size || split (token, parts) != 3)
    return false;
  jwt->header = decode_object (parts[0]);
  jwt->claims = decode_object (parts[1]);
  jwt->signature = base64url_decode (parts[2].data, parts[2].size, &jwt->signature_size);
  if (jwt->header && jwt->claims && jwt->signature)
    *reason = read_header (jwt);
  if (*reason) {
    jwt_clear (jwt);
    return false;
  }
  jwt->text = (struct ptn_bytes){ token.data, parts[0].size + 1 + parts[1].size };
  return true;
}

void
jwt_clear (struct jwt *jwt) {
  json_decref (jwt->header);
  json_decref (jwt->claims);
  if (jwt->signature) /* without it the rest is no secret */
    explicit_bzero (jwt->signature, jwt->signature_size);
  g_free (jwt->signature);
  *jwt = (struct jwt){ NULL };
}

jwt_verdict
jwt_verify (const struct jwt *jwt, const struct keys *keys) {
  EVP_PKEY *found[KEYS_TRIED];
  const size_t count = keys_find (keys, jwt->kid, jwt->algorithm, found);
  const struct ptn_bytes signature = { jwt->signature, jwt->signature_size };
  for (size_t i = 0; i < count; i++)
    if (algorithm_verify (jwt->algorithm, found[i], jwt->text, signature))
      return JWT_SIGNED;
  /* Without a key id only a newer set can tell whether the issuer has changed its key. */
  return count && jwt->kid ? JWT_FORGED : JWT_UNKNOWN_KEY;
}
