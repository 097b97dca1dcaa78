/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.c - see io.h. */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

const struct io io_system = {
  .pwritev = pwritev,
  .fdatasync = fdatasync,
  .fsync = fsync,
  .fallocate = fallocate,
  .ftruncate = ftruncate,
  .rename = rename,
  .unlink = unlink,
};

bool
io_write_all (const struct io *io, int fd, struct iovec *vectors, size_t count, off_t offset) {
  while (count > 0) {
    ssize_t done = io->pwritev (fd, vectors, count > IOV_MAX ? IOV_MAX : (int)count, offset);

    if (done < 0) {
      if (errno == EINTR)
        continue;
      return false;
    }
    offset += done;
    while (count > 0 && (size_t)done >= vectors->iov_len) {
      done -= (ssize_t)vectors->iov_len;
      vectors++;
      count--;
    }
    if (count > 0) {
      vectors->iov_base = (char *)vectors->iov_base + done;
      vectors->iov_len -= (size_t)done;
    }
  }
  return true;
}

bool
io_read_all (int fd, void *data, size_t size, off_t offset) {
  char *at = data;

  while (size > 0) {
    ssize_t done = pread (fd, at, size, offset);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0) {
      if (done == 0)
        errno = 0;
      return false;
    }
    at += done;
    offset += done;
    size -= (size_t)done;
  }
  return true;
}

bool
io_sync_folder (const struct io *io, const char *path) {
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good;

  if (fd < 0)
    return false;
  good = io->fsync (fd) == 0;
  close (fd);
  return good;
}

bool
io_no_space (int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}
