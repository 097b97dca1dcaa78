/* SPDX-License-Identifier: Apache-2.0 */
/* power-record.c - preloaded into a process: writes down, in POWERLOSS_TRACE, everything that it
 * does to files below POWERLOSS_FOLDER, and in which order.  tests/support/disk.py makes of it what
 * a disk could hold when the power fails.
 *
 * A line of the trace: word, inode or 0, offset, size, then `size` octets (data or names).  The
 * trace is added to, so that it can have several processes, one after the other.
 *
 * POWERLOSS_LEAVE_OUT, a list as "log. idx. /": syncs of files whose names begin so ("/": of
 * folders) are left out, as if the program had forgotten them. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *trace;
static const char *folder, *left_out;

#define REAL(name) ((__typeof__ (&name))dlsym (RTLD_NEXT, #name))

static void __attribute__ ((constructor)) begin (void) {
  folder = getenv ("POWERLOSS_FOLDER");
  if (folder && getenv ("POWERLOSS_TRACE"))
    trace = fopen (getenv ("POWERLOSS_TRACE"), "ae");
  left_out = getenv ("POWERLOSS_LEAVE_OUT");
  unsetenv ("LD_PRELOAD");
}

static void
note (const char *word, unsigned long inode, long offset, const void *data, size_t size) {
  fprintf (trace, "%s %lu %ld %zu\n", word, inode, offset, size);
  fwrite (data, 1, size, trace);
  fputc ('\n', trace);
  fflush (trace);
}

static bool
ours (const char *path) {
  return trace && strncmp (path, folder, strlen (folder)) == 0;
}

/* The path of a descriptor. */
static bool
path_of (int fd, char path[PATH_MAX]) {
  char link[64];
  ssize_t size;

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink (link, path, PATH_MAX - 1);
  if (size < 0)
    return false;
  path[size] = '\0';
  return true;
}

/* The inode of a descriptor of ours; 0: not ours. */
static unsigned long
inode_of (int fd) {
  char path[PATH_MAX];
  struct stat status;

  return trace && path_of (fd, path) && ours (path) && fstat (fd, &status) == 0 ? status.st_ino : 0;
}

static int
opened (int fd, const char *path, int flags, bool existed) {
  struct stat status;

  if (fd >= 0 && ours (path) && fstat (fd, &status) == 0 && S_ISREG (status.st_mode)) {
    if (!existed)
      note ("create", status.st_ino, 0, path, strlen (path));
    else if (flags & O_TRUNC)
      note ("truncate", status.st_ino, 0, "", 0);
  }
  return fd;
}

#define OPEN(name)                                                       \
  int name (const char *path, int flags, ...) {                          \
    mode_t mode = 0;                                                     \
    bool existed;                                                        \
    int fd;                                                              \
    if (flags & O_CREAT) {                                               \
      va_list arguments;                                                 \
      va_start (arguments, flags);                                       \
      mode = va_arg (arguments, mode_t);                                 \
      va_end (arguments);                                                \
    }                                                                    \
    if (!ours (path))                                                    \
      return REAL (name) (path, flags, mode);                            \
    pthread_mutex_lock (&lock);                                          \
    existed = access (path, F_OK) == 0;                                  \
    fd = opened (REAL (name) (path, flags, mode), path, flags, existed); \
    pthread_mutex_unlock (&lock);                                        \
    return fd;                                                           \
  }
#undef open
#undef open64
OPEN (open)
OPEN (open64)

/* Runs a call on a descriptor of ours, and notes it when it has gone well. */
#define CALL(type, name, fd, call, noting) \
  do {                                     \
    unsigned long inode = inode_of (fd);   \
    type result;                           \
    int error;                             \
    if (!inode)                            \
      return REAL (name) call;             \
    pthread_mutex_lock (&lock);            \
    result = REAL (name) call;             \
    error = errno;                         \
    if (result >= 0)                       \
      noting;                              \
    pthread_mutex_unlock (&lock);          \
    errno = error;                         \
    return result;                         \
  } while (0)

ssize_t
pwrite (int fd, const void *data, size_t size, off_t offset) {
  CALL (ssize_t, pwrite, fd, (fd, data, size, offset),
        note ("write", inode, offset, data, (size_t)result));
}

ssize_t
pwrite64 (int fd, const void *data, size_t size, off64_t offset) {
  CALL (ssize_t, pwrite64, fd, (fd, data, size, offset),
        note ("write", inode, offset, data, (size_t)result));
}

