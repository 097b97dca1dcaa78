/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - what a stream has to say: a queue, pulled as the peer takes octets; see stream.h.
 *
 * The queue is a list.  What stands before `stop` is ready: copies, chunks lent by sources,
 * pieces of files.  `stop` is the first source (whose chunks are put before it as they are
 * pulled), or a turn to TLS, to DEFLATE or back, and everything behind waits for it. */
#include "net/output.h"

#include "net/deflate.h"

#include <glib.h>
#include <string.h>

#define COPY_LEAST 480u        /* the first copy of an answer */
#define COPY_BLOCK (16u << 10) /* those behind it */
#define COPY_SMALL 2048u       /* chunks up to this size are copied, not lent */
#define UNTIL_END UINT64_MAX

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
struct out_item *
output_remove_stop (struct output *out) {
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

void
output_free_item (struct ptn_stream *s, struct out_item *item) {
  switch (item->kind) {
  case ITEM_COPY:
    task_refund (s->task, copy_room (item));
    if (s->secret) /* the tag of a command that was a password, in an answer */
      explicit_bzero (item->copied, (size_t)(item->data - item->copied) + item->size);
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
  output_free_item (s, item);
}

/* `count` ready octets were taken. */
void
output_taken (struct ptn_stream *s, size_t count) {
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

uint64_t
output_queued (const struct ptn_stream *s) {
  if (s->out.stop)
    return UINT64_MAX;
  return s->out.ready + wire_left (&s->packed) + wire_left (&s->wire);
}

bool
stream_output_empty (const struct ptn_stream *s) {
  return !s->out.head && wire_left (&s->packed) + wire_left (&s->wire) == 0
         && !deflate_unflushed (s);
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
  output_pull (s); /* a small one is copied to what is there already */
  return s->error ? PTN_E_DISCONNECTED : PTN_OK;
}

void
output_turned_to_tls (struct ptn_stream *s) {
  if (s->out.stop && s->out.stop->kind == ITEM_TLS)
    output_free_item (s, output_remove_stop (&s->out));
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
void
output_source_failed (struct ptn_stream *s, const char *reason) {
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
      output_source_failed (s, "memory");
      return false;
    }
    if (stop->left != UNTIL_END)
      stop->left -= chunk.size;
    return true;
  case PTN_END:
    if (stop->left != 0 && stop->left != UNTIL_END) {
      output_source_failed (s, "source-short");
      return false;
    }
    output_free_item (s, output_remove_stop (&s->out));
    return true;
  case PTN_PENDING:
    return false;
  default:
    output_source_failed (s, "source-failed");
    return false;
  }
}

/* Makes octets ready, up to OUTPUT_HIGH and one chunk. */
void
output_pull (struct ptn_stream *s) {
  while (s->out.stop && s->out.stop->kind == ITEM_SOURCE && !s->out.stop->lent
         && (s->out.ready < OUTPUT_HIGH || s->out.stop->left == 0) && pull_once (s))
    ;
}

ptn_status
output_drained (struct ptn_stream *s, uint64_t below) {
  if (s->error)
    return PTN_E_DISCONNECTED;
  output_pull (s); /* small sources become octets; these may be written together */
  if (output_queued (s) >= below)
    stream_flush (s);
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (output_queued (s) < below)
    return PTN_OK;
  s->armed_below = MAX (below, 1);
  return PTN_PENDING;
}
