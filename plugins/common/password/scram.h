/* SPDX-License-Identifier: Apache-2.0 */
/* scram.h - keys for SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) in the form of RFC 5803
 * without its scheme: iterations ":" salt "$" StoredKey ":" ServerKey.
 *
 * Passwords go through SASLprep (RFC 4013), which is what clients hash.  No state; any thread.  Deriving takes a millisecond or two: it belongs in a lane. */
#ifndef COMMON_PASSWORD_SCRAM_H
#define COMMON_PASSWORD_SCRAM_H

#include "password.h"

#define SCRAM_SALT 16 /* octets of a new salt */

/* scheme: SCHEME_SCRAM_SHA_1 or SCHEME_SCRAM_SHA_256, in all of them. */

/* A static text, or NULL. */
const char *scram_fault (password_scheme scheme, const char *text);
bool scram_matches (password_scheme scheme, const char *text, struct ptn_bytes guess);

/* As it stands behind the tag, to be g_free'd.  like: other keys of the same scheme, whose salt
 * and iterations are taken: a server tells a user one salt, so all keys of a user need the same.
 * NULL: a new salt.  Returns NULL if the system cannot do it. */
char *scram_make (password_scheme scheme, struct ptn_bytes password, const char *like);
#endif
