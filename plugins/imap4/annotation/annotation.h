/* SPDX-License-Identifier: Apache-2.0 */
/* annotation.h - annotations of messages (RFC 5257): how commands name them, how the store does.
 *
 * An entry such as "/comment" has a private and a shared value, which the store keeps as
 * "/private/comment" and "/shared/comment".  Entries have case.  Pure functions, no locks; strings
 * belong to the reader that gave them. */
#ifndef IMAP4_ANNOTATION_ANNOTATION_H
#define IMAP4_ANNOTATION_ANNOTATION_H

#include "syntax/reader.h"
#include "syntax/writer.h"

enum {
  ANNOTATION_VALUE_MAX = 64 * 1024, /* octets; the store takes no more: [ANNOTATE TOOBIG] */
  ANNOTATION_ENTRY_MAX = 248        /* octets of an entry's name; with its prefix 256 */
};

enum { /* attributes (section 3.2.2) */
       ANNOTATION_VALUE_PRIVATE = 1 << 0,
       ANNOTATION_VALUE_SHARED = 1 << 1,
       ANNOTATION_SIZE_PRIVATE = 1 << 2,
       ANNOTATION_SIZE_SHARED = 1 << 3,
       ANNOTATION_VALUES = ANNOTATION_VALUE_PRIVATE | ANNOTATION_VALUE_SHARED
};

/* --- as FETCH, SEARCH, SORT, STORE and APPEND write them --- */

/* What FETCH asks for: entries, maybe with * and %, and attributes in the order they were named. */
struct annotation_query {
  GPtrArray *patterns; /* const char *, the reader's */
  unsigned char attributes[4];
  unsigned char count;
};
/* "(" entries SP attribs ")", behind "ANNOTATION" SP.  Clear it in any case. */
bool annotation_read_query (struct reader *, struct annotation_query *);
void annotation_query_clear (struct annotation_query *);
/* entry-match SP att-search, behind "ANNOTATION" SP in SEARCH: *attributes is some of
 * ANNOTATION_VALUES. */
bool annotation_read_search (struct reader *, const char **pattern, unsigned *attributes);
/* entry SP att-sort, behind "ANNOTATION" SP in SORT: the name of the one value in the store. */
bool annotation_read_sort (struct reader *, const char **name);

/* What STORE or APPEND sets. */
struct annotation_setting {
  const char *name;       /* in the store */
  struct ptn_bytes value; /* data NULL: removed */
};
/* "(" entry-att *(SP entry-att) ")", behind "ANNOTATION" SP: struct annotation_setting, g_array_unref;
 * NULL: the reader says why.  A value may be longer than ANNOTATION_VALUE_MAX: answer
 * NO [ANNOTATE TOOBIG] then. */
GArray *annotation_read_settings (struct reader *);
/* One of them is longer than it may be. */
bool annotation_too_big (const GArray *settings);

/* --- as the store has them --- */

/* The entry of a name in the store: it points into it; NULL: that is no annotation of IMAP's. */
const char *annotation_entry (const char *name, bool *private_);
/* Does a pattern of entries match? */
bool annotation_matches (const char *pattern, const char *entry);

/* The annotations of one message, gathered from the store's rows. */
struct annotation_value {
  char *entry;
  GBytes *private_, *shared; /* NULL: none */
};
GArray *annotation_values_new (void); /* of struct annotation_value; g_array_unref */
/* One row, in any order; rows that are not IMAP's are passed over. */
void annotation_values_add (GArray *values, const char *name, struct ptn_bytes);
/* "(/comment (value.priv ...) ...)", what FETCH shows behind "ANNOTATION ".  Entries that were asked
 * for by name are there whether or not they have values.  False: there is nothing to show, and
 * nothing was written (the syntax of RFC 5257 has no empty list). */
bool annotation_put (struct writer *, const struct annotation_query *, const GArray *values,
                     bool utf8);

#endif
