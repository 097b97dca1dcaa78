/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - a mail as files hold it, and as the store holds it.
 *
 * Files of Unix end lines with LF, mail with CRLF.  A mail whose first line ends with LF alone gets
 * a CR before each LF that has none; one that begins with a CRLF line is taken octet for octet.
 * The other way, a mail all of whose lines end with CRLF loses its CRs, and any other is
 * written octet for octet.  So what was exported comes back as it was, unless its first line
 * ends with a bare LF.
 *
 * In mbox files lines "From ", ">From ", ">>From " ... of the mail have one '>' more (mboxrd). */
#ifndef ADMIN_TEXT_H
#define ADMIN_TEXT_H

#include <postern/host.h>
#include <postern/store.h>
#include <postern/stream.h>

#include <glib.h>
#include <stdbool.h>

enum quoting {
  QUOTING_NONE,  /* Maildir */
  QUOTING_MBOXO, /* only ">From " was a "From " */
  QUOTING_MBOXRD
};

/* Octets start to end of a file, as a mail.  The source's close frees it, and leaves fd. */
struct ptn_source *text_source_new (const struct ptn_host *, int fd, int64_t start, int64_t end,
                                    enum quoting);

/* Which mails the one that the source has given refers to (common/references.h), and its MIME
 * structure (common/mime/structure.h); until its close.
 * For ptn_append.describe, with the source as argument. */
ptn_status text_source_describe (void *source, struct ptn_description *);

/* --- the other way ---------------------------------------------------------------------- */

/* Looks at a mail to see whether its CRs may go. */
struct text_probe {
  unsigned char last[2];
  bool pure; /* so far every LF stands behind one CR, and no CR stands elsewhere */
};
void text_probe_start (struct text_probe *);
void text_probe_octets (struct text_probe *, const char *data, size_t size);
bool text_probe_pure (const struct text_probe *);

/* Writes a mail's octets into a buffer as the file is to hold them. */
struct text_writer {
  GString *out;  /* the caller's; it takes what has gathered away */
  bool strip;    /* CRs go */
  bool quote;    /* mboxrd */
  bool in_start; /* only '>' so far on this line */
  bool held_cr;
  unsigned matched; /* octets of "From " behind them */
  unsigned marks;   /* the '>' of this line */
  bool ends_line;   /* the last octet written was LF */
};
void text_writer_start (struct text_writer *, GString *out, bool strip, bool quote);
void text_writer_octets (struct text_writer *, const char *data, size_t size);
void text_writer_finish (struct text_writer *);

#endif
