/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recovery.c - from what is on disk to a shard that serves.  One path for a clean start, a kill, a
 * power loss and a lost index: the tree that CURRENT names, or one made from the newest base, or
 * none; and the log from where that ends, replayed into the overlay (replay.c).  What lies behind
 * the end of the log is cut off or set aside, and the log says so.
 *
 * One thread a shard: [setup], or that of a rebuild. */
#include "base.h"
#include "big.h"
#include "first_tree.h"
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void
set_aside (struct shard *shard, uint32_t number) {
  g_autofree char *name = segment_name (shard, number);
  g_autofree char *bad = g_strconcat (name, ".bad", NULL);

  shard_log (shard, PTN_LOG_NOTICE, "store.torn", "log",
             "log.%08u does not follow the end of the log, and is set aside as .bad", number);
  if (g_rename (name, bad) != 0)
    g_unlink (name);
}

/* A whole header with the id of another store: nothing of it can be read, and nothing must be cut
 * or set aside for that. */
static bool
all_ours (struct replay *replay) {
  const struct store *store = replay->shard->store;

  for (guint i = replay->current; i < replay->segments->len; i++) {
    uint32_t number = g_array_index (replay->segments, struct segment_info, i).number;
    struct segment_header header;

    if (segment_header_read (replay->shard, number, &header)
        && (memcmp (header.store, store->id, sizeof header.store) != 0
            || header.shard != replay->shard->number || header.number != number)) {
      shard_log (replay->shard, PTN_LOG_ERROR, "store.recovery", "error",
                 "log.%08u belongs to another store, shard or place", number);
      return false;
    }
  }
  return true;
}

/* What is about to be cut off was most likely never acknowledged.  The last batch of a log that has
 * rotted looks the same: so it is told. */
static void
tell_torn (const struct replay *replay, uint64_t end) {
  size_t from = end > replay->base ? (size_t)(end - replay->base) : 0, last = replay->size;

  while (last > from && replay->data[last - 1] == 0)
    last--;
  if (last > from)
    shard_log (replay->shard, PTN_LOG_NOTICE, "store.torn", "log",
               "log.%08u ends at %" PRIu64
               "; %zu octets behind that are no whole unit, and are cut",
               replay_segment (replay), end, last - from);
}

/* There is not one record: the power failed, or the disk was full, when the first segment was made,
 * and its header may be missing.  It is made once more. */
static ptn_status
begin_again (struct replay *replay) {
  struct shard *shard = replay->shard;
  g_autofree char *name = segment_name (shard, replay_segment (replay));

  if (shard->log.fd >= 0)
    close (shard->log.fd);
  if (g_unlink (name) != 0)
    return PTN_E_TEMPORARY;
  shard->log = (struct log){ .fd = -1, .segment = replay_segment (replay) - 1, .next_lsn = 1 };
  return PTN_OK;
}

/* The log ends here: whatever lies behind goes, what was read is made durable. */
static ptn_status
settle (struct replay *replay, uint64_t end) {
  struct shard *shard = replay->shard;
  const struct io *io = shard->store->io;
  g_autofree char *name = segment_name (shard, replay_segment (replay));
  struct segment_header header;
  struct stat status;
  bool cut;

  tell_torn (replay, end);
  for (guint i = replay->current + 1; i < replay->segments->len; i++)
    set_aside (shard, g_array_index (replay->segments, struct segment_info, i).number);
  if (replay->lsn == 1 && !shard->index.base
      && !segment_header_read (shard, replay_segment (replay), &header))
    return begin_again (replay);
  if (end < SEGMENT_HEADER)
    end = SEGMENT_HEADER;
  /* The padding of the last record may be missing; the next must begin where it would end. */
  end = (end + RECORD_ALIGNMENT - 1) & ~(uint64_t)(RECORD_ALIGNMENT - 1);
  if (shard->log.fd >= 0)
    close (shard->log.fd); /* an attempt before */
  shard->log.fd = open (name, O_RDWR | O_CLOEXEC);
  if (shard->log.fd < 0 || fstat (shard->log.fd, &status) != 0)
    return PTN_E_TEMPORARY;
  cut = (uint64_t)status.st_size > end;
  if ((cut && io->ftruncate (shard->log.fd, (off_t)end) != 0)
      || ((cut || replay->records > 0) && shard->store->settings.sync
          && (io->fsync (shard->log.fd) != 0 || !io_sync_folder (io, shard->path))))
    return PTN_E_TEMPORARY;
  shard->log.segment = replay_segment (replay);
  shard->log.end = shard->log.allocated = end;
  shard->log.next_lsn = replay->lsn;
  shard->log.synced_lsn = replay->lsn - 1;
  return PTN_OK;
}

