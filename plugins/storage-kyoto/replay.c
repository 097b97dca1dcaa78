/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.c - the log from a position on, read into the index.
 *
 * Where a record is bad, a later one decides.  If any later record says that this one was synced
 * (synced_lsn), it was acknowledged once, and the disk has rotted: it is skipped, and the log says
 * so.  If none does, nobody was told of it: the log was torn here, and ends.  While the store is
 * open we know ourselves what was synced, and nothing is ever cut. */
#include "replay.h"

#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

uint32_t
replay_segment (const struct replay *replay) {
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

bool
replay_load (struct replay *replay) {
  g_free (replay->data);
  if (load (replay->shard, replay_segment (replay), replay->base, &replay->data, &replay->size,
            &replay->holes))
    return true;
  replay->trouble = errno == ENOMEM ? PTN_E_NO_MEMORY : PTN_E_TEMPORARY;
  shard_log (replay->shard, PTN_LOG_ERROR, "store.recovery", "error", "log.%08u: %s",
             replay_segment (replay), g_strerror (errno));
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
  name = segment_name (shard, replay_segment (replay));
  fd = open (name, O_RDONLY | O_CLOEXEC);
  good = fd >= 0 && shard->store->io->fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return good;
}

void
replay_publish (struct replay *replay, uint32_t segment, uint64_t offset) {
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

  record->segment = replay_segment (replay);
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
    replay_publish (replay, replay_segment (replay), replay->base + at);
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
                 replay_segment (replay), replay->base + at, replay->lsn);
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
             replay_segment (replay), replay->base + at);
  return next;
}

/* Goes on with the next segment.  False: there is none, or it cannot be read. */
static bool
next_segment (struct replay *replay) {
  if (replay->current + 1 >= replay->segments->len)
    return false;
  replay->current++;
  replay->base = SEGMENT_HEADER;
  return replay_load (replay);
}

/* A kill between a new segment and the end of the old one's life left disk space behind its last
 * record: that goes back. */
static void
trim (struct replay *replay, size_t at) {
  g_autofree char *name = segment_name (replay->shard, replay_segment (replay));
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

bool
segment_header_read (const struct shard *shard, uint32_t number, struct segment_header *header) {
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
  return segment_header_read (
             replay->shard,
             g_array_index (replay->segments, struct segment_info, replay->current + 1).number,
             &header)
         && header.first_lsn == replay->lsn;
}

uint64_t
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
      replay_publish (replay, replay_segment (replay), replay->base + at);
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
                   "log.%08u cannot be read behind %" PRIu64, replay_segment (replay),
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
