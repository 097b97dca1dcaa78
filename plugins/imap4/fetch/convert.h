/* SPDX-License-Identifier: Apache-2.0 */
/* convert.h - CONVERT (RFC 5259): texts in another charset, HTML as plain text, header fields in another
 * charset.  It runs as a FETCH does (fetch.h) whose items are of the kinds ITEM_CONVERT_*.
 *
 * Belongs to the command. */
#ifndef IMAP4_FETCH_CONVERT_H
#define IMAP4_FETCH_CONVERT_H

#include "fetch/fetch.h"

enum { CONVERT_MAX = 4 * 1024 * 1024 }; /* octets of a part; a greater one is not converted */

struct conversion {    /* what the command asks for */
  const char *target;  /* "text/plain"; NULL: the server chooses */
  const char *charset; /* NULL: not given, UTF-8 */
  const char *unknown; /* the first parameter that is not known; NULL: none */
  const char *unknown_value;
  unsigned done, failed; /* items */
};

/* Of one text part, decoded: appended to `out`.  False: it cannot be written in the charset.  html,
 * plain: what it is, and what it is to become. */
bool convert_text (const char *data, size_t size, struct ptn_bytes source_charset, bool html,
                   bool plain, const char *charset, GString *out);
/* Of header fields: encoded words, as far as the charset has their characters (RFC 2047). */
void convert_header (const char *data, size_t size, const char *charset, GString *out);

/* One item of the message in progress. */
ptn_status fetch_convert (struct session *, struct fetch *, const struct item *, bool *others);

#endif