/* All there is from the position on. */
static ptn_status
replay_from (struct shard *shard, GArray *segments, struct position position, bool online) {
  struct replay replay = {
    .shard = shard, .online = online, .segments = segments, .lsn = position.lsn + 1
  };
  uint64_t end = 0;

  while (replay.current + 1 < segments->len && replay_segment (&replay) < position.segment)
    replay.current++;
  if (position.segment > 0 && replay_segment (&replay) < position.segment) {
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "log.%08u is gone",
               position.segment);
    return PTN_E_CORRUPT;
  }
  replay.base = replay_segment (&replay) == position.segment ? position.offset : SEGMENT_HEADER;
  edit_init (&replay.edit, &shard->index);
  if (!online && !all_ours (&replay))
    replay.trouble = PTN_E_CORRUPT;
  else if (replay_load (&replay))
    end = replay_log (&replay);
  if (replay.trouble == PTN_OK && !online) {
    replay.trouble = settle (&replay, end);
    if (replay.trouble != PTN_OK)
      shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "%s", g_strerror (errno));
  }
  if (replay.trouble == PTN_OK) {
    /* What is rotten at the very end was there all the same: its numbers are not used again. */
    replay.lsn = shard->log.next_lsn;
    replay_publish (&replay, shard->log.segment, shard->log.end);
  }
  if (replay.records > 0) {
    shard_log (shard, PTN_LOG_NOTICE, "store.recovered", "records",
               "%" PRIu64 " replayed, %" PRIu64 " lost", replay.records, replay.lost);
    /* What was replayed counts towards the next checkpoint, or kills would make starts longer. */
    atomic_store (&shard->dirty_since, shard->store->host->monotonic_ns ());
    atomic_store (&shard->log_since, replay.octets);
  }
  atomic_fetch_add (&shard->lost_records, replay.lost);
  edit_destroy (&replay.edit);
  g_free (replay.data);
  return replay.trouble;
}

static ptn_status
reindex (struct shard *shard, GArray *segments, bool have_tree, struct position position,
         bool online) {
  ptn_status status = PTN_OK;

  if (!have_tree)
    status = first_tree_make (shard, segments, &position);
  if (status == PTN_OK || status == PTN_E_NOT_FOUND)
    status = replay_from (shard, segments, position, online);
  if (status == PTN_OK && atomic_load (&shard->index.corrupt))
    shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "index", "rows are rotten");
  return status;
}

/* Octets that have to be read before the shard can serve. */
static uint64_t
work_of (const struct shard *shard, const GArray *segments, bool have_tree,
         struct position position) {
  uint32_t first = have_tree ? position.segment : atomic_load (&shard->base_segment);
  uint64_t octets = have_tree ? 0 : atomic_load (&shard->base_octets);

  for (guint i = 0; i < segments->len; i++) {
    const struct segment_info *info = &g_array_index (segments, struct segment_info, i);

    if (info->number >= first)
      octets += info->size;
  }
  return octets - MIN (octets, have_tree ? position.offset : 0);
}

static void
begin_work (struct shard *shard, uint64_t octets) {
  atomic_store (&shard->work_done, 0);
  atomic_store (&shard->lost_records, 0);
  atomic_store (&shard->work_total, octets);
}

ptn_status
shard_recover (struct shard *shard, bool may_defer) {
  g_autoptr (GArray) segments = log_segments (shard);
  g_autofree char *current = shard_file (shard, "CURRENT");
  struct position position = { .lsn = 0 };
  uint64_t limit = shard->store->settings.background, work;
  ptn_status status;
  bool have_tree;

  base_find (shard);
  have_tree = first_tree_open (shard, &position);
  if (segments->len == 0) {
    if (!have_tree && atomic_load (&shard->base_segment) == 0)
      return PTN_OK;
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "the log is gone");
    return PTN_E_CORRUPT;
  }
  work = work_of (shard, segments, have_tree, position);
  begin_work (shard, work);
  if (may_defer && limit > 0 && work > limit) {
    tree_close (&shard->index.base);
    shard->current = 0;
    return PTN_PENDING;
  }
  if (!have_tree && g_file_test (current, G_FILE_TEST_EXISTS))
    shard_log (shard, PTN_LOG_ERROR, "store.rebuild", "reason", "the index is not readable");
  status = reindex (shard, segments, have_tree, position, false);
  /* A file whose row was lost may yet be somebody's mail. */
  if (status == PTN_OK && atomic_load (&shard->lost_records) == 0)
    big_sweep (shard);
  return status;
}

ptn_status
shard_reindex (struct shard *shard) {
  g_autoptr (GArray) segments = log_segments (shard);
  struct position nowhere = { .lsn = 0 };

  if (segments->len == 0)
    return PTN_OK; /* nothing was ever written */
  begin_work (shard, work_of (shard, segments, false, nowhere));
  return reindex (shard, segments, false, nowhere, true);
}
