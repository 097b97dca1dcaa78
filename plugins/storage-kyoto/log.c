/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - the segments of a shard's log: adding to the newest, reading any. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  ALLOCATION = 4 << 20, /* disk space is taken in these steps */
  FILES_OPEN = 24       /* segments a shard keeps open for reading */
};

char *
segment_name (const struct shard *shard, uint32_t number) {
  return g_strdup_printf ("%s/log.%08u", shard->path, number);
}

static int
by_number (const void *a, const void *b) {
  const struct segment_info *left = a, *right = b;

  return (left->number > right->number) - (left->number < right->number);
}

GArray *
log_segments (const struct shard *shard) {
  GArray *segments = g_array_new (FALSE, FALSE, sizeof (struct segment_info));
  g_autoptr (GDir) folder = g_dir_open (shard->path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *path = NULL;
    struct segment_info info;
    struct stat status;
    uint64_t number;
    char *end;

    if (!g_str_has_prefix (name, "log.") || strlen (name) != 12)
      continue;
    number = g_ascii_strtoull (name + 4, &end, 10);
    path = shard_file (shard, name);
    if (*end != '\0' || number == 0 || stat (path, &status) != 0)
      continue;
    info = (struct segment_info){ (uint32_t)number, (uint64_t)status.st_size };
    g_array_append_val (segments, info);
  }
  g_array_sort (segments, by_number);
  return segments;
}

/* Takes disk space ahead, so that most batches need none.  It is not needed for correctness: a
 * file system that cannot do it does not have to. */
static bool
allocate (struct shard *shard, uint64_t wanted) {
  uint64_t segment = (shard->store->settings.segment_size + 4095) & ~(uint64_t)4095;
  uint64_t step = MIN ((uint64_t)ALLOCATION, segment), size = step;

  if (shard->log.allocated >= wanted)
    return true;
  while (shard->log.allocated + size < wanted)
    size += step;
  /* What is left of a full disk is for all shards, and for their indexes. */
  if (shard->store->settings.reserve > 0 && atomic_load (&shard->store->reserve_gone))
    size = (wanted - shard->log.allocated + 4095) & ~(uint64_t)4095;
  while (shard->store->io->fallocate (shard->log.fd, 0, (off_t)shard->log.allocated, (off_t)size)
         != 0) {
    uint64_t least = (wanted - shard->log.allocated + 4095) & ~(uint64_t)4095;

    if (errno == EINTR)
      continue;
    if (!io_no_space (errno)) {
      shard->log.allocated = UINT64_MAX;
      return true;
    }
    if (size <= least)
      return false;
    size = MAX (least, size / 2);
  }
  shard->log.allocated += size;
  return true;
}

