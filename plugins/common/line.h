/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - command lines out of a stream, each octet looked at once however slowly it comes.
 *
 * The struct belongs to the session, zeroed at first.  Called in the session's task. */
#ifndef PLUGINS_COMMON_LINE_H
#define PLUGINS_COMMON_LINE_H

#include <postern/stream.h>

struct line_reader {
  size_t scanned;        /* octets of the stream's input known to hold no LF */
  uint32_t discarding;   /* 1: inside a line that was too long */
  uint32_t last;         /* the last four octets of that line; 0: not known */
  uint32_t lost_literal; /* 1: one that was thrown away ended in "+}": its literal comes next */
};

/* The next line, with its LF (and CR), up to `max` octets in all.  It stays in the stream:
 * consume line->size when done with it.
 *
 * PTN_OK; PTN_PENDING; PTN_E_LIMIT once for a line that is longer: it is thrown away up to and
 * with its LF by the following calls; PTN_END at the end of input (a last line without LF is
 * no line); PTN_E_DISCONNECTED. */
ptn_status line_read (struct line_reader *, const struct ptn_stream_service *, struct ptn_stream *,
                      struct ptn_task *, size_t max, struct ptn_bytes *line);

#endif