static void
note_vectors (unsigned long inode, const struct iovec *vectors, off_t offset, size_t size) {
  for (; size > 0; vectors++) {
    size_t part = vectors->iov_len < size ? vectors->iov_len : size;

    note ("write", inode, offset, vectors->iov_base, part);
    offset += (off_t)part;
    size -= part;
  }
}

ssize_t
pwritev (int fd, const struct iovec *vectors, int count, off_t offset) {
  CALL (ssize_t, pwritev, fd, (fd, vectors, count, offset),
        note_vectors (inode, vectors, offset, (size_t)result));
}

ssize_t
pwritev64 (int fd, const struct iovec *vectors, int count, off64_t offset) {
  CALL (ssize_t, pwritev64, fd, (fd, vectors, count, offset),
        note_vectors (inode, vectors, offset, (size_t)result));
}

ssize_t
write (int fd, const void *data, size_t size) {
  off_t offset = lseek (fd, 0, SEEK_CUR);

  CALL (ssize_t, write, fd, (fd, data, size), note ("write", inode, offset, data, (size_t)result));
}

int
ftruncate (int fd, off_t size) {
  CALL (int, ftruncate, fd, (fd, size), note ("truncate", inode, size, "", 0));
}

int
ftruncate64 (int fd, off64_t size) {
  CALL (int, ftruncate64, fd, (fd, size), note ("truncate", inode, size, "", 0));
}

int
fallocate (int fd, int mode, off_t offset, off_t length) {
  CALL (int, fallocate, fd, (fd, mode, offset, length),
        note ("extend", inode, offset + length, "", 0));
}

int
fallocate64 (int fd, int mode, off64_t offset, off64_t length) {
  CALL (int, fallocate64, fd, (fd, mode, offset, length),
        note ("extend", inode, offset + length, "", 0));
}

/* Is the sync of this file one of those that are to be left out? */
static bool
is_left_out (const char *path, bool is_folder) {
  const char *name = strrchr (path, '/') + 1;

  for (const char *word = left_out; word && *word;) {
    size_t size = strcspn (word, " ");

    if (*word == '/' ? is_folder : !is_folder && strncmp (name, word, size) == 0)
      return true;
    word += size + strspn (word + size, " ");
  }
  return false;
}

/* A sync of a folder has its path. */
static void
note_sync (int fd, unsigned long inode) {
  char path[PATH_MAX];
  struct stat status;

  if (!path_of (fd, path) || fstat (fd, &status) != 0)
    abort ();
  if (is_left_out (path, S_ISDIR (status.st_mode)))
    return;
  if (S_ISDIR (status.st_mode))
    note ("sync-folder", 0, 0, path, strlen (path));
  else
    note ("sync", inode, 0, "", 0);
}

int
fsync (int fd) {
  CALL (int, fsync, fd, (fd), note_sync (fd, inode));
}

int
fdatasync (int fd) {
  CALL (int, fdatasync, fd, (fd), note_sync (fd, inode));
}

static void
note_names (const char *word, const char *from, const char *to) {
  char both[2 * PATH_MAX];
  int size = snprintf (both, sizeof both, "%s%c%s", from, 0, to);

  note (word, 0, 0, both, (size_t)size);
}

#define NAMES(word, name, from, to, call) \
  do {                                    \
    int result;                           \
    if (!ours (from))                     \
      return REAL (name) call;            \
    pthread_mutex_lock (&lock);           \
    result = REAL (name) call;            \
    if (result == 0)                      \
      note_names (word, from, to);        \
    pthread_mutex_unlock (&lock);         \
    return result;                        \
  } while (0)

int
rename (const char *from, const char *to) {
  NAMES ("rename", rename, from, to, (from, to));
}

int
link (const char *from, const char *to) {
  NAMES ("link", link, from, to, (from, to));
}

int
unlink (const char *path) {
  NAMES ("unlink", unlink, path, "", (path));
}

int
mkdir (const char *path, mode_t mode) {
  NAMES ("mkdir", mkdir, path, "", (path, mode));
}

/* The end that closes nothing comes between two notes: half of one would spoil all that the next
 * process adds. */
void
_exit (int status) {
  if (trace)
    pthread_mutex_lock (&lock);
  REAL (_exit) (status);
  __builtin_unreachable ();
}

/* The test's own word: something was acknowledged. */
void powerloss_mark (const char *text);
void
powerloss_mark (const char *text) {
  pthread_mutex_lock (&lock);
  if (trace)
    note ("mark", 0, 0, text, strlen (text));
  pthread_mutex_unlock (&lock);
}
