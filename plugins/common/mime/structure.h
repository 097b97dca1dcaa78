/* SPDX-License-Identifier: Apache-2.0 */
/* structure.h - the MIME structure of a mail, computed as its octets pass by: what IMAP says of it
 * with ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 section 7.5.2), and where its parts lie.
 *
 * The result is a digest (digest.h), which goes into struct ptn_description at arrival, or to
 * store->remember when it had to be computed late.
 *
 * A builder belongs to whoever reads the mail; no locks; any thread, one at a time.  Nothing that a
 * mail says makes it fail: the limits below cut what is kept, and offsets and sizes stay exact.
 * It never takes more than some megabytes, and time in proportion to the octets.
 *
 * How a mail is read.  A line ends with LF; a CR before it belongs to the end.  A header ends with
 * the first empty line, whatever stands before it.  A delimiter is a whole line (RFC 2046 section
 * 5.1.1): "--", the boundary, perhaps "--", perhaps blanks; the line end before it is its own.  Of
 * several fields of one name the first counts; To, Cc and Bcc are joined (RFC 5322 section 4.5.3).
 * A Content-Type that says nothing, and a multipart without boundary or without a part, is
 * text/plain in us-ascii (RFC 2045 section 5.2). */
#ifndef PLUGINS_COMMON_MIME_STRUCTURE_H
#define PLUGINS_COMMON_MIME_STRUCTURE_H

#include <postern/base.h>

enum {
  MIME_PARTS_MAX = 10000,      /* delimiters of more parts are octets of the last one */
  MIME_DEPTH_MAX = 100,        /* a multipart or message as deep as this is a leaf, application/
                             octet-stream */
  MIME_BOUNDARY_MAX = 256,     /* a longer boundary is none */
  MIME_DELIMITER_MAX = 1024,   /* a longer line is no delimiter, whatever blanks it has */
  MIME_TYPE_MAX = 127,         /* a longer word of a Content-Type is none (RFC 6838 section 4.2) */
  MIME_PARAMETERS_MAX = 100,   /* of one field; further ones are left out */
  MIME_FIELD_MAX = 256 * 1024, /* octets kept of one field that ENVELOPE or BODYSTRUCTURE shows */
  MIME_HEADER_MAX = 1024 * 1024,   /* of all these fields of one header */
  MIME_TEXT_MAX = 4 * 1024 * 1024, /* once a BODYSTRUCTURE is so long, parts to come have no
                                      parameters, ids, descriptions ... and empty envelopes */
  MIME_REFERENCES_MAX = 8192,      /* octets kept of References: its last ones */
  MIME_DIGEST_MAX = 64 * 1024      /* what a store keeps (struct ptn_description) */
};

struct mime_builder;

struct mime_builder *mime_builder_new (void);
void mime_builder_free (struct mime_builder **);
/* Forgets the mail, keeps memory for the next. */
void mime_builder_reset (struct mime_builder *);

/* The next octets, in pieces of any size. */
void mime_builder_feed (struct mime_builder *, const void *data, size_t size);

/* The preview text (RFC 8970), UTF-8; copied.  Without it MIME_PREVIEW is absent from the digest. */
void mime_builder_preview (struct mime_builder *, struct ptn_bytes text);

/* The mail is over: its digest, of `max` octets at most (MIME_DIGEST_MAX for a store, SIZE_MAX for
 * one's own use).  What does not fit is left out, the biggest members first, and marked as left
 * out.  Borrowed until the next call on the builder; finish may be called again with another max. */
struct ptn_bytes mime_builder_finish (struct mime_builder *, size_t max);

#endif
