/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base.c - see base.h. */
#include "base.h"

#include "crc32c.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  ROWS_OCTETS = 64 * 1024, /* of rows in a record, about */
  FLUSH_OCTETS = 1 << 20,  /* after so much the disk may begin */
  WINDOW = 1 << 20         /* read at once while looking for the next record behind damage */
};

static char *
base_name (const struct shard *shard, uint32_t number) {
  return g_strdup_printf ("%s/base.%08u", shard->path, number);
}

/* The numbers of the bases there are, in no order. */
static GArray *
list_bases (const struct shard *shard) {
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_autoptr (GDir) folder = g_dir_open (shard->path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    uint64_t number;
    uint32_t value;
    char *end;

    if (!g_str_has_prefix (name, "base.") || strlen (name) != 13)
      continue;
    number = g_ascii_strtoull (name + 5, &end, 10);
    value = (uint32_t)number;
    if (*end == '\0' && number > 0)
      g_array_append_val (numbers, value);
  }
  return numbers;
}

uint32_t
base_newest (const struct shard *shard) {
  g_autoptr (GArray) numbers = list_bases (shard);
  uint32_t newest = 0;

  for (guint i = 0; i < numbers->len; i++)
    newest = MAX (newest, g_array_index (numbers, uint32_t, i));
  return newest;
}

static void
remove_before (const struct shard *shard, uint32_t number) {
  g_autoptr (GArray) numbers = list_bases (shard);

  for (guint i = 0; i < numbers->len; i++) {
    uint32_t other = g_array_index (numbers, uint32_t, i);
    g_autofree char *name = base_name (shard, other);

    if (other < number)
      g_unlink (name);
  }
}

struct writer {
  struct shard *shard;
  struct position position;
  int fd;
  uint64_t end, flushed, rows, rows_before;
  uint32_t records;
  struct octets waiting, coded;
};

/* What waits becomes a record. */
static bool
write_rows (struct writer *writer, bool last) {
  struct record record = {
    .type = RECORD_BASE,
    .lsn = writer->position.lsn,
    .mailbox = writer->position.segment,
    .modseq = writer->position.offset,
    .uid = ++writer->records,
    .value = { writer->waiting.data, writer->waiting.size },
  };
  size_t padding;
  struct iovec vector;

  writer->coded.size = 0;
  record_encode (&record, &writer->coded);
  record_seal (writer->coded.data, last, writer->rows_before, writer->shard->store->salt);
  padding = (size_t)record_span ((uint32_t)writer->waiting.size, 0) - writer->coded.size;
  memset (octets_grow (&writer->coded, padding), 0, padding);
  vector = (struct iovec){ writer->coded.data, writer->coded.size };
  if (!io_write_all (writer->shard->store->io, writer->fd, &vector, 1, (off_t)writer->end))
    return false;
  writer->end += writer->coded.size;
  writer->rows_before = writer->rows;
  writer->waiting.size = 0;
  if (writer->end - writer->flushed >= FLUSH_OCTETS) {
    /* The disk may begin now: less is left for the sync, which others would have to wait for. */
    sync_file_range (writer->fd, (off_t)writer->flushed, (off_t)(writer->end - writer->flushed),
                     SYNC_FILE_RANGE_WRITE);
    writer->flushed = writer->end;
  }
  return true;
}

static bool
is_position (const struct octets *key) {
  return key->size == 4 && memcmp (key->data, "\0pos", 4) == 0;
}

/* All rows of the tree, but its position and its end marks. */
static bool
write_tree_rows (struct writer *writer, struct tree *tree) {
  struct tree_cursor *cursor = tree_cursor_new (tree, (const uint8_t *)"", 1, SIZE_MAX - 1);
  struct octets key = { 0 };
  struct value value;
  ptn_status status = PTN_OK;
  bool good = true;

  value_init (&value);
  while (good && (status = tree_cursor_next (cursor, &key, &value)) == PTN_OK) {
    if (key.data[0] == KEY_END) {
      status = PTN_END;
      break;
    }
    if (is_position (&key))
      continue;
    octets_block (&writer->waiting, key.data, key.size);
    octets_block (&writer->waiting, value.data, value.size);
    writer->rows++;
    if (writer->waiting.size >= ROWS_OCTETS)
      good = write_rows (writer, false);
  }
  if (good && status != PTN_END) {
    atomic_store (&writer->shard->index.corrupt, true);
    errno = EIO;
    good = false;
  }
  octets_clear (&key);
  value_clear (&value);
  tree_cursor_free (&cursor);
  return good && write_rows (writer, true);
}

