/* SPDX-License-Identifier: Apache-2.0 */
/* document.h - the text of one message as the index keeps it.
 *
 * A document is a list of segments: a header field ("name:value"), or the text of a part; all
 * folded, UTF-8.  It is built in memory, flattened to octets that the database keeps, and looked
 * at there.  One owner, one thread at a time; no locks. */
#ifndef SEARCH_FTS_DOCUMENT_H
#define SEARCH_FTS_DOCUMENT_H

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>

enum segment_kind {
  SEGMENT_HEADER,      /* a field of the message's own header */
  SEGMENT_ENCLOSED,    /* of the header of a mail within */
  SEGMENT_PART_HEADER, /* of the header of a part */
  SEGMENT_BODY         /* the text of a part */
};

struct document {
  GArray *segments; /* struct segment */
  GString *text;    /* all segments, each ended by a line feed */
  size_t limit;
  bool too_large; /* there was more than `limit` octets: what is here is not all */
};

struct document *document_new (size_t limit);
void document_free (struct document **);
/* Begins a segment.  name: of a header field, folded; it and a colon go
 * before the value, which mostly begins with a blank. */
void document_begin (struct document *, enum segment_kind, const char *name, size_t name_size);
/* More text of the segment; false: it is too large, no more is wanted. */
bool document_add (struct document *, const char *text, size_t size);
/* Ends what document_begin began. */
void document_end (struct document *);
/* How much memory it takes, about. */
size_t document_size (const struct document *);

/* As octets.  `text` stands at the end of them. */
GByteArray *document_flatten (const struct document *);

/* A flattened document, borrowed. */
struct flat {
  const unsigned char *segments;
  uint32_t count;
  struct ptn_bytes text;
};
/* False: the octets are none. */
bool flat_open (struct flat *, const void *data, size_t size);
/* Is the needle in one of the segments that the term means? */
bool flat_has (const struct flat *, const struct ptn_search_term *);

#endif
