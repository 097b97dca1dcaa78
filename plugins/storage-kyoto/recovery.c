/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recovery.c - from what is on disk to a shard that serves.  One path for a clean start, a kill, a
 * power loss and a lost index: the tree that CURRENT names (or none), and the log from where that
 * tree ends, replayed into the overlay.  [setup]
 *
 * Where a record is bad, a later one decides.  If any later record says that this one was synced
 * (synced_lsn), it was acknowledged once, and the disk has rotted: it is skipped, and the log says
 * so.  If none does, nobody was told of it: the log was torn here, and is cut. */
#include "big.h"
#include "crc32c.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct replay {
  struct shard *shard;
  GArray *segments; /* struct segment_info */
  guint current;    /* index of the one in hand */
  uint8_t *data;    /* of it, from `base` on */
  size_t size;
  uint64_t base;
  uint64_t lsn; /* the next one expected */
  struct edit edit;
  uint64_t records, lost, octets;
  guint unpublished;
};

enum { PUBLISH_EVERY = 512 };

/* Octets of a segment from `offset` on; NULL and errno, or NULL and size 0 at its end. */
static uint8_t *
load (const struct shard *shard, uint32_t number, uint64_t offset, size_t *size) {
  g_autofree char *name = segment_name (shard, number);
  int fd = open (name, O_RDONLY | O_CLOEXEC);
  uint8_t *data = NULL;
  struct stat status;

  *size = 0;
  if (fd < 0)
    return NULL;
  if (fstat (fd, &status) == 0 && (uint64_t)status.st_size > offset) {
    size_t wanted = (size_t)((uint64_t)status.st_size - offset);

    data = g_try_malloc (wanted);
    if (data && io_read_all (fd, data, wanted, (off_t)offset))
      *size = wanted;
    else
      g_clear_pointer (&data, g_free);
  }
  close (fd);
  return data;
}

static uint32_t
current_number (const struct replay *replay) {
  return g_array_index (replay->segments, struct segment_info, replay->current).number;
}

/* Is there a whole record?  body_good: its body has the right checksum. */
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
    bool body_good, found;

    if (get_u32 (data + at) != RECORD_MAGIC
        || !record_at (replay, data + at, size - at, &record, &span, &body_good))
      continue;
    found = record.lsn >= lsn;
    *synced = record.synced_lsn;
    record_clear (&record);
    if (found)
      return at;
  }
  return SIZE_MAX;
}

/* Does anything behind `at` prove that the record `lsn` was synced? */
static bool
was_synced (const struct replay *replay, size_t at, uint64_t lsn) {
  const uint8_t *data = replay->data;
  g_autofree uint8_t *other = NULL;
  size_t size = replay->size;
  guint segment = replay->current;

  for (;;) {
    uint64_t synced = 0;

    while ((at = resync (replay, data, size, at, lsn, &synced)) != SIZE_MAX) {
      if (synced >= lsn)
        return true;
      at += RECORD_ALIGNMENT;
    }
    if (++segment >= replay->segments->len)
      return false;
    g_free (other);
    data = other =
        load (replay->shard, g_array_index (replay->segments, struct segment_info, segment).number,
              SEGMENT_HEADER, &size);
    if (!data)
      size = 0;
    at = 0;
  }
}

