/* SPDX-License-Identifier: Apache-2.0 */
/* response.h - what a client of CRAM-MD5 answers (RFC 2195 section 2), without directories or
 * waiting.  Any thread. */
#ifndef AUTH_CRAM_RESPONSE_H
#define AUTH_CRAM_RESPONSE_H

#include <stdbool.h>

#include <postern/base.h>

enum { CRAM_DIGEST = 16 };

/* user SP digest, as 32 lower-case hexadecimal digits.  *user is to be g_free'd, and after SASLprep;
 * false: malformed. */
bool cram_response_parse (struct ptn_bytes response, char **user,
                          unsigned char digest[CRAM_DIGEST]);
/* Is it the digest of this secret over our challenge?  Equal time. */
bool cram_response_matches (const unsigned char digest[CRAM_DIGEST], const char *challenge,
                            struct ptn_bytes secret);

#endif
