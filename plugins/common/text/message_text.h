/* SPDX-License-Identifier: Apache-2.0 */
/* message_text.h - what a search sees of a mail: its header fields decoded (words.h), and the text of
 * its parts, transfer encoding and charset decoded, as UTF-8.
 *
 * Markup stays: the text of text/html is its source (RFC 9051 section 6.4.4 speaks of the decoded
 * text of the parts, not of how a client shows it).  Parts that are no text have only their header;
 * what stands before and after the parts of a multipart is nobody's text.
 *
 * An object serves one mail after the other, and belongs to one task.  Memory: some hundred
 * kilobytes at most, whatever the mail is. */
#ifndef PLUGINS_COMMON_TEXT_MESSAGE_TEXT_H
#define PLUGINS_COMMON_TEXT_MESSAGE_TEXT_H

#include "common/mime/digest.h"

#include <glib.h>
#include <stdbool.h>
#include <postern/stream.h>

enum {
  MESSAGE_TEXT_HEADER = 1 << 0,   /* a field of the mail's own header */
  MESSAGE_TEXT_ENCLOSED = 1 << 1, /* a field of the header of a mail within (message/rfc822) */
  MESSAGE_TEXT_MIME = 1 << 2,     /* a field of the header of a part */
  MESSAGE_TEXT_BODY = 1 << 3,     /* a part of type text */

  /* What SEARCH BODY and SEARCH TEXT look at.  Fields of the mail's own header and of parts are not
   * its body, the header of a mail within is. */
  MESSAGE_TEXT_OF_BODY = MESSAGE_TEXT_BODY | MESSAGE_TEXT_ENCLOSED,
  MESSAGE_TEXT_ALL = (1 << 4) - 1
};

/* One text: a field or the body of a part.  Borrowed for the call. */
struct message_text_item {
  unsigned kind;    /* one MESSAGE_TEXT_ bit */
  uint32_t part;    /* number in the digest */
  const char *name; /* of the field, as it stands, without the colon; NULL: a body */
  size_t name_size;
  const struct mime_part *mime; /* the part whose body it is; NULL: a field */
};

struct message_text_sink {
  /* Another text begins.  False: it is not wanted, neither put nor end are called for it. */
  bool (*begin) (void *user, const struct message_text_item *);
  /* Some of it, UTF-8, divided between characters.  A field's value begins behind the colon (mostly
   * with a blank) and has no line ends.  False: enough of this mail. */
  bool (*put) (void *user, const char *text, size_t size);
  void (*end) (void *user);
  void *user;
};

struct message_text;
/* wanted: MESSAGE_TEXT_ bits; the sink is copied. */
struct message_text *message_text_new (unsigned wanted, const struct message_text_sink *);
void message_text_free (struct message_text **);
void message_text_want (struct message_text *, unsigned wanted);

/* Begins a mail; the digest (with MIME_PARTS) stays the caller's until the mail is done.
 * *offset, *size: the octets of the mail to be read; size 0: none. */
void message_text_begin (struct message_text *, const struct mime_digest *, uint64_t *offset,
                         uint64_t *size);
/* The next octets, from *offset of begin on, in pieces of any size.  PTN_OK: more; PTN_END: enough,
 * or the mail is done (the last text has ended); PTN_E_CORRUPT: the digest is not right. */
ptn_status message_text_feed (struct message_text *, const void *data, size_t size);
/* How many octets of what comes next can be left out (feed then goes on behind them). */
uint64_t message_text_idle (const struct message_text *);
void message_text_skip (struct message_text *, uint64_t count);

/* Feeds from a source that begins at *offset of begin and is skipped where its octets are not
 * wanted.  About `budget` octets are read, then it is PTN_OK; PTN_END: the mail is done;
 * PTN_PENDING; or the error of the source. */
ptn_status message_text_read (struct message_text *, struct ptn_source *, struct ptn_task *,
                              size_t budget);

#endif
