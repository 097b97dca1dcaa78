/* SPDX-License-Identifier: Apache-2.0 */
/* jwt.h - a signed token in its compact form (RFC 7515 section 7.1, RFC 7519), taken apart.  Nothing
 * in it is believed before jwt_verify.
 *
 * The caller owns struct and token.  Any thread. */
#ifndef OAUTH_JWT_H
#define OAUTH_JWT_H

#include "keys.h"

#include <jansson.h>

#define JWT_KID_LIMIT 512

struct jwt { /* cleared with jwt_clear */
  json_t *header, *claims;
  const char *kid;                   /* leads into the header; NULL: none */
  const struct algorithm *algorithm; /* NULL: none that public keys can verify ("none", HMAC) */
  struct ptn_bytes text;             /* what is signed; leads into the token */
  unsigned char *signature;
  size_t signature_size;
};

/* Is it of the form of one?  Other tokens are opaque: only the issuer can tell what they are. */
bool jwt_is_one (struct ptn_bytes token);
/* false: malformed, or not what a client shows to a mail server; *reason (static) says why. */
bool jwt_parse (struct ptn_bytes token, struct jwt *, const char **reason);
void jwt_clear (struct jwt *);

typedef enum { JWT_SIGNED, JWT_FORGED, JWT_UNKNOWN_KEY } jwt_verdict;
/* At most KEYS_TRIED signatures are checked; there must be an algorithm. */
jwt_verdict jwt_verify (const struct jwt *, const struct keys *);

#endif
