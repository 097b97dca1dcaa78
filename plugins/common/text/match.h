/* SPDX-License-Identifier: Apache-2.0 */
/* match.h - are these strings parts of a text that comes in pieces?  Substrings under a comparator
 * (comparator.h), several at once, also across the borders of pieces.
 *
 * Text that is ASCII is compared where it lies, 32 octets at a time; only other text is folded.  The
 * memory is in proportion to the longest string.  A matcher belongs to who made it; no locks. */
#ifndef PLUGINS_COMMON_TEXT_MATCH_H
#define PLUGINS_COMMON_TEXT_MATCH_H

#include "common/text/comparator.h"

enum { MATCHER_STRINGS = 64, MATCHER_STRING_MAX = 16384 };

struct matcher;
/* COMPARATOR_ASCII_NUMERIC has no substrings: it is taken as i;octet. */
struct matcher *matcher_new (enum comparator);
void matcher_free (struct matcher **);
/* A string (UTF-8, copied), and its number, from 0.  -1: there are MATCHER_STRINGS already, or it is
 * longer than MATCHER_STRING_MAX when folded.  The empty string is part of every text, once that
 * has begun. */
int matcher_add (struct matcher *, const char *string, size_t size);

/* Forgets what was found. */
void matcher_reset (struct matcher *);
/* Another text begins: nothing spans the border. */
void matcher_border (struct matcher *);
/* The next piece of the text, divided anywhere.  False: all strings were found, no more is needed. */
bool matcher_feed (struct matcher *, const char *data, size_t size);
/* Those found so far, bit by number. */
guint64 matcher_found (const struct matcher *);
bool matcher_has (const struct matcher *, int number);

#endif
