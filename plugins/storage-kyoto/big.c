/* SPDX-License-Identifier: GPL-3.0-or-later */
/* big.c - see big.h. */
#include "big.h"

#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
big_name (const struct shard *shard, uint64_t number) {
  return g_strdup_printf ("%s/big.%016" G_GINT64_MODIFIER "x", shard->path, number);
}

struct big *
big_new (struct shard *shard) {
  uint64_t number = atomic_fetch_add (&shard->store->next_big, 1);
  g_autofree char *name = big_name (shard, number);
  struct big *big;
  int fd;

  if (g_mkdir (shard->path, 0700) != 0 && errno != EEXIST)
    return NULL;
  fd = open (name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return NULL;
  big = g_new0 (struct big, 1);
  big->shard = shard;
  big->number = number;
  big->fd = fd;
  return big;
}

void
big_free (struct big **big) {
  if (!*big)
    return;
  close ((*big)->fd);
  if (!(*big)->named) {
    g_autofree char *name = big_name ((*big)->shard, (*big)->number);

    g_unlink (name);
  }
  octets_clear (&(*big)->table);
  g_free (*big);
  *big = NULL;
}

bool
big_write (struct big *big, const void *piece, size_t size) {
  struct iovec vector = { (void *)(uintptr_t)piece, size };

  if (!io_write_all (big->shard->store->io, big->fd, &vector, 1, (off_t)big->octets))
    return false;
  /* The disk may begin now: less is left for the sync. */
  sync_file_range (big->fd, (off_t)big->octets, (off_t)size, SYNC_FILE_RANGE_WRITE);
  octets_u32 (&big->table, crc32c (0, piece, size));
  big->octets += size;
  return true;
}

bool
big_finish (struct big *big) {
  struct iovec vector = { big->table.data, big->table.size };

  big->table_crc = crc32c (0, big->table.data, big->table.size);
  return io_write_all (big->shard->store->io, big->fd, &vector, 1, (off_t)big->octets);
}

struct big_reader {
  int fd;
  uint64_t octets;
  struct octets table;
};

struct big_reader *
big_reader_new (struct shard *shard, const struct body_row *row) {
  g_autofree char *name = big_name (shard, row->offset);
  uint64_t pieces = (row->stored + BIG_PIECE - 1) / BIG_PIECE;
  struct big_reader *reader;
  struct stat status;
  int fd = open (name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return NULL;
  reader = g_new0 (struct big_reader, 1);
  reader->fd = fd;
  reader->octets = row->stored;
  errno = 0;
  if (fstat (fd, &status) == 0 && (uint64_t)status.st_size == row->stored + pieces * 4
      && io_read_all (fd, octets_grow (&reader->table, pieces * 4), pieces * 4, (off_t)row->stored)
      && crc32c (0, reader->table.data, reader->table.size) == row->crc)
    return reader;
  errno = 0;
  big_reader_free (&reader);
  return NULL;
}

void
big_reader_free (struct big_reader **reader) {
  if (!*reader)
    return;
  close ((*reader)->fd);
  octets_clear (&(*reader)->table);
  g_free (*reader);
  *reader = NULL;
}

ptn_status
big_reader_piece (struct big_reader *reader, uint64_t number, uint8_t **data, size_t *size) {
  uint64_t offset = number * BIG_PIECE;

  *size = (size_t)MIN (reader->octets - offset, BIG_PIECE);
  *data = g_malloc (*size);
  if (io_read_all (reader->fd, *data, *size, (off_t)offset)
      && crc32c (0, *data, *size) == get_u32 (reader->table.data + number * 4))
    return PTN_OK;
  g_clear_pointer (data, g_free);
  return PTN_E_CORRUPT;
}

/* One thing for the spiller to do: files to sync and operations to submit, or a name to remove. */
struct spill {
  struct spill *next;
  char *name; /* to remove; or NULL */
  struct big **bigs;
  struct op **ops;
  size_t big_count, op_count;
  bool everywhere;
};

struct spiller {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  struct spill *queue, **queue_end;
  bool stop, busy;
};

static bool
spill_link (const struct big *big, const struct shard *shard) {
  g_autofree char *name = big_name (big->shard, big->number);
  g_autofree char *other = big_name (shard, big->number);

  return (g_mkdir (shard->path, 0700) == 0 || errno == EEXIST) && link (name, other) == 0;
}

static bool
spill_sync (struct store *store, const struct spill *spill) {
  const struct io *io = store->io;

  for (size_t i = 0; i < spill->big_count; i++) {
    const struct big *big = spill->bigs[i];

    if (store->settings.sync && io->fsync (big->fd) != 0)
      return false;
    for (size_t o = 0; spill->everywhere && o < spill->op_count; o++)
      if (spill->ops[o]->shard != big->shard && !spill_link (big, spill->ops[o]->shard))
        return false;
  }
  for (size_t o = 0; store->settings.sync && o < spill->op_count; o++)
    if (!io_sync_folder (io, spill->ops[o]->shard->path))
      return false;
  return !store->settings.sync || io_sync_folder (io, store->path);
}

static void
spill_run (struct store *store, struct spill *spill) {
  if (spill->name) {
    g_unlink (spill->name);
    return;
  }
  if (spill_sync (store, spill)) {
    /* From here on a record may name them: if none does, the next start removes them. */
    for (size_t i = 0; i < spill->big_count; i++)
      spill->bigs[i]->named = true;
    committer_submit (spill->ops, spill->op_count);
    return;
  }
  for (size_t i = 0; i < spill->op_count; i++) {
    spill->ops[i]->log_text = "a big body could not be synced";
    op_finish (spill->ops[i], PTN_E_TEMPORARY);
  }
}

static void
spill_free (struct spill *spill) {
  g_free (spill->name);
  g_free (spill->bigs);
  g_free (spill->ops);
  g_free (spill);
}

static void *
spiller_main (void *argument) {
  struct spiller *spiller = argument;

  pthread_setname_np (pthread_self (), "store-spill");
  for (;;) {
    struct spill *spill;

    pthread_mutex_lock (&spiller->lock);
    spiller->busy = false;
    pthread_cond_broadcast (&spiller->wanted); /* to spiller_drain */
    while (!spiller->queue && !spiller->stop)
      pthread_cond_wait (&spiller->wanted, &spiller->lock);
    spiller->busy = true;
    spill = spiller->queue;
    if (spill && !(spiller->queue = spill->next))
      spiller->queue_end = &spiller->queue;
    pthread_mutex_unlock (&spiller->lock);
    if (!spill)
      return NULL;
    spill_run (spiller->store, spill);
    spill_free (spill);
  }
}

static void
enqueue (struct spiller *spiller, struct spill *spill) {
  spill->next = NULL;
  pthread_mutex_lock (&spiller->lock);
  *spiller->queue_end = spill;
  spiller->queue_end = &spill->next;
  pthread_cond_broadcast (&spiller->wanted);
  pthread_mutex_unlock (&spiller->lock);
}

void
spiller_submit (struct store *store, struct big *const *bigs, size_t big_count, bool everywhere,
                struct op *const *ops, size_t count) {
  struct spill *spill = g_new0 (struct spill, 1);

  spill->bigs = g_memdup2 (bigs, big_count * sizeof *bigs);
  spill->big_count = big_count;
  spill->everywhere = everywhere;
  spill->ops = g_memdup2 (ops, count * sizeof *ops);
  spill->op_count = count;
  enqueue (store->spiller, spill);
}

void
big_remove_later (struct shard *shard, const uint64_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct spill *spill = g_new0 (struct spill, 1);

    spill->name = big_name (shard, numbers[i]);
    enqueue (shard->store->spiller, spill);
  }
}

ptn_status
spiller_start (struct store *store) {
  struct spiller *spiller = g_new0 (struct spiller, 1);

  spiller->store = store;
  spiller->queue_end = &spiller->queue;
  pthread_mutex_init (&spiller->lock, NULL);
  pthread_cond_init (&spiller->wanted, NULL);
  if (pthread_create (&spiller->thread, NULL, spiller_main, spiller) != 0) {
    g_free (spiller);
    return PTN_E_NO_MEMORY;
  }
  store->spiller = spiller;
  return PTN_OK;
}

void
spiller_drain (struct store *store) {
  struct spiller *spiller = store->spiller;

  if (!spiller)
    return;
  pthread_mutex_lock (&spiller->lock);
  while (spiller->queue || spiller->busy)
    pthread_cond_wait (&spiller->wanted, &spiller->lock);
  pthread_mutex_unlock (&spiller->lock);
}

void
spiller_stop (struct store *store) {
  struct spiller *spiller = store->spiller;

  if (!spiller)
    return;
  pthread_mutex_lock (&spiller->lock);
  spiller->stop = true;
  pthread_cond_broadcast (&spiller->wanted);
  pthread_mutex_unlock (&spiller->lock);
  pthread_join (spiller->thread, NULL);
  pthread_cond_destroy (&spiller->wanted);
  pthread_mutex_destroy (&spiller->lock);
  g_clear_pointer (&store->spiller, g_free);
}

void
big_sweep (struct shard *shard) {
  g_autoptr (GDir) folder = g_dir_open (shard->path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    struct value value;
    struct key key;
    uint64_t number;
    char *rest;

    if (!g_str_has_prefix (name, "big."))
      continue;
    number = g_ascii_strtoull (name + 4, &rest, 16);
    key_big (&key, number);
    value_init (&value);
    if (*rest != '\0' || index_get (&shard->index, NULL, &key, &value) == PTN_E_NOT_FOUND) {
      g_autofree char *path = g_build_filename (shard->path, name, NULL);

      shard_log (shard, PTN_LOG_NOTICE, "store.sweep", "file", "%s", name);
      g_unlink (path);
    }
    value_clear (&value);
  }
}
