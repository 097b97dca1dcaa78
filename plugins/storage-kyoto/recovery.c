/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recovery.c - from what is on disk to a shard that serves.  One path for a clean start, a kill, a
 * power loss and a lost index: the tree that CURRENT names, or one made from the newest base, or
 * none; and the log from where that ends, replayed into the overlay.
 *
 * Where a record is bad, a later one decides.  If any later record says that this one was synced
 * (synced_lsn), it was acknowledged once, and the disk has rotted: it is skipped, and the log says
 * so.  If none does, nobody was told of it: the log was torn here, and is cut.  While the store is
 * open we know ourselves what was synced, and nothing is ever cut.
 *
 * One thread a shard: [setup], or that of a rebuild. */
#include "base.h"
#include "big.h"
#include "crc32c.h"
#include "first_tree.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct replay {
  struct shard *shard;
  bool online;        /* the log is open, and ends where shard->log says */
  bool holes;         /* parts of the segment in hand cannot be read: they look like zeros */
  ptn_status trouble; /* why it cannot go on */
  GArray *segments;   /* struct segment_info */
  guint current;      /* index of the one in hand */
  uint8_t *data;      /* of it, from `base` on */
  size_t size;
  uint64_t base;
  uint64_t lsn; /* the next one expected */
  struct edit edit;
  uint64_t records, lost, octets;
  guint unpublished;
};

enum { PUBLISH_EVERY = 512 };

/* Page by page, zeros for those that the disk cannot read. */
static void
read_around (int fd, uint8_t *data, size_t size, uint64_t offset) {
  for (size_t at = 0, part; at < size; at += part) {
    part = MIN (size - at, (size_t)4096 - (size_t)((offset + at) % 4096));
    if (!io_read_all (fd, data + at, part, (off_t)(offset + at)))
      memset (data + at, 0, part);
  }
}

/* Octets of a segment from `offset` on.  False: errno.  holes: some could not be read. */
static bool
load (const struct shard *shard, uint32_t number, uint64_t offset, uint8_t **data, size_t *size,
      bool *holes) {
  g_autofree char *name = segment_name (shard, number);
  int fd = open (name, O_RDONLY | O_CLOEXEC);
  struct stat status;
  bool good = false;

  *size = 0;
  *data = NULL;
  *holes = false;
  if (fd < 0)
    return false;
  if (fstat (fd, &status) == 0) {
    size_t wanted =
        (uint64_t)status.st_size > offset ? (size_t)((uint64_t)status.st_size - offset) : 0;

    errno = ENOMEM;
    *data = g_try_malloc (wanted + 1);
    if (*data) {
      good = true;
      *size = wanted;
      *holes = !io_read_all (fd, *data, wanted, (off_t)offset);
      if (*holes)
        read_around (fd, *data, wanted, offset);
    }
  }
  close (fd);
  return good;
}

static uint32_t
current_number (const struct replay *replay) {
  return g_array_index (replay->segments, struct segment_info, replay->current).number;
}

/* Is there a whole record?  body_good: its body has the right checksum (NULL: not asked). */
static bool
record_at (const struct replay *replay, const uint8_t *data, size_t size, struct record *record,
           uint64_t *span, bool *body_good) {
  uint32_t meta;
  uint64_t body;

  memset (record, 0, sizeof *record);
  if (size < RECORD_HEADER || !record_sizes (data, &meta, &body) || size - RECORD_HEADER < meta
      || size - RECORD_HEADER - meta < body)
    return false;
  *span = MIN (record_span (meta, body), size);
  if (record_decode (data, size, replay->shard->store->salt, record) != PTN_OK) {
    record_clear (record);
    return false;
  }
  if (body_good)
    *body_good = body == 0 || crc32c (0, data + RECORD_HEADER + meta, body) == record->body_crc;
  record->body_offset = RECORD_HEADER + meta; /* relative; made absolute by the caller */
  return true;
}

