/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup.c - see backup.h. */
#include "backup.h"

#include "base.h"
#include "big.h"
#include "crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BASE_TRIES = 20 };

uint32_t
store_timeline (const char *path) {
  g_autofree char *name = g_build_filename (path, "RESTORED", NULL);
  g_autofree char *text = NULL;
  gsize size;

  return g_file_get_contents (name, &text, &size, NULL) ? crc32c (0, text, size) : 0;
}

static void
file_free (void *argument) {
  struct backup_file *file = argument;

  if (file->fd >= 0)
    close (file->fd);
  g_free (file->name);
  g_free (file);
}

void
backup_free (struct backup **backup) {
  if (!*backup)
    return;
  for (uint32_t i = 0; i < (*backup)->store->shard_count; i++)
    if ((*backup)->held & (uint64_t)1 << i)
      segments_release (&(*backup)->store->shards[i]);
  spiller_poke ((*backup)->store);
  g_ptr_array_unref ((*backup)->files);
  g_clear_pointer (backup, g_free);
}

static struct backup_file *
add (struct backup *backup, char *name, uint64_t offset, uint64_t size) {
  struct backup_file *file = g_new0 (struct backup_file, 1);

  file->name = name;
  file->fd = -1;
  file->offset = offset;
  file->size = size;
  g_ptr_array_add (backup->files, file);
  return file;
}

/* The newest base: a newer one may come and this one go at any time, so it is opened. */
static bool
add_base (struct backup *backup, struct shard *shard, const struct sequence *since) {
  for (int try = 0; try < BASE_TRIES; try++) {
    uint32_t number = base_newest (shard);
    g_autofree char *path = g_strdup_printf ("%s/base.%08u", shard->path, number);
    struct backup_file *file;
    struct stat status;
    int fd;

    backup->at.shard[shard->number].base = number;
    if (number == 0)
      return true;
    fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat (fd, &status) != 0) {
      if (fd >= 0)
        close (fd);
      continue;
    }
    file = add (backup, g_strdup_printf ("s%02u/base.%08u", shard->number, number), 0,
                (uint64_t)status.st_size);
    file->fd = fd;
    file->keep = since && since->shard[shard->number].base == number;
    return true;
  }
  return false;
}

static void
add_segments (struct backup *backup, struct shard *shard, const struct sequence *since) {
  const struct position *at = &backup->at.shard[shard->number].position;
  struct position from = since ? since->shard[shard->number].position : (struct position){ 0 };
  g_autoptr (GArray) segments = log_segments (shard);

  for (guint i = 0; i < segments->len; i++) {
    struct segment_info *info = &g_array_index (segments, struct segment_info, i);
    uint64_t end = info->number == at->segment ? at->offset : info->size, start = 0;
    struct backup_file *file;

    if (info->number > at->segment)
      break;
    if (info->number == from.segment)
      start = MIN (from.offset, end);
    file = add (backup, g_strdup_printf ("s%02u/log.%08u", shard->number, info->number), start,
                end - start);
    file->keep = info->number < from.segment || (start > 0 && start == end);
    if (file->keep) {
      file->offset = 0;
      file->size = end;
    }
  }
}

static void
add_bigs (struct backup *backup, struct shard *shard, const struct sequence *since) {
  uint64_t from = since ? since->shard[shard->number].position.lsn : 0;
  g_autoptr (GDir) folder = g_dir_open (shard->path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *path = shard_file (shard, name);
    struct backup_file *file;
    struct stat status;
    struct value value;
    struct key key;
    uint64_t number, body = 0;
    char *rest;

    if (!g_str_has_prefix (name, "big.") || strlen (name) != 20)
      continue;
    number = g_ascii_strtoull (name + 4, &rest, 16);
    if (*rest != '\0' || stat (path, &status) != 0)
      continue;
    key_big (&key, number);
    value_init (&value);
    /* One that no row names may have lost its message since the position was taken. */
    if (index_get (&shard->index, NULL, &key, &value) != PTN_OK
        || !body_id_get (VALUE_READER (&value), &body))
      body = 0;
    value_clear (&value);
    file = add (backup, g_strdup_printf ("s%02u/%s", shard->number, name), 0,
                (uint64_t)status.st_size);
    file->optional = body == 0;
    file->keep = body > 0 && body <= from;
  }
}

