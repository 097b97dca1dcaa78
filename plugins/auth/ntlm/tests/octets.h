/* SPDX-License-Identifier: Apache-2.0 */
/* octets.h - messages for the tests, put together by hand.
 *
 * All results are the caller's (g_byte_array_unref). */
#ifndef AUTH_NTLM_TESTS_OCTETS_H
#define AUTH_NTLM_TESTS_OCTETS_H

#include "auth/ntlm/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glib.h>
#include <string.h>

GByteArray *octets_from_hex (const char *hex); /* blanks are skipped */
struct ptn_bytes octets_bytes (const GByteArray *);

/* An AUTHENTICATE_MESSAGE: header is 52, 64, 72 or 88; the fields are LM, NT, domain, user,
 * workstation, key (not with 52), in the order of the header; NULL is empty. */
GByteArray *octets_authenticate (size_t header, guint32 flags, GByteArray *const fields[6]);
/* The same; unrefs the fields. */
GByteArray *octets_authenticate_of (size_t header, guint32 flags, GByteArray *fields[6]);

#endif