/* The next place, at or behind `at`, with a record of an lsn not before `lsn`; SIZE_MAX: none. */
static size_t
resync (const struct replay *replay, const uint8_t *data, size_t size, size_t at, uint64_t lsn,
        uint64_t *synced) {
  for (; at + RECORD_HEADER <= size; at += RECORD_ALIGNMENT) {
    struct record record;
    uint64_t span;
    bool found;

    if (get_u32 (data + at) != RECORD_MAGIC
        || !record_at (replay, data + at, size - at, &record, &span, NULL))
      continue;
    found = record.lsn >= lsn;
    *synced = record.synced_lsn;
    record_clear (&record);
    if (found)
      return at;
  }
  return SIZE_MAX;
}

static bool
load_current (struct replay *replay) {
  g_free (replay->data);
  if (load (replay->shard, current_number (replay), replay->base, &replay->data, &replay->size,
            &replay->holes))
    return true;
  replay->trouble = errno == ENOMEM ? PTN_E_NO_MEMORY : PTN_E_TEMPORARY;
  shard_log (replay->shard, PTN_LOG_ERROR, "store.recovery", "error", "log.%08u: %s",
             current_number (replay), g_strerror (errno));
  return false;
}

/* Does anything behind `at` prove that the record `lsn` was synced? */
static bool
was_synced (struct replay *replay, size_t at, uint64_t lsn) {
  const uint8_t *data = replay->data;
  g_autofree uint8_t *other = NULL;
  size_t size = replay->size;
  guint segment = replay->current;

  if (replay->online)
    return lsn < replay->shard->log.next_lsn;
  for (;;) {
    uint64_t synced = 0;
    uint32_t number;
    bool holes;

    while ((at = resync (replay, data, size, at, lsn, &synced)) != SIZE_MAX) {
      if (synced >= lsn)
        return true;
      at += RECORD_ALIGNMENT;
    }
    if (++segment >= replay->segments->len)
      return false;
    g_clear_pointer (&other, g_free);
    number = g_array_index (replay->segments, struct segment_info, segment).number;
    if (!load (replay->shard, number, SEGMENT_HEADER, &other, &size, &holes))
      holes = true;
    replay->holes |= holes;
    data = other;
    at = 0;
  }
}

/* The segment in hand.  Those before it were synced before there was a next one. */
static bool
sync_segment (const struct replay *replay) {
  struct shard *shard = replay->shard;
  g_autofree char *name = NULL;
  bool good;
  int fd;

  if (replay->online || !shard->store->settings.sync)
    return true;
  name = segment_name (shard, current_number (replay));
  fd = open (name, O_RDONLY | O_CLOEXEC);
  good = fd >= 0 && shard->store->io->fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return good;
}

/* Everything up to the position is in the index, or nothing of it yet. */
static void
publish (struct replay *replay, uint32_t segment, uint64_t offset) {
  struct position position = { .lsn = replay->lsn - 1, .segment = segment, .offset = offset };
  struct shard *shard = replay->shard;

  index_publish (&shard->index, replay->edit.changes, position);
  edit_clear (&replay->edit);
  replay->unpublished = 0;
  atomic_store (&shard->rows_since, overlay_count (shard->index.active));
  /* A whole log replayed must not need the memory of a whole index.  No tree may know of a record
   * that the power can still take away. */
  if (overlay_count (shard->index.active) > 2 * shard->store->settings.checkpoint_records
      && sync_segment (replay))
    shard_checkpoint_held (shard, false);
  if (atomic_load (&shard->store->stopping))
    replay->trouble = PTN_E_CANCELLED;
}

static void
apply_record (struct replay *replay, struct record *record, size_t at) {
  ptn_status status;

  record->segment = current_number (replay);
  record->offset = replay->base + at;
  record->body_offset += record->offset;
  status = apply (&replay->edit, record);
  replay->records++;
  replay->unpublished++;
  if (status != PTN_OK) {
    replay->lost++;
    shard_log (replay->shard, PTN_LOG_ERROR, "store.recovery", "problem",
               "record %" PRIu64 " (type %u) does not fit the index", record->lsn, record->type);
  }
}

/* The records of a unit from `at` on, without applying them: its end, and how many; 0: it is not
 * whole.  Records whose bodies are bad count as bad. */
