/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - postern-log, one for each account: what was acknowledged and is not yet in every file.
 *
 *   "PTNMLOG1", the number of the last record before the first one here (8 octets), then records:
 *   size and CRC-32 of what follows (4 octets each), the record's number as a varint, entries
 *   (entry.c).  Fixed numbers are little-endian.
 *
 * Numbers go up by one; a record that does not follow, or whose CRC is wrong, ends the log: it
 * was being written when the power went.  A checkpoint syncs all that the records say into
 * files, and empties the log: head first, so that what is left of it when that was cut short is
 * older than every index. */
#include "maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define LOG_HEAD 16
#define LOG_MAX (1024 * 1024 * 1024)
#define LOG_RESERVE (64 * 1024) /* kept on disk, so that a full disk can be emptied */
#define LOG_SMALL (256 * 1024)  /* no checkpoint before that */

static const char magic[8] = "PTNMLOG1";

static void
put_u32 (uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t
get_u32 (const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The head; the caller syncs. */
static bool
put_head (int fd, uint64_t lsn) {
  uint8_t head[LOG_HEAD];
  memcpy (head, magic, sizeof magic);
  put_u32 (head + 8, (uint32_t)lsn);
  put_u32 (head + 12, (uint32_t)(lsn >> 32));
  return pwrite (fd, head, sizeof head, 0) == sizeof head;
}

static void
reserve (int fd, uint64_t size) {
  if (fallocate (fd, FALLOC_FL_KEEP_SIZE, (off_t)size, LOG_RESERVE) != 0)
    return; /* this file system has no such thing */
}

/* Another host may be stopping just now: wait a little. */
static bool
lock_log (const struct store *store, int fd) {
  int64_t until = g_get_monotonic_time () + store->lock_timeout * 1000;
  while (flock (fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || g_get_monotonic_time () > until)
      return false;
    g_usleep (20000);
  }
  return true;
}

static void
replay (struct owner *owner, const uint8_t *data, size_t size) {
  size_t at = LOG_HEAD;
  uint64_t before = 0;
  owner->lsn = MAX (owner->lsn, get_u32 (data + 8) | (uint64_t)get_u32 (data + 12) << 32);
  while (at + 8 <= size) {
    uint32_t length = get_u32 (data + at), crc = get_u32 (data + at + 4);
    if (length == 0 || length > size - at - 8 || crc32_of (0, data + at + 8, length) != crc)
      break;
    struct octets in = { data + at + 8, data + at + 8 + length, false };
    uint64_t lsn = get_number (&in);
    if (in.bad || (at > LOG_HEAD && lsn != before + 1))
      break;
    if (!record_apply (owner, lsn, in.at, (size_t)(in.end - in.at), true))
      complain (owner->store, PTN_LOG_ERROR, "maildir.log-bad", owner->name, owner->directory,
                "a record is not understood");
    owner->lsn = MAX (owner->lsn, lsn);
    before = lsn;
    at += 8 + length;
  }
  if (at < size)
    complain (owner->store, PTN_LOG_NOTICE, "maildir.log-torn", owner->name, owner->directory,
              "the last record was not whole");
  owner->log_size = at;
  g_array_set_size (owner->changed, 0);
}

ptn_status
log_open (struct owner *owner, struct ptn_task *task, bool make) {
  g_autofree char *path = g_build_filename (owner->directory, "postern-log", NULL);
  g_autofree char *data = NULL;
  size_t size = 0;
  int fd = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
  if (fd < 0)
    return trouble_errno (owner->store, task, "cannot open", path);
  owner->log = fd;
  owner->log_size = 0; /* not to be cut to its head when it is closed */
  if (!lock_log (owner->store, fd)) {
    log_close (owner);
    return trouble (owner->store, task, PTN_E_TEMPORARY, "%s is in use by another host", path);
  }
  if (!file_read (path, LOG_MAX, &data, &size)) {
    trouble_errno (owner->store, task, "cannot read", path);
    log_close (owner);
    return PTN_E_TEMPORARY;
  }
  if (size >= LOG_HEAD && memcmp (data, magic, sizeof magic) != 0) {
    log_close (owner);
    return trouble (owner->store, task, PTN_E_CORRUPT, "%s is not a log of ours", path);
  }
  if (size >= LOG_HEAD)
    replay (owner, (const uint8_t *)data, size);
  else if (ftruncate (fd, 0) != 0 || !put_head (fd, owner->lsn) || fdatasync (fd) != 0
           || !folder_sync (owner->directory)) {
    trouble_errno (owner->store, task, "cannot write", path);
    log_close (owner);
    return PTN_E_TEMPORARY;
  }
  owner->log_size = MAX (owner->log_size, LOG_HEAD);
  reserve (fd, owner->log_size);
  return PTN_OK;
}

void
log_close (struct owner *owner) {
  if (owner->log < 0)
    return;
  if (owner->log_size == LOG_HEAD && ftruncate (owner->log, LOG_HEAD) != 0)
    errno = 0; /* the reserve stays: no harm */
  close (owner->log);
  owner->log = -1;
}

/* Takes back what was written.  If even that cannot be synced nobody knows whether it will be
 * there after a crash: nothing more is written until the account has been loaded anew. */
static ptn_status
log_failed (struct owner *owner, struct ptn_task *task, int error, bool written) {
  bool back = ftruncate (owner->log, (off_t)owner->log_size) == 0;
  if (back && written)
    back = fdatasync (owner->log) == 0;
  if (back) {
    reserve (owner->log, owner->log_size);
    return trouble (owner->store, task, PTN_E_TEMPORARY, "cannot write the log in %s: %s",
                    owner->directory, g_strerror (error));
  }
  owner->broken = true;
  return trouble (owner->store, task, PTN_E_OUTCOME_UNKNOWN, "cannot sync the log in %s: %s",
                  owner->directory, g_strerror (error));
}

ptn_status
log_commit (struct owner *owner, struct ptn_task *task, GByteArray *entries) {
  g_autoptr (GByteArray) record = g_byte_array_sized_new (entries->len + 32);
  if (owner->failed || owner->broken)
    return trouble (owner->store, task, PTN_E_TEMPORARY, "the log in %s failed before",
                    owner->directory);
  g_byte_array_set_size (record, 8);
  put_number (record, owner->lsn + 1);
  guint head = record->len;
  g_byte_array_append (record, entries->data, entries->len);
  put_u32 (record->data, record->len - 8);
  put_u32 (record->data + 4, crc32_of (0, record->data + 8, record->len - 8));
  for (size_t done = 0; done < record->len;) {
    ssize_t n = pwrite (owner->log, record->data + done, record->len - done,
                        (off_t)(owner->log_size + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return log_failed (owner, task, n < 0 ? errno : EIO, false);
    done += (size_t)n;
  }
  if (owner->store->sync && fdatasync (owner->log) != 0)
    return log_failed (owner, task, errno, true);
  owner->log_size += record->len;
  owner->lsn++;
  owner->store->host->observe (owner->store->commits, 1);
  if (!record_apply (owner, owner->lsn, record->data + head, record->len - head, false))
    complain (owner->store, PTN_LOG_ERROR, "maildir.log-bad", owner->name, owner->directory,
              "a record of our own is not understood");
  return PTN_OK;
}

/* Writing the indexes again costs as much as they are big: the log may grow with them. */
bool
log_due (const struct owner *owner) {
  uint64_t weight = LOG_SMALL;
  if (owner->log_size < LOG_SMALL)
    return false;
  for (guint i = 0; i < owner->mailboxes->len; i++) {
    const struct mailbox *mailbox = owner->mailboxes->pdata[i];
    if (mailbox->dirty)
      weight += 150 * (uint64_t)mailbox->messages->len;
  }
  return owner->log_size > weight;
}

static bool
file_sync (const char *path) {
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT;
  bool done = fsync (fd) == 0;
  close (fd);
  return done;
}

static bool
checkpoint_mailbox (struct mailbox *mailbox, struct ptn_task *task) {
  static const char *const parts[] = { "cur", "new", "tmp" };
  bool pending = mailbox->todo->len || mailbox->unlisted->len || mailbox->words_changed
                 || mailbox->list_changed || g_hash_table_size (mailbox->ghosts);
  if (!mailbox->loaded || (!mailbox->dirty && !pending))
    return true;
  if (pending) {
    if (mailbox_lock (mailbox, task) != PTN_OK)
      return false;
    mailbox_settle (mailbox, true);
    mailbox_unlock (mailbox);
  }
  if (mailbox->todo->len || mailbox->unlisted->len || g_hash_table_size (mailbox->ghosts)
      || mailbox->words_changed)
    return false;
  g_autofree char *list = g_build_filename (mailbox->directory, "dovecot-uidlist", NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autofree char *part = g_build_filename (mailbox->directory, parts[i], NULL);
    if (!folder_sync (part))
      return false;
  }
  return file_sync (list) && folder_sync (mailbox->directory) && index_save (mailbox);
}

ptn_status
checkpoint (struct owner *owner, struct ptn_task *task) {
  bool done = true;
  if (owner->log < 0 || owner->failed || owner->broken)
    return PTN_OK;
  for (guint i = 0; i < owner->mailboxes->len; i++)
    done &= checkpoint_mailbox (owner->mailboxes->pdata[i], NULL);
  if (owner->dirty)
    done &= account_save (owner);
  if (!done) {
    complain (owner->store, PTN_LOG_WARNING, "maildir.checkpoint", owner->name, owner->directory,
              "not everything could be written; the log is kept");
    return PTN_E_TEMPORARY;
  }
  if (owner->log_size == LOG_HEAD)
    return PTN_OK;
  /* Whatever of this fails: all records are in the files, and the indexes know it. */
  if (!put_head (owner->log, owner->lsn) || fdatasync (owner->log) != 0
      || ftruncate (owner->log, LOG_HEAD) != 0)
    return trouble_errno (owner->store, task, "cannot empty the log in", owner->directory);
  owner->log_size = LOG_HEAD;
  if (fdatasync (owner->log) != 0)
    return trouble_errno (owner->store, task, "cannot sync the log in", owner->directory);
  reserve (owner->log, LOG_HEAD);
  return PTN_OK;
}
