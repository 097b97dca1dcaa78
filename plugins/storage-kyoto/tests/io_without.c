/* SPDX-License-Identifier: GPL-3.0-or-later */
/* io_without.c - io.c with a sync left out, for builds of the plugin that must fail the proof of
 * power loss (powerloss.py): with WITHOUT_LOG_SYNC that of the log, with WITHOUT_INDEX_SYNC that of
 * the trees.  Never part of what is installed. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef WITHOUT_LOG_SYNC
static int
no_fdatasync (int fd) {
  return fd >= 0 ? 0 : -1;
}
#define fdatasync no_fdatasync
#endif

#ifdef WITHOUT_INDEX_SYNC
static int
fsync_unless_index (int fd) {
  char link[64], name[PATH_MAX];
  ssize_t size;

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  size = readlink (link, name, sizeof name - 1);
  if (size > 0) {
    name[size] = '\0';
    if (strstr (name, "/idx."))
      return 0;
  }
  return fsync (fd);
}
#define fsync fsync_unless_index
#endif

#include "../io.c"
