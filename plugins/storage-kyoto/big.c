/* SPDX-License-Identifier: GPL-3.0-or-later */
/* big.c - see big.h. */
#include "big.h"

#include "codec.h"
#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_PACKED ((uint32_t)1 << 31) /* in the size of a piece in the table */
/* Of a body of 256 GiB. */
enum { TABLE_MAX = 8 << 20 };

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

  if (!store_may_grow (shard->store)) {
    errno = ENOSPC;
    return NULL;
  }
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
  size_t stored = size;
  g_autofree uint8_t *packed = codec_pack (big->shard->store->codec, piece, size, &stored);
  struct iovec vector = { packed ? packed : (void *)(uintptr_t)piece, stored };
  uint32_t crc = crc32c (0, vector.iov_base, stored);

  if (!store_may_grow (big->shard->store)) {
    errno = ENOSPC;
    return false;
  }
  if (!io_write_all (big->shard->store->io, big->fd, &vector, 1, (off_t)big->stored))
    return false;
  /* The disk may begin now: less is left for the sync. */
  sync_file_range (big->fd, (off_t)big->stored, (off_t)stored, SYNC_FILE_RANGE_WRITE);
  octets_u32 (&big->table, packed ? (uint32_t)stored | PIECE_PACKED : (uint32_t)stored);
  octets_u32 (&big->table, crc);
  if (packed)
    big->codec = CODEC_ZSTD;
  big->stored += stored;
  big->octets += size;
  return true;
}

bool
big_finish (struct big *big) {
  struct octets *table = &big->table;
  struct iovec vector;

  if (big->codec != CODEC_RAW)
    octets_u64 (table, big->octets);
  else { /* the sizes are known without a table */
    for (size_t at = 0; at < table->size; at += 8)
      memmove (table->data + at / 2, table->data + at + 4, 4);
    table->size /= 2;
  }
  big->table_crc = crc32c (0, table->data, table->size);
  vector = (struct iovec){ table->data, table->size };
  return io_write_all (big->shard->store->io, big->fd, &vector, 1, (off_t)big->stored);
}

size_t
big_table_pieces (size_t size, uint8_t codec) {
  if (codec == CODEC_RAW)
    return size % 4 == 0 ? size / 4 : 0;
  return size % 8 == 0 && size > 8 ? size / 8 - 1 : 0;
}

bool
big_table_decode (const uint8_t *table, size_t size, uint8_t codec, uint64_t stored,
                  struct big_piece *pieces, size_t count, uint64_t *octets) {
  struct reader in = READER (table, size);
  uint64_t at = 0;

  if (count == 0 || count != big_table_pieces (size, codec))
    return false;
  for (size_t i = 0; i < count; i++) {
    struct big_piece *piece = &pieces[i];

    piece->offset = at;
    piece->codec = CODEC_RAW;
    piece->size = (uint32_t)MIN (stored - at, BIG_PIECE);
    if (codec != CODEC_RAW) {
      piece->size = reader_u32 (&in);
      if (piece->size & PIECE_PACKED)
        piece->codec = codec;
      piece->size &= ~PIECE_PACKED;
    }
    piece->crc = reader_u32 (&in);
    if (piece->size == 0 || piece->size > BIG_PIECE || piece->size > stored - at)
      return false;
    at += piece->size;
  }
  *octets = codec == CODEC_RAW ? stored : reader_u64 (&in);
  if (at != stored || !reader_done (&in) || *octets <= (uint64_t)(count - 1) * BIG_PIECE
      || *octets > (uint64_t)count * BIG_PIECE)
    return false;
  /* What is not packed has the size of its part of the body. */
  for (size_t i = 0; i < count; i++)
    if (pieces[i].codec == CODEC_RAW && pieces[i].size != MIN (*octets - i * BIG_PIECE, BIG_PIECE))
      return false;
  return true;
}

struct big_reader {
  struct codec *codec;
  int fd;
  uint64_t octets;
  struct big_piece *pieces;
  size_t count;
  uint8_t *packed; /* memory for a packed piece; made with the first */
};

/* The table stands behind the pieces and goes to the end of the file. */
static bool
read_table (struct big_reader *reader, const struct body_row *row) {
  g_autofree uint8_t *table = NULL;
  struct stat status;
  size_t size;

  errno = 0;
  if (fstat (reader->fd, &status) != 0 || (uint64_t)status.st_size <= row->stored
      || (uint64_t)status.st_size - row->stored > TABLE_MAX)
    return false;
  size = (size_t)((uint64_t)status.st_size - row->stored);
  table = g_malloc (size);
  reader->count = big_table_pieces (size, row->codec);
  reader->pieces = g_new (struct big_piece, reader->count);
  if (!io_read_all (reader->fd, table, size, (off_t)row->stored))
    return false;
  errno = 0;
  return crc32c (0, table, size) == row->crc
         && big_table_decode (table, size, row->codec, row->stored, reader->pieces, reader->count,
                              &reader->octets);
}

