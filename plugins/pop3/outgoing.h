/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing.h - a message on its way out: dots stuffed (RFC 1939 section 3), cut for TOP, ended
 * with CRLF and the final dot.
 *
 * A dot is stuffed behind every LF, not only behind CRLF: a client that takes a bare LF for a
 * line end must never see an early end of the message.  One that goes strictly by CRLF sees an
 * additional dot there, in mail that no such client could have sent. */
#ifndef POP3_OUTGOING_H
#define POP3_OUTGOING_H

#include <postern/postern.h>

#include <stdbool.h>

/* Where in the message we are: zeroed at its start, but `line_start` true. */
struct stuffer {
  bool line_start; /* an LF, or nothing, came last */
  uint8_t tail;    /* 2: CRLF came last; 1: CR */
};

/* The first octet of data[0..size) that needs a dot before it, or size. */
size_t stuffer_find (const struct stuffer *, const char *data, size_t size);
/* These octets were passed over. */
void stuffer_advance (struct stuffer *, const char *data, size_t size);
/* What ends an answer: a CRLF if the message has none, and the dot. */
const char *stuffer_end (const struct stuffer *, size_t *size);

/* TOP: how far the header and n lines of body reach. */
struct top {
  uint64_t lines; /* still to come; UINT64_MAX: all, no cut (RETR) */
  bool in_body;
  bool blank; /* the line so far is empty, but perhaps for a CR */
};
void top_start (struct top *, uint64_t lines);
/* Octets of data that belong to the answer; *cut: the answer ends there. */
size_t top_take (struct top *, const char *data, size_t size, bool *cut);

/* Makes octets in a file readable: reads them into memory of the chunk's own.  false: they
 * could not be read; the chunk is released. */
bool chunk_load (struct ptn_chunk *);
void chunk_release (struct ptn_chunk *);

/* The answer as a source.  Takes over `inner` and the chunk that was read of it already.
 * expected: octets that the message must have in all; UINT64_MAX: with TOP. */
struct ptn_source *outgoing_new (struct ptn_source *inner, const struct ptn_chunk *first,
                                 uint64_t expected, uint64_t lines);

#endif
