/* SPDX-License-Identifier: Apache-2.0 */
/* preview.h - the first words of a mail, for lists (RFC 8970): from its first text/plain that is no
 * attachment, else its first text/html.  Quoted lines and signatures are left out where something
 * else stays, blanks are collapsed.  Pure functions. */
#ifndef PLUGINS_COMMON_TEXT_PREVIEW_H
#define PLUGINS_COMMON_TEXT_PREVIEW_H

#include "common/mime/digest.h"

#include <glib.h>
#include <stdbool.h>

enum {
  PREVIEW_CHARACTERS = 200, /* RFC 8970 section 3.1: 200 should be, 256 is the most */
  PREVIEW_OCTETS = PREVIEW_CHARACTERS * 4,
  PREVIEW_INPUT = 64 * 1024 /* octets of the part that are looked at */
};

/* Which octets of the mail are needed.  False: there is no text, the preview is empty. */
bool preview_range (const struct mime_digest *, uint64_t *offset, uint64_t *size);
/* The preview, appended, from the octets of that range, or the first of them. */
void preview_make (const struct mime_digest *, const void *data, size_t size, GString *out);

#endif
