/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore.c - see restore.h. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

static const char marker[] = "RESTORING";
/* STORE has this name until all else is there. */
static const char waiting[] = "STORE.restored";

static bool
is_shard (const char *name) {
  return name[0] == 's' && g_ascii_isdigit (name[1]) && g_ascii_isdigit (name[2])
         && name[3] == '\0';
}

static bool
exists (const char *path, const char *name) {
  g_autofree char *full = g_build_filename (path, name, NULL);

  return g_file_test (full, G_FILE_TEST_EXISTS);
}

bool
restore_unfinished (const char *path) {
  return exists (path, marker);
}

static bool
has_log (const char *path) {
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder)))
    if (g_str_has_prefix (name, "log.") || g_str_has_prefix (name, "base."))
      return true;
  return false;
}

bool
restore_has_mail (const char *path) {
  g_autoptr (GDir) folder = NULL;
  const char *name;

  if (restore_unfinished (path))
    return false;
  folder = g_dir_open (path, 0, NULL);
  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *shard = g_build_filename (path, name, NULL);

    if (is_shard (name) && has_log (shard))
      return true;
  }
  return false;
}

static bool
write_synced (struct store *store, const char *name, const char *text) {
  g_autofree char *path = g_build_filename (store->path, name, NULL);
  struct iovec vector = { (void *)(uintptr_t)text, strlen (text) };
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good;

  good = fd >= 0 && io_write_all (store->io, fd, &vector, 1, 0) && store->io->fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return good;
}

/* The files of a shard that was not restored to its end; nothing else can be in there. */
static bool
remove_shard (const char *path) {
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    g_autofree char *file = g_build_filename (path, name, NULL);

    if (g_unlink (file) != 0)
      return false;
  }
  return g_rmdir (path) == 0;
}

static bool
put_aside (struct store *store, const char *name, char **aside) {
  g_autofree char *from = g_build_filename (store->path, name, NULL), *to = NULL;

  if (!*aside) {
    *aside =
        g_strdup_printf ("%s/before-restore.%" PRId64, store->path, store->host->realtime_ms ());
    if (g_mkdir (*aside, 0700) != 0)
      return false;
  }
  to = g_build_filename (*aside, name, NULL);
  return g_rename (from, to) == 0;
}

/* All that belongs to a store, but its lock. */
static GPtrArray *
belongings (const char *path) {
  static const char *const files[] = { "STORE", "SCRUB", "RESTORED", "reserve" };
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name (folder))) {
    bool ours = is_shard (name);

    for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
      ours |= strcmp (name, files[i]) == 0;
    if (ours)
      g_ptr_array_add (names, g_strdup (name));
  }
  return names;
}

/* The mark comes first: what is half there is never taken for a store. */
bool
restore_prepare (struct store *store, char **aside) {
  g_autoptr (GPtrArray) names = belongings (store->path);
  bool again = restore_unfinished (store->path), good = true;

  *aside = NULL;
  if (!again
      && !(write_synced (store, marker, "a restore is under way, or was broken off\n")
           && io_sync_folder (store->io, store->path)))
    return false;
  for (guint i = 0; good && i < names->len; i++) {
    g_autofree char *path = g_build_filename (store->path, names->pdata[i], NULL);

    if (!again)
      good = put_aside (store, names->pdata[i], aside);
    else if (is_shard (names->pdata[i]))
      good = remove_shard (path);
    else
      good = g_unlink (path) == 0;
  }
  return good && io_sync_folder (store->io, store->path);
}

int
restore_create (const char *path, const char *name) {
  g_autofree char *full =
      g_build_filename (path, strcmp (name, "STORE") == 0 ? waiting : name, NULL);
  g_autofree char *folder = g_path_get_dirname (full);

  if (g_mkdir (folder, 0700) != 0 && errno != EEXIST)
    return -1;
  return open (full, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

bool
restore_finish (struct store *store, const struct sequence *sequence) {
  g_autofree char *from = g_build_filename (store->path, waiting, NULL);
  g_autofree char *to = g_build_filename (store->path, "STORE", NULL);
  g_autofree char *mark = g_build_filename (store->path, marker, NULL);
  g_autofree char *at = sequence_text (sequence);
  g_autofree char *text =
      g_strdup_printf ("restored %" PRId64 "\nsequence %s\n", store->host->realtime_ms (), at);

  for (uint32_t i = 0; i < sequence->shards; i++) {
    g_autofree char *shard = g_strdup_printf ("%s/s%02u", store->path, i);

    if (g_file_test (shard, G_FILE_TEST_IS_DIR) && !io_sync_folder (store->io, shard))
      return false;
  }
  return write_synced (store, "RESTORED", text) && store->io->rename (from, to) == 0
         && io_sync_folder (store->io, store->path) && g_unlink (mark) == 0
         && io_sync_folder (store->io, store->path);
}
