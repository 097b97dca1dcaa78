/* SPDX-License-Identifier: Apache-2.0 */
/* comparator.h - collations (RFC 4790, RFC 5051): what is equal, what stands first, what is part of
 * what.
 *
 * Each of them folds a text to octets that are then compared as they are (i;ascii-numeric has numbers
 * instead).  Texts are UTF-8; octets that are not stay as they are.  Pure functions. */
#ifndef PLUGINS_COMMON_TEXT_COMPARATOR_H
#define PLUGINS_COMMON_TEXT_COMPARATOR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

enum comparator {
  COMPARATOR_OCTET = 0,
  COMPARATOR_ASCII_CASEMAP,   /* folds to upper case, RFC 4790 section 9.2.1 */
  COMPARATOR_UNICODE_CASEMAP, /* RFC 5051; what searches use if nobody chose */
  COMPARATOR_ASCII_NUMERIC,   /* equality and order, no substrings */
  COMPARATORS
};

const char *comparator_name (enum comparator);
/* In any case of letters; "default" is COMPARATOR_UNICODE_CASEMAP.  False: not one of ours. */
bool comparator_find (const char *name, enum comparator *);

/* The most octets that `size` octets fold to. */
#define FOLD_ROOM(size) ((size)*33 + 8)

/* Appends the folded text.  Text that is divided anywhere but inside a character folds to the same
 * octets in pieces. */
void comparator_fold (enum comparator, const char *text, size_t size, GString *out);
/* The same; returns a new string (g_free), its length in *folded_size if that is not NULL. */
char *comparator_folded (enum comparator, const char *text, size_t size, size_t *folded_size);
/* <0, 0, >0.  i;ascii-numeric: text without a number stands last, and equals all such. */
int comparator_order (enum comparator, const char *a, size_t a_size, const char *b, size_t b_size);
bool comparator_contains (enum comparator, const char *text, size_t size, const char *part,
                          size_t part_size);

/* The folding of i;unicode-casemap for others of this folder: one character of UTF-8 at `at`, which
 * is malformed if `length` is less than 1.  Returns octets that live for ever, or `at`. */
const char *fold_character (const char *at, int length, unsigned character, size_t *folded_size);

#endif
