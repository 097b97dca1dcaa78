/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - the octets of a message, from its file.
 *
 * The file stays open until the source is closed, so an expunge does not disturb it.  One whose
 * lines end with LF goes out with CRLF; a place in it is found by reading up to there.  A file
 * that has not the size that is known of it, or does not come to the size that was announced, is
 * PTN_E_CORRUPT. */
#include "maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (32 * 1024)

struct buffer { /* counted: of the source and of its chunks */
  atomic_uint references;
  size_t size;
  char data[];
};

struct file_source {
  struct ptn_source source;
  struct store *store;
  int fd;
  bool convert;  /* LF to CRLF */
  bool after_cr; /* the octet before was a CR */
  uint64_t file_at, file_size;
  uint64_t skip;      /* octets still to be passed over: converted ones */
  uint64_t left;      /* octets still to be given out */
  uint64_t converted; /* so many came out of the file, until now */
  uint64_t announced; /* so many have to */
  struct buffer *buffer;
  size_t at;
};

static void
buffer_unref (void *data) {
  struct buffer *buffer = data;
  if (atomic_fetch_sub (&buffer->references, 1) == 1)
    g_free (buffer);
}

static struct buffer *
buffer_new (size_t room) {
  struct buffer *buffer = g_malloc (sizeof *buffer + room);
  atomic_init (&buffer->references, 1);
  buffer->size = 0;
  return buffer;
}

static ptn_status
corrupt (struct file_source *source, struct ptn_task *task, const char *why) {
  return trouble (source->store, task, PTN_E_CORRUPT, "a message is not what it was: %s", why);
}

/* The next piece of the file into a fresh buffer, converted.  PTN_END at its end. */
static ptn_status
fill (struct file_source *source, struct ptn_task *task) {
  g_autofree char *raw = source->convert ? g_malloc (PIECE) : NULL;
  g_clear_pointer (&source->buffer, buffer_unref);
  source->at = 0;
  if (source->file_at == source->file_size)
    return PTN_END;
  struct buffer *buffer = buffer_new (source->convert ? 2 * PIECE : PIECE);
  size_t wanted = (size_t)MIN (PIECE, source->file_size - source->file_at);
  char *into = source->convert ? raw : buffer->data;
  ssize_t n;
  source->store->host->blocking (task, 1);
  do
    n = pread (source->fd, into, wanted, (off_t)source->file_at);
  while (n < 0 && errno == EINTR);
  source->store->host->blocking (task, 0);
  if (n <= 0) {
    buffer_unref (buffer);
    return n < 0 ? trouble_errno (source->store, task, "cannot read", "a message")
                 : corrupt (source, task, "its file became shorter");
  }
  source->file_at += (uint64_t)n;
  if (!source->convert)
    buffer->size = (size_t)n;
  for (ssize_t i = 0; source->convert && i < n; i++) {
    if (raw[i] == '\n' && !source->after_cr)
      buffer->data[buffer->size++] = '\r';
    source->after_cr = raw[i] == '\r';
    buffer->data[buffer->size++] = raw[i];
  }
  source->converted += buffer->size;
  source->buffer = buffer;
  return PTN_OK;
}

static ptn_status
source_read (struct ptn_source *table, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct file_source *source = (struct file_source *)table;
  for (;;) {
    if (source->left == 0)
      return PTN_END;
    size_t here = source->buffer ? source->buffer->size - source->at : 0;
    size_t passed = (size_t)MIN (here, source->skip);
    source->skip -= passed;
    source->at += passed;
    here -= passed;
    if (here == 0) {
      ptn_status status = fill (source, task);
      if (status == PTN_END)
        return corrupt (source, task, "it has fewer octets than its name says");
      if (status != PTN_OK)
        return status;
      if (source->converted > source->announced)
        return corrupt (source, task, "it has more octets than its name says");
      continue;
    }
    size_t size = (size_t)MIN (MIN (here, max), source->left);
    /* Before the last octets go out: is this the whole? */
    if (size == source->left && source->convert && source->file_at == source->file_size
        && source->converted != source->announced)
      return corrupt (source, task, "its size is not what its name says");
    atomic_fetch_add (&source->buffer->references, 1);
    *chunk = (struct ptn_chunk){
      .data = source->buffer->data + source->at,
      .size = size,
      .fd = -1,
      .release = buffer_unref,
      .owner = source->buffer,
    };
    source->at += size;
    source->left -= size;
    return PTN_OK;
  }
}

