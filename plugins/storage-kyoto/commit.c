/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit.c - see commit.h. */
#include "commit.h"
#include "big.h"
#include "events.h"
#include "rebuild.h"
#include "txn.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* A batch is written at once and kept in the page cache meanwhile. */
#define BATCH_OCTETS ((uint64_t)8 << 20)

struct committer {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  struct op *queue, **queue_end;
  bool waiting, stop;
};

/* What a shard has written in this round and not synced yet. */
struct batch {
  struct shard *shard;
  struct op *ops; /* prepared and good */
  uint64_t start; /* in the segment, for sync_file_range */
};

void
job_init (struct job *job, const struct ptn_host *host, void (*free) (struct job *)) {
  atomic_init (&job->references, 1);
  atomic_init (&job->remaining, 0);
  job->host = host;
  job->waker = NULL;
  job->free = free;
}

void
job_unref (struct job *job) {
  if (atomic_fetch_sub (&job->references, 1) == 1)
    job->free (job);
}

bool
job_done (const struct job *job) {
  return atomic_load_explicit (&job->remaining, memory_order_acquire) == 0;
}

void
job_arm (struct job *job, struct ptn_task *task, struct op *const *ops, size_t count) {
  job->waker = task ? job->host->waker (task) : NULL;
  job->task = task;
  atomic_fetch_add (&job->references, 1);
  atomic_store (&job->remaining, (uint32_t)count);
  for (size_t i = 0; i < count; i++)
    ops[i]->job = job;
}

void
job_submit (struct job *job, struct ptn_task *task, struct op *const *ops, size_t count) {
  job_arm (job, task, ops, count);
  committer_submit (ops, count);
}

void
committer_submit (struct op *const *ops, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct committer *committer = ops[i]->shard->committer;

    ops[i]->next = NULL;
    pthread_mutex_lock (&committer->lock);
    *committer->queue_end = ops[i];
    committer->queue_end = &ops[i]->next;
    if (committer->waiting)
      pthread_cond_signal (&committer->wanted);
    committer->waiting = false;
    pthread_mutex_unlock (&committer->lock);
  }
}

void
op_finish (struct op *op, ptn_status status) {
  struct job *job = op->job;
  /* Whoever sees the last one done may arm the job anew at once. */
  struct ptn_waker *waker = job->waker;

  op->status = status;
  if (atomic_fetch_sub_explicit (&job->remaining, 1, memory_order_acq_rel) == 1) {
    if (waker)
      job->host->wake (waker);
    job_unref (job);
  }
}

/* The job of an operation that a thread waits for.  The committer's is the last reference, so that
 * nobody touches the job after the thread has gone on. */
struct waiting {
  struct job job;
  pthread_mutex_t lock;
  pthread_cond_t done;
  bool finished;
};

static void
waiting_done (struct job *job) {
  struct waiting *waiting = (struct waiting *)job;

  pthread_mutex_lock (&waiting->lock);
  waiting->finished = true;
  pthread_cond_signal (&waiting->done);
  pthread_mutex_unlock (&waiting->lock);
}

ptn_status
op_run (struct op *op) {
  struct waiting waiting = { .finished = false };

  job_init (&waiting.job, op->shard->store->host, waiting_done);
  atomic_store (&waiting.job.remaining, 1);
  pthread_mutex_init (&waiting.lock, NULL);
  pthread_cond_init (&waiting.done, NULL);
  op->job = &waiting.job;
  committer_submit (&op, 1);
  pthread_mutex_lock (&waiting.lock);
  while (!waiting.finished)
    pthread_cond_wait (&waiting.done, &waiting.lock);
  pthread_mutex_unlock (&waiting.lock);
  pthread_cond_destroy (&waiting.done);
  pthread_mutex_destroy (&waiting.lock);
  return op->status;
}

