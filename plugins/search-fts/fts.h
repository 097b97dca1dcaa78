/* SPDX-License-Identifier: Apache-2.0 */
/* fts.h - the instance, its accounts, and the questions that wait for them.
 *
 * An account is followed by a task of its own (follow.c) from the first question on, until nobody
 * has asked and nothing has happened for a while.  Whoever asks leaves a request with the account;
 * the task brings the mailbox up to date and calls the request ready; then its job goes to the lane
 * "search" by the asker's own task.
 *
 * Locks: fts->lock (the table of accounts, counts), account->lock (what is marked below); never
 * one inside the other but fts->lock before account->lock. */
#ifndef SEARCH_FTS_FTS_H
#define SEARCH_FTS_FTS_H

#include "database.h"

#include <pthread.h>
#include <stdatomic.h>

#define FTS_LANE "search"

struct fts {
  const struct ptn_host *host;
  const struct ptn_store *store;
  void *store_instance;
  struct ptn_binding directory; /* table NULL: none is loaded */
  struct ptn_control status_command, rebuild_command;

  int64_t idle_ns, settle_ns, patience_ns;
  uint32_t accounts_most;
  size_t text_limit, batch;

  struct ptn_metric *queries, *indexed, *resets, *open, *time;

  pthread_mutex_t lock;
  pthread_cond_t quiet; /* busy became 0 */
  unsigned busy;        /* tasks and jobs that still run */
  _Atomic (bool) stopping;
  struct ptn_task *tidy; /* NULL: none could be made */
  GHashTable *accounts;  /* owner to struct account */
};

/* What the task knows of a mailbox. */
struct box {
  struct box_row row;
  uint64_t modseq;  /* of the view that it was last compared with */
  uint32_t reached; /* by the pass under way: all below are in the file */
  uint32_t asked;   /* the UIDVALIDITY of who asked last, and did not wait; or 0 */
  uint32_t seen;    /* all messages below this UID are in the file */
  uint32_t next;    /* new messages are looked for from here on */
  bool validated;   /* compared with the store since the file was opened */
  bool dirty;       /* something happened */
};

struct follower; /* the task's own: follow.c */

struct account {
  struct fts *fts;
  char *owner;
  _Atomic (unsigned) references;
  struct follower *follower; /* the task's */
  struct database *database; /* made by the task before anything is ready; freed with the account */
  pthread_mutex_t lock;
  /* Under the lock: */
  GHashTable *boxes;       /* struct ptn_id to struct box; only the task removes */
  GPtrArray *waiting;      /* struct request, one reference each */
  struct ptn_waker *waker; /* of the task, while it has nothing to do */
  struct ptn_task *task;
  uint32_t generation;
  bool closed;            /* out of the table; nobody may leave requests here */
  bool damaged;           /* a question found the file damaged */
  bool rebuild;           /* somebody asked for a new file */
  _Atomic (bool) retire;  /* others need the place */
  _Atomic (int64_t) used; /* when it was last asked, monotonic */
};

/* Finds or makes the account and its task; a reference.  NULL: the server stops. */
struct account *account_get (struct fts *, const char *owner);
struct account *account_ref (struct account *);
void account_unref (struct account **);
/* Takes it out of the table if nobody waits for it (or in any case, `always`): true then. */
bool account_retire (struct account *, bool always);
/* account->lock is held: what is known of a mailbox, if only that somebody asks for it. */
struct box *account_box (struct account *, const struct ptn_id *);
/* Something waits for the task. */
void account_wake (struct account *);
/* The file of an account. */
char *account_path (const struct fts *, const char *owner);
void fts_busy (struct fts *);
void fts_done (struct fts *);

/* --- requests (query.c) ----------------------------------------------------------------------- */

enum request_state { REQUEST_WAITING, REQUEST_READY, REQUEST_RUNNING, REQUEST_DONE };

struct request {
  struct account *account;
  _Atomic (unsigned) references;
  _Atomic (bool) cancelled;
  struct ptn_id mailbox;
  uint32_t uidvalidity, uidnext;
  struct ptn_search_term *terms; /* copies */
  size_t count;
  int64_t began;
  unsigned tries;
  /* Under account->lock: */
  enum request_state state;
  ptn_status status; /* of READY and DONE */
  bool in_pass;      /* the pass that is under way will do */
  uint32_t generation;
  uint32_t reached; /* what is behind is unknown; UINT32_MAX: nothing is */
  bool timed;       /* its timer is set */
  uint64_t done, total;
  struct ptn_waker *waker;
  /* The job's, and after DONE the asker's: */
  GArray **uids, *unknown;
  struct ptn_search_found *found;
  GArray *ranges; /* struct ptn_uid_range, of all sets */
  struct ptn_search_result result;
};

struct request *request_ref (struct request *);
void request_unref (struct request *);
/* account->lock is held: the request is ready, or has failed. */
void request_ready (struct request *, ptn_status);

/* account->lock is held: the asker's task runs again. */
void request_wake (struct request *);

ptn_status fts_query (void *instance, struct ptn_call *, const struct ptn_search_query *,
                      const struct ptn_search_result **);
void fts_progress (void *instance, const struct ptn_call *, uint64_t *done, uint64_t *total);

/* --- following (follow.c) ----------------------------------------------------------------------- */

ptn_status follow_step (void *account, struct ptn_task *);
void follow_done (void *account);

/* --- files of accounts that are gone (tidy.c) --------------------------------------------------- */

void tidy_start (struct fts *);

/* --- commands (commands.c) ------------------------------------------------------------------------ */

ptn_status commands_provide (struct fts *);

#endif