/* All shards at one moment: a move from one into another is in both or in none.  Nothing is
 * published meanwhile. */
static void
take_positions (struct backup *backup) {
  struct store *store = backup->store;

  for (uint32_t i = 0; i < store->shard_count; i++)
    pthread_rwlock_rdlock (&store->shards[i].index.lock);
  for (uint32_t i = 0; i < store->shard_count; i++)
    backup->at.shard[i].position = store->shards[i].index.position;
  for (uint32_t i = store->shard_count; i-- > 0;)
    pthread_rwlock_unlock (&store->shards[i].index.lock);
}

static char *
not_since (const struct backup *backup, const struct sequence *since) {
  if (memcmp (since->store, backup->at.store, sizeof since->store) != 0
      || since->shards != backup->at.shards)
    return g_strdup ("the sequence is of another store");
  if (since->timeline != backup->at.timeline)
    return g_strdup ("the store was restored since: make a full backup first");
  for (uint32_t i = 0; i < since->shards; i++)
    if (since->shard[i].position.lsn > backup->at.shard[i].position.lsn)
      return g_strdup ("the sequence is ahead of the store: make a full backup first");
  return NULL;
}

static char *
hold (struct backup *backup, const struct sequence *since) {
  for (uint32_t i = 0; i < backup->store->shard_count; i++) {
    struct shard *shard = &backup->store->shards[i];

    if (atomic_load (&shard->state) != SHARD_SERVING)
      return g_strdup_printf ("shard %02u does not serve now: its index is being made anew", i);
    segments_hold (shard);
    backup->held |= (uint64_t)1 << i;
    if (!add_base (backup, shard, since))
      return g_strdup_printf ("shard %02u: the base cannot be opened", i);
  }
  return NULL;
}

static void
add_identity (struct backup *backup) {
  g_autofree char *path = g_build_filename (backup->store->path, "STORE", NULL);
  struct stat status;

  if (stat (path, &status) == 0)
    add (backup, g_strdup ("STORE"), 0, (uint64_t)status.st_size);
}

struct backup *
backup_new (struct store *store, const struct sequence *since, char **why) {
  struct backup *backup = g_new0 (struct backup, 1);

  backup->store = store;
  backup->files = g_ptr_array_new_with_free_func (file_free);
  memcpy (backup->at.store, store->id, sizeof store->id);
  backup->at.timeline = store_timeline (store->path);
  backup->at.shards = store->shard_count;
  add_identity (backup); /* the first: a folder that has a backup already is left as it is */
  *why = hold (backup, since);
  if (!*why) {
    take_positions (backup); /* behind every base that was opened */
    if (since)
      *why = not_since (backup, since);
  }
  if (*why) {
    backup_free (&backup);
    return NULL;
  }
  for (uint32_t i = 0; i < store->shard_count; i++) {
    add_segments (backup, &store->shards[i], since);
    add_bigs (backup, &store->shards[i], since);
  }
  for (guint i = 0; i < backup->files->len; i++) {
    const struct backup_file *file = backup->files->pdata[i];

    backup->octets += file->keep ? 0 : file->size;
  }
  return backup;
}

int
backup_open (const struct backup *backup, const struct backup_file *file) {
  g_autofree char *path = g_build_filename (backup->store->path, file->name, NULL);

  return file->fd >= 0 ? fcntl (file->fd, F_DUPFD_CLOEXEC, 0) : open (path, O_RDONLY | O_CLOEXEC);
}
