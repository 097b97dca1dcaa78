/* SPDX-License-Identifier: Apache-2.0 */
/* spool.c - the octets of a mail on its way in: in memory at first, from 256 KiB on in a file
 * without a name in the plugin's state folder; then as a file in tmp/ of its mailbox. */
#include "maildir.h"

#include "filename.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MAX (256 * 1024)
#define PIECE (64 * 1024)

struct spool *
spool_new (struct store *store) {
  struct spool *spool = g_new0 (struct spool, 1);
  spool->store = store;
  spool->memory = g_byte_array_new ();
  spool->fd = -1;
  return spool;
}

void
spool_free (struct spool *spool) {
  g_byte_array_unref (spool->memory);
  if (spool->fd >= 0)
    close (spool->fd);
  g_free (spool);
}

static bool
to_file (struct spool *spool) {
  spool->fd = open (spool->store->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (spool->fd < 0) { /* a file system that cannot: a name that is gone at once */
    g_autofree char *path = g_build_filename (spool->store->spool, "spool.XXXXXX", NULL);
    spool->fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0)
      return false;
    unlink (path);
  }
  bool done = write_all (spool->fd, spool->memory->data, spool->memory->len);
  g_byte_array_set_size (spool->memory, 0);
  return done;
}

static bool
take (struct spool *spool, const char *data, size_t size) {
  for (const char *at = data, *end = data + size; (at = memchr (at, '\n', (size_t)(end - at)));
       at++)
    spool->bare_lf += (at > data ? at[-1] : spool->last[1]) != '\r';
  if (size > 0) {
    spool->last[0] = size > 1 ? data[size - 2] : spool->last[1];
    spool->last[1] = data[size - 1];
  }
  spool->size += size;
  if (spool->fd < 0 && spool->memory->len + size <= MEMORY_MAX) {
    g_byte_array_append (spool->memory, (const guint8 *)data, (guint)size);
    return true;
  }
  return (spool->fd >= 0 || to_file (spool)) && write_all (spool->fd, data, size);
}

static bool
take_chunk (struct spool *spool, const struct ptn_chunk *chunk) {
  if (chunk->data)
    return take (spool, chunk->data, chunk->size);
  g_autofree char *buffer = g_malloc (PIECE);
  for (size_t done = 0; done < chunk->size;) {
    ssize_t n = pread (chunk->fd, buffer, MIN (PIECE, chunk->size - done),
                       chunk->file_offset + (int64_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || !take (spool, buffer, (size_t)n))
      return false;
    done += (size_t)n;
  }
  return true;
}

ptn_status
spool_pull (struct spool *spool, struct ptn_task *task, struct ptn_source *source) {
  const struct ptn_host *host = spool->store->host;
  for (;;) {
    struct ptn_chunk chunk = { 0 };
    ptn_status status = source->ops->read (source, task, PIECE, &chunk);
    if (status == PTN_END)
      return PTN_OK;
    if (status != PTN_OK)
      return status;
    bool blocks = spool->fd >= 0 || !chunk.data || spool->memory->len + chunk.size > MEMORY_MAX;
    if (blocks)
      host->blocking (task, 1);
    bool taken = take_chunk (spool, &chunk);
    int error = errno;
    if (blocks)
      host->blocking (task, 0);
    if (chunk.release)
      chunk.release (chunk.owner);
    errno = error;
    if (!taken)
      return trouble_errno (spool->store, task, "cannot spool a mail in", spool->store->spool);
  }
}

static bool
write_out (const struct spool *spool, int fd) {
  if (spool->fd < 0)
    return write_all (fd, spool->memory->data, spool->memory->len);
  g_autofree char *buffer = g_malloc (PIECE);
  for (uint64_t done = 0; done < spool->size;) {
    ssize_t n = pread (spool->fd, buffer, PIECE, (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      errno = n < 0 ? errno : EIO;
      return false;
    }
    if (!write_all (fd, buffer, (size_t)n))
      return false;
    done += (uint64_t)n;
  }
  return true;
}

static bool
write_file (const struct spool *spool, const char *path, int64_t internal_date) {
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return false;
  /* The date is for other programs (INTERNALDATE is the file's time): the index has ours. */
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = internal_date } };
  bool done = write_out (spool, fd);
  if (done && futimens (fd, times) != 0)
    errno = 0;
  done = done && (!spool->store->sync || fsync (fd) == 0);
  int error = errno;
  close (fd);
  if (!done)
    unlink (path);
  errno = error;
  return done;
}

ptn_status
spool_store (struct spool *spool, struct ptn_task *task, struct mailbox *mailbox,
             int64_t internal_date, const char *link_from, struct message **result) {
  struct store *store = spool->store;
  g_autofree char *name = file_name_new (store->host_name, spool->size,
                                         spool->size + spool->bare_lf, spool->bare_lf > 0);
  g_autofree char *path = mailbox_file (mailbox, "tmp", name);
  g_autofree char *tmp = g_build_filename (mailbox->directory, "tmp", NULL);
  bool done = (link_from && link (link_from, path) == 0) || write_file (spool, path, internal_date);
  if (done && store->sync && !folder_sync (tmp)) {
    done = false;
    unlink (path);
  }
  if (!done)
    return trouble_errno (store, task, "cannot write", path);
  struct message *message = g_new0 (struct message, 1);
  *message = (struct message){
    .base = (uint16_t)strlen (name),
    .in_new = 1,
    .unplaced = 1,
    .exact = 1,
    .ending = memcmp (spool->last, "\r\n", 2) == 0 ? ENDING_CRLF : ENDING_OTHER,
    .internal_date = internal_date,
    .save_date = store->host->realtime_ms () / 1000,
    .file_size = spool->size,
    .size = spool->size,
    .email_id = email_id_of (name, strlen (name)),
    .name = g_strdup (name),
  };
  *result = message;
  return PTN_OK;
}
