/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.h - how a task's change becomes durable.
 *
 * A task makes a job of one or more operations, submits it, and returns PENDING.  The committer of
 * each shard takes all operations that wait, lets each prepare its records against the index as
 * the ones before it leave it, writes a shard's batch with one pwritev and one fdatasync, makes
 * it visible, and wakes the tasks.  Operations of one shard are done in order of submission.
 *
 * A job is counted: the task has one reference, the committers another until all operations
 * are done, so that a cancelled task leaves nothing dangling. */
#ifndef STORAGE_KYOTO_COMMIT_H
#define STORAGE_KYOTO_COMMIT_H

#include "store.h"

struct job {
  _Atomic uint32_t references;
  _Atomic uint32_t remaining; /* operations not done */
  const struct ptn_host *host;
  struct ptn_waker *waker;
  const struct ptn_task *task; /* as a name only; its waker keeps it from being another's */
  void (*free) (struct job *);
};

struct op {
  struct op *next;
  struct job *job;
  struct shard *shard;
  /* [committer] Checks, then emits records.  Not PTN_OK: the unit is dropped, and this is its
   * status.  May run again with the same op after a batch could not be written. */
  ptn_status (*prepare) (struct op *, struct txn *);
  uint64_t octets; /* about how much it will write */
  bool grows;      /* adds mail: refused when the disk is full */
  ptn_status status;
  const char *client_text; /* constant, or NULL */
  const char *log_text;    /* constant, or NULL */
};

void job_init (struct job *, const struct ptn_host *, void (*free) (struct job *));
void job_unref (struct job *);
/* Every operation is queued; the task (NULL: nobody waits) will be woken when all are done. */
void job_submit (struct job *, struct ptn_task *, struct op *const *ops, size_t count);
bool job_done (const struct job *);
/* The two halves of job_submit, for whoever has something to do in between: armed operations
 * must be submitted or finished.  count is not 0. */
void job_arm (struct job *, struct ptn_task *, struct op *const *ops, size_t count);
void committer_submit (struct op *const *ops, size_t count);
void op_finish (struct op *, ptn_status);

/* For prepare: gives the record its lsn and place, adds it to the batch and applies it. */
ptn_status txn_emit (struct txn *, struct record *);

void txn_init (struct txn *, struct shard *);
void txn_destroy (struct txn *);

/* For threads of the store's own: submits one operation and waits until it is done; its status. */
ptn_status op_run (struct op *);

ptn_status committers_start (struct store *);
void committers_stop (struct store *);

#endif
