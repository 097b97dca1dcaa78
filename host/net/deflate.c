/* SPDX-License-Identifier: Apache-2.0 */
/* deflate.c - see deflate.h. */
#include "net/deflate.h"

#include "net/stream.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <zlib.h>

#define OUT_LEVEL 1
#define OUT_WINDOW (-13) /* raw DEFLATE, 8 KiB */
#define OUT_MEMORY_LEVEL 6
#define OUT_MEMORY (72u << 10) /* what zlib takes for that: 4 windows, 512 << level, its state */
#define IN_WINDOW (-15)        /* the peer's: any */
#define IN_MEMORY (40u << 10)
#define DICTIONARY_MOST 32768u
#define RAW_ROOM 4096u
#define BARREN_MOST (64u << 10)

struct deflate_layer {
  z_stream out, in;
  bool out_live, in_live; /* zlib's state is there */
  bool packs;             /* the queue is past the turn */
  bool unflushed;
  bool held;     /* the last call filled all it was given: there may be more */
  bool finished; /* the peer has ended its stream */
  bool ending;   /* the peer's last block is under way; then its octets are plain */
  bool plain;    /* and now they are: what is left in `raw` comes first */
  bool off;      /* the output is plain again */
  char *raw;     /* octets of the peer that are not looked at yet */
  uint32_t raw_room, raw_start, raw_end;
  unsigned char *history; /* of the peer, while `in` rests */
  uInt history_size;
  uInt out_charged, in_charged;
  size_t barren; /* octets that gave nothing, in a row */
};

/* Memory that is bounded is taken in any case; what is over the session's limit is seen where
 * octets are queued. */
static uInt
charge (struct ptn_stream *s, uInt size) {
  return task_charge (s->task, size) ? size : 0;
}

static bool
out_begin (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (layer->out_live)
    return true;
  layer->out = (z_stream){ 0 };
  if (deflateInit2 (&layer->out, OUT_LEVEL, Z_DEFLATED, OUT_WINDOW, OUT_MEMORY_LEVEL,
                    Z_DEFAULT_STRATEGY)
      != Z_OK)
    return false;
  layer->out_charged = charge (s, OUT_MEMORY);
  layer->out_live = true;
  return true;
}

static void
out_end (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (!layer->out_live)
    return;
  deflateEnd (&layer->out);
  task_refund (s->task, layer->out_charged);
  layer->out_live = layer->unflushed = false;
}

static bool
in_begin (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (layer->in_live)
    return true;
  layer->in = (z_stream){ 0 };
  if (inflateInit2 (&layer->in, IN_WINDOW) != Z_OK)
    return false;
  if (layer->history_size > 0
      && inflateSetDictionary (&layer->in, layer->history, layer->history_size) != Z_OK) {
    inflateEnd (&layer->in);
    return false;
  }
  g_clear_pointer (&layer->history, g_free);
  task_refund (s->task, layer->in_charged);
  layer->history_size = 0;
  layer->in_charged = charge (s, IN_MEMORY);
  layer->in_live = true;
  return true;
}

static void
in_end (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (layer->in_live)
    inflateEnd (&layer->in);
  layer->in_live = false;
  task_refund (s->task, layer->in_charged);
  layer->in_charged = 0;
  g_clear_pointer (&layer->history, g_free);
  layer->history_size = 0;
}

static void
free_raw (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (layer->raw) {
    task_refund (s->task, layer->raw_room);
    if (s->secret) /* what came in clear behind the end of the compression */
      explicit_bzero (layer->raw, layer->raw_room);
  }
  g_clear_pointer (&layer->raw, g_free);
  layer->raw_room = layer->raw_start = layer->raw_end = 0;
}

void
deflate_free (struct ptn_stream *s) {
  if (!s->deflate)
    return;
  out_end (s);
  in_end (s);
  free_raw (s);
  g_clear_pointer (&s->deflate, g_free);
}

/* --- turning on and off -------------------------------------------------------------------- */