static void
finish_all (struct op *ops, ptn_status status, const char *client_text, const char *log_text) {
  while (ops) {
    struct op *next = ops->next;

    if (client_text)
      ops->client_text = client_text;
    if (log_text)
      ops->log_text = log_text;
    op_finish (ops, status);
    ops = next;
  }
}

static const char full_client[] = "the disk of the mail store is full, try again later";
static const char full_log[] = "no space for the log";
static const char stopped_client[] = "the mail store is read-only, try again later";
static const char stopped_log[] = "the shard is stopped after a failed sync";
static const char away_log[] = "the index of the shard is being made anew";
static const char lost_log[] = "the log could not be synced: durable or not, nobody knows";

/* The shard's folder comes into being with its first write. */
static bool
make_folder (struct shard *shard) {
  if (shard->exists)
    return true;
  if (g_mkdir (shard->path, 0700) != 0 && errno != EEXIST)
    return false;
  if (shard->store->settings.sync && !io_sync_folder (shard->store->io, shard->store->path))
    return false;
  shard->exists = true;
  return true;
}

static bool
make_room (struct shard *shard) {
  bool room = shard->log.fd >= 0 && shard->log.end < shard->store->settings.segment_size;
  bool seal = atomic_exchange (&shard->seal, false) && shard->log.end > SEGMENT_HEADER;

  if (room && !seal)
    return true;
  /* Where there is no space for a new segment, the one at hand may still do. */
  return (make_folder (shard) && log_roll (shard)) || room;
}

/* A new segment without a record yet: the index stands in it all the same. */
static void
note_segment (struct shard *shard) {
  struct index *index = &shard->index;

  pthread_rwlock_wrlock (&index->lock);
  if (shard->log.fd >= 0 && index->position.segment != shard->log.segment) {
    index->position.segment = shard->log.segment;
    index->position.offset = shard->log.end;
  }
  pthread_rwlock_unlock (&index->lock);
}

/* Takes operations off the shard's list until the batch is big enough; those that cannot be
 * done are finished.  The others are returned. */
static struct op *
prepare_batch (struct shard *shard) {
  struct txn *txn = &shard->txn;
  struct op *ops = NULL, **end = &ops, *op;
  bool may_grow = store_may_grow (shard->store);

  txn_reset (txn);
  while ((op = shard->pending) && txn->octets < BATCH_OCTETS) {
    ptn_status status;

    shard->pending = op->next;
    op->next = NULL;
    if (op->grows && !may_grow) {
      op->client_text = full_client;
      op->log_text = full_log;
      op_finish (op, PTN_E_TEMPORARY);
      continue;
    }
    txn_begin_unit (txn, op->job->task);
    status = op->prepare (op, txn);
    if (status != PTN_OK) {
      txn_abort_unit (txn);
      if (status == PTN_E_CORRUPT && atomic_load (&shard->index.corrupt)) {
        status = PTN_E_TEMPORARY; /* it will be made anew */
        op->client_text = shard_away_text;
        rebuild_ask (shard, "a row of the index is rotten");
      } else if (status == PTN_E_TEMPORARY && !op->client_text) {
        op->client_text = shard_away_text; /* this one's, or that of another it reads from */
        op->log_text = away_log;
      }
      op_finish (op, status);
      continue;
    }
    txn_end_unit (txn);
    *end = op;
    end = &op->next;
  }
  if (!shard->pending)
    shard->pending_end = &shard->pending;
  return ops;
}

/* The batch could not be written.  What adds mail fails; the rest (expunge, flags) goes back to
 * the head of the list, for another try with the reserve's space. */
static void
refuse (struct shard *shard, struct op *ops, int error) {
  bool full = io_no_space (error);
  bool again = full && reserve_release (shard->store);
  struct op *keep = NULL, **end = &keep;

  /* Without the mail of this batch the rest may fit. */
  for (struct op *op = ops; full && op; op = op->next)
    again |= op->grows;
  shard_log (shard, PTN_LOG_ERROR, full ? "store.full" : "store.write", "error", "%s",
             g_strerror (error));
  while (ops) {
    struct op *op = ops;

    ops = op->next;
    op->next = NULL;
    if (again && !op->grows) {
      *end = op;
      end = &op->next;
      continue;
    }
    op->client_text = full ? full_client : NULL;
    op->log_text = full ? full_log : "the log could not be written";
    op_finish (op, PTN_E_TEMPORARY);
  }
  if (keep) {
    *end = shard->pending;
    if (!shard->pending)
      shard->pending_end = end;
    shard->pending = keep;
  }
}

