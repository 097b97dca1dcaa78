/* SPDX-License-Identifier: Apache-2.0 */
/* utf7.h - mailbox names in modified UTF-7 (RFC 3501 section 5.1.3).  Pure functions; what they
 * return belongs to the caller (g_free). */
#ifndef IMAP4_SYNTAX_UTF7_H
#define IMAP4_SYNTAX_UTF7_H

#include <stddef.h>

/* UTF-8; NULL: 8-bit octets, a shift without its end, printable ASCII inside one, lone surrogates,
 * superfluous bits or shifts, NUL. */
char *utf7_decode (const char *text, size_t size);
/* utf8 must be valid. */
char *utf7_encode (const char *utf8);

#endif
