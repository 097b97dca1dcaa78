/* SPDX-License-Identifier: Apache-2.0 */
/* md4.h - MD4 (RFC 1320), for NT hashes and NTLM only: OpenSSL has put it away.
 *
 * No state; any thread. */
#ifndef PLUGINS_COMMON_MD4_H
#define PLUGINS_COMMON_MD4_H

#include <stddef.h>

void md4 (const void *data, size_t size, unsigned char digest[16]);

#endif
