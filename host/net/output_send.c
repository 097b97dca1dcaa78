/* SPDX-License-Identifier: Apache-2.0 */
/* output_send.c - from the queue to the socket: in clear, under TLS, compressed; see stream.h. */
#include "net/output.h"

#include "net/deflate.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORD (16u << 10) /* most plaintext of a TLS record */
#define PIECES 64          /* of one writev */

/* --- writing in clear ----------------------------------------------------------------- */

/* One system call: octets taken, or -1. */
static ssize_t
send_pieces (struct ptn_stream *s) {
  struct iovec pieces[PIECES];
  struct msghdr message = { .msg_iov = pieces };
  const struct out_item *item = s->out.head;
  size_t size = 0;
  ssize_t sent;
  int more = 0;

  for (; item != s->out.stop && item->kind != ITEM_FILE && message.msg_iovlen < PIECES
         && size < OUTPUT_CHUNK;
       item = item->next) {
    pieces[message.msg_iovlen++] =
        (struct iovec){ .iov_base = (char *)item->data, .iov_len = item->size };
    size += item->size;
  }
  if (item != s->out.stop && item->kind == ITEM_FILE)
    more = MSG_MORE;
  if (message.msg_iovlen == 1)
    sent = send (s->fd, pieces[0].iov_base, size, MSG_NOSIGNAL | more);
  else
    sent = sendmsg (s->fd, &message, MSG_NOSIGNAL | more);
  if (sent >= 0 && (size_t)sent < size)
    stream_stuck (s); /* full: that it has room again is an edge */
  return sent;
}

static ssize_t
send_file (struct ptn_stream *s) {
  struct out_item *item = s->out.head;
  off_t offset = item->offset;
  ssize_t sent;

  task_blocking (s->task, 1);
  sent = sendfile (s->fd, item->fd, &offset, item->size);
  task_blocking (s->task, 0);
  if (sent == 0) { /* the file is shorter than its chunk said */
    output_source_failed (s, "source-short");
    errno = EPIPE;
    return -1;
  }
  return sent;
}

/* True: go on; false: stuck or failed. */
static bool
write_clear (struct ptn_stream *s) {
  g_assert (s->out.head); /* there is something ready */

  bool file = s->out.head->kind == ITEM_FILE;
  ssize_t sent = file ? send_file (s) : send_pieces (s);

  if (sent < 0) {
    if (errno == EAGAIN)
      stream_stuck (s);
    else if (errno == EIO && file)
      output_source_failed (s, "source-failed");
    else if (errno != EINTR)
      stream_fail (s, "reset");
    return !s->stuck && !s->error;
  }
  s->octets_out += (uint64_t)sent;
  s->moved = true;
  output_taken (s, (size_t)sent);
  return true;
}

/* --- writing under TLS ---------------------------------------------------------------- */

/* Up to one record of ready octets, gathered in `room` unless one piece is enough. */
static size_t
gather (struct ptn_stream *s, char *room, const char **data) {
  const struct out_item *item = s->out.head;
  size_t size = 0;

  if (item->kind != ITEM_FILE && (item->size >= RECORD || item->next == s->out.stop)) {
    *data = item->data;
    return MIN (item->size, RECORD);
  }
  for (; item != s->out.stop && size < RECORD; item = item->next) {
    size_t part = MIN (item->size, RECORD - size);
    if (item->kind == ITEM_FILE) {
      ssize_t got;
      task_blocking (s->task, 1);
      got = pread (item->fd, room + size, part, item->offset);
      task_blocking (s->task, 0);
      if (got <= 0) {
        output_source_failed (s, got == 0 ? "source-short" : "source-failed");
        return 0;
      }
      size += (size_t)got;
      if ((size_t)got < item->size)
        break;
    } else {
      memcpy (room + size, item->data, part);
      size += part;
    }
  }
  *data = room;
  return size;
}