/* Prepares and writes one batch.  False: nothing has to be synced. */
static bool
write_batch (struct shard *shard, struct batch *batch) {
  struct txn *txn = &shard->txn;
  g_autofree struct iovec *vectors = NULL;
  size_t count;

  if (atomic_load (&shard->failed) || atomic_load (&shard->state) != SHARD_SERVING) {
    bool failed = atomic_load (&shard->failed);

    finish_all (shard->pending, PTN_E_TEMPORARY, failed ? stopped_client : shard_away_text,
                failed ? stopped_log : away_log);
    shard->pending = NULL;
    shard->pending_end = &shard->pending;
    return false;
  }
  if (!make_room (shard)) {
    struct op *ops = shard->pending;
    int error = errno;

    shard->pending = NULL;
    shard->pending_end = &shard->pending;
    refuse (shard, ops, error);
    return false;
  }
  batch->shard = shard;
  batch->ops = prepare_batch (shard);
  batch->start = shard->log.end;
  if (!batch->ops || txn->pieces->len == 0) {
    note_segment (shard);
    finish_all (batch->ops, PTN_OK, NULL, NULL);
    return false;
  }
  vectors = txn_vectors (txn, &count);
  if (!log_write (shard, vectors, count, txn->octets)) {
    refuse (shard, batch->ops, errno);
    return false;
  }
  return true;
}

/* Durable: visible to everybody, then acknowledged. */
static void
publish (struct shard *shard, struct op *ops) {
  struct store *store = shard->store;
  struct txn *txn = &shard->txn;
  struct position position = { .lsn = txn->next_lsn - 1,
                               .segment = shard->log.segment,
                               .offset = shard->log.end };

  shard->log.next_lsn = txn->next_lsn;
  shard->log.synced_lsn = position.lsn;
  index_publish (&shard->index, txn->edit.changes, position);
  if (txn->edit.removals)
    atomic_fetch_add (&shard->removals, 1);
  if (txn->edit.rights)
    atomic_fetch_add (&shard->rights_changes, 1);
  if (txn->edit.gone->len > 0)
    big_remove_later (shard, (const uint64_t *)(void *)txn->edit.gone->data, txn->edit.gone->len);
  atomic_fetch_add (&shard->log_since, txn->octets);
  atomic_fetch_add (&shard->rows_since, overlay_count (txn->edit.changes));
  if (atomic_load (&shard->dirty_since) == 0) {
    atomic_store (&shard->dirty_since, store->host->monotonic_ns ());
    checkpointer_poke (store);
  } else if (shard_checkpoint_due (shard, 0))
    checkpointer_poke (store);
  events_publish (txn->events, shard);
  finish_all (ops, PTN_OK, NULL, NULL);
}

static void
sync_batch (struct batch *batch) {
  struct shard *shard = batch->shard;

  if (log_sync (shard)) {
    publish (shard, batch->ops);
    return;
  }
  /* After a failed sync the kernel may have thrown the pages away and call them clean: a second
   * sync would succeed and prove nothing.  So this shard writes no more until a restart has read
   * what is really there. */
  atomic_store (&shard->failed, true);
  shard->store->host->observe (shard->store->metrics.failed_shards, 1);
  shard_log (shard, PTN_LOG_ERROR, "store.failed", "error",
             "fdatasync: %s; read-only until restart", g_strerror (errno));
  finish_all (batch->ops, PTN_E_OUTCOME_UNKNOWN, NULL, lost_log);
}

