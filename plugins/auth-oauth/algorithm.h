/* SPDX-License-Identifier: Apache-2.0 */
/* algorithm.h - the signature algorithms of RFC 7518 and RFC 8037 that a token may be signed with,
 * and the check itself, which is OpenSSL's.  There is no "none" and no HMAC: a public key would be
 * the secret of it.
 *
 * Any thread; all is constant. */
#ifndef OAUTH_ALGORITHM_H
#define OAUTH_ALGORITHM_H

#include <openssl/evp.h>
#include <postern/base.h>
#include <stdbool.h>

#define ALGORITHM_NAMES "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA"

typedef enum { KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 } key_kind;

struct algorithm {
  const char *name;
  key_kind kind;      /* the one kind of key that it goes with */
  const char *digest; /* OpenSSL's name; NULL: its own */
  bool pss;
  unsigned coordinate; /* octets of r and of s; 0: not ECDSA */
  bool slow;           /* a check takes a millisecond */
};

/* NULL: not one of ours.  Names are compared as they stand. */
const struct algorithm *algorithm_named (const char *name);

/* Is this the signature?  The key must be of the algorithm's kind. */
bool algorithm_verify (const struct algorithm *, EVP_PKEY *key, struct ptn_bytes text,
                       struct ptn_bytes signature);

#endif
