/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - one LIST, LSUB or XLIST: what it asks for, and how far it is.  For list*.c alone; belongs to
 * the command. */
#ifndef IMAP4_MAILBOX_LIST_H
#define IMAP4_MAILBOX_LIST_H

#include "mailbox/gather.h"
#include "mailbox/metadata.h"
#include "mailbox/status.h"

enum { /* selection options (RFC 5258 section 3.1, RFC 6154) */
       SELECT_SUBSCRIBED = 1 << 0,
       SELECT_REMOTE = 1 << 1, /* there are none */
       SELECT_RECURSIVEMATCH = 1 << 2,
       SELECT_SPECIAL_USE = 1 << 3,
       SELECT_BASE = SELECT_SUBSCRIBED | SELECT_SPECIAL_USE
};
enum { /* return options */
       RETURN_SUBSCRIBED = 1 << 0,
       RETURN_CHILDREN = 1 << 1,    /* told in any case */
       RETURN_SPECIAL_USE = 1 << 2, /* told in any case */
       RETURN_STATUS = 1 << 3,
       RETURN_MYRIGHTS = 1 << 4,
       RETURN_METADATA = 1 << 5
};

enum list_kind { LIST_LIST, LIST_LSUB, LIST_XLIST };

struct list {
  enum list_kind kind;
  bool extended;       /* written as RFC 5258 has it */
  GPtrArray *patterns; /* with the reference before them; the reader's */
  const char *reference;
  unsigned select, returns;
  unsigned items;     /* of RETURN (STATUS ...) */
  GPtrArray *entries; /* of RETURN (METADATA ...); the reader's */
  struct gather *gather;
  guint at;      /* the row that is told */
  unsigned told; /* of this row: RETURN_* */
  struct status status;
  struct metadata metadata;
};

/* list_read.c: all behind the command's name. */
bool list_read (struct session *, struct reader *, struct list *);
/* list_match.c: marks rows with ROW_LISTED and ROW_CHILDINFO, and adds levels that have none.  False:
 * there is more to do, others first. */
bool list_match (struct session *, struct list *);
/* What to gather for these patterns. */
unsigned list_sources (const struct session *, const struct list *);

#endif