static ptn_status
source_skip (struct ptn_source *table, struct ptn_task *task, uint64_t count) {
  struct file_source *source = (struct file_source *)table;
  count = MIN (count, source->left);
  source->left -= count;
  source->skip += count;
  return PTN_OK;
}

static void
source_close (struct ptn_source *table) {
  struct file_source *source = (struct file_source *)table;
  if (source->buffer)
    buffer_unref (source->buffer);
  close (source->fd);
  g_free (source);
}

static const struct ptn_source_ops source_ops = {
  .size = sizeof source_ops,
  .read = source_read,
  .skip = source_skip,
  .close = source_close,
};

/* Opens the file of a message, under the name it has now.  The UID is looked up again after
 * each look: messages may go.  PTN_E_EXPUNGED. */
static ptn_status
open_message (struct mailbox *mailbox, struct ptn_task *task, uint32_t uid, int *fd,
              const struct message **result) {
  for (int attempt = 0; attempt < 3; attempt++) {
    const struct message *message = mailbox_find (mailbox, uid);
    if (!message)
      return PTN_E_EXPUNGED;
    g_autofree char *path = message_file (mailbox, message);
    *fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd >= 0) {
      *result = message;
      return PTN_OK;
    }
    if (errno != ENOENT)
      return trouble_errno (mailbox->owner->store, task, "cannot open", path);
    ptn_status status = mailbox_look_now (mailbox, task); /* renamed or removed */
    if (status != PTN_OK)
      return status;
  }
  return PTN_E_TEMPORARY;
}

static ptn_status
open_source (struct mailbox *mailbox, struct ptn_task *task, uint32_t uid, uint64_t offset,
             uint64_t length, struct ptn_source **result) {
  const struct message *message = NULL;
  struct stat info;
  int fd;
  ptn_status status = open_message (mailbox, task, uid, &fd, &message);
  if (status != PTN_OK)
    return status;
  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode)
      || (uint64_t)info.st_size != message->file_size) {
    close (fd);
    return trouble (mailbox->owner->store, task, PTN_E_CORRUPT,
                    "%s/%s has not the size that is known of it", mailbox->directory,
                    message->name);
  }
  struct file_source *source = g_new0 (struct file_source, 1);
  source->store = mailbox->owner->store;
  source->fd = fd;
  source->convert = !message->exact;
  source->file_size = message->file_size;
  source->announced = message->size;
  source->skip = MIN (offset, message->size);
  source->left = MIN (length, message->size - source->skip);
  if (!source->convert) {
    source->file_at = source->skip;
    source->announced -= source->skip;
    source->skip = 0;
  }
  source->source = (struct ptn_source){ &source_ops, (int64_t)source->left };
  *result = &source->source;
  return PTN_OK;
}

ptn_status
maildir_read (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              uint32_t uid, uint64_t offset, uint64_t length, struct ptn_source **source) {
  struct owner *owner = account->owner;
  ptn_status status = owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  struct mailbox *mailbox = box_by_id (owner, id);
  if (!mailbox)
    status = PTN_E_NOT_FOUND;
  else if (!mailbox->loaded || !mailbox->looked)
    status = mailbox_look (mailbox, call->task);
  if (status == PTN_OK)
    status = open_source (mailbox, call->task, uid, offset, length, source);
  owner_leave (owner, call->task);
  return status;
}
