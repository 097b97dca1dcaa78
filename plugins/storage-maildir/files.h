/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - files and folders: read whole, replace durably, lock as Dovecot does.
 *
 * All of them may block on the disk and set errno when they fail; any thread. */
#ifndef STORAGE_MAILDIR_FILES_H
#define STORAGE_MAILDIR_FILES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What tells that a file or folder is another than it was. */
struct stamp {
  int64_t seconds;
  long nanoseconds;
  uint64_t inode, size;
};

bool stamp_get (const char *path, struct stamp *); /* zero when it is not there */
bool stamp_same (const struct stamp *, const struct stamp *);

bool file_read (const char *path, size_t most, char **data, size_t *size); /* EFBIG: more */
bool write_all (int fd, const void *data, size_t size);
/* Through `path`.tmp, synced, renamed, the folder synced. */
bool file_replace (const char *path, const void *data, size_t size);
bool folder_sync (const char *path);
/* tmp, new and cur in a folder that is made if need be, or tmp alone; all synced. */
bool maildir_make (const char *path, bool whole);
/* Removes a folder and what is below, links not followed; what cannot go stays. */
void tree_remove (const char *path);
bool make_parents (const char *path); /* of a path, 0700, synced */

/* Dovecot's dotlock: `path`.lock holds "PID:HOST".  Waits up to `wait` ms; one that is older
 * than two minutes, or whose process is gone, is overridden.  ETIMEDOUT. */
bool dotlock_take (const char *path, const char *host, int64_t wait);
void dotlock_drop (const char *path);

#endif
