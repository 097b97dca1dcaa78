/* SPDX-License-Identifier: Apache-2.0 */
/* program_private.h - for program.c and keys.c alone. */
#ifndef IMAP4_SEARCH_PROGRAM_PRIVATE_H
#define IMAP4_SEARCH_PROGRAM_PRIVATE_H

#include "search/program.h"

struct parse {
  struct program *program;
  struct reader *r;
  const char *charset; /* "": none was named */
  unsigned depth;
};

/* NULL: the reader says why. */
struct key *key_add (struct parse *, enum key_kind);
/* The same for one that is bound to ranges of the mailbox: there may be few of them. */
struct key *program_set_add (struct parse *, enum key_kind);
struct key *parse_key (struct parse *);
/* A key that begins with a word. */
struct key *parse_word (struct parse *);
/* An astring as UTF-8. */
const char *parse_text (struct parse *, size_t *size);

#endif
