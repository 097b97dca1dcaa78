/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - one connection to the program: a line out, a line back, by a deadline.
 *
 * Blocks, so it belongs to a thread of a lane while it is used; its owner closes it.  Wipes what
 * went through it. */
#ifndef DIRECTORY_EXEC_CONNECTION_H
#define DIRECTORY_EXEC_CONNECTION_H

#include <glib.h>
#include <stdbool.h>

#include <postern/postern.h>

typedef enum {
  TROUBLE_NONE,
  TROUBLE_ABSENT, /* nobody listens */
  TROUBLE_STALE,  /* closed before an octet of the answer came: it may have been idle too long */
  TROUBLE_CLOSED, /* in the middle of an answer */
  TROUBLE_TIMEOUT,
  TROUBLE_GARBAGE /* too long, or more than one line */
} trouble;
const char *trouble_text (trouble);

struct connection {
  int fd;
  gint64 serial;        /* of the last question */
  unsigned unsupported; /* bits of what the program said it does not know */
  char *buffer;
  size_t room, filled;
};

/* deadline_ns: on the monotonic clock. */
struct connection *connection_open (const char *path, gint64 deadline_ns, trouble *);
void connection_close (struct connection **);

/* Sends `line` (with its LF).  The answer, without its LF, is in the buffer until the next exchange
 * or connection_wipe.  After a trouble the connection is only good to be closed. */
trouble connection_exchange (struct connection *, struct ptn_bytes line, size_t limit,
                             gint64 deadline_ns, struct ptn_bytes *answer);
void connection_wipe (struct connection *);

#endif
