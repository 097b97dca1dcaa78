/* SPDX-License-Identifier: Apache-2.0 */
/* retention.h - what becomes of mail that a POP3 client has fetched or deleted: the policy of
 * an account, and the one change set of the UPDATE state. */
#ifndef POP3_RETENTION_H
#define POP3_RETENTION_H

#include <postern/postern.h>

#include <stdbool.h>

#define ANNOTATION_RETRIEVED "/pop3/retrieved" /* seconds since 1970, decimal */
#define ANNOTATION_HIDDEN "/pop3/hidden"       /* "1" */

enum policy {
  POLICY_DELETE, /* DELE deletes */
  POLICY_HIDE,   /* DELE hides from POP3, the mail stays in INBOX */
  POLICY_KEEP    /* DELE does nothing; mail goes `days` after it was first retrieved */
};
struct retention {
  enum policy policy;
  uint32_t days;
};

/* "delete", "hide", "keep 30d".  false: not understood. */
bool retention_parse (const char *text, struct retention *);
/* From "pop3.retention=..." of an identity; DELETE if it says nothing.  false: what it says is
 * not understood: then nothing is ever deleted. */
bool retention_of (const struct ptn_strings *attributes, struct retention *);
/* Is a message first retrieved at `retrieved` (seconds since 1970) to go now? */
bool retention_expired (const struct retention *, int64_t retrieved, int64_t now);

struct maildrop;
struct update;
/* The UPDATE state of a maildrop.  `deletions`: carry them out; without, what the session has
 * retrieved is noted and nothing else.  NULL: there is nothing to do. */
struct update *update_new (struct maildrop *, bool deletions);
/* Call again after PTN_PENDING.  Each step must come from the same task. */
ptn_status update_step (struct update *, struct ptn_task *);
uint32_t update_count (const struct update *); /* messages deleted or hidden */
void update_free (struct update **);
/* Notes retrievals of a session that ended without QUIT in a task of its own, which owns the
 * maildrop from now on.  *drop is NULL afterwards. */
void update_in_background (struct maildrop **drop);

/* Ascending UIDs into ranges. */
struct uid_ranges {
  struct ptn_uid_range *items;
  size_t count, room;
};
void uid_ranges_add (struct uid_ranges *, uint32_t uid);
struct ptn_uid_set uid_ranges_set (const struct uid_ranges *);
void uid_ranges_clear (struct uid_ranges *);

#endif
