/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.c - opening and closing; see store.h. */
#include "store.h"

#include "big.h"
#include "cache.h"
#include "codec.h"
#include "commit.h"
#include "compact.h"
#include "crc32c.h"
#include "forget.h"
#include "prefetch.h"
#include "rebuild.h"
#include "restore.h"
#include "scrub.h"
#include "txn.h"
#include "view.h"

#include <stdarg.h>
#include <unistd.h>

enum { RECOVERY_THREADS = 7 }; /* besides the one that opens the store */

void
store_log (struct store *store, ptn_level level, const char *event, const char *name1,
           const char *value1, const char *name2, const char *value2) {
  struct ptn_field fields[2] = { { name1, value1 }, { name2, value2 } };

  store->host->log (store->host, level, NULL, event, fields, name2 ? 2 : name1 ? 1 : 0);
}

void
shard_log (struct shard *shard, ptn_level level, const char *event, const char *name,
           const char *format, ...) {
  char number[16];
  g_autofree char *text = NULL;
  struct ptn_field fields[2] = { { "shard", number }, { name, NULL } };
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_snprintf (number, sizeof number, "%02u", shard->number);
  fields[1].value = text;
  shard->store->host->log (shard->store->host, level, NULL, event, fields, 2);
}

struct shard *
store_shard_of (struct store *store, const char *account) {
  return &store->shards[crc32c (0, account, strlen (account)) % store->shard_count];
}

/* shard 2, user 4, mailbox 4, the store's id 6 octets. */
struct ptn_id
mailbox_id (const struct shard *shard, uint32_t user, uint32_t mailbox) {
  struct ptn_id id;

  id.octets[0] = (unsigned char)(shard->number >> 8);
  id.octets[1] = (unsigned char)shard->number;
  user = GUINT32_TO_BE (user);
  mailbox = GUINT32_TO_BE (mailbox);
  memcpy (id.octets + 2, &user, 4);
  memcpy (id.octets + 6, &mailbox, 4);
  memcpy (id.octets + 10, shard->store->id, 6);
  return id;
}

bool
mailbox_id_parse (const struct store *store, const struct ptn_id *id, uint32_t *shard,
                  uint32_t *user, uint32_t *mailbox) {
  *shard = (uint32_t)id->octets[0] << 8 | id->octets[1];
  *user = key_number (id->octets, sizeof id->octets, 2);
  *mailbox = key_number (id->octets, sizeof id->octets, 6);
  return *shard < store->shard_count && *user != 0 && *mailbox != 0
         && memcmp (id->octets + 10, store->id, 6) == 0;
}

char *
shard_file (const struct shard *shard, const char *name) {
  return g_build_filename (shard->path, name, NULL);
}

void
shard_init (struct shard *shard, struct store *store, uint32_t number) {
  shard->store = store;
  shard->number = number;
  shard->path = g_strdup_printf ("%s/s%02u", store->path, number);
  shard->exists = g_file_test (shard->path, G_FILE_TEST_IS_DIR);
  shard->log = (struct log){ .fd = -1, .next_lsn = 1 };
  shard->pending_end = &shard->pending;
  index_init (&shard->index);
  txn_init (&shard->txn, shard);
  pthread_mutex_init (&shard->files_lock, NULL);
  views_init (shard);
  pthread_mutex_init (&shard->upkeep, NULL);
  shard->files = g_ptr_array_new ();
  shard->forgetting = forgetting_new ();
  shard->stuck = g_hash_table_new (NULL, NULL);
}

void
shard_close (struct shard *shard) {
  if (!shard->path)
    return; /* never opened */
  if (shard->log.fd >= 0) {
    /* What was allocated ahead goes back, so that the next start need not look at it. */
    if (!atomic_load (&shard->failed) && shard->log.allocated > shard->log.end
        && ftruncate (shard->log.fd, (off_t)shard->log.end) != 0)
      shard_log (shard, PTN_LOG_WARNING, "store.truncate", "error", "at close");
    close (shard->log.fd);
  }
  for (guint i = 0; i < shard->files->len; i++) {
    struct segment_file *file = shard->files->pdata[i];

    close (file->fd);
    g_free (file);
  }
  g_ptr_array_unref (shard->files);
  forgetting_free (&shard->forgetting);
  g_hash_table_unref (shard->stuck);
  pthread_mutex_destroy (&shard->files_lock);
  views_destroy (shard);
  pthread_mutex_destroy (&shard->upkeep);
  txn_destroy (&shard->txn);
  index_destroy (&shard->index);
  g_free (shard->path);
}

/* Shards are recovered by a few threads: it is reading, and checksums. */
struct recovering {
  struct store *store;
  _Atomic uint32_t next;
  _Atomic ptn_status status;
};

static void *
recover_some (void *argument) {
  struct recovering *recovering = argument;
  struct store *store = recovering->store;
  uint32_t number;

  while ((number = atomic_fetch_add (&recovering->next, 1)) < store->shard_count) {
    struct shard *shard = &store->shards[number];
    ptn_status status = shard->exists ? shard_recover (shard, true) : PTN_OK;

    if (status == PTN_PENDING)
      atomic_store (&shard->state, SHARD_REBUILDING);
    else if (status != PTN_OK)
      atomic_store (&recovering->status, status);
  }
  return NULL;
}

