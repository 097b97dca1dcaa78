/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - what a stream has to say: a queue, pulled as the peer takes octets; see stream.h.
 *
 * The queue is a list.  What stands before `stop` is ready: copies, chunks lent by sources,
 * pieces of files.  `stop` is the first source (whose chunks are put before it as they are
 * pulled), or a turn to TLS, to DEFLATE or back, and everything behind waits for it. */
#include "net/deflate.h"
#include "net/stream.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define COPY_LEAST 480u        /* the first copy of an answer */
#define COPY_BLOCK (16u << 10) /* those behind it */
#define COPY_SMALL 2048u       /* chunks up to this size are copied, not lent */
#define RECORD (16u << 10)     /* most plaintext of a TLS record */
#define PIECES 64              /* of one writev */
#define UNTIL_END UINT64_MAX

typedef enum {
  ITEM_COPY,
  ITEM_CHUNK,
  ITEM_FILE,
  ITEM_SOURCE,
  ITEM_TLS,
  ITEM_PACK,
  ITEM_PLAIN
} item_kind;

struct out_item {
  struct out_item *next;
  item_kind kind;
  bool lent; /* of a source: its last chunk is still queued and lives until the next read */
  union {
    struct {
      const char *data;
      size_t size;    /* octets that are left */
      int64_t offset; /* of a file */
      void (*release) (void *);
      void *owner;
      int fd;
      uint32_t room; /* of a copy: octets that may still be added */
    };
    struct {
      struct ptn_source *source;
      uint64_t left;
    };
  };
  char copied[];
};

/* --- the list ------------------------------------------------------------------------ */

static bool
is_ready_kind (const struct out_item *item) {
  return item->kind <= ITEM_FILE;
}

static void
append (struct output *out, struct out_item *item) {
  if (out->tail)
    out->tail->next = item;
  else
    out->head = item;
  out->tail = item;
  if (item->kind == ITEM_SOURCE)
    out->sources++;
  if (!out->stop && !is_ready_kind (item))
    out->stop = item;
  else if (is_ready_kind (item))
    *(out->stop ? &out->behind : &out->ready) += item->size;
}

static struct out_item *
before_stop (struct output *out) {
  struct out_item *item = out->head;

  if (item == out->stop)
    return NULL;
  while (item->next != out->stop)
    item = item->next;
  return item;
}

/* Puts a pulled piece before the source it came from. */
static void
insert_ready (struct output *out, struct out_item *item) {
  struct out_item *last = before_stop (out);

  item->next = out->stop;
  if (last)
    last->next = item;
  else
    out->head = item;
  out->ready += item->size;
}

/* Takes `stop` out of the list; what stood behind it is ready up to the next one. */
static struct out_item *
remove_stop (struct output *out) {
  struct out_item *stop = out->stop, *last = before_stop (out), *item;

  if (last)
    last->next = stop->next;
  else
    out->head = stop->next;
  if (out->tail == stop)
    out->tail = last;
  for (item = stop->next; item && is_ready_kind (item); item = item->next) {
    out->ready += item->size;
    out->behind -= item->size;
  }
  out->stop = item;
  if (stop->kind == ITEM_SOURCE)
    out->sources--;
  return stop;
}

/* All that a copy was made for. */
static size_t
copy_room (const struct out_item *item) {
  return (size_t)(item->data - item->copied) + item->size + item->room;
}

static void
free_item (struct ptn_stream *s, struct out_item *item) {
  switch (item->kind) {
  case ITEM_COPY:
    task_refund (s->task, copy_room (item));
    break;
  case ITEM_CHUNK:
  case ITEM_FILE:
    if (item->release)
      item->release (item->owner);
    break;
  case ITEM_SOURCE:
    item->source->ops->close (item->source);
    break;
  case ITEM_TLS:
  case ITEM_PACK:
  case ITEM_PLAIN:
    break;
  }
  g_free (item);
}

static void
free_head (struct ptn_stream *s) {
  struct out_item *item = s->out.head;

  s->out.head = item->next;
  if (!s->out.head)
    s->out.tail = NULL;
  if (item == s->out.stop)
    s->out.stop = NULL; /* all are being dropped */
  if (is_ready_kind (item) && item->kind != ITEM_COPY && !item->release && s->out.stop)
    s->out.stop->lent = false; /* only the source at `stop` can have lent it */
  free_item (s, item);
}

/* `count` ready octets were taken. */
static void
taken (struct ptn_stream *s, size_t count) {
  s->out.ready -= count;
  while (count > 0 || (s->out.head && s->out.head != s->out.stop && s->out.head->size == 0)) {
    struct out_item *item = s->out.head;
    size_t part = MIN (count, item->size);

    item->size -= part;
    if (item->kind == ITEM_FILE)
      item->offset += (int64_t)part;
    else
      item->data += part;
    count -= part;
    if (item->size > 0)
      break;
    free_head (s);
  }
}

void
stream_drop_output (struct ptn_stream *s) {
  /* Chunks first: their memory may belong to the source behind them. */
  while (s->out.head)
    free_head (s);
  s->out = (struct output){ 0 };
  wire_free (s, &s->packed);
  wire_free (s, &s->wire);
}

