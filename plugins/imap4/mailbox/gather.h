/* SPDX-License-Identifier: Apache-2.0 */
/* gather.h - all mailboxes that the user may see, own ones and others', as rows that stay.
 *
 * For commands that look at more than one mailbox: LIST, LSUB, NOTIFY, MULTISEARCH.  Rows belong to
 * the array; strings to the rows.  Called in the session's task. */
#ifndef IMAP4_MAILBOX_GATHER_H
#define IMAP4_MAILBOX_GATHER_H

#include "session.h"

enum { /* row.kind: whether it is more, or less, than a mailbox that can be selected */
       ROW_MISSING = 1 << 0, /* \NonExistent: a level that only its children have, or a name that is
                                subscribed and no mailbox any more */
       ROW_SUBSCRIBED = 1 << 1,
       ROW_CHILDREN = 1 << 2, /* has children that the user sees */
       ROW_NOSELECT = 1 << 3,
       ROW_OWN = 1 << 4,    /* in the personal namespace */
       ROW_PUBLIC = 1 << 5, /* in that of public folders; neither: in that of other users */
       /* For LIST. */
       ROW_LISTED = 1 << 6,      /* is told of */
       ROW_SATISFIES = 1 << 7,   /* the selection options */
       ROW_CHILDINFO = 1 << 8,   /* something below satisfies them */
       ROW_HIDDEN_CHILD = 1 << 9 /* ... and is not told of */
};

struct mailbox_row {
  char *name;  /* as the client knows it, UTF-8 */
  char *path;  /* in the store; NULL: ROW_MISSING */
  char *owner; /* NULL: the open account; "": public */
  struct ptn_id id;
  uint32_t kind, uses; /* PTN_MAILBOX_SPECIAL_USES */
  uint32_t rights;     /* RIGHT_* of common/rights.h */
  uint32_t uidvalidity, uidnext, recent_uid, messages, unseen, deleted;
  uint64_t highest_modseq, octets;
};

enum { /* what is gathered */
       GATHER_OWN = 1,
       GATHER_OTHERS = 2,
       GATHER_PUBLIC = 4,
       GATHER_ALL = 7,
       GATHER_GONE = 8 /* subscribed names that are no mailboxes any more, too */
};

struct gather; /* opaque */
/* pattern: of the own ones' paths, "*" for all; copied. */
struct gather *gather_new (unsigned sources, const char *pattern);
void gather_free (struct session *, struct gather *);
/* PTN_OK: all are there, in octet order within own, other users', public.  PTN_PENDING and errors as the
 * store's. */
ptn_status gather_run (struct session *, struct gather *);
/* The rows, struct mailbox_row; the gather keeps them. */
GArray *gather_rows (struct gather *);

/* Of one row of the store. */
void mailbox_row_fill (const struct session *, struct mailbox_row *, const struct ptn_mailbox *);
void mailbox_row_clear (void *row);

#endif
