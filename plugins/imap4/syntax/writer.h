/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - the octets of answers, before they go to the stream: grows as needed, and writes
 * strings the one way in which any client reads them (RFC 9051 section 9).
 *
 * The struct belongs to the session, zeroed at first; no locks.  Its memory is given back while the
 * session waits. */
#ifndef IMAP4_SYNTAX_WRITER_H
#define IMAP4_SYNTAX_WRITER_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

struct writer {
  char *data;
  size_t size, room;
};

void writer_grow (struct writer *, size_t more);
void writer_clear (struct writer *);

/* Room for `more` octets at the returned place; add to size what was used. */
static inline char *
writer_room (struct writer *w, size_t more) {
  if (G_UNLIKELY (w->room - w->size < more))
    writer_grow (w, more);
  return w->data + w->size;
}

static inline void
put (struct writer *w, const void *data, size_t size) {
  memcpy (writer_room (w, size), data, size);
  w->size += size;
}

static inline void
put_char (struct writer *w, char c) {
  *writer_room (w, 1) = c;
  w->size++;
}

/* A string literal of C. */
#define PUT(w, literal) put ((w), "" literal, sizeof (literal) - 1)

void put_text (struct writer *, const char *text);
void put_format (struct writer *, const char *format, ...) G_GNUC_PRINTF (2, 3);
void put_number (struct writer *, uint64_t number);
/* A string: quoted if that is possible, else a literal.  8-bit octets are quoted only if utf8 and
 * they are UTF-8.  NUL, which no string may hold, is left
 * out. */
void put_string (struct writer *, const char *text, size_t size, bool utf8);
/* As an atom, if it is one, else as a string. */
void put_astring (struct writer *, const char *text, size_t size, bool utf8);
/* A mailbox name that is UTF-8: in modified UTF-7 unless utf8. */
void put_mailbox (struct writer *, const char *name, bool utf8);
/* The same, never as an atom: where the syntax has a string. */
void put_mailbox_string (struct writer *, const char *name, bool utf8);
/* "1:4,7"; nothing for an empty set. */
void put_uid_set (struct writer *, struct ptn_uid_set);
/* An object id (RFC 8474 section 4.1), without parentheses. */
void put_id (struct writer *, char prefix, const struct ptn_id *);
/* date-time with its quotes, in UTC. */
void put_date_time (struct writer *, int64_t seconds);

#endif