static ptn_status
recover_all (struct store *store) {
  struct recovering recovering = { .store = store };
  pthread_t threads[RECOVERY_THREADS];
  unsigned count = 0, wanted = MIN (g_get_num_processors (), store->shard_count);

  /* This thread is one of them. */
  for (; count + 1 < wanted && count < G_N_ELEMENTS (threads); count++)
    if (pthread_create (&threads[count], NULL, recover_some, &recovering) != 0)
      break;
  recover_some (&recovering);
  while (count > 0)
    pthread_join (threads[--count], NULL);
  return atomic_load (&recovering.status);
}

static void
make_metrics (struct store *store) {
  const struct ptn_host *host = store->host;
  struct store_metrics *metrics = &store->metrics;

#define METRIC(member, kind, name, help) \
  metrics->member = host->metric (host, PTN_METRIC_##kind, "postern_store_" name, help)
  METRIC (messages, COUNTER, "messages_total", "Messages delivered.");
  METRIC (octets, COUNTER, "octets_total", "Octets of messages delivered.");
  METRIC (operations, COUNTER, "operations_total", "Operations committed or refused.");
  METRIC (commits, COUNTER, "syncs_total", "Batches written and synced.");
  METRIC (commit_time, HISTOGRAM, "commit_microseconds", "Time of a round of the committer.");
  METRIC (checkpoints, COUNTER, "checkpoints_total", "Checkpoints of a shard's index.");
  METRIC (checkpoint_time, HISTOGRAM, "checkpoint_microseconds", "Time of a checkpoint.");
  METRIC (corrupt, COUNTER, "corrupt_total", "Bodies and rows found corrupt.");
  METRIC (failed_shards, GAUGE, "failed_shards", "Shards stopped by a failed sync.");
  METRIC (bases, COUNTER, "bases_total", "Base snapshots written.");
  METRIC (compacted, COUNTER, "compacted_octets_total", "Octets given back by compaction.");
  METRIC (moved, COUNTER, "moved_octets_total", "Octets of bodies moved by compaction.");
  METRIC (rebuilds, COUNTER, "rebuilds_total", "Indexes made anew while the store was open.");
  METRIC (scrubbed, COUNTER, "scrubbed_octets_total", "Octets read by the scrubber.");
  METRIC (rotten, COUNTER, "rotten_total", "Damage found by the scrubber.");
  METRIC (reads, COUNTER, "reads_total", "Bodies opened for reading.");
#undef METRIC
}

ptn_status
store_open (const struct ptn_host *host, const struct io *io, const struct store_settings *settings,
            struct store **result) {
  struct store *store = g_new0 (struct store, 1);
  ptn_status status;

  store->host = host;
  store->io = io;
  store->settings = *settings;
  store->path = g_strdup (settings->path);
  store->lock_fd = store->folder_fd = -1;
  store->codec = codec_new (settings->compression);
  store->cache = cache_new (settings->body_cache);
  /* Seconds since 1970 in front: never used before by this store. */
  atomic_init (&store->next_email, (uint64_t)host->realtime_ms () * 1000000);
  store->first_big = (uint64_t)host->realtime_ms () << 20;
  atomic_init (&store->next_big, store->first_big);
  store->opened = host->realtime_ms () / 1000;
  make_metrics (store);
  status = store_lock (store);
  if (status == PTN_OK && restore_unfinished (store->path)) {
    store_log (store, PTN_LOG_ERROR, "store.open", "path", store->path, "error",
               "a restore was broken off: run it again");
    status = PTN_E_CORRUPT;
  }
  if (status == PTN_OK)
    status = store_identify (store);
  if (status == PTN_OK) {
    store->salt = record_salt (store->id);
    reserve_make (store);
    status = spiller_start (store);
  }
  if (status == PTN_OK) {
    store->shards = g_new0 (struct shard, store->shard_count);
    for (uint32_t i = 0; i < store->shard_count; i++)
      shard_init (&store->shards[i], store, i);
    status = recover_all (store);
  }
  if (status == PTN_OK)
    status = committers_start (store);
  if (status == PTN_OK)
    status = rebuilder_start (store);
  if (status == PTN_OK)
    status = checkpointer_start (store);
  if (status == PTN_OK)
    status = compactor_start (store);
  for (uint32_t i = 0; status == PTN_OK && i < store->shard_count; i++)
    if (atomic_load (&store->shards[i].state) == SHARD_REBUILDING)
      rebuild_begin (&store->shards[i]);
  if (status == PTN_OK)
    status = scrubber_start (store);
  if (status == PTN_OK)
    status = prefetcher_start (store);
  *result = store;
  if (status != PTN_OK)
    store_close (result);
  return status;
}

void
store_close (struct store **pointer) {
  struct store *store = *pointer;

  if (!store)
    return;
  atomic_store (&store->stopping, true);
  prefetcher_stop (store);
  compactor_stop (store); /* it waits for committers, so they must be there */
  rebuilder_stop (store);
  scrubber_stop (store);
  spiller_drain (store); /* it submits to the committers, and they give it names to remove */
  checkpointer_halt (store);
  committers_stop (store);
  checkpointer_stop (store);
  spiller_stop (store);
  for (uint32_t i = 0; store->shards && i < store->shard_count; i++)
    shard_close (&store->shards[i]);
  compactor_free (store);
  rebuilder_free (store);
  store_unlock (store);
  codec_free (&store->codec);
  cache_free (&store->cache);
  g_free (store->shards);
  g_free (store->path);
  g_free (store);
  *pointer = NULL;
}
