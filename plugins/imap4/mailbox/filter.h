/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - sets of mailboxes as NOTIFY (RFC 5465 section 6) and ESEARCH (RFC 7377 section 2.2) name
 * them.  A filter belongs to its owner and may outlive the command; no locks. */
#ifndef IMAP4_MAILBOX_FILTER_H
#define IMAP4_MAILBOX_FILTER_H

#include "mailbox/gather.h"

enum mailbox_filter_kind {
  FILTER_SELECTED,
  FILTER_SELECTED_DELAYED, /* NOTIFY's alone */
  FILTER_INBOXES, /* delivery may put mail into any of the own ones: the same as personal */
  FILTER_PERSONAL,
  FILTER_SUBSCRIBED,
  FILTER_SUBTREE,
  FILTER_SUBTREE_ONE, /* ESEARCH's alone */
  FILTER_MAILBOXES
};

struct mailbox_filter {
  enum mailbox_filter_kind kind;
  char **names; /* of the last three, in UTF-8; NULL: no names */
};

/* filter-mailboxes of NOTIFY, or of ESEARCH's source-mbox (searching).  Clear it in any case. */
bool filter_read (struct reader *, bool searching, struct mailbox_filter *);
void filter_clear (struct mailbox_filter *);

/* What gather_new must be given so that gather_run finds all that it may match. */
unsigned filter_sources (const struct session *, const struct mailbox_filter *);
/* Is it one of them?  Only mailboxes that can be selected are.  Whether the user has the rights for what
 * the command wants to know is for the command to look at. */
bool filter_matches (const struct session *, const struct mailbox_filter *,
                     const struct mailbox_row *);

#endif
