/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing.c - the source behind RETR and TOP of messages that do not come in one piece.
 *
 * A chunk without a dot to stuff is handed on as it is, with its owner; only others are
 * copied, into a buffer that exists as long as it is needed. */
#include "outgoing.h"

#include <glib.h>
#include <string.h>

#define BUFFER (32 * 1024)

struct outgoing {
  struct ptn_source source;
  struct ptn_source *inner;
  struct ptn_chunk held; /* of inner; data NULL: none */
  size_t at, end;        /* held octets given out; where the answer ends in it */
  uint64_t expected, read;
  struct stuffer stuffer;
  struct top top;
  char *buffer;
  enum { DATA, ENDING, DONE } stage;
};

/* The octets of a new chunk are counted, and cut for TOP. */
static ptn_status
take_chunk (struct outgoing *out) {
  bool cut;
  out->at = 0;
  out->read += out->held.size;
  if (out->read > out->expected)
    return PTN_E_CORRUPT;
  out->end = top_take (&out->top, out->held.data, out->held.size, &cut);
  if (cut)
    out->stage = ENDING;
  return PTN_OK;
}

static ptn_status
next_chunk (struct outgoing *out, struct ptn_task *task, size_t max) {
  chunk_release (&out->held);
  if (out->stage == ENDING)
    return PTN_END;
  ptn_status status = out->inner->ops->read (out->inner, task, max, &out->held);
  if (status == PTN_OK)
    return chunk_load (&out->held) ? take_chunk (out) : PTN_E_TEMPORARY;
  out->held = (struct ptn_chunk){ .fd = -1 };
  /* A message that is shorter than LIST said must not pass for whole. */
  if (status == PTN_END && out->expected != UINT64_MAX && out->read != out->expected)
    return PTN_E_CORRUPT;
  return status;
}

/* Nothing to stuff in all that is left: given away, not copied. */
static void
hand_on (struct outgoing *out, struct ptn_chunk *chunk) {
  const char *data = out->held.data;
  stuffer_advance (&out->stuffer, data + out->at, out->end - out->at);
  *chunk = out->held;
  chunk->data = data + out->at;
  chunk->size = out->end - out->at;
  out->held = (struct ptn_chunk){ .fd = -1 };
  out->at = out->end = 0;
}

static void
stuff (struct outgoing *out, size_t max, struct ptn_chunk *chunk) {
  const char *data = out->held.data;
  size_t room = MIN (max, BUFFER), used = 0;
  if (!out->buffer)
    out->buffer = g_malloc (BUFFER);
  while (out->at < out->end && used < room) {
    size_t left = out->end - out->at;
    size_t plain = stuffer_find (&out->stuffer, data + out->at, left);
    if (plain == 0) { /* the dot stays in its place, and one is put before it */
      out->buffer[used++] = '.';
      out->stuffer.line_start = false;
      continue;
    }
    size_t size = MIN (plain, room - used);
    memcpy (out->buffer + used, data + out->at, size);
    stuffer_advance (&out->stuffer, data + out->at, size);
    used += size;
    out->at += size;
  }
  *chunk = (struct ptn_chunk){ .data = out->buffer, .size = used, .fd = -1 };
}

static ptn_status
outgoing_read (struct ptn_source *source, struct ptn_task *task, size_t max,
               struct ptn_chunk *chunk) {
  struct outgoing *out = (struct outgoing *)source;
  while (out->stage != DONE) {
    if (out->at < out->end) {
      size_t left = out->end - out->at;
      if (left <= max
          && stuffer_find (&out->stuffer, (const char *)out->held.data + out->at, left) == left)
        hand_on (out, chunk);
      else
        stuff (out, max, chunk);
      return PTN_OK;
    }
    ptn_status status = next_chunk (out, task, max);
    if (status == PTN_END) {
      size_t size;
      const char *end = stuffer_end (&out->stuffer, &size);
      *chunk = (struct ptn_chunk){ .data = end, .size = MIN (size, max), .fd = -1 };
      out->stage = DONE;
      return max < size ? PTN_E_LIMIT : PTN_OK;
    }
    if (status != PTN_OK)
      return status;
  }
  return PTN_END;
}

static void
outgoing_close (struct ptn_source *source) {
  struct outgoing *out = (struct outgoing *)source;
  chunk_release (&out->held);
  out->inner->ops->close (out->inner);
  g_free (out->buffer);
  g_free (out);
}

static const struct ptn_source_ops outgoing_ops = {
  .size = sizeof outgoing_ops,
  .read = outgoing_read,
  .close = outgoing_close,
};

struct ptn_source *
outgoing_new (struct ptn_source *inner, const struct ptn_chunk *first, uint64_t expected,
              uint64_t lines) {
  struct outgoing *out = g_new0 (struct outgoing, 1);
  out->source = (struct ptn_source){ &outgoing_ops, -1 };
  out->inner = inner;
  out->expected = expected;
  out->stuffer.line_start = true;
  top_start (&out->top, lines);
  out->held = *first;
  if (take_chunk (out) != PTN_OK) { /* the caller has compared the sizes */
    outgoing_close (&out->source);
    return NULL;
  }
  return &out->source;
}
