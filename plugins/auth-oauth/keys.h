/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - the public keys of an issuer: a JWK set (RFC 7517 section 5).
 *
 * Counted and unchangeable.  Any thread. */
#ifndef OAUTH_KEYS_H
#define OAUTH_KEYS_H

#include "algorithm.h"

#include <glib.h>

#define KEYS_TEXT_LIMIT (256 * 1024) /* octets of a set */
#define KEYS_LIMIT 64                /* keys of a set that are looked at */
#define KEYS_TRIED 4                 /* keys that fit one token */

struct keys;
typedef struct keys keys_auto;

/* Keys of other kinds and uses are left out, and those that are malformed or too weak (RSA below
 * 2048 bits); NULL when nothing is left, and *error (static) says why. */
struct keys *keys_parse (struct ptn_bytes text, const char **error);
struct keys *keys_ref (struct keys *);
void keys_unref (struct keys *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (keys_auto, keys_unref)
size_t keys_count (const struct keys *);

/* Those that a token of this algorithm may be signed with: of the kid if it names one (NULL: it
 * names none).  Borrowed. */
size_t keys_find (const struct keys *, const char *kid, const struct algorithm *,
                  EVP_PKEY *found[KEYS_TRIED]);

#endif