/* The rows in a file under a temporary name, durable; then under its own. */
static bool
write_file (struct writer *writer, struct tree *tree, uint32_t number) {
  struct shard *shard = writer->shard;
  const struct io *io = shard->store->io;
  g_autofree char *temporary = shard_file (shard, "base.tmp");
  g_autofree char *name = base_name (shard, number);
  bool good;
  int error;

  writer->fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  good = writer->fd >= 0 && write_tree_rows (writer, tree)
         && (!shard->store->settings.sync || io->fsync (writer->fd) == 0);
  error = errno;
  if (writer->fd >= 0)
    close (writer->fd);
  errno = error;
  if (good && io->rename (temporary, name) == 0
      && (!shard->store->settings.sync || io_sync_folder (io, shard->path)))
    return true;
  error = errno;
  g_unlink (temporary);
  errno = error;
  return false;
}

/* Nobody writes the tree of CURRENT, and with `upkeep` nobody makes another the current one; so it
 * may be read with a handle of our own, beside those who serve. */
static bool
write_locked (struct shard *shard) {
  struct writer writer = { .shard = shard, .position = shard->index.base_until };
  uint32_t number = base_newest (shard) + 1;
  struct tree *tree;
  bool good = false;

  errno = 0;
  if (!shard->current || writer.position.lsn == 0)
    return false;
  tree = shard_tree_open (shard, shard->current, false);
  if (tree)
    good = write_file (&writer, tree, number);
  tree_close (&tree);
  octets_clear (&writer.waiting);
  octets_clear (&writer.coded);
  if (!good) {
    shard_log (shard, PTN_LOG_ERROR, "store.base", "error", "%s",
               errno ? g_strerror (errno) : "the tree cannot be read");
    return false;
  }
  /* Only now: until the new one is durable, the old one is what a rebuild needs. */
  remove_before (shard, number);
  atomic_store (&shard->base_octets, writer.end);
  atomic_store (&shard->base_segment, writer.position.segment);
  shard->store->host->observe (shard->store->metrics.bases, 1);
  return true;
}

bool
base_write (struct shard *shard) {
  bool good;

  pthread_mutex_lock (&shard->upkeep);
  good = write_locked (shard);
  pthread_mutex_unlock (&shard->upkeep);
  return good;
}

struct source {
  const struct shard *shard;
  int fd;
  uint64_t at, size;
  struct octets data; /* the record in hand */
};

/* The record at `at`, if there is a good one. */
static bool
record_at (struct source *source, struct record *record, uint64_t *span) {
  uint8_t header[RECORD_HEADER];
  uint32_t meta;
  uint64_t body;

  memset (record, 0, sizeof *record);
  if (source->size - source->at < RECORD_HEADER
      || !io_read_all (source->fd, header, sizeof header, (off_t)source->at)
      || !record_sizes (header, &meta, &body) || body != 0
      || source->size - source->at - RECORD_HEADER < meta)
    return false;
  source->data.size = 0;
  if (!io_read_all (source->fd, octets_grow (&source->data, RECORD_HEADER + (size_t)meta),
                    RECORD_HEADER + (size_t)meta, (off_t)source->at)
      || record_decode (source->data.data, source->data.size, source->shard->store->salt, record)
             != PTN_OK
      || record->type != RECORD_BASE) {
    record_clear (record);
    return false;
  }
  *span = MIN (record_span (meta, 0), source->size - source->at);
  return true;
}

