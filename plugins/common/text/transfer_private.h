/* SPDX-License-Identifier: Apache-2.0 */
/* transfer_private.h - quoted-printable, for transfer.c alone. */
#ifndef PLUGINS_COMMON_TEXT_TRANSFER_PRIVATE_H
#define PLUGINS_COMMON_TEXT_TRANSFER_PRIVATE_H

#include "common/text/transfer.h"

size_t quoted_printable_piece (struct transfer_decoder *, const unsigned char *at, size_t size,
                               unsigned char *out);
size_t quoted_printable_end (struct transfer_decoder *, unsigned char *out);

#endif
