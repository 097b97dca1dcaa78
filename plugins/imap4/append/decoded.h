/* SPDX-License-Identifier: Apache-2.0 */
/* decoded.h - a part of a mail without its transfer encoding, as a source (RFC 5524: BINARY). */
#ifndef IMAP4_APPEND_DECODED_H
#define IMAP4_APPEND_DECODED_H

#include "common/text/transfer.h"

#include <postern/postern.h>

/* Takes `inner` over, of `size` octets; gives what it decodes to.  Its length is not known. */
struct ptn_source *decoded_new (const struct ptn_host *, struct ptn_source *inner, uint64_t size,
                                enum transfer_encoding);
/* Once it has ended: what was wrong with the encoding. */
bool decoded_malformed (const struct ptn_source *);

/* "1.2" in a BODYSTRUCTURE: the structure of that part, a piece of the text; size 0: there is none. */
struct ptn_bytes structure_of_part (struct ptn_bytes structure, const uint32_t *path, size_t depth);

#endif