/* The next place at or behind `at` where a record may begin.  False: there is none. */
static bool
seek_magic (struct source *source) {
  g_autofree uint8_t *window = g_malloc (WINDOW);

  while (source->size - source->at >= RECORD_HEADER) {
    size_t size = (size_t)MIN (source->size - source->at, (uint64_t)WINDOW);

    if (!io_read_all (source->fd, window, size, (off_t)source->at)) {
      source->at += MIN (size, (size_t)4096); /* a page that the disk cannot read */
      continue;
    }
    for (size_t i = 0; i + 4 <= size; i += RECORD_ALIGNMENT)
      if (get_u32 (window + i) == RECORD_MAGIC) {
        source->at += i;
        return true;
      }
    source->at += size;
  }
  return false;
}

/* The rows of a record.  False: the row function wants no more. */
static bool
give_rows (const struct record *record, base_row *row, void *argument, struct base_result *result) {
  struct reader in = READER ((const uint8_t *)record->value.data, record->value.size);

  while (in.at < in.end) {
    struct ptn_bytes key = reader_block (&in), value = reader_block (&in);

    if (in.bad || key.size == 0) {
      result->lost++;
      return true;
    }
    result->rows++;
    if (row && !row (argument, key.data, key.size, value.data, value.size))
      return false;
  }
  return true;
}

static ptn_status
read_records (struct source *source, base_row *row, void *argument, struct base_result *result) {
  uint32_t next = 1; /* number of the record that should come */
  bool complete = false, go_on = true;

  while (go_on && !complete && source->at < source->size) {
    struct record record;
    uint64_t span;

    if (!record_at (source, &record, &span)) {
      source->at += RECORD_ALIGNMENT;
      if (!seek_magic (source))
        break;
      continue;
    }
    if (record.uid >= next) {
      result->lost += record.uid - next;
      next = record.uid + 1;
      result->records++;
      result->position = (struct position){ .lsn = record.lsn,
                                            .segment = record.mailbox,
                                            .offset = record.modseq };
      complete = record.attributes & RECORD_END_OF_UNIT;
      go_on = give_rows (&record, row, argument, result);
    }
    record_clear (&record);
    source->at += span;
  }
  if (!go_on)
    return PTN_E_CANCELLED;
  if (!complete)
    result->lost++;
  return result->records > 0 ? PTN_OK : PTN_E_NOT_FOUND;
}

ptn_status
base_read (const struct shard *shard, uint32_t number, base_row *row, void *argument,
           struct base_result *result) {
  g_autofree char *name = base_name (shard, number);
  struct source source = { .shard = shard, .fd = open (name, O_RDONLY | O_CLOEXEC) };
  ptn_status status = PTN_E_NOT_FOUND;
  struct stat info;

  memset (result, 0, sizeof *result);
  if (source.fd < 0)
    return status;
  if (fstat (source.fd, &info) == 0) {
    source.size = result->octets = (uint64_t)info.st_size;
    status = read_records (&source, row, argument, result);
  }
  octets_clear (&source.data);
  close (source.fd);
  return status;
}

/* One record tells: each says the position. */
static bool
stop_at_once (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value,
              size_t size) {
  return false;
}

void
base_find (struct shard *shard) {
  g_autofree char *temporary = shard_file (shard, "base.tmp");
  uint32_t newest = base_newest (shard);
  struct base_result result;

  g_unlink (temporary);
  if (newest == 0 || base_read (shard, newest, stop_at_once, NULL, &result) == PTN_E_NOT_FOUND)
    return;
  atomic_store (&shard->base_octets, result.octets);
  atomic_store (&shard->base_segment, result.position.segment);
}

uint64_t
base_damage (struct shard *shard, uint32_t *number) {
  uint32_t newest = base_newest (shard);
  struct base_result result;
  ptn_status status;

  if (number)
    *number = newest;
  if (newest == 0)
    return 0;
  status = base_read (shard, newest, NULL, NULL, &result);
  if (status != PTN_OK && base_newest (shard) != newest)
    return 0; /* there is a newer one already, which was just synced */
  if (status == PTN_OK && result.lost == 0) {
    atomic_store (&shard->base_checked, shard->store->host->monotonic_ns ());
    return 0;
  }
  shard_log (shard, PTN_LOG_ERROR, "store.corrupt", "base",
             "base.%08u is damaged: another one is written", newest);
  atomic_store (&shard->base_wanted, true);
  return MAX (result.lost, (uint64_t)1);
}
