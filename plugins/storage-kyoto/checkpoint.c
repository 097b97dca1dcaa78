/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkpoint.c - overlays into trees.
 *
 * Two trees take turns.  The one that CURRENT names is complete, closed and synced; readers use
 * it, nobody writes it.  A checkpoint freezes the overlay, writes it into the other tree, closes
 * and syncs that, lets CURRENT name it, and swaps the readers over; then the first tree gets the
 * same changes, to be ready for its turn.  Readers and commits wait for two exchanges of
 * pointers, nothing else. */
#include "store.h"

#include "cache.h"
#include "crc32c.h"
#include "background.h"
#include "compact.h"
#include "forget.h"
#include "rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define SECOND G_GINT64_CONSTANT (1000000000)
enum { RETRY_SECONDS = 10, CACHE_SECONDS = 30, WRITE_CACHE = 4 << 20, NICE = 10 };

struct checkpointer {
  struct store *store;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  bool poked, stop;
};

char *
shard_tree_name (const struct shard *shard, char which) {
  return g_strdup_printf ("%s/idx.%c.kct", shard->path, which);
}

struct tree *
shard_tree_open (const struct shard *shard, char which, bool write) {
  g_autofree char *name = shard_tree_name (shard, which);
  const struct store *store = shard->store;
  size_t cache = (size_t)(store->settings.cache / store->shard_count);

  return tree_open (name, write, write ? WRITE_CACHE : MAX (cache, (size_t)1 << 18));
}

/* "A lsn segment offset crc": the checksum is of what stands before it. */
static bool
current_write (struct shard *shard, char which, const struct position *position) {
  g_autofree char *name = shard_file (shard, "CURRENT");
  g_autofree char *temporary = shard_file (shard, "CURRENT.tmp");
  g_autoptr (GString) text = g_string_new (NULL);
  const struct io *io = shard->store->io;
  struct iovec vector;
  bool good;
  int fd;

  g_string_printf (text, "%c %" PRIu64 " %" PRIu32 " %" PRIu64 " ", which, position->lsn,
                   position->segment, position->offset);
  g_string_append_printf (text, "%08x\n", crc32c (0, text->str, text->len));
  vector = (struct iovec){ text->str, text->len };
  fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  good = fd >= 0 && io_write_all (io, fd, &vector, 1, 0)
         && (!shard->store->settings.sync || io->fsync (fd) == 0);
  if (fd >= 0)
    close (fd);
  return good && io->rename (temporary, name) == 0
         && (!shard->store->settings.sync || io_sync_folder (io, shard->path));
}

bool
current_read (const struct shard *shard, char *which, struct position *position) {
  g_autofree char *name = shard_file (shard, "CURRENT");
  g_autofree char *text = NULL;
  unsigned crc;
  char *last;

  if (!g_file_get_contents (name, &text, NULL, NULL) || !(last = strrchr (text, ' '))
      || sscanf (text, "%c %" SCNu64 " %" SCNu32 " %" SCNu64 " %8x", which, &position->lsn,
                 &position->segment, &position->offset, &crc)
             != 5)
    return false;
  return (*which == 'A' || *which == 'B') && crc == crc32c (0, text, (size_t)(last + 1 - text));
}

