/* SPDX-License-Identifier: Apache-2.0 */
/* inject.c - preloaded into a process: makes the n-th call on files below FAULT_FOLDER fail.
 *
 *     FAULT_FOLDER   where
 *     FAULT_KINDS    which calls count: letters of "wsnar": w writes, s syncs, n names (open for
 *                    making, rename, link, unlink, mkdir), a sizes (ftruncate, fallocate), r reads
 *     FAULT_NUMBER   which of them fails, from 1 on; 0 none
 *     FAULT_LAST     and until which (as the first, if it is not there)
 *     FAULT_HOW      "EIO", "ENOSPC", or "short": a write takes only a half and says so, and
 *                    "torn": it takes a half and says EIO
 *     FAULT_TOLD     a file into which the number of calls is written at the end
 *
 * Calls are counted over all threads. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *folder, *kinds, *how;
static long first, last;
static _Atomic long count;

#define REAL(name) ((__typeof__ (&name))dlsym (RTLD_NEXT, #name))

static void __attribute__ ((constructor)) begin (void) {
  const char *number = getenv ("FAULT_NUMBER"), *until = getenv ("FAULT_LAST");

  folder = getenv ("FAULT_FOLDER");
  kinds = getenv ("FAULT_KINDS");
  how = getenv ("FAULT_HOW");
  first = number ? strtol (number, NULL, 10) : 0;
  last = until ? strtol (until, NULL, 10) : first;
  if (!kinds || !how)
    folder = NULL;
  unsetenv ("LD_PRELOAD");
}

static void __attribute__ ((destructor)) end (void) {
  const char *told = getenv ("FAULT_TOLD");
  FILE *file = told ? REAL (fopen) (told, "we") : NULL;

  if (file) {
    fprintf (file, "%ld\n", atomic_load (&count));
    fclose (file);
  }
}

/* Is it this call's turn? */
static bool
fails_at (const char *path, char kind) {
  long number;

  if (!folder || !path || strncmp (path, folder, strlen (folder)) != 0 || !strchr (kinds, kind))
    return false;
  number = atomic_fetch_add (&count, 1) + 1;
  if (first == 0 || number < first || number > last)
    return false;
  errno = strcmp (how, "ENOSPC") == 0 ? ENOSPC : EIO;
  return true;
}

static bool
fails (int fd, char kind) {
  char link[64], path[PATH_MAX];
  ssize_t size;

  if (!folder || !strchr (kinds, kind))
    return false;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink (link, path, sizeof path - 1);
  if (size < 0)
    return false;
  path[size] = '\0';
  return fails_at (path, kind);
}

/* The write whose turn it is: nothing, or a half, is done. */
static ssize_t
half (int fd, const void *data, size_t size, off64_t offset) {
  int error = errno;
  ssize_t done;

  if ((strcmp (how, "short") != 0 && strcmp (how, "torn") != 0) || size < 2)
    return -1;
  done =
      offset < 0 ? REAL (write) (fd, data, size / 2) : REAL (pwrite64) (fd, data, size / 2, offset);
  if (strcmp (how, "short") == 0)
    return done;
  errno = error;
  return -1;
}

ssize_t
write (int fd, const void *data, size_t size) {
  return fails (fd, 'w') ? half (fd, data, size, -1) : REAL (write) (fd, data, size);
}

ssize_t
pwrite (int fd, const void *data, size_t size, off_t offset) {
  return fails (fd, 'w') ? half (fd, data, size, offset) : REAL (pwrite) (fd, data, size, offset);
}

ssize_t
pwrite64 (int fd, const void *data, size_t size, off64_t offset) {
  return fails (fd, 'w') ? half (fd, data, size, offset) : REAL (pwrite64) (fd, data, size, offset);
}

ssize_t
pwritev (int fd, const struct iovec *vectors, int n, off_t offset) {
  return fails (fd, 'w') ? half (fd, vectors[0].iov_base, vectors[0].iov_len, offset)
                         : REAL (pwritev) (fd, vectors, n, offset);
}

ssize_t
pwritev64 (int fd, const struct iovec *vectors, int n, off64_t offset) {
  return fails (fd, 'w') ? half (fd, vectors[0].iov_base, vectors[0].iov_len, offset)
                         : REAL (pwritev64) (fd, vectors, n, offset);
}

ssize_t
pread (int fd, void *data, size_t size, off_t offset) {
  return fails (fd, 'r') ? -1 : REAL (pread) (fd, data, size, offset);
}

ssize_t
pread64 (int fd, void *data, size_t size, off64_t offset) {
  return fails (fd, 'r') ? -1 : REAL (pread64) (fd, data, size, offset);
}

ssize_t
read (int fd, void *data, size_t size) {
  return fails (fd, 'r') ? -1 : REAL (read) (fd, data, size);
}

#define FD_CALL(name, kind, parameters, arguments)        \
  int name parameters {                                   \
    return fails (fd, kind) ? -1 : REAL (name) arguments; \
  }
#define PATH_CALL(name, parameters, arguments)                \
  int name parameters {                                       \
    return fails_at (path, 'n') ? -1 : REAL (name) arguments; \
  }
FD_CALL (fsync, 's', (int fd), (fd))
FD_CALL (fdatasync, 's', (int fd), (fd))
FD_CALL (ftruncate, 'a', (int fd, off_t size), (fd, size))
FD_CALL (ftruncate64, 'a', (int fd, off64_t size), (fd, size))
FD_CALL (fallocate, 'a', (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
FD_CALL (fallocate64, 'a', (int fd, int mode, off64_t offset, off64_t size),
         (fd, mode, offset, size))
PATH_CALL (rename, (const char *path, const char *to), (path, to))
PATH_CALL (link, (const char *path, const char *to), (path, to))
PATH_CALL (unlink, (const char *path), (path))
PATH_CALL (mkdir, (const char *path, mode_t mode), (path, mode))

#define OPEN(name)                              \
  int name (const char *path, int flags, ...) { \
    mode_t mode = 0;                            \
    if (flags & O_CREAT) {                      \
      va_list arguments;                        \
      va_start (arguments, flags);              \
      mode = va_arg (arguments, mode_t);        \
      va_end (arguments);                       \
      if (fails_at (path, 'n'))                 \
        return -1;                              \
    } else if (fails_at (path, 'r'))            \
      return -1;                                \
    return REAL (name) (path, flags, mode);     \
  }
#undef open
#undef open64
OPEN (open)
OPEN (open64)
