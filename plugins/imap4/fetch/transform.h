/* SPDX-License-Identifier: Apache-2.0 */
/* transform.h - octets of a section on their way to the client: the header fields that were asked
 * for, a decoded body.
 *
 * How many octets come out is known only behind the last one, and a literal begins with its size.  So
 * what does not stay small is transformed twice: once to count, once to send.  Both times octet by
 * octet as they pass by: memory is bounded.
 *
 * Belongs to who made it; one task. */
#ifndef IMAP4_FETCH_TRANSFORM_H
#define IMAP4_FETCH_TRANSFORM_H

#include "common/text/transfer.h"
#include "fetch/program.h"

#include <postern/stream.h>

struct transform {
  /* HEADER.FIELDS */
  GHashTable *fields; /* NULL: it is a decoder */
  bool except;
  bool in_line;     /* the start of the line was looked at */
  bool keeps, over; /* this field; the empty line has come */
  char held[256];   /* the start of a line */
  size_t held_size;
  /* BINARY */
  struct transfer_decoder decoder;
  /* The octets to come out: those of a partial fetch. */
  uint64_t skip, left;
};

/* fields is borrowed, NULL: decodes `encoding`.  skip, left: of what comes out; UINT64_MAX: all. */
void transform_begin (struct transform *, GHashTable *fields, bool except,
                      enum transfer_encoding encoding, uint64_t skip, uint64_t left);
/* The next octets; what comes out is appended. */
void transform_feed (struct transform *, const char *data, size_t size, GString *out);
void transform_end (struct transform *, GString *out);

/* A source that gives what comes out of another, which it takes over. */
struct ptn_source *transform_source_new (struct ptn_source *inner, const struct transform *);
/* A source that gives a chunk and then what comes out of another; takes both over. */
struct ptn_source *rest_source_new (struct ptn_chunk *first, struct ptn_source *inner);

/* A source that gives a copy of these octets. */
struct ptn_source *memory_source_new (const void *data, size_t size);

/* A chunk's octets in memory.  False: they cannot be read, the chunk is released. */
bool chunk_load (struct ptn_chunk *);
void chunk_release (struct ptn_chunk *);

#endif
