/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lock.c - what belongs to the store as a whole: its lock, its identity, its reserve of disk
 * space.  [setup], but reserve_release. */
#include "crc32c.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *
first_line (const char *path) {
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_strdup ("");
  return g_strndup (text, strcspn (text, "\n"));
}

/* The value of "name=" in the text of a LOCK file; "" if it is not there. */
static char *
lock_value (const char *text, const char *name) {
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  size_t length = strlen (name);

  for (char **line = lines; *line; line++)
    if (strncmp (*line, name, length) == 0 && (*line)[length] == '=')
      return g_strdup (*line + length + 1);
  return g_strdup ("");
}

static bool
lock_write (int fd, const char *state) {
  g_autofree char *boot = first_line ("/proc/sys/kernel/random/boot_id");
  g_autofree char *text =
      g_strdup_printf ("host=%s\npid=%d\nboot=%s\nstart=%" G_GINT64_FORMAT "\nstate=%s\n",
                       g_get_host_name (), (int)getpid (), boot,
                       g_get_real_time () / G_USEC_PER_SEC, state);
  size_t size = strlen (text);

  return ftruncate (fd, 0) == 0 && pwrite (fd, text, size, 0) == (ssize_t)size;
}

static ptn_status
refuse (struct store *store, const char *why, const char *text) {
  g_autofree char *host = lock_value (text, "host"), *pid = lock_value (text, "pid");
  g_autofree char *holder = g_strdup_printf ("pid %s on %s", pid, host);

  store_log (store, PTN_LOG_ERROR, "store.locked", "path", store->path, why, holder);
  return PTN_E_EXISTS;
}

static void
lock_give_up (struct store *store) {
  if (store->lock_fd >= 0)
    close (store->lock_fd);
  if (store->folder_fd >= 0)
    close (store->folder_fd);
  store->lock_fd = store->folder_fd = -1;
}

/* LOCK says who has the store; the folder is locked with it, because people remove files named
 * LOCK. */
ptn_status
store_lock (struct store *store) {
  g_autofree char *name = g_build_filename (store->path, "LOCK", NULL);
  char text[1024] = "";
  g_autofree char *host = NULL, *state = NULL;

  if (g_mkdir_with_parents (store->path, 0700) != 0) {
    store_log (store, PTN_LOG_ERROR, "store.open", "path", store->path, "error",
               g_strerror (errno));
    return PTN_E_TEMPORARY;
  }
  store->folder_fd = open (store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  store->lock_fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (store->lock_fd < 0 || store->folder_fd < 0) {
    store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error", g_strerror (errno));
    lock_give_up (store);
    return PTN_E_TEMPORARY;
  }
  if (pread (store->lock_fd, text, sizeof text - 1, 0) < 0)
    text[0] = '\0';
  if (flock (store->lock_fd, LOCK_EX | LOCK_NB) != 0
      || flock (store->folder_fd, LOCK_EX | LOCK_NB) != 0) {
    lock_give_up (store);
    return refuse (store, "in use by", text);
  }
  host = lock_value (text, "host");
  state = lock_value (text, "state");
  if (strcmp (state, "open") == 0 && strcmp (host, g_get_host_name ()) != 0
      && !store->settings.take_over) {
    /* flock does not reach across hosts on every file system. */
    refuse (store, "not closed by another host (take_over = yes if it is gone):", text);
    lock_give_up (store);
    return PTN_E_EXISTS;
  }
  if (!lock_write (store->lock_fd, "open"))
    store_log (store, PTN_LOG_WARNING, "store.open", "path", name, "error", g_strerror (errno));
  return PTN_OK;
}

void
store_unlock (struct store *store) {
  if (store->lock_fd < 0)
    return;
  lock_write (store->lock_fd, "closed");
  lock_give_up (store);
}

/* STORE as it should be, replaced whole. */
static bool
identity_write (struct store *store, const char *name) {
  g_autofree char *temporary = g_strconcat (name, ".tmp", NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  struct iovec vector;
  int fd;
  bool good;

  g_string_printf (text, "postern-store %u\nshards %u\nid ", STORE_FORMAT, store->shard_count);
  for (size_t i = 0; i < sizeof store->id; i++)
    g_string_append_printf (text, "%02x", store->id[i]);
  g_string_append_c (text, '\n');
  g_string_append_printf (text, "crc %08x\n", crc32c (0, text->str, text->len));
  vector = (struct iovec){ text->str, text->len };
  fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  good = fd >= 0 && io_write_all (store->io, fd, &vector, 1, 0) && store->io->fsync (fd) == 0;
  if (fd >= 0)
    close (fd);
  return good && store->io->rename (temporary, name) == 0
         && io_sync_folder (store->io, store->path);
}

/* Is there mail although STORE is gone?  Another id would make every record a stranger's. */
static bool
has_shards (const struct store *store) {
  bool found = false;

  for (uint32_t i = 0; i < SHARDS_MAX && !found; i++) {
    g_autofree char *folder = g_strdup_printf ("%s/s%02u", store->path, i);

    found = g_file_test (folder, G_FILE_TEST_EXISTS);
  }
  return found;
}

static ptn_status
store_create (struct store *store, const char *name) {
  if (has_shards (store)) {
    store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error",
               "is missing, but the store is not empty: put it back from a backup");
    return PTN_E_CORRUPT;
  }
  if (getrandom (store->id, sizeof store->id, 0) != (ssize_t)sizeof store->id)
    return PTN_E_TEMPORARY;
  store->shard_count = store->settings.shards;
  if (identity_write (store, name))
    return PTN_OK;
  store_log (store, PTN_LOG_ERROR, "store.create", "path", name, "error", g_strerror (errno));
  return PTN_E_TEMPORARY;
}

/* The index of a shard of an older format is not ours: without CURRENT it is made anew from the
 * log, which all formats share. */
static bool
drop_index (struct store *store, uint32_t shard) {
  static const char *const names[] = { "CURRENT", "idx.A.kct", "idx.B.kct" };
  g_autofree char *folder = g_strdup_printf ("%s/s%02u", store->path, shard);

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = g_build_filename (folder, names[i], NULL);

    if (g_unlink (name) != 0 && errno != ENOENT)
      return false;
  }
  return io_sync_folder (store->io, folder);
}

