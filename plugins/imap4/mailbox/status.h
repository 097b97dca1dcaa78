/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - the items of STATUS, for it and for LIST (RFC 5819).  Called in the session's task. */
#ifndef IMAP4_MAILBOX_STATUS_H
#define IMAP4_MAILBOX_STATUS_H

#include "mailbox/gather.h"

/* "(" status-att *(SP status-att) ")"; bits that status.c knows. */
bool status_read_items (const struct session *, struct reader *, unsigned *items);

/* What some of them need besides a row; zeroed at first, and again when status_put has written it. */
struct status {
  const struct ptn_view *view;
  struct ptn_cursor *cursor;
  GArray *deleted; /* UIDs */
  uint32_t recent;
  uint64_t deleted_octets;
};
/* Finds out what the row does not say.  PTN_OK; PTN_PENDING; errors as the store's. */
ptn_status status_find (struct session *, struct status *, const struct mailbox_row *,
                        unsigned items);
void status_clear (struct session *, struct status *);
/* "* STATUS name (...)". */
void status_put (struct session *, const struct status *, const struct mailbox_row *,
                 unsigned items);
/* What the client learns from them is also told of the selected mailbox (RFC 7162 section 3.1). */
void status_enables (struct session *, unsigned items);

#endif
