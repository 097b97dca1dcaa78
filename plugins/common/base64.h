/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - base64 as SASL needs it: RFC 4648 section 4, strict (padding required, no white
 * space, no stray bits), because a lenient decoder lets one secret have many spellings.
 *
 * The caller owns all memory.  Any thread. */
#ifndef PLUGINS_COMMON_BASE64_H
#define PLUGINS_COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Octets that base64_decode may write for `length` characters. */
#define BASE64_DECODED_MAX(length) ((length) / 4 * 3)
/* Characters that base64_encode writes for `size` octets, and a NUL. */
#define BASE64_ENCODED_MAX(size) (((size) + 2) / 3 * 4 + 1)

/* false: not base64; nothing of `out` may be used.  out may be the same memory as text. */
bool base64_decode (const char *text, size_t length, unsigned char *out, size_t *size);

/* Writes a NUL-terminated string; returns its length. */
size_t base64_encode (const void *data, size_t size, char *out);

#endif
