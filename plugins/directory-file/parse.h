/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h - reads the accounts file (README.md, "The accounts file").
 *
 * Any thread; nothing is shared between two readings. */
#ifndef DIRECTORY_FILE_PARSE_H
#define DIRECTORY_FILE_PARSE_H

#include "accounts.h"

#define ACCOUNTS_FILE_LIMIT (256u * 1024u * 1024u)
#define ACCOUNTS_LINE_LIMIT (64u * 1024u)
#define ACCOUNTS_ERROR_LIMIT 100 /* mistakes told of one reading */

struct parse_error {
  unsigned line; /* 0: of the whole file */
  char *text;
};
void parse_error_free (struct parse_error *);

/* A new array for accounts_parse. */
GPtrArray *parse_errors_new (void);

/* `text` was g_malloc'd with a NUL behind its `size` octets, and is taken over, in success and
 * failure.  NULL: there are mistakes, all of them in `errors`. */
struct accounts *accounts_parse (struct rules *rules, char *text, size_t size, GPtrArray *errors);

#endif
