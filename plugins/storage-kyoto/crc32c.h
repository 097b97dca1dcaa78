/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crc32c.h - the checksum of everything the store writes (Castagnoli polynomial, RFC 3720
 * appendix B.4).  Pure functions, any thread. */
#ifndef STORAGE_KYOTO_CRC32C_H
#define STORAGE_KYOTO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 at first) over more octets. */
uint32_t crc32c (uint32_t crc, const void *data, size_t size);
/* The same without the processor's help; for machines without it, and for tests. */
uint32_t crc32c_portable (uint32_t crc, const void *data, size_t size);

#endif
