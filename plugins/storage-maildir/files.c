/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_STALE_SECONDS 120 /* Dovecot's own, MAILDIR_UIDLIST_LOCK_STALE_TIMEOUT */
#define LOCK_EMPTY_SECONDS 3   /* a lock whose maker died before it said who it is */

bool
stamp_get (const char *path, struct stamp *stamp) {
  struct stat info;
  *stamp = (struct stamp){ 0 };
  if (stat (path, &info) != 0)
    return false;
  *stamp = (struct stamp){ info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ino,
                           (uint64_t)info.st_size };
  return true;
}

bool
stamp_same (const struct stamp *a, const struct stamp *b) {
  return a->seconds == b->seconds && a->nanoseconds == b->nanoseconds && a->inode == b->inode
         && a->size == b->size;
}

static bool
read_from (int fd, size_t most, char **data, size_t *size) {
  struct stat info;
  if (fstat (fd, &info) != 0)
    return false;
  if (!S_ISREG (info.st_mode) || info.st_size < 0 || (uint64_t)info.st_size > most) {
    errno = EFBIG;
    return false;
  }
  size_t room = (size_t)info.st_size, done = 0;
  char *text = g_malloc (room + 1);
  while (done < room) {
    ssize_t n = read (fd, text + done, room - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_free (text);
      return false;
    }
    if (n == 0)
      break;
    done += (size_t)n;
  }
  text[done] = '\0';
  *data = text;
  *size = done;
  return true;
}

bool
file_read (const char *path, size_t most, char **data, size_t *size) {
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return false;
  bool done = read_from (fd, most, data, size);
  int error = errno;
  close (fd);
  errno = error;
  return done;
}

bool
write_all (int fd, const void *data, size_t size) {
  const char *at = data;
  while (size > 0) {
    ssize_t n = write (fd, at, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      if (n == 0)
        errno = EIO;
      return false;
    }
    at += n;
    size -= (size_t)n;
  }
  return true;
}

bool
folder_sync (const char *path) {
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return false;
  bool done = fsync (fd) == 0;
  int error = errno;
  close (fd);
  errno = error;
  return done;
}

static bool
parent_sync (const char *path) {
  g_autofree char *parent = g_path_get_dirname (path);
  return folder_sync (parent);
}

bool
file_replace (const char *path, const void *data, size_t size) {
  g_autofree char *temporary = g_strconcat (path, ".tmp", NULL);
  int fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return false;
  bool done = write_all (fd, data, size) && fsync (fd) == 0;
  int error = errno;
  close (fd);
  if (done && rename (temporary, path) == 0)
    return parent_sync (path);
  if (done)
    error = errno;
  unlink (temporary);
  errno = error;
  return false;
}

bool
make_parents (const char *path) {
  g_autofree char *parent = g_path_get_dirname (path);
  if (mkdir (parent, 0700) == 0)
    return parent_sync (parent);
  if (errno == EEXIST)
    return true;
  return errno == ENOENT && make_parents (parent)
         && (mkdir (parent, 0700) == 0 ? parent_sync (parent) : errno == EEXIST);
}

bool
maildir_make (const char *path, bool whole) {
  static const char *const parts[] = { "tmp", "new", "cur" }; /* with cur it is one */
  bool made = mkdir (path, 0700) == 0;
  if (!made && errno != EEXIST)
    return false;
  for (size_t i = 0; i < (whole ? G_N_ELEMENTS (parts) : 1); i++) {
    g_autofree char *part = g_build_filename (path, parts[i], NULL);
    if (mkdir (part, 0700) == 0)
      made = true;
    else if (errno != EEXIST)
      return false;
  }
  return !made || (folder_sync (path) && parent_sync (path));
}

static void
remove_at (int parent, const char *name, unsigned depth) {
  if (unlinkat (parent, name, 0) == 0 || (errno != EISDIR && errno != EPERM) || depth > 20)
    return;
  int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir (fd);
  if (!folder && fd >= 0)
    close (fd);
  for (struct dirent *entry; folder && (entry = readdir (folder));)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      remove_at (fd, entry->d_name, depth + 1);
  if (folder)
    closedir (folder);
  unlinkat (parent, name, AT_REMOVEDIR);
}

void
tree_remove (const char *path) {
  remove_at (AT_FDCWD, path, 0);
}

/* Is this lock left over?  Its process is gone, or it is us, who do not hold it. */
static bool
lock_is_stale (const char *lock, const char *host, const struct stat *info) {
  g_autofree char *text = NULL;
  size_t size;
  if (time (NULL) - info->st_mtime > LOCK_STALE_SECONDS)
    return true;
  if (!file_read (lock, 1024, &text, &size))
    return false;
  char *colon = strchr (text, ':');
  if (!colon) /* nothing, or what a power failure left */
    return time (NULL) - info->st_mtime > LOCK_EMPTY_SECONDS;
  if (strcmp (g_strchomp (colon + 1), host) != 0)
    return false;
  long pid = strtol (text, NULL, 10);
  return pid > 0 && (pid == getpid () || (kill ((pid_t)pid, 0) != 0 && errno == ESRCH));
}

/* Written beside and linked into place, so that it always says whose it is. */
static bool
lock_make (const char *lock, const char *host) {
  g_autofree char *folder = g_path_get_dirname (lock);
  g_autofree char *own = g_strdup_printf ("%s/tmp/postern-lock.%d", folder, (int)getpid ());
  char text[512];
  int length = g_snprintf (text, sizeof text, "%d:%s", (int)getpid (), host);
  int fd = open (own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return false;
  bool done = write_all (fd, text, (size_t)MIN (length, (int)sizeof text - 1));
  int error = errno;
  close (fd);
  if (done) {
    done = link (own, lock) == 0;
    error = errno;
  }
  unlink (own);
  errno = error;
  return done;
}

bool
dotlock_take (const char *path, const char *host, int64_t wait) {
  g_autofree char *lock = g_strconcat (path, ".lock", NULL);
  int64_t until = g_get_monotonic_time () + wait * 1000;
  for (useconds_t pause = 2000;; pause = MIN (pause * 2, 100000)) {
    struct stat info, again;
    if (lock_make (lock, host))
      return true;
    if (errno != EEXIST)
      return false;
    if (lstat (lock, &info) != 0)
      continue; /* dropped meanwhile */
    if (lock_is_stale (lock, host, &info) && lstat (lock, &again) == 0
        && again.st_ino == info.st_ino && again.st_mtime == info.st_mtime) {
      unlink (lock);
      continue;
    }
    if (g_get_monotonic_time () > until) {
      errno = ETIMEDOUT;
      return false;
    }
    g_usleep (pause);
  }
}

void
dotlock_drop (const char *path) {
  g_autofree char *lock = g_strconcat (path, ".lock", NULL);
  unlink (lock);
}
