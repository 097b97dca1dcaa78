/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - from a Kerberos principal to the name that a directory knows, and what a client asks
 * for in the last message of RFC 4752.
 *
 * Everything here is plain text work, called from any thread; results are g_malloc'd. */
#ifndef AUTH_GSSAPI_NAMES_H
#define AUTH_GSSAPI_NAMES_H

#include <postern/base.h>
#include <stdbool.h>

#define PRINCIPAL_LIMIT 512 /* octets of a name, with its realm */

/* The user of a principal with one component: alice@EXAMPLE.TEST.  One with two (alice/admin,
 * WELLKNOWN/ANONYMOUS) is somebody else than alice, and a quoted character is none of a login:
 * both are refused.  The fault is static; NULL: *user and *realm are the caller's to g_free. */
const char *principal_split (const char *principal, char **user, char **realm);

/* Words of the setting `realms`: REALM, REALM=DOMAIN or REALM=@mail.domain.  NULL: it is one. */
const char *realm_fault (const char *word);

/* What the directories are asked for, by the first word of this realm: authcid is the user, or
 * user@mail.domain; domain is DOMAIN or "".  false: no word names the realm. */
bool realm_map (const char *const *words, const char *user, const char *realm, char **authcid,
                char **domain);

/* RFC 4752 section 3.1, the client's choice, unwrapped: one octet of security layers (ours: 1, none),
 * three with the size of its buffer, which is nothing without a layer, and an authorization
 * identity or nothing.  NULL: *authzid is the caller's, NULL if there was none. */
const char *layer_choice (struct ptn_bytes message, char **authzid);

/* Is this all that a token offers: NTLMSSP, bare or as the only mechanism within SPNEGO that we
 * could know?  For the log: looks for identifiers, and does not parse. */
bool token_is_ntlm (struct ptn_bytes token);

#endif