static void
publish (struct replay *replay, uint64_t offset) {
  struct position position = { .lsn = replay->lsn - 1,
                               .segment = current_number (replay),
                               .offset = offset };
  struct shard *shard = replay->shard;

  index_publish (&shard->index, replay->edit.changes, position);
  edit_clear (&replay->edit);
  replay->unpublished = 0;
  atomic_store (&shard->rows_since, overlay_count (shard->index.active));
  /* A whole log replayed must not need the memory of a whole index. */
  if (overlay_count (shard->index.active) > 2 * shard->store->settings.checkpoint_records)
    shard_checkpoint (shard, false);
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
  while (at < end) {
    struct record record;
    uint64_t span;
    bool body_good;

    if (!record_at (replay, replay->data + at, replay->size - at, &record, &span, &body_good))
      break; /* it was there a moment ago */
    apply_record (replay, &record, at);
    replay->lsn = record.lsn + 1;
    record_clear (&record);
    at += span;
  }
  if (replay->unpublished >= PUBLISH_EVERY)
    publish (replay, replay->base + at);
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

/* Goes on with the next segment.  False: there is none. */
static bool
next_segment (struct replay *replay) {
  if (replay->current + 1 >= replay->segments->len)
    return false;
  g_free (replay->data);
  replay->current++;
  replay->base = SEGMENT_HEADER;
  replay->data = load (replay->shard, current_number (replay), SEGMENT_HEADER, &replay->size);
  return true;
}

static bool
next_segment_follows (const struct replay *replay) {
  uint8_t coded[SEGMENT_HEADER];
  struct segment_header header;
  bool good = false;

  if (replay->current + 1 < replay->segments->len) {
    g_autofree char *name = segment_name (
        replay->shard,
        g_array_index (replay->segments, struct segment_info, replay->current + 1).number);
    int fd = open (name, O_RDONLY | O_CLOEXEC);

    good = fd >= 0 && io_read_all (fd, coded, sizeof coded, 0)
           && segment_header_decode (coded, &header) && header.first_lsn == replay->lsn
           && memcmp (header.store, replay->shard->store->id, sizeof header.store) == 0;
    if (fd >= 0)
      close (fd);
  }
  return good;
}

/* From the position on to the end of the log.  Returns where that is, in the segment in hand. */
static uint64_t
replay_log (struct replay *replay) {
  size_t at = 0;

  for (;;) {
    uint64_t bad_lsn;
    size_t end = unit_end (replay, at, replay->lsn, &bad_lsn);

    if (end > 0) {
      at = apply_unit (replay, at, end);
      continue;
    }
    if (bad_lsn == replay->lsn && next_segment_follows (replay)) {
      publish (replay, replay->base + at);
      next_segment (replay);
      at = 0;
      continue;
    }
    if (!was_synced (replay, at, bad_lsn))
      return replay->base + at;
    at = skip_rot (replay, at);
    if (at == SIZE_MAX) {
      if (!next_segment (replay))
        return replay->base + replay->size;
      at = 0;
    }
  }
}

static void
set_aside (const struct shard *shard, uint32_t number) {
  g_autofree char *name = segment_name (shard, number);
  g_autofree char *bad = g_strconcat (name, ".bad", NULL);

  if (g_rename (name, bad) != 0)
    g_unlink (name);
}

/* The log ends here: whatever lies behind goes, what was read is made durable. */
static ptn_status
settle (struct replay *replay, uint64_t end) {
  struct shard *shard = replay->shard;
  const struct io *io = shard->store->io;
  g_autofree char *name = segment_name (shard, current_number (replay));
  struct stat status;
  bool cut;

  for (guint i = replay->current + 1; i < replay->segments->len; i++)
    set_aside (shard, g_array_index (replay->segments, struct segment_info, i).number);
  if (end < SEGMENT_HEADER)
    end = SEGMENT_HEADER;
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

/* The tree of CURRENT, if it is what CURRENT says. */
static bool
open_base (struct shard *shard, struct position *position) {
  struct position own;
  struct value value;
  struct key key;
  char which;
  bool good;

  if (!current_read (shard, &which, position))
    return false;
  shard->index.base = shard_tree_open (shard, which, false);
  if (!shard->index.base)
    return false;
  value_init (&value);
  key_meta (&key, "pos");
  good = tree_get (shard->index.base, key.octets, key.size, &value) == PTN_OK
         && position_get (VALUE_READER (&value), &own) && own.lsn == position->lsn
         && own.segment == position->segment && own.offset == position->offset;
  value_clear (&value);
  if (!good) {
    tree_close (&shard->index.base);
    return false;
  }
  shard->current = which;
  shard->index.base_until = shard->index.position = *position;
  return true;
}

static void
remove_trees (struct shard *shard) {
  g_autofree char *a = shard_tree_name (shard, 'A');
  g_autofree char *b = shard_tree_name (shard, 'B');
  g_autofree char *current = shard_file (shard, "CURRENT");

  g_unlink (current);
  g_unlink (a);
  g_unlink (b);
}

static ptn_status
replay_from (struct shard *shard, GArray *segments, struct position position) {
  struct replay replay = { .shard = shard, .segments = segments, .lsn = position.lsn + 1 };
  ptn_status status;

  while (replay.current + 1 < segments->len && current_number (&replay) < position.segment)
    replay.current++;
  replay.base = current_number (&replay) == position.segment ? position.offset : SEGMENT_HEADER;
  replay.data = load (shard, current_number (&replay), replay.base, &replay.size);
  edit_init (&replay.edit, &shard->index);
  status = settle (&replay, replay_log (&replay));
  if (status == PTN_OK)
    publish (&replay, shard->log.end);
  else
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "%s", g_strerror (errno));
  if (replay.records > 0) {
    shard_log (shard, PTN_LOG_NOTICE, "store.recovered", "records",
               "%" PRIu64 " replayed, %" PRIu64 " lost", replay.records, replay.lost);
    /* What was replayed counts towards the next checkpoint, or kills would make starts longer. */
    atomic_store (&shard->dirty_since, shard->store->host->monotonic_ns ());
    atomic_store (&shard->log_since, replay.octets);
  }
  edit_destroy (&replay.edit);
  g_free (replay.data);
  return status;
}

ptn_status
shard_recover (struct shard *shard) {
  g_autoptr (GArray) segments = log_segments (shard);
  struct position position = { .lsn = 0 };
  ptn_status status = PTN_OK;

  if (!open_base (shard, &position)) {
    g_autofree char *current = shard_file (shard, "CURRENT");

    if (g_file_test (current, G_FILE_TEST_EXISTS))
      shard_log (shard, PTN_LOG_ERROR, "store.rebuild", "reason", "the index is not readable");
    remove_trees (shard);
    position = (struct position){ .lsn = 0 };
  }
  if (segments->len > 0)
    status = replay_from (shard, segments, position);
  else if (position.lsn > 0) {
    shard_log (shard, PTN_LOG_ERROR, "store.recovery", "error", "the log is gone");
    status = PTN_E_CORRUPT;
  }
  if (status == PTN_OK && atomic_load (&shard->index.corrupt))
    shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "index", "rows are rotten: rebuild it");
  if (status == PTN_OK)
    big_sweep (shard);
  return status;
}