static size_t
unit_end (struct replay *replay, size_t at, uint64_t lsn, uint64_t *bad_lsn) {
  for (;; lsn++) {
    struct record record;
    uint64_t span;
    bool body_good, end;

    *bad_lsn = lsn;
    if (!record_at (replay, replay->data + at, replay->size - at, &record, &span, &body_good))
      return 0;
    end = record.attributes & RECORD_END_OF_UNIT;
    body_good = body_good && record.lsn == lsn;
    record_clear (&record);
    if (!body_good)
      return 0;
    at += span;
    if (end)
      return at;
  }
}

static size_t
apply_unit (struct replay *replay, size_t at, size_t end) {
  replay->octets += end - at;
  atomic_fetch_add (&replay->shard->work_done, end - at);
  while (at < end) {
    struct record record;
    uint64_t span;

    if (!record_at (replay, replay->data + at, replay->size - at, &record, &span, NULL))
      break; /* it was there a moment ago */
    apply_record (replay, &record, at);
    replay->lsn = record.lsn + 1;
    record_clear (&record);
    at += span;
  }
  if (replay->unpublished >= PUBLISH_EVERY)
    publish (replay, current_number (replay), replay->base + at);
  return at;
}

/* Bit rot at `at`: whatever can be read there is applied, and what follows is looked for.
 * Returns where to go on; SIZE_MAX: nothing more in this segment. */
static size_t
skip_rot (struct replay *replay, size_t at) {
  struct record record;
  uint64_t span, synced;
  bool body_good;
  size_t next;

  if (record_at (replay, replay->data + at, replay->size - at, &record, &span, &body_good)) {
    /* Only its body is bad, or records before it are missing: the row stays, and reading the
     * message tells. */
    if (record.lsn >= replay->lsn) {
      if (!body_good || record.lsn > replay->lsn)
        replay->lost++;
      shard_log (replay->shard, PTN_LOG_ERROR, "store.corrupt", "record",
                 "%" PRIu64 " in log.%08u at %" PRIu64 ", expected %" PRIu64, record.lsn,
                 current_number (replay), replay->base + at, replay->lsn);
      apply_record (replay, &record, at);
      replay->lsn = record.lsn + 1;
      record_clear (&record);
      return at + span;
    }
    record_clear (&record);
  }
  replay->lost++;
  next = resync (replay, replay->data, replay->size, at + RECORD_ALIGNMENT, replay->lsn, &synced);
  shard_log (replay->shard, PTN_LOG_ERROR, "store.corrupt", "record",
             "%" PRIu64 " in log.%08u at %" PRIu64 " is unreadable", replay->lsn,
             current_number (replay), replay->base + at);
  return next;
}

/* Goes on with the next segment.  False: there is none, or it cannot be read. */
static bool
next_segment (struct replay *replay) {
  if (replay->current + 1 >= replay->segments->len)
    return false;
  replay->current++;
  replay->base = SEGMENT_HEADER;
  return load_current (replay);
}

/* A kill between a new segment and the end of the old one's life left disk space behind its last
 * record: that goes back. */
static void
trim (struct replay *replay, size_t at) {
  g_autofree char *name = segment_name (replay->shard, current_number (replay));
  int fd;

  for (size_t i = at; i < replay->size; i++)
    if (replay->data[i] != 0)
      return;
  if (replay->online || replay->holes || at >= replay->size)
    return;
  fd = open (name, O_RDWR | O_CLOEXEC);
  if (fd < 0 || replay->shard->store->io->ftruncate (fd, (off_t)(replay->base + at)) != 0)
    shard_log (replay->shard, PTN_LOG_WARNING, "store.truncate", "error", "%s", g_strerror (errno));
  if (fd >= 0)
    close (fd);
}

/* The header of a segment, as it is on disk. */
static bool
read_header (const struct shard *shard, uint32_t number, struct segment_header *header) {
  g_autofree char *name = segment_name (shard, number);
  uint8_t coded[SEGMENT_HEADER];
  int fd = open (name, O_RDONLY | O_CLOEXEC);
  bool good =
      fd >= 0 && io_read_all (fd, coded, sizeof coded, 0) && segment_header_decode (coded, header);

  if (fd >= 0)
    close (fd);
  return good;
}