ptn_status
deflate_start (struct ptn_stream *s, struct ptn_task *task) {
  struct deflate_layer *layer;

  if (s->error)
    return PTN_E_DISCONNECTED;
  if (s->deflate && s->deflate->plain && s->deflate->off && !deflate_has_input (s))
    deflate_free (s);
  if (s->deflate || s->literal.open || (s->wants_tls && !s->tls_done))
    return PTN_E_INVALID;
  if (!task_charge (s->task, OUT_MEMORY + IN_MEMORY))
    return PTN_E_NO_MEMORY;
  task_refund (s->task, OUT_MEMORY + IN_MEMORY);
  layer = s->deflate = g_new0 (struct deflate_layer, 1);
  if (!out_begin (s) || !in_begin (s)) {
    deflate_free (s);
    return PTN_E_NO_MEMORY;
  }
  /* What has come behind the command is compressed already. */
  layer->raw = s->in;
  layer->raw_room = s->in_room;
  layer->raw_start = s->in_start;
  layer->raw_end = s->in_end;
  s->in = NULL;
  s->in_room = s->in_start = s->in_end = 0;
  output_turn_to_deflate (s, true);
  return PTN_OK;
}

ptn_status
deflate_end (struct ptn_stream *s, struct ptn_task *task) {
  if (s->error)
    return PTN_E_DISCONNECTED;
  if (!s->deflate || s->deflate->ending || s->deflate->plain || s->literal.open)
    return PTN_E_INVALID;
  s->deflate->ending = true;
  output_turn_to_deflate (s, false);
  return PTN_OK;
}

void
deflate_turn_on (struct ptn_stream *s) {
  s->deflate->packs = true;
}

/* --- output ---------------------------------------------------------------------------------- */

bool
deflate_packs (const struct ptn_stream *s) {
  return s->deflate && s->deflate->packs;
}

bool
deflate_unflushed (const struct ptn_stream *s) {
  return s->deflate && s->deflate->unflushed;
}

/* One call of zlib after another, until it has no more to say. */
static void
pump (struct ptn_stream *s, const void *data, size_t size, int flush) {
  struct deflate_layer *layer = s->deflate;
  struct wire *wire = s->ssl ? &s->packed : &s->wire;

  if (!out_begin (s)) {
    stream_fail (s, "memory");
    return;
  }
  layer->out.next_in = (Bytef *)(guintptr)data;
  layer->out.avail_in = (uInt)size;
  do {
    wire_reserve (s, wire, MAX (size / 2, 512));
    layer->out.next_out = (Bytef *)wire->data + wire->end;
    layer->out.avail_out = (uInt)(wire->room - wire->end);
    if (deflate (&layer->out, flush) == Z_STREAM_ERROR) {
      stream_fail (s, "deflate");
      return;
    }
    wire->end = wire->room - layer->out.avail_out;
  } while (layer->out.avail_out == 0);
}

void
deflate_add (struct ptn_stream *s, const void *data, size_t size) {
  s->deflate->unflushed = true;
  pump (s, data, size, Z_NO_FLUSH);
}

void
deflate_flush (struct ptn_stream *s) {
  if (!s->deflate->unflushed)
    return;
  pump (s, NULL, 0, Z_SYNC_FLUSH);
  s->deflate->unflushed = false;
}

void
deflate_turn_off (struct ptn_stream *s) {
  pump (s, NULL, 0, Z_FINISH);
  out_end (s);
  s->deflate->packs = false;
  s->deflate->off = true;
}

/* --- input ------------------------------------------------------------------------------------ */

bool
deflate_has_input (const struct ptn_stream *s) {
  return s->deflate && (s->deflate->held || s->deflate->raw_start < s->deflate->raw_end);
}

/* As recv: octets of the peer into `raw`. */
static ssize_t
fill_raw (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;
  ssize_t got;

  if (!s->readable && !s->ssl_more) {
    errno = EAGAIN;
    return -1;
  }
  if (!layer->raw) {
    if (!task_charge (s->task, RAW_ROOM)) {
      s->memory_spent = true;
      errno = EAGAIN;
      return -1;
    }
    layer->raw = g_malloc (RAW_ROOM);
    layer->raw_room = RAW_ROOM;
  }
  layer->raw_start = layer->raw_end = 0;
  got = s->ssl ? stream_tls_read (s, layer->raw, layer->raw_room)
               : stream_clear_read (s, layer->raw, layer->raw_room);
  if (got > 0)
    layer->raw_end = (uint32_t)got;
  return got;
}

static ssize_t
corrupt (struct ptn_stream *s) {
  stream_fail (s, "deflate");
  errno = EPROTO;
  return -1;
}

/* Between two blocks, with all bits of the octets before taken: a flush ends so. */
static bool
at_boundary (const struct deflate_layer *layer) {
  return !layer->in_live || layer->in.data_type == 128;
}