struct big_reader *
big_reader_new (struct shard *shard, const struct body_row *row) {
  g_autofree char *name = big_name (shard, row->offset);
  struct big_reader *reader;
  int fd = open (name, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return NULL;
  reader = g_new0 (struct big_reader, 1);
  reader->codec = shard->store->codec;
  reader->fd = fd;
  if (!read_table (reader, row))
    big_reader_free (&reader);
  return reader;
}

void
big_reader_free (struct big_reader **reader) {
  if (!*reader)
    return;
  close ((*reader)->fd);
  g_free ((*reader)->pieces);
  g_free ((*reader)->packed);
  g_free (*reader);
  *reader = NULL;
}

uint64_t
big_reader_octets (const struct big_reader *reader) {
  return reader->octets;
}

size_t
big_reader_size (const struct big_reader *reader, uint64_t number) {
  return number < reader->count ? (size_t)MIN (reader->octets - number * BIG_PIECE, BIG_PIECE) : 0;
}

ptn_status
big_reader_piece (struct big_reader *reader, uint64_t number, uint8_t *out) {
  const struct big_piece *piece = &reader->pieces[number];
  uint8_t *stored = out;

  if (piece->codec != CODEC_RAW)
    stored = reader->packed = reader->packed ? reader->packed : g_malloc (BIG_PIECE);
  if (!io_read_all (reader->fd, stored, piece->size, (off_t)piece->offset)
      || crc32c (0, stored, piece->size) != piece->crc)
    return PTN_E_CORRUPT;
  if (piece->codec == CODEC_RAW)
    return PTN_OK;
  return codec_unpack (reader->codec, piece->codec, stored, piece->size, out,
                       big_reader_size (reader, number));
}

/* One thing for the spiller to do: files to sync and operations to submit, or a name to remove. */
struct spill {
  struct spill *next;
  char *name;          /* to remove; or NULL */
  struct shard *shard; /* where */
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
  bool stop, busy, poked;
  struct spill *held; /* names to remove when their shard is held no more */
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

/* What a backup may still want to copy is removed when it has ended; what is left over when the
 * store is closed, by the next start. */
static bool
keep_held (struct spiller *spiller, struct spill *spill) {
  if (!spill->name || atomic_load (&spill->shard->holds) == 0)
    return false;
  spill->next = spiller->held;
  spiller->held = spill;
  return true;
}

static void
remove_held (struct spiller *spiller) {
  struct spill **link = &spiller->held, *spill;

  while ((spill = *link)) {
    if (atomic_load (&spill->shard->holds) > 0) {
      link = &spill->next;
      continue;
    }
    *link = spill->next;
    g_unlink (spill->name);
    spill_free (spill);
  }
}

static void *
spiller_main (void *argument) {
  struct spiller *spiller = argument;

  pthread_setname_np (pthread_self (), "store-spill");
  for (;;) {
    struct spill *spill;
    bool stop;

    pthread_mutex_lock (&spiller->lock);
    spiller->busy = false;
    pthread_cond_broadcast (&spiller->wanted); /* to spiller_drain */
    while (!spiller->queue && !spiller->stop && !spiller->poked)
      pthread_cond_wait (&spiller->wanted, &spiller->lock);
    spiller->busy = true;
    spiller->poked = false;
    spill = spiller->queue;
    if (spill && !(spiller->queue = spill->next))
      spiller->queue_end = &spiller->queue;
    stop = spiller->stop;
    pthread_mutex_unlock (&spiller->lock);
    remove_held (spiller);
    if (!spill && stop)
      return NULL;
    if (!spill || keep_held (spiller, spill))
      continue;
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
    spill->shard = shard;
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
spiller_poke (struct store *store) {
  struct spiller *spiller = store->spiller;

  pthread_mutex_lock (&spiller->lock);
  spiller->poked = true;
  pthread_cond_broadcast (&spiller->wanted);
  pthread_mutex_unlock (&spiller->lock);
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
  while (spiller->held) {
    struct spill *next = spiller->held->next;

    spill_free (spiller->held);
    spiller->held = next;
  }
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
    /* What this process has begun may yet be named. */
    if (*rest == '\0' && number >= shard->store->first_big)
      continue;
    if (*rest != '\0' || index_get (&shard->index, NULL, &key, &value) == PTN_E_NOT_FOUND) {
      g_autofree char *path = g_build_filename (shard->path, name, NULL);

      shard_log (shard, PTN_LOG_NOTICE, "store.sweep", "file", "%s", name);
      g_unlink (path);
    }
    value_clear (&value);
  }
}