/* Encrypts what is ready until the wire has enough. */
static bool
encrypt (struct ptn_stream *s) {
  char room[RECORD];

  while (s->out.head && s->out.head != s->out.stop && wire_left (&s->wire) < OUTPUT_HIGH) {
    const char *data = NULL;
    size_t size = gather (s, room, &data);
    ssize_t sent;

    if (size == 0)
      return false;
    sent = stream_tls_write (s, data, size);
    if (sent < 0) {
      if (errno != EAGAIN)
        stream_fail (s, "tls");
      break;
    }
    s->octets_out += (uint64_t)sent;
    output_taken (s, (size_t)sent);
  }
  return !s->error;
}

/* --- compressing -------------------------------------------------------------------------- */

/* What stood before a turn is gone: on the way, or with the compressor. */
static bool
turn (struct ptn_stream *s) {
  const struct out_item *head = s->out.head;

  if (!head || (head->kind != ITEM_PACK && head->kind != ITEM_PLAIN))
    return false;
  if (head->kind == ITEM_PACK)
    deflate_turn_on (s);
  else
    deflate_turn_off (s);
  output_free_item (s, output_remove_stop (&s->out));
  return true;
}

/* Compresses what is ready until there is enough; the peer can read all of it when nothing is
 * ready any more. */
static bool
compress_ready (struct ptn_stream *s) {
  const struct wire *wire = s->ssl ? &s->packed : &s->wire;
  char room[RECORD];

  while (s->out.head && s->out.head != s->out.stop && wire_left (wire) < OUTPUT_HIGH) {
    const char *data = NULL;
    size_t size = gather (s, room, &data);

    if (size == 0)
      return false;
    deflate_add (s, data, size);
    if (s->error)
      return false;
    s->octets_out += size;
    output_taken (s, size);
  }
  if (!s->out.head || s->out.head == s->out.stop)
    deflate_flush (s);
  return !s->error;
}

/* Encrypts what was compressed. */
static bool
encrypt_packed (struct ptn_stream *s) {
  while (wire_left (&s->packed) > 0 && wire_left (&s->wire) < OUTPUT_HIGH) {
    ssize_t sent = stream_tls_write (s, s->packed.data + s->packed.start,
                                     MIN (wire_left (&s->packed), RECORD));
    if (sent < 0) {
      if (errno != EAGAIN)
        stream_fail (s, "tls");
      return false;
    }
    s->packed.start += (size_t)sent;
  }
  if (wire_left (&s->packed) > 0)
    return false;
  wire_free (s, &s->packed);
  return true;
}

/* Into `wire`, under TLS, compressed, or both; false: that failed. */
static bool
fill_wire (struct ptn_stream *s) {
  if (deflate_packs (s) && !compress_ready (s))
    return false;
  if (s->ssl && encrypt_packed (s) && !deflate_packs (s))
    encrypt (s);
  return !s->error;
}

ptn_status
stream_flush (struct ptn_stream *s) {
  unsigned rounds = 0;

  s->unsent = false;
  for (;;) {
    bool ready;

    if (s->error)
      return PTN_E_DISCONNECTED;
    output_pull (s);
    if (s->error)
      return PTN_E_DISCONNECTED;
    if (turn (s))
      continue; /* a source behind it is the next */
    ready = s->out.head && s->out.head != s->out.stop;
    if (!ready && wire_left (&s->packed) + wire_left (&s->wire) == 0 && !deflate_unflushed (s))
      return !s->out.head || stream_at_tls (s) ? PTN_OK : PTN_PENDING;
    if (s->stuck)
      return PTN_PENDING;
    if (rounds++ && task_budget_spent (s->task)) {
      s->unsent = true;
      return PTN_PENDING;
    }
    if (s->ssl || deflate_packs (s) || wire_left (&s->wire) > 0) {
      if (!fill_wire (s))
        continue;
      if (wire_left (&s->wire) == 0)
        return PTN_PENDING; /* OpenSSL waits for the peer before it writes */
      stream_wire_send (s);
    } else
      write_clear (s);
  }
}