static size_t
left_in (const struct wire *wire) {
  return wire->end - wire->start;
}

uint64_t
output_queued (const struct ptn_stream *s) {
  if (s->out.stop)
    return UINT64_MAX;
  return s->out.ready + left_in (&s->packed) + left_in (&s->wire);
}

bool
stream_output_empty (const struct ptn_stream *s) {
  return !s->out.head && left_in (&s->packed) + left_in (&s->wire) == 0 && !deflate_unflushed (s);
}

bool
stream_at_tls (const struct ptn_stream *s) {
  return s->out.head && s->out.head->kind == ITEM_TLS;
}

/* --- queueing ------------------------------------------------------------------------- */

static struct out_item *
new_copy (struct ptn_stream *s, size_t room) {
  struct out_item *item;

  if (room > UINT32_MAX || !task_charge (s->task, room))
    return NULL;
  item = g_try_malloc (sizeof *item + room);
  if (!item) {
    task_refund (s->task, room);
    return NULL;
  }
  memset (item, 0, sizeof *item);
  item->kind = ITEM_COPY;
  item->data = item->copied;
  item->room = (uint32_t)room;
  return item;
}

/* Fills the room of `last`; the rest goes into a copy of its own, which is returned in *more,
 * or NULL.  `total` is what the octets are counted in. */
static bool
copy_octets (struct ptn_stream *s, struct out_item *last, const void *data, size_t size,
             size_t *total, struct out_item **more) {
  bool goes_on = last && last->kind == ITEM_COPY;
  size_t part = goes_on ? MIN (size, last->room) : 0;

  *more = NULL;
  if (part < size) {
    size_t rest = size - part;
    size_t room = goes_on ? MIN (4 * copy_room (last), COPY_BLOCK) : COPY_LEAST;
    *more = new_copy (s, MAX (rest, room));
    if (!*more)
      return false;
    memcpy ((*more)->copied, (const char *)data + part, rest);
    (*more)->size = rest;
    (*more)->room -= (uint32_t)rest;
  }
  if (part > 0) {
    memcpy ((char *)last->data + last->size, data, part);
    last->size += part;
    last->room -= (uint32_t)part;
    *total += part;
  }
  return true;
}

ptn_status
output_write (struct ptn_stream *s, const void *data, size_t size) {
  struct output *out = &s->out;
  struct out_item *item;

  if (s->error)
    return PTN_E_DISCONNECTED;
  if (!copy_octets (s, out->tail, data, size, out->stop ? &out->behind : &out->ready, &item))
    return PTN_E_NO_MEMORY;
  if (item)
    append (out, item);
  if (out->ready >= 2 * OUTPUT_HIGH && !s->stuck)
    stream_flush (s);
  return s->error ? PTN_E_DISCONNECTED : PTN_OK;
}

static void pull (struct ptn_stream *s);

ptn_status
output_source (struct ptn_stream *s, struct ptn_source *source, uint64_t length) {
  struct out_item *item;

  if (s->error) {
    source->ops->close (source);
    return PTN_E_DISCONNECTED;
  }
  item = g_new0 (struct out_item, 1);
  item->kind = ITEM_SOURCE;
  item->source = source;
  item->left = length;
  if (length == UNTIL_END && source->length >= 0)
    item->left = (uint64_t)source->length; /* so that an early end is seen */
  append (&s->out, item);
  pull (s); /* a small one is copied to what is there already */
  return s->error ? PTN_E_DISCONNECTED : PTN_OK;
}

void
output_turned_to_tls (struct ptn_stream *s) {
  if (s->out.stop && s->out.stop->kind == ITEM_TLS)
    free_item (s, remove_stop (&s->out));
}

static void
append_turn (struct ptn_stream *s, item_kind kind) {
  struct out_item *item = g_new0 (struct out_item, 1);

  item->kind = kind;
  append (&s->out, item);
}

void
output_turn_to_tls (struct ptn_stream *s) {
  append_turn (s, ITEM_TLS);
}

void
output_turn_to_deflate (struct ptn_stream *s, bool on) {
  append_turn (s, on ? ITEM_PACK : ITEM_PLAIN);
}

/* --- pulling -------------------------------------------------------------------------- */

/* The peer has seen a part of what was promised: it must not take it for the whole. */
static void
source_failed (struct ptn_stream *s, const char *reason) {
  s->break_off = true;
  stream_fail (s, reason);
}

static bool
take_chunk (struct ptn_stream *s, const struct ptn_chunk *chunk) {
  struct out_item *stop = s->out.stop, *item;

  if (chunk->data && chunk->size <= COPY_SMALL) {
    if (!copy_octets (s, before_stop (&s->out), chunk->data, chunk->size, &s->out.ready, &item))
      return false;
    if (item)
      insert_ready (&s->out, item);
    if (chunk->release)
      chunk->release (chunk->owner);
    return true;
  }
  item = g_new0 (struct out_item, 1);
  item->kind = chunk->data ? ITEM_CHUNK : ITEM_FILE;
  item->data = chunk->data;
  item->size = chunk->size;
  item->fd = chunk->fd;
  item->offset = chunk->file_offset;
  item->release = chunk->release;
  item->owner = chunk->owner;
  stop->lent = !chunk->release;
  insert_ready (&s->out, item);
  return true;
}