/* RFC 8437 section 4.1: the peer's layer ends behind its command.  It has ended its stream, or
 * flushed it; the mark of a flush is an empty block of five octets. */
static void
look_for_end (struct ptn_stream *s) {
  static const unsigned char empty[] = { 0x00, 0x00, 0x00, 0xff, 0xff };
  struct deflate_layer *layer = s->deflate;

  if (!layer->finished && !at_boundary (layer))
    return;
  if (!layer->finished && layer->raw_end - layer->raw_start >= sizeof empty
      && memcmp (layer->raw + layer->raw_start, empty, sizeof empty) == 0)
    layer->raw_start += (uint32_t)sizeof empty;
  in_end (s);
  layer->ending = layer->held = false;
  layer->plain = true;
}

static ssize_t
read_plain (struct ptn_stream *s, void *data, size_t size) {
  struct deflate_layer *layer = s->deflate;
  size_t part = MIN (size, layer->raw_end - layer->raw_start);

  if (part > 0) {
    memcpy (data, layer->raw + layer->raw_start, part);
    layer->raw_start += (uint32_t)part;
    return (ssize_t)part;
  }
  if (layer->raw)
    free_raw (s);
  if (!s->readable && !s->ssl_more) {
    errno = EAGAIN;
    return -1;
  }
  return s->ssl ? stream_tls_read (s, data, size) : stream_clear_read (s, data, size);
}

/* Gives what the octets at hand give, up to the end of a block; 0: nothing yet.  Behind the block
 * may be something else: see look_for_end. */
static ssize_t
inflate_some (struct ptn_stream *s, void *data, size_t size) {
  struct deflate_layer *layer = s->deflate;
  uint32_t before = layer->raw_end - layer->raw_start;
  int result;

  layer->in.next_in = (Bytef *)layer->raw + layer->raw_start;
  layer->in.avail_in = before;
  layer->in.next_out = data;
  layer->in.avail_out = (uInt)MIN (size, G_MAXINT);
  result = inflate (&layer->in, Z_BLOCK);
  if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END)
    return corrupt (s);
  layer->finished = result == Z_STREAM_END;
  layer->raw_start = layer->raw_end - layer->in.avail_in;
  layer->held = layer->in.avail_out == 0 && !(layer->in.data_type & 128);
  size -= layer->in.avail_out;
  layer->barren = size > 0 ? 0 : layer->barren + before - layer->in.avail_in;
  if (layer->barren > BARREN_MOST)
    return corrupt (s);
  if (layer->ending)
    look_for_end (s);
  return (ssize_t)size;
}

ssize_t
deflate_read (struct ptn_stream *s, void *data, size_t size) {
  struct deflate_layer *layer = s->deflate;

  if (layer->ending)
    look_for_end (s);
  for (;;) {
    ssize_t got;

    if (layer->plain)
      return read_plain (s, data, size);
    if (layer->finished)
      return corrupt (s); /* who ends the stream says nothing more, and more is waited for */
    if (layer->raw_start == layer->raw_end && !layer->held) {
      got = fill_raw (s);
      if (got <= 0)
        return got;
    }
    if (!in_begin (s))
      return corrupt (s);
    got = inflate_some (s, data, size);
    if (got != 0)
      return got;
  }
}

/* --- resting ----------------------------------------------------------------------------------- */

/* Keeps what the peer may refer to, and nothing else. */
static void
in_rest (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;
  g_autofree unsigned char *all = NULL;
  uInt size = DICTIONARY_MOST;

  if (!layer->in_live || layer->held || layer->ending || !at_boundary (layer))
    return;
  all = g_malloc (DICTIONARY_MOST);
  if (inflateGetDictionary (&layer->in, all, &size) != Z_OK)
    return;
  in_end (s);
  layer->history = g_memdup2 (all, size);
  layer->history_size = size;
  layer->in_charged = charge (s, size);
}

void
deflate_rest (struct ptn_stream *s) {
  struct deflate_layer *layer = s->deflate;

  if (!layer)
    return;
  if (layer->raw_start == layer->raw_end && layer->raw)
    free_raw (s);
  if (!layer->unflushed)
    out_end (s);
  in_rest (s);
  if (layer->plain && layer->off && !layer->raw)
    deflate_free (s); /* it may be turned on again */
}