bool
log_roll (struct shard *shard) {
  const struct io *io = shard->store->io;
  uint32_t number = shard->log.segment + 1;
  g_autofree char *name = segment_name (shard, number);
  struct segment_header header = {
    .shard = shard->number,
    .number = number,
    .first_lsn = shard->log.next_lsn,
    .created = g_get_real_time () / G_USEC_PER_SEC,
  };
  uint8_t coded[SEGMENT_HEADER];
  struct iovec vector = { coded, sizeof coded };
  int fd, old = shard->log.fd, error;
  struct log before = shard->log;

  memcpy (header.store, shard->store->id, sizeof header.store);
  segment_header_encode (&header, coded);
  fd = open (name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return false;
  shard->log.fd = fd;
  shard->log.segment = number;
  shard->log.allocated = 0;
  shard->log.end = SEGMENT_HEADER;
  /* The space behind the end of the old segment goes back. */
  if (allocate (shard, SEGMENT_HEADER) && io_write_all (io, fd, &vector, 1, 0)
      && (!shard->store->settings.sync
          || (io->fsync (fd) == 0 && io_sync_folder (io, shard->path)))) {
    if (old >= 0) {
      if (before.allocated != UINT64_MAX && before.allocated > before.end
          && io->ftruncate (old, (off_t)before.end) != 0)
        shard_log (shard, PTN_LOG_WARNING, "store.truncate", "error", "%s", g_strerror (errno));
      close (old);
    }
    return true;
  }
  error = errno;
  close (fd);
  g_unlink (name);
  shard->log = before;
  errno = error;
  return false;
}

bool
log_write (struct shard *shard, struct iovec *vectors, size_t count, uint64_t octets) {
  uint64_t start = shard->log.end;

  if (!allocate (shard, start + octets)
      || !io_write_all (shard->store->io, shard->log.fd, vectors, count, (off_t)start)) {
    int error = errno;

    /* Nothing of it may stay, else the next batch would stand behind rubbish. */
    if (shard->store->io->ftruncate (shard->log.fd, (off_t)start) != 0) {
      shard_log (shard, PTN_LOG_ERROR, "store.failed", "error", "cannot truncate the log: %s",
                 g_strerror (errno));
      atomic_store (&shard->failed, true);
    }
    if (shard->log.allocated != UINT64_MAX)
      shard->log.allocated = start;
    errno = error;
    return false;
  }
  shard->log.end += octets;
  return true;
}

bool
log_sync (struct shard *shard) {
  return !shard->store->settings.sync || shard->store->io->fdatasync (shard->log.fd) == 0;
}

static struct segment_file *
oldest_unused (GPtrArray *files) {
  struct segment_file *oldest = NULL;

  for (guint i = 0; i < files->len; i++) {
    struct segment_file *file = files->pdata[i];

    if (file->references == 0 && (!oldest || file->last_use < oldest->last_use))
      oldest = file;
  }
  return oldest;
}

struct segment_file *
segment_take (struct shard *shard, uint32_t number) {
  struct segment_file *file = NULL;
  g_autofree char *name = NULL;
  int fd;

  pthread_mutex_lock (&shard->files_lock);
  for (guint i = 0; i < shard->files->len; i++) {
    struct segment_file *candidate = shard->files->pdata[i];

    if (candidate->number == number && !candidate->gone) {
      file = candidate;
      break;
    }
  }
  if (!file) {
    name = segment_name (shard, number);
    fd = open (name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      pthread_mutex_unlock (&shard->files_lock);
      return NULL;
    }
    if (shard->files->len >= FILES_OPEN && (file = oldest_unused (shard->files))) {
      close (file->fd);
      g_ptr_array_remove_fast (shard->files, file);
      g_free (file);
    }
    file = g_new0 (struct segment_file, 1);
    file->number = number;
    file->fd = fd;
    g_ptr_array_add (shard->files, file);
  }
  file->references++;
  file->last_use = ++shard->file_clock;
  pthread_mutex_unlock (&shard->files_lock);
  return file;
}

/* [files_lock] */
static void
drop_file (struct shard *shard, struct segment_file *file) {
  close (file->fd);
  g_ptr_array_remove_fast (shard->files, file);
  g_free (file);
}

void
segment_give (struct shard *shard, struct segment_file *file) {
  pthread_mutex_lock (&shard->files_lock);
  if (--file->references == 0 && file->gone)
    drop_file (shard, file);
  pthread_mutex_unlock (&shard->files_lock);
}

void
segment_forget (struct shard *shard, uint32_t number) {
  pthread_mutex_lock (&shard->files_lock);
  for (guint i = 0; i < shard->files->len; i++) {
    struct segment_file *file = shard->files->pdata[i];

    if (file->number != number)
      continue;
    file->gone = true;
    if (file->references == 0)
      drop_file (shard, file);
    break;
  }
  pthread_mutex_unlock (&shard->files_lock);
}

void
segments_hold (struct shard *shard) {
  /* Whoever removes segments looks at this with `upkeep`, so that none goes after we return. */
  pthread_mutex_lock (&shard->upkeep);
  atomic_fetch_add (&shard->holds, 1);
  pthread_mutex_unlock (&shard->upkeep);
}

void
segments_release (struct shard *shard) {
  atomic_fetch_sub (&shard->holds, 1);
}
