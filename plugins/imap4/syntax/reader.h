/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h - a bounds-checked cursor over one command (RFC 9051 section 9, RFC 3501 section 9), with
 * its literals in their places: "{5}\r\nhello" stands in the text where it was sent.
 *
 * The struct belongs to the session, or to whoever parses; no locks.  Every function either takes
 * what it is named after, or fails: then `error` says, for people, what was wrong, and what the
 * reader stands at is of no more use.  Strings that are returned end with NUL, hold no other (a
 * literal8 may), and live until reader_clear, which overwrites them. */
#ifndef IMAP4_SYNTAX_READER_H
#define IMAP4_SYNTAX_READER_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>

struct reader_block;

struct reader {
  const char *data;
  size_t size, at;
  const char *error;           /* the first one; NULL: none */
  size_t kept;                 /* octets in `blocks` */
  struct reader_block *blocks; /* what was returned; wiped when it goes */
  bool utf8; /* UTF8=ACCEPT or IMAP4rev2 is enabled: quoted strings and mailbox names */
};

void reader_init (struct reader *, const char *data, size_t size, bool utf8);
void reader_clear (struct reader *);
/* Notes what was wrong, unless something was before.  Returns false: return reader_fail (r, "..."). */
bool reader_fail (struct reader *, const char *error);
/* A copy that lives as long as the strings. */
const char *reader_keep (struct reader *, const char *text, size_t size);

/* The next octet, or -1 at the end. */
int reader_peek (const struct reader *);
/* Takes this octet if it is the next; no failure if it is not. */
bool reader_accept (struct reader *, char);
/* Takes this word (any case) if it is next and a delimiter stands behind it; no failure. */
bool reader_accept_word (struct reader *, const char *word);
bool reader_expect (struct reader *, char);
bool reader_space (struct reader *); /* exactly one SP */
bool reader_end (struct reader *);   /* nothing more */

/* NULL: failed.  size may be NULL. */
const char *reader_tag (struct reader *);
const char *reader_atom (struct reader *);     /* 1*ATOM-CHAR */
const char *reader_language (struct reader *); /* a language range, RFC 4647 */
const char *reader_rest (struct reader *);     /* all that is left, without NUL */
const char *
reader_keyword (struct reader *); /* an atom, in capitals: a command, an item, an option */
const char *reader_string (struct reader *, size_t *size);  /* quoted or literal */
const char *reader_astring (struct reader *, size_t *size); /* string or 1*ASTRING-CHAR */
/* nil is set, and "" returned, for NIL. */
const char *reader_nstring (struct reader *, size_t *size, bool *nil);
/* A string, nstring (NIL: data NULL) or literal8, which may hold NUL. */
bool reader_value (struct reader *, struct ptn_bytes *);
bool reader_number (struct reader *, uint32_t *);
bool reader_nz_number (struct reader *, uint32_t *);
bool reader_number64 (struct reader *, uint64_t *); /* up to 2^63-1, as RFC 9051 and 7162 have it */
/* A mailbox name as the client knows it, in UTF-8: modified UTF-7 is decoded unless utf8, INBOX is in
 * capitals.  Refuses what path_canonical would. */
const char *reader_mailbox (struct reader *);
/* The same, of a mailbox that is to be made: a "/" at its end, which says that there will be others
 * below it (RFC 9051 section 6.3.4), is taken off. */
const char *reader_new_mailbox (struct reader *);
/* A LIST pattern: as a mailbox name, with * and %; may be empty. */
const char *reader_list_mailbox (struct reader *);
/* date: DQUOTE or not, "1-Feb-1994", as days since 1970-01-01. */
bool reader_date (struct reader *, int32_t *days);
/* date-time: seconds since 1970, with the zone taken off. */
bool reader_date_time (struct reader *, int64_t *seconds);

/* --- sequence sets (sequence.c) --- */

/* As written: "*" is 0, "$" has `saved` and no ranges. */
struct sequence_set {
  struct ptn_uid_range *ranges;
  size_t count;
  bool saved;
};
bool reader_sequence_set (struct reader *, struct sequence_set *); /* clear it in any case */
void sequence_set_clear (struct sequence_set *);
/* Ascending and apart, with "*" as `largest` (0: nothing is there; ranges with "*" are empty then).
 * Returns a GArray of struct ptn_uid_range, for g_array_unref. */
GArray *sequence_set_ranges (const struct sequence_set *, uint32_t largest);

#endif
