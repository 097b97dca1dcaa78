/* SPDX-License-Identifier: Apache-2.0 */
/* base64url.h - base64url without padding (RFC 7515 section 2), strict.  Any thread. */
#ifndef OAUTH_BASE64URL_H
#define OAUTH_BASE64URL_H

#include <stddef.h>

/* g_malloc'd, with a NUL behind; NULL: it is none. */
unsigned char *base64url_decode (const char *text, size_t length, size_t *size);

#endif