/* One round over the shards that have work: all writes are started before the first sync is
 * waited for, so that the disk sees them together. */
static void
run_round (struct committer *committer, struct op *ops, GPtrArray *shards, GArray *batches) {
  struct store *store = committer->store;
  int64_t start = store->host->monotonic_ns ();

  g_ptr_array_set_size (shards, 0);
  while (ops) {
    struct op *next = ops->next;
    struct shard *shard = ops->shard;

    if (!shard->pending)
      g_ptr_array_add (shards, shard);
    ops->next = NULL;
    *shard->pending_end = ops;
    shard->pending_end = &ops->next;
    ops = next;
    store->host->observe (store->metrics.operations, 1);
  }
  while (shards->len > 0) {
    g_array_set_size (batches, 0);
    for (guint i = 0; i < shards->len; i++) {
      struct batch batch;

      if (write_batch (shards->pdata[i], &batch))
        g_array_append_val (batches, batch);
    }
    if (store->settings.sync && batches->len > 1)
      for (guint i = 0; i < batches->len; i++) {
        const struct batch *batch = &g_array_index (batches, struct batch, i);

        sync_file_range (batch->shard->log.fd, (off_t)batch->start,
                         (off_t)(batch->shard->log.end - batch->start), SYNC_FILE_RANGE_WRITE);
      }
    for (guint i = 0; i < batches->len; i++)
      sync_batch (&g_array_index (batches, struct batch, i));
    store->host->observe (store->metrics.commits, batches->len);
    for (guint i = shards->len; i-- > 0;)
      if (!((struct shard *)shards->pdata[i])->pending)
        g_ptr_array_remove_index_fast (shards, i);
  }
  store->host->observe (store->metrics.commit_time, (store->host->monotonic_ns () - start) / 1000);
}

static void *
committer_main (void *argument) {
  struct committer *committer = argument;
  g_autoptr (GPtrArray) shards = g_ptr_array_new ();
  g_autoptr (GArray) batches = g_array_new (FALSE, FALSE, sizeof (struct batch));

  pthread_setname_np (pthread_self (), "store-commit");
  for (;;) {
    struct op *ops;

    pthread_mutex_lock (&committer->lock);
    while (!committer->queue && !committer->stop) {
      committer->waiting = true;
      pthread_cond_wait (&committer->wanted, &committer->lock);
    }
    committer->waiting = false;
    ops = committer->queue;
    committer->queue = NULL;
    committer->queue_end = &committer->queue;
    pthread_mutex_unlock (&committer->lock);
    if (!ops)
      return NULL;
    run_round (committer, ops, shards, batches);
  }
}

ptn_status
committers_start (struct store *store) {
  uint32_t count = CLAMP (store->settings.committers, 1, store->shard_count);

  store->committers = g_new0 (struct committer, count);
  for (uint32_t i = 0; i < count; i++) {
    struct committer *committer = &store->committers[i];

    committer->store = store;
    committer->queue_end = &committer->queue;
    pthread_mutex_init (&committer->lock, NULL);
    pthread_cond_init (&committer->wanted, NULL);
    if (pthread_create (&committer->thread, NULL, committer_main, committer) != 0)
      return PTN_E_NO_MEMORY;
    store->committer_count++;
  }
  for (uint32_t i = 0; i < store->shard_count; i++)
    store->shards[i].committer = &store->committers[i % count];
  return PTN_OK;
}

void
committers_stop (struct store *store) {
  for (uint32_t i = 0; i < store->committer_count; i++) {
    struct committer *committer = &store->committers[i];

    pthread_mutex_lock (&committer->lock);
    committer->stop = true;
    pthread_cond_signal (&committer->wanted);
    pthread_mutex_unlock (&committer->lock);
    pthread_join (committer->thread, NULL);
    pthread_cond_destroy (&committer->wanted);
    pthread_mutex_destroy (&committer->lock);
  }
  store->committer_count = 0;
  g_clear_pointer (&store->committers, g_free);
}