/* Every index goes, durably, before STORE says that they are of the new format.  Killed in between,
 * the next start finds the old format and does the same again. */
static ptn_status
store_upgrade (struct store *store, const char *name, uint64_t format) {
  g_autofree char *from = g_strdup_printf ("format %" PRIu64 " to %u", format, STORE_FORMAT);
  bool good = true;

  for (uint32_t i = 0; i < store->shard_count && good; i++)
    good = drop_index (store, i);
  if (good && identity_write (store, name)) {
    store_log (store, PTN_LOG_NOTICE, "store.upgraded", "path", store->path, "from", from);
    return PTN_OK;
  }
  store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error", g_strerror (errno));
  return PTN_E_TEMPORARY;
}

static bool
parse_hex (const char *text, unsigned char *out, size_t size) {
  for (size_t i = 0; i < size; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]);
    int low = high < 0 ? -1 : g_ascii_xdigit_value (text[2 * i + 1]);

    if (low < 0)
      return false;
    out[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

/* "postern-store N" */
static bool
parse_format (const char *line, uint64_t *format) {
  static const char word[] = "postern-store ";
  char *end;

  if (!g_str_has_prefix (line, word) || !g_ascii_isdigit (line[sizeof word - 1]))
    return false;
  *format = g_ascii_strtoull (line + sizeof word - 1, &end, 10);
  return *end == '\0' && *format > 0;
}

static ptn_status
refuse_format (struct store *store, const char *name, uint64_t format) {
  g_autofree char *why = g_strdup_printf ("the store has format %" PRIu64
                                          ", of a newer version of this software; this "
                                          "one reads formats 1 to %u",
                                          format, STORE_FORMAT);

  store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error", why);
  return PTN_E_CORRUPT;
}

/* Format 1 had no checksum.  A wrong number of shards, or a wrong id, would hide mail. */
static bool
checksum_good (const char *text, uint64_t format) {
  const char *line = strstr (text, "\ncrc ");
  g_autofree char *wanted = NULL;

  if (format < 2)
    return true;
  if (!line)
    return false;
  wanted = g_strdup_printf ("crc %08x\n", crc32c (0, text, (size_t)(line + 1 - text)));
  return strcmp (line + 1, wanted) == 0;
}

ptn_status
store_identify (struct store *store) {
  g_autofree char *name = g_build_filename (store->path, "STORE", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  uint64_t format;

  if (!g_file_get_contents (name, &text, NULL, NULL)) {
    if (g_file_test (name, G_FILE_TEST_EXISTS)) {
      store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error", "not readable");
      return PTN_E_TEMPORARY;
    }
    return store_create (store, name);
  }
  lines = g_strsplit (text, "\n", -1);
  if (g_strv_length (lines) >= 3 && parse_format (lines[0], &format)
      && g_str_has_prefix (lines[1], "shards ") && g_str_has_prefix (lines[2], "id ")) {
    uint64_t count = g_ascii_strtoull (lines[1] + 7, NULL, 10);

    if (format > STORE_FORMAT)
      return refuse_format (store, name, format);
    if (checksum_good (text, format) && count >= 1 && count <= SHARDS_MAX
        && parse_hex (lines[2] + 3, store->id, sizeof store->id)) {
      store->shard_count = (uint32_t)count;
      return format < STORE_FORMAT ? store_upgrade (store, name, format) : PTN_OK;
    }
  }
  store_log (store, PTN_LOG_ERROR, "store.open", "path", name, "error",
             "damaged, or not that of a store: put it back from a backup");
  return PTN_E_CORRUPT;
}

void
reserve_make (struct store *store) {
  g_autofree char *name = g_build_filename (store->path, "reserve", NULL);
  struct stat status;
  int fd;

  if (store->settings.reserve == 0
      || (stat (name, &status) == 0 && (uint64_t)status.st_size == store->settings.reserve)) {
    atomic_store (&store->reserve_gone, store->settings.reserve == 0);
    return;
  }
  fd = open (name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || store->io->fallocate (fd, 0, 0, (off_t)store->settings.reserve) != 0) {
    /* A file system that keeps no space back at all must take mail all the same. */
    atomic_store (&store->reserve_useless, !io_no_space (errno));
    g_unlink (name);
    atomic_store (&store->reserve_gone, true);
  } else
    atomic_store (&store->reserve_gone, false);
  if (fd >= 0)
    close (fd);
}

bool
reserve_release (struct store *store) {
  g_autofree char *name = g_build_filename (store->path, "reserve", NULL);

  if (atomic_exchange (&store->reserve_gone, true))
    return false;
  store_log (store, PTN_LOG_WARNING, "store.reserve", "action", "given up for expunges", NULL,
             NULL);
  return g_unlink (name) == 0;
}

bool
store_may_grow (struct store *store) {
  struct statvfs space;

  if (!atomic_load (&store->reserve_gone) || store->settings.reserve == 0
      || atomic_load (&store->reserve_useless))
    return true;
  if (statvfs (store->path, &space) != 0
      || (uint64_t)space.f_bavail * space.f_frsize / 2 <= store->settings.reserve)
    return false;
  reserve_make (store);
  return !atomic_load (&store->reserve_gone) || atomic_load (&store->reserve_useless);
}