static bool
next_segment_follows (const struct replay *replay) {
  struct segment_header header;

  if (replay->current + 1 >= replay->segments->len)
    return false;
  return read_header (
             replay->shard,
             g_array_index (replay->segments, struct segment_info, replay->current + 1).number,
             &header)
         && header.first_lsn == replay->lsn;
}

/* From the position on to the end of the log.  Returns where that is, in the segment in hand;
 * replay->trouble: it could not be reached. */
static uint64_t
replay_log (struct replay *replay) {
  size_t at = 0;

  while (replay->trouble == PTN_OK) {
    uint64_t bad_lsn;
    size_t end;

    if (replay->online && replay->lsn >= replay->shard->log.next_lsn)
      return replay->base + at;
    end = unit_end (replay, at, replay->lsn, &bad_lsn);
    if (end > 0) {
      at = apply_unit (replay, at, end);
      continue;
    }
    if (bad_lsn == replay->lsn && next_segment_follows (replay)) {
      publish (replay, current_number (replay), replay->base + at);
      trim (replay, at);
      next_segment (replay);
      at = 0;
      continue;
    }
    if (!was_synced (replay, at, bad_lsn)) {
      /* What cannot be read may be there all the same: nothing is cut for that. */
      if (replay->holes) {
        replay->trouble = PTN_E_TEMPORARY;
        shard_log (replay->shard, PTN_LOG_ERROR, "store.recovery", "error",
                   "log.%08u cannot be read behind %" PRIu64, current_number (replay),
                   replay->base + at);
      }
      return replay->base + at;
    }
    at = skip_rot (replay, at);
    if (at == SIZE_MAX) {
      if (!next_segment (replay))
        return replay->base + replay->size;
      at = 0;
    }
  }
  return 0;
}

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

    if (read_header (replay->shard, number, &header)
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
               current_number (replay), end, last - from);
}

/* There is not one record: the power failed, or the disk was full, when the first segment was made,
 * and its header may be missing.  It is made once more. */
static ptn_status
begin_again (struct replay *replay) {
  struct shard *shard = replay->shard;
  g_autofree char *name = segment_name (shard, current_number (replay));

  if (shard->log.fd >= 0)
    close (shard->log.fd);
  if (g_unlink (name) != 0)
    return PTN_E_TEMPORARY;
  shard->log = (struct log){ .fd = -1, .segment = current_number (replay) - 1, .next_lsn = 1 };
  return PTN_OK;
}

/* The log ends here: whatever lies behind goes, what was read is made durable. */
static ptn_status
settle (struct replay *replay, uint64_t end) {
  struct shard *shard = replay->shard;
  const struct io *io = shard->store->io;
  g_autofree char *name = segment_name (shard, current_number (replay));
  struct segment_header header;
  struct stat status;
  bool cut;

  tell_torn (replay, end);
  for (guint i = replay->current + 1; i < replay->segments->len; i++)
    set_aside (shard, g_array_index (replay->segments, struct segment_info, i).number);
  if (replay->lsn == 1 && !shard->index.base
      && !read_header (shard, current_number (replay), &header))
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
  shard->log.segment = current_number (replay);
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

  while (replay.current + 1 < segments->len && current_number (&replay) < position.segment)
    replay.current++;
  if (position.segment > 0 && current_number (&replay) < position.segment) {
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "log.%08u is gone",
               position.segment);
    return PTN_E_CORRUPT;
  }
  replay.base = current_number (&replay) == position.segment ? position.offset : SEGMENT_HEADER;
  edit_init (&replay.edit, &shard->index);
  if (!online && !all_ours (&replay))
    replay.trouble = PTN_E_CORRUPT;
  else if (load_current (&replay))
    end = replay_log (&replay);
  if (replay.trouble == PTN_OK && !online) {
    replay.trouble = settle (&replay, end);
    if (replay.trouble != PTN_OK)
      shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "%s", g_strerror (errno));
  }
  if (replay.trouble == PTN_OK) {
    /* What is rotten at the very end was there all the same: its numbers are not used again. */
    replay.lsn = shard->log.next_lsn;
    publish (&replay, shard->log.segment, shard->log.end);
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
