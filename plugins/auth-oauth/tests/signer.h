/* SPDX-License-Identifier: Apache-2.0 */
/* signer.h - an issuer for tests: makes keys, sets of them, and tokens, right ones and wrong ones.
 *
 * What is returned is the caller's (g_free).  Mistakes abort. */
#ifndef OAUTH_TESTS_SIGNER_H
#define OAUTH_TESTS_SIGNER_H

#include <glib.h>
#include <openssl/evp.h>
#include <stdbool.h>

typedef struct evp_pkey_st signer_key;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (signer_key, EVP_PKEY_free)

/* For a signature algorithm by name; RSA has `bits`. */
signer_key *signer_key_new (const char *algorithm, unsigned bits);
/* {"kty":...}; kid, algorithm and use NULL: without. */
char *signer_jwk (signer_key *, const char *kid, const char *algorithm, const char *use);
/* {"keys":[...]} of the texts, NULL ends. */
char *signer_set (const char *first, ...) G_GNUC_NULL_TERMINATED;
char *signer_base64url (const void *data, size_t size);
/* header and claims as they stand, signed by `algorithm`. */
char *signer_token (const char *header, const char *claims, signer_key *, const char *algorithm);
/* With the header {"alg":...,"kid":...}. */
char *signer_sign (const char *claims, signer_key *, const char *algorithm, const char *kid);
/* HMAC-SHA256 under any octets: what a library that believes the header would accept. */
char *signer_hmac (const char *header, const char *claims, const void *secret, size_t size);

#endif
