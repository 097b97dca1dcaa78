/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - the line that shows how far a command is: a bar, amounts, the time that is left.
 *
 * Pure but for the times it is given, so that tests need no terminal. */
#ifndef HOST_CTL_PROGRESS_H
#define HOST_CTL_PROGRESS_H

#include <glib.h>

#include <stdint.h>

struct progress { /* zeroed at the start of a command */
  uint64_t done, total;
  gint64 begun; /* monotonic microseconds: of the present stage */
  uint64_t first;
  char *what;
};

/* The line for this state of things, g_free it: `columns` wide at most, without control characters if
 * `what` has none.  A new `what`, another total or less done than before is a new stage, whose time
 * is estimated anew.  total 0: not known. */
char *progress_line (struct progress *, uint64_t done, uint64_t total, const char *what, gint64 now,
                     unsigned columns);
void progress_clear (struct progress *);

#endif
