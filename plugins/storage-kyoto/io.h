/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io.h - the calls by which the store writes files, as a table, so that tests can make each of
 * them fail.
 *
 * The table is constant and belongs to its maker; called from every thread of the store.  The
 * functions return and set errno as the system calls of the same name do. */
#ifndef STORAGE_KYOTO_IO_H
#define STORAGE_KYOTO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct io {
  ssize_t (*pwritev) (int fd, const struct iovec *, int count, off_t offset);
  int (*fdatasync) (int fd);
  int (*fsync) (int fd);
  int (*fallocate) (int fd, int mode, off_t offset, off_t length);
  int (*ftruncate) (int fd, off_t length);
  int (*rename) (const char *from, const char *to);
  int (*unlink) (const char *path); /* of segments; what else goes may come back */
};

extern const struct io io_system;

/* Writes everything, however often the kernel takes only a part.  The iovecs are used up.
 * False: errno tells why. */
bool io_write_all (const struct io *, int fd, struct iovec *, size_t count, off_t offset);
/* Reads exactly `size` octets; false: error, or the file ends before (errno 0). */
bool io_read_all (int fd, void *data, size_t size, off_t offset);
/* fsync of a folder, so that names made or removed in it are durable. */
bool io_sync_folder (const struct io *, const char *path);
/* Is this errno a want of space (disk, quota or file size limit)? */
bool io_no_space (int error);

#endif
