/* SPDX-License-Identifier: Apache-2.0 */
/* hashes.h - two hash formats that password.c reads itself: salted SHA and Argon2.
 * `text` is what stands behind the tag; a _fault is a static text, or NULL.
 *
 * No state; any thread.  Guesses are not longer than PASSWORD_LIMIT. */
#ifndef PLUGINS_COMMON_HASHES_H
#define PLUGINS_COMMON_HASHES_H

#include "password.h"

/* {SSHA} and its sisters (RFC 2307 and its salted form): digest, then salt, in base64. */
const char *hash_sha_fault (const struct password *);
bool hash_sha_matches (const struct password *, struct ptn_bytes guess);

/* The encoded form of libargon2. */
const char *hash_argon2_fault (const char *text);
bool hash_argon2_matches (const char *text, struct ptn_bytes guess);
char *hash_argon2_make (const struct password_costs *, struct ptn_bytes password);

#endif
