/* SPDX-License-Identifier: MIT */
/* event.h - something changed.  Names follow RFC 5423.
 *
 * Events are hints, not a log: they may be merged, and may be published by another node of a
 * cluster.  A subscriber learns *that* a mailbox moved to a modseq and asks the store for the
 * difference, so nothing is lost when events are merged or late.  A store publishes an event
 * when the change is durable and can be read, before or while it tells the one who made it. */
#ifndef PTN_EVENT_H
#define PTN_EVENT_H

#include "base.h"

PTN_BEGIN_DECLS

enum {
  PTN_MESSAGE_NEW = 1 << 0,    /* delivered */
  PTN_MESSAGE_APPEND = 1 << 1, /* appended or copied by a client */
  PTN_MESSAGE_EXPUNGE = 1 << 2,
  PTN_FLAGS_CHANGE = 1 << 3, /* FlagsSet, FlagsClear, MessageRead, MessageTrash */
  PTN_MAILBOX_CREATE = 1 << 4,
  PTN_MAILBOX_DELETE = 1 << 5,
  PTN_MAILBOX_RENAME = 1 << 6,
  PTN_MAILBOX_SUBSCRIBE = 1 << 7,
  PTN_QUOTA_CHANGE = 1 << 8,       /* the limits were set */
  PTN_ACL_CHANGE = 1 << 9,         /* sessions must look at their rights again */
  PTN_ANNOTATION_CHANGE = 1 << 10, /* of a message, a mailbox (special uses too), the account */
  PTN_CALENDAR_CHANGE = 1 << 11,
  PTN_ACCOUNT_CLOSE = 1 << 12 /* disabled, moved, removed: sessions must log out */
};

struct ptn_event { /* table */
  uint32_t size;
  uint32_t kinds;
  const char *account;           /* the owner of the mailbox; "" is public */
  struct ptn_id mailbox;         /* all zero: the account as a whole */
  uint64_t modseq;               /* state after the change; 0: not known */
  const struct ptn_task *origin; /* that task need not be told; NULL: none, or it may be gone */
};

/* What a subscriber is told. */
struct ptn_happening {
  struct ptn_id mailbox; /* all zero: the account as a whole */
  uint32_t kinds;        /* of all events since, merged */
  uint32_t reserved;
  uint64_t modseq; /* the greatest */
};                 /* value */

PTN_END_DECLS
#endif