static bool
copy_file (const char *from, const char *to) {
  int in = open (from, O_RDONLY | O_CLOEXEC);
  int out = open (to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  g_autofree char *buffer = g_malloc (1 << 20);
  bool good = in >= 0 && out >= 0;
  off_t at = 0;

  while (good) {
    ssize_t size = pread (in, buffer, 1 << 20, at);
    struct iovec vector = { buffer, size > 0 ? (size_t)size : 0 };

    if (size == 0)
      break;
    good = size > 0 && io_write_all (&io_system, out, &vector, 1, at);
    at += size;
  }
  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  return good;
}

/* Says up to where the tree is, and closes it. */
static bool
close_tree (struct tree **tree, const struct position *until) {
  struct octets coded = { 0 };
  struct key key;
  bool good;

  key_meta (&key, "pos");
  position_put (&coded, until);
  good =
      tree_put (*tree, key.octets, key.size, coded.data, coded.size) && tree_put_end_marks (*tree);
  octets_clear (&coded);
  return tree_close (tree) && good;
}

/* All changes into the tree, and up to where it then is; closed. */
static bool
write_tree (struct shard *shard, char which, const struct overlay *overlay,
            const struct position *until) {
  struct tree *tree = shard_tree_open (shard, which, true);
  bool good = tree != NULL;

  for (const struct overlay_node *node = overlay_first (overlay); good && node;
       node = node->next[0])
    if (node->state == OVERLAY_VALUE)
      good = tree_put (tree, node->key, node->key_size, node->value, node->value_size);
    else if (node->state == OVERLAY_REMOVED)
      good = tree_remove (tree, node->key, node->key_size);
  if (good)
    return close_tree (&tree, until);
  tree_close (&tree);
  return false;
}

static bool
sync_file (struct shard *shard, const char *name) {
  int fd;
  bool good;

  if (!shard->store->settings.sync)
    return true;
  fd = open (name, O_RDONLY | O_CLOEXEC);
  if (fd >= 0)
    background_write (fd);
  good = fd >= 0 && shard->store->io->fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return good;
}

/* What nobody waits for goes to the disk in pieces, too, before the kernel sends it all at once. */
static void
write_slowly (struct shard *shard, char which) {
  g_autofree char *name = shard_tree_name (shard, which);
  int fd = shard->store->settings.sync ? open (name, O_RDONLY | O_CLOEXEC) : -1;

  if (fd >= 0) {
    background_write (fd);
    close (fd);
  }
}

bool
shard_tree_finish (struct shard *shard, struct tree **tree, char which,
                   const struct position *position) {
  g_autofree char *name = shard_tree_name (shard, which);

  return close_tree (tree, position) && sync_file (shard, name)
         && current_write (shard, which, position);
}

/* The active overlay becomes the frozen one, unless an attempt before has left one. */
static bool
freeze (struct shard *shard) {
  struct index *index = &shard->index;
  struct overlay *fresh = overlay_new ();
  bool work = true;

  pthread_mutex_lock (&index->publishing);
  pthread_rwlock_wrlock (&index->lock);
  /* Without a change in it a new segment is reason enough: those before it may have to go. */
  if (!index->frozen
      && (overlay_count (index->active) > 0
          || index->position.segment != index->base_until.segment)) {
    index->frozen = index->active;
    index->frozen_until = index->position;
    index->active = g_steal_pointer (&fresh);
    atomic_store (&shard->log_since, 0);
    atomic_store (&shard->rows_since, 0);
    atomic_store (&shard->dirty_since, 0);
  } else if (!index->frozen)
    work = false;
  pthread_rwlock_unlock (&index->lock);
  pthread_mutex_unlock (&index->publishing);
  overlay_free (&fresh);
  return work;
}

/* Makes the other tree what CURRENT will name. */
static bool
write_other (struct shard *shard, char other) {
  g_autofree char *name = shard_tree_name (shard, other);
  const struct index *index = &shard->index;

  if (!shard->other_ready) {
    g_unlink (name);
    if (shard->current) {
      g_autofree char *from = shard_tree_name (shard, shard->current);

      if (!copy_file (from, name))
        return false;
    }
  }
  shard->other_ready = false; /* until this is done */
  return write_tree (shard, other, index->frozen, &index->frozen_until) && sync_file (shard, name)
         && current_write (shard, other, &index->frozen_until);
}

static bool
failed (struct shard *shard, char other) {
  g_autofree char *name = shard_tree_name (shard, other);
  int error = errno;

  shard_log (shard, PTN_LOG_ERROR, "store.checkpoint", "error", "tree %c: %s", other,
             g_strerror (error));
  g_unlink (name);
  atomic_store (&shard->retry_at, shard->store->host->monotonic_ns () + RETRY_SECONDS * SECOND);
  return false;
}

bool
shard_checkpoint (struct shard *shard, bool last) {
  bool good;

  pthread_mutex_lock (&shard->upkeep);
  good = atomic_load (&shard->state) != SHARD_SERVING || shard_checkpoint_held (shard, last);
  pthread_mutex_unlock (&shard->upkeep);
  return good;
}

bool
shard_checkpoint_held (struct shard *shard, bool last) {
  struct index *index = &shard->index;
  struct store *store = shard->store;
  int64_t start = store->host->monotonic_ns ();
  char old = shard->current, other = old == 'A' ? 'B' : 'A';
  struct tree *tree, *old_tree;
  struct overlay *done;

  if (!freeze (shard))
    return true;
  errno = 0;
  if (!write_other (shard, other))
    return failed (shard, other);
  tree = shard_tree_open (shard, other, false);
  if (!tree)
    return failed (shard, other);
  pthread_rwlock_wrlock (&index->lock);
  old_tree = index->base;
  done = index->frozen;
  index->base = tree;
  index->frozen = NULL;
  index->base_until = index->frozen_until;
  pthread_rwlock_unlock (&index->lock);
  shard->current = other;
  tree_close (&old_tree);
  /* Nobody reads the old tree any more: it may have the changes, too. */
  shard->other_ready = !last && old && write_tree (shard, old, done, &index->base_until);
  if (shard->other_ready)
    write_slowly (shard, old);
  overlay_free (&done);
  store->host->observe (store->metrics.checkpoints, 1);
  store->host->observe (store->metrics.checkpoint_time,
                        (store->host->monotonic_ns () - start) / 1000);
  store_may_grow (store); /* the reserve comes back, if there is space again */
  return true;
}

bool
shard_checkpoint_due (struct shard *shard, int64_t now) {
  const struct store_settings *settings = &shard->store->settings;
  int64_t since = atomic_load (&shard->dirty_since);

  if (atomic_load (&shard->log_since) >= settings->checkpoint_octets
      || atomic_load (&shard->rows_since) >= settings->checkpoint_records)
    return true;
  return now > 0 && since > 0 && now - since >= settings->checkpoint_idle * 1000000;
}

/* A rotten row was met: nothing is added to the trees any more.  Without CURRENT, if that is the
 * end, the next start makes them anew; else a thread of the shard's own does it now. */
static bool
given_up (struct shard *shard) {
  g_autofree char *name = shard_file (shard, "CURRENT");

  if (!atomic_load (&shard->index.corrupt))
    return false;
  if (atomic_load (&shard->store->stopping))
    g_unlink (name);
  else
    rebuild_ask (shard, "a row of the index is rotten");
  return true;
}

/* Waits until something is due, or may be. */
static void
wait_for_work (struct checkpointer *checkpointer) {
  struct store *store = checkpointer->store;
  int64_t idle = MIN (store->settings.checkpoint_idle * 1000000, 30 * SECOND);
  struct timespec until;

  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += MAX (idle / SECOND, 1);
  pthread_mutex_lock (&checkpointer->lock);
  while (!checkpointer->poked && !checkpointer->stop)
    if (pthread_cond_timedwait (&checkpointer->wanted, &checkpointer->lock, &until) == ETIMEDOUT)
      break;
  checkpointer->poked = false;
  pthread_mutex_unlock (&checkpointer->lock);
}

static bool
stopping (struct checkpointer *checkpointer) {
  bool stop;

  pthread_mutex_lock (&checkpointer->lock);
  stop = checkpointer->stop;
  pthread_mutex_unlock (&checkpointer->lock);
  return stop;
}

static void *
checkpointer_main (void *argument) {
  struct checkpointer *checkpointer = argument;
  struct store *store = checkpointer->store;
  int64_t aged = store->host->monotonic_ns ();

  background_thread ("store-checkpt", NICE, false);
  while (!stopping (checkpointer)) {
    wait_for_work (checkpointer);
    if (store->host->monotonic_ns () - aged >= CACHE_SECONDS * SECOND) {
      cache_age (store->cache);
      aged = store->host->monotonic_ns ();
    }
    for (uint32_t i = 0; i < store->shard_count && !stopping (checkpointer); i++) {
      struct shard *shard = &store->shards[i];
      int64_t now = store->host->monotonic_ns ();

      if (atomic_load (&shard->state) == SHARD_LOST)
        rebuild_ask (shard, "the last attempt has failed");
      if (atomic_load (&shard->state) == SHARD_SERVING && !given_up (shard)
          && now >= atomic_load (&shard->retry_at) && shard_checkpoint_due (shard, now)
          && shard_checkpoint (shard, false))
        compactor_poke (store);
      if (atomic_load (&shard->state) == SHARD_SERVING)
        forget_turn (shard, now);
    }
  }
  return NULL;
}

void
checkpointer_poke (struct store *store) {
  struct checkpointer *checkpointer = store->checkpointer;

  if (!checkpointer)
    return;
  pthread_mutex_lock (&checkpointer->lock);
  checkpointer->poked = true;
  pthread_cond_signal (&checkpointer->wanted);
  pthread_mutex_unlock (&checkpointer->lock);
}

ptn_status
checkpointer_start (struct store *store) {
  struct checkpointer *checkpointer = g_new0 (struct checkpointer, 1);

  checkpointer->store = store;
  pthread_mutex_init (&checkpointer->lock, NULL);
  pthread_cond_init (&checkpointer->wanted, NULL);
  if (pthread_create (&checkpointer->thread, NULL, checkpointer_main, checkpointer) != 0) {
    g_free (checkpointer);
    return PTN_E_NO_MEMORY;
  }
  store->checkpointer = checkpointer;
  return PTN_OK;
}

void
checkpointer_halt (struct store *store) {
  struct checkpointer *checkpointer = store->checkpointer;

  if (!checkpointer)
    return;
  pthread_mutex_lock (&checkpointer->lock);
  checkpointer->stop = true;
  pthread_cond_signal (&checkpointer->wanted);
  pthread_mutex_unlock (&checkpointer->lock);
  pthread_join (checkpointer->thread, NULL);
}

void
checkpointer_stop (struct store *store) {
  struct checkpointer *checkpointer = store->checkpointer;

  if (!checkpointer)
    return;
  pthread_cond_destroy (&checkpointer->wanted);
  pthread_mutex_destroy (&checkpointer->lock);
  g_clear_pointer (&store->checkpointer, g_free);
  for (uint32_t i = 0; i < store->shard_count; i++)
    if (atomic_load (&store->shards[i].state) == SHARD_SERVING && !given_up (&store->shards[i])
        && !atomic_load (&store->shards[i].failed))
      shard_checkpoint (&store->shards[i], true);
}