/* Pulls once from the source at `stop`; false: it has to be waited for, or it failed. */
static bool
pull_once (struct ptn_stream *s) {
  struct out_item *stop = s->out.stop;
  struct ptn_chunk chunk = { .fd = -1 };
  size_t most = (size_t)MIN (stop->left, OUTPUT_CHUNK);
  ptn_status status = PTN_END;

  if (stop->left > 0) {
    uint32_t before = engine_enter (s->plugin);
    status = stop->source->ops->read (stop->source, s->task, most, &chunk);
    engine_enter (before);
  }
  if (status == PTN_OK && (chunk.size == 0 || chunk.size > most)) {
    if (chunk.release)
      chunk.release (chunk.owner);
    status = PTN_E_INVALID;
  }
  switch (status) {
  case PTN_OK:
    if (!take_chunk (s, &chunk)) {
      if (chunk.release)
        chunk.release (chunk.owner);
      source_failed (s, "memory");
      return false;
    }
    if (stop->left != UNTIL_END)
      stop->left -= chunk.size;
    return true;
  case PTN_END:
    if (stop->left != 0 && stop->left != UNTIL_END) {
      source_failed (s, "source-short");
      return false;
    }
    free_item (s, remove_stop (&s->out));
    return true;
  case PTN_PENDING:
    return false;
  default:
    source_failed (s, "source-failed");
    return false;
  }
}

/* Makes octets ready, up to OUTPUT_HIGH and one chunk. */
static void
pull (struct ptn_stream *s) {
  while (s->out.stop && s->out.stop->kind == ITEM_SOURCE && !s->out.stop->lent
         && (s->out.ready < OUTPUT_HIGH || s->out.stop->left == 0) && pull_once (s))
    ;
}

ptn_status
output_drained (struct ptn_stream *s, uint64_t below) {
  if (s->error)
    return PTN_E_DISCONNECTED;
  pull (s); /* small sources become octets; these may be written together */
  if (output_queued (s) >= below)
    stream_flush (s);
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (output_queued (s) < below)
    return PTN_OK;
  s->armed_below = MAX (below, 1);
  return PTN_PENDING;
}

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
    source_failed (s, "source-short");
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
      source_failed (s, "source-failed");
    else if (errno != EINTR)
      stream_fail (s, "reset");
    return !s->stuck && !s->error;
  }
  s->octets_out += (uint64_t)sent;
  s->moved = true;
  taken (s, (size_t)sent);
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
        source_failed (s, got == 0 ? "source-short" : "source-failed");
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

  while (s->out.head && s->out.head != s->out.stop && left_in (&s->wire) < OUTPUT_HIGH) {
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
    taken (s, (size_t)sent);
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
  free_item (s, remove_stop (&s->out));
  return true;
}

/* Compresses what is ready until there is enough; the peer can read all of it when nothing is
 * ready any more. */
static bool
compress_ready (struct ptn_stream *s) {
  const struct wire *wire = s->ssl ? &s->packed : &s->wire;
  char room[RECORD];

  while (s->out.head && s->out.head != s->out.stop && left_in (wire) < OUTPUT_HIGH) {
    const char *data = NULL;
    size_t size = gather (s, room, &data);

    if (size == 0)
      return false;
    deflate_add (s, data, size);
    if (s->error)
      return false;
    s->octets_out += size;
    taken (s, size);
  }
  if (!s->out.head || s->out.head == s->out.stop)
    deflate_flush (s);
  return !s->error;
}

/* Encrypts what was compressed. */
static bool
encrypt_packed (struct ptn_stream *s) {
  while (left_in (&s->packed) > 0 && left_in (&s->wire) < OUTPUT_HIGH) {
    ssize_t sent =
        stream_tls_write (s, s->packed.data + s->packed.start, MIN (left_in (&s->packed), RECORD));
    if (sent < 0) {
      if (errno != EAGAIN)
        stream_fail (s, "tls");
      return false;
    }
    s->packed.start += (size_t)sent;
  }
  if (left_in (&s->packed) > 0)
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
    pull (s);
    if (s->error)
      return PTN_E_DISCONNECTED;
    if (turn (s))
      continue; /* a source behind it is the next */
    ready = s->out.head && s->out.head != s->out.stop;
    if (!ready && left_in (&s->packed) + left_in (&s->wire) == 0 && !deflate_unflushed (s))
      return !s->out.head || stream_at_tls (s) ? PTN_OK : PTN_PENDING;
    if (s->stuck)
      return PTN_PENDING;
    if (rounds++ && task_budget_spent (s->task)) {
      s->unsent = true;
      return PTN_PENDING;
    }
    if (s->ssl || deflate_packs (s) || left_in (&s->wire) > 0) {
      if (!fill_wire (s))
        continue;
      if (left_in (&s->wire) == 0)
        return PTN_PENDING; /* OpenSSL waits for the peer before it writes */
      stream_wire_send (s);
    } else
      write_clear (s);
  }
}
