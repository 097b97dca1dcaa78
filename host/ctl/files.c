/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - see files.h. */
#include "ctl/files.h"

#include <glib.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static ptn_status
status_of (int reason) {
  switch (reason) {
  case ENOENT:
    return PTN_E_NOT_FOUND;
  case EACCES:
  case EPERM:
  case EROFS:
    return PTN_E_DENIED;
  case EEXIST:
    return PTN_E_EXISTS;
  case ENOTDIR:
  case EISDIR:
  case ELOOP:
  case ENAMETOOLONG:
    return PTN_E_INVALID;
  default:
    return PTN_E_TEMPORARY;
  }
}

ptn_status
files_open (const char *path, ptn_open_mode mode, int *fd, char **text) {
  struct stat status;
  int reason = 0;

  *fd = -1;
  *text = NULL;
  switch (mode) {
  case PTN_OPEN_READ: /* not waiting for a FIFO's writer; a folder is refused below */
    *fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    break;
  case PTN_OPEN_CREATE:
    *fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    break;
  case PTN_OPEN_MAKE_DIRECTORY:
    if (mkdir (path, 0700) < 0 && errno != EEXIST)
      reason = errno;
    /* fallthrough */
  case PTN_OPEN_DIRECTORY:
    if (!reason)
      *fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    break;
  default:
    *text = g_strdup ("unknown way to open a file");
    return PTN_E_UNSUPPORTED;
  }
  if (*fd < 0 && !reason)
    reason = errno;
  if (*fd >= 0 && mode == PTN_OPEN_READ && fstat (*fd, &status) == 0 && S_ISDIR (status.st_mode)) {
    close (*fd);
    *fd = -1;
    reason = EISDIR;
  }
  if (reason) {
    *text = g_strdup_printf ("%s: %s", path, g_strerror (reason));
    return status_of (reason);
  }
  if (mode == PTN_OPEN_READ)
    fcntl (*fd, F_SETFL, fcntl (*fd, F_GETFL) & ~O_NONBLOCK);
  return PTN_OK;
}
