/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - the rows of a command of posternctl that has all of them at once: kept from one call to
 * the next, until the reader has taken them.  Touched in the task of the command. */
#ifndef HOST_RUN_ROWS_H
#define HOST_RUN_ROWS_H

#include <postern/control.h>

#include <glib.h>
#include <stdbool.h>

struct rows {
  GPtrArray *rows; /* char **, NULL-terminated */
  guint next;
};

void rows_init (struct rows *);
void rows_clear (struct rows *);
/* The rows that are the state of a call; fresh: they were made now, and are to be filled. */
struct rows *rows_of (struct ptn_call *, bool *fresh);
/* The columns of a row, copied; NULL ends. */
void rows_add (struct rows *, ...) G_GNUC_NULL_TERMINATED;
/* Gives what the reader takes.  While it is PENDING the call's `release` is its `cancel` too. */
ptn_status rows_give (struct rows *, struct ptn_call *, struct ptn_report *);

#endif
