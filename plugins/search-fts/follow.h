/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h - the task that follows one account, for follow.c and pass.c alone.
 *
 * A step goes from phase to phase.  Work on the file goes to the lane: `lane` queues it, and the
 * phase that was set before goes on when it is done; so the task and its job never run at once, and
 * the task does not end before its job has. */
#ifndef SEARCH_FTS_FOLLOW_H
#define SEARCH_FTS_FOLLOW_H

#include "fts.h"
#include "message.h"

enum { CHUNK = 2048 }; /* messages looked at together */

struct follower;
/* PTN_OK: on with the phase that is set now; PTN_PENDING; PTN_END: the task is done. */
typedef ptn_status phase (struct follower *);

struct follower {
  struct account *account;
  struct fts *fts;
  const struct ptn_host *host;
  const struct ptn_store *store;
  struct ptn_task *task;
  phase *phase;

  struct ptn_identity identity;
  struct ptn_call open, call;
  struct ptn_account *opened;
  struct ptn_subscription *subscription;
  int64_t heard, failed, armed; /* monotonic: last event; last trouble; the timer that is set */
  bool sweep;                   /* the file may have orphans */

  /* The job: */
  void (*work) (struct follower *);
  bool working, queued;
  _Atomic (bool) done;
  ptn_status result;
  char why[DATABASE_WHY];
  GArray *rows; /* struct box_row, of a file just opened */
  bool fresh, left;

  /* The pass over one mailbox: */
  struct box *box;
  uint32_t uidvalidity;
  struct ptn_cursor *cursor;
  bool full;
  uint64_t modseq, looked, total;
  uint32_t first, last, seen; /* the chunk begins at `first`; the mailbox ends with `last` */
  uint32_t chunk_last;
  GArray *items;  /* struct item */
  guint at;       /* the item that is read */
  guint applied;  /* those before are in the file */
  size_t held;    /* octets of documents that are not */
  size_t digests; /* octets of those kept */
  GArray *ranges; /* struct ptn_uid_range, of a fetch */
  struct ptn_source *source;
  struct message *message;
  uint64_t offset, size; /* of the octets with text */
  bool built;            /* its structure was computed here */
  struct ptn_uid_set gone;
};

/* Queues work on the file.  Its result is in `result` when the next phase begins. */
ptn_status lane (struct follower *, void (*work) (struct follower *), phase *next);
/* Ends the store's call. */
void follow_call_end (struct follower *);
/* One log line, with the account and what is wrong. */
void follow_warn (struct follower *, const char *event, const char *error);

phase choose;
/* Begins a pass over follower->box. */
phase pass_begin;
/* Whatever a pass has open is closed. */
void pass_clear (struct follower *);

#endif
