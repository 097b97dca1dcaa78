/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - see message.h.  Pieces of the mail pass through as they are. */
#include "message.h"

#include <string.h>
#include <unistd.h>

/* Some octets of a piece, which may lie in a file. */
static bool
octets_at (const struct ptn_chunk *chunk, size_t offset, size_t size, unsigned char *out) {
  if (chunk->data) {
    memcpy (out, (const char *)chunk->data + offset, size);
    return true;
  }
  return pread (chunk->fd, out, size, chunk->file_offset + (int64_t)offset) == (ssize_t)size;
}

static void
drop_held (struct message *m) {
  if (m->held_back && m->held.release)
    m->held.release (m->held.owner);
  m->held_back = false;
}

/* Its header says which mails it refers to. */
static bool
look_at_header (struct message *m) {
  char piece[4096];
  if (m->held.data) {
    references_feed (&m->references, m->held.data, m->held.size);
    return true;
  }
  for (size_t at = 0; at < m->held.size && !m->references.over; at += sizeof piece) {
    size_t size = MIN (sizeof piece, m->held.size - at);
    if (!octets_at (&m->held, at, size, (unsigned char *)piece))
      return false;
    references_feed (&m->references, piece, size);
  }
  return true;
}

/* Takes the next piece of the mail and remembers how it ends. */
static ptn_status
pull (struct message *m, struct ptn_task *task, size_t max) {
  ptn_status status = m->inner->ops->read (m->inner, task, max, &m->held);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_END) {
    m->ended = true;
    return PTN_OK;
  }
  if (status != PTN_OK)
    return m->failed = status;
  m->held_back = true;
  m->held_given = 0;
  size_t size = m->held.size;
  if (size == 1)
    m->last[0] = m->last[1];
  size_t keep = MIN (size, 2);
  if (!octets_at (&m->held, size - keep, keep, m->last + 2 - keep)
      || (!m->references.over && !look_at_header (m)))
    return m->failed = PTN_E_CORRUPT;
  return PTN_OK;
}

/* A mail that begins with a blank has no header: it must not become a part of ours. */
static ptn_status
start (struct message *m, struct ptn_task *task, size_t max) {
  unsigned char first;
  ptn_status status = pull (m, task, max);
  if (status != PTN_OK)
    return status;
  m->started = true;
  if (m->held_back && octets_at (&m->held, 0, 1, &first) && (first == ' ' || first == '\t')) {
    g_string_append (m->prefix, "\r\n");
    references_clear (&m->references);
    m->references.over = true;
  }
  return PTN_OK;
}

static ptn_status
give (struct ptn_chunk *chunk, const char *data, size_t size) {
  *chunk = (struct ptn_chunk){ .data = data, .size = size, .fd = -1 };
  return PTN_OK;
}

static ptn_status
give_held (struct message *m, size_t max, struct ptn_chunk *chunk) {
  *chunk = m->held;
  if (m->held_given == 0 && m->held.size <= max) {
    m->held_back = false; /* with its release */
    return PTN_OK;
  }
  chunk->size = MIN (max, m->held.size - m->held_given);
  if (chunk->data)
    chunk->data = (const char *)m->held.data + m->held_given;
  chunk->file_offset += (int64_t)m->held_given;
  chunk->release = NULL;
  m->held_given += chunk->size;
  return PTN_OK;
}

static ptn_status
next_piece (struct message *m, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  static const char tail[] = "\r\n";
  ptn_status status;
  if (m->failed != PTN_OK)
    return m->failed;
  if (!m->started && (status = start (m, task, max)) != PTN_OK)
    return status;
  if (m->prefix_given < m->prefix->len) {
    size_t size = MIN (max, m->prefix->len - m->prefix_given);
    m->prefix_given += size;
    return give (chunk, m->prefix->str + m->prefix_given - size, size);
  }
  if (m->held_back && m->held_given == m->held.size)
    drop_held (m);
  if (!m->held_back && !m->ended && (status = pull (m, task, max)) != PTN_OK)
    return status;
  if (m->held_back)
    return give_held (m, max, chunk);
  if (m->tail_given == 2 || (m->last[0] == '\r' && m->last[1] == '\n'))
    return PTN_END;
  size_t size = MIN (max, 2 - m->tail_given);
  m->tail_given += size;
  return give (chunk, &tail[m->tail_given - size], size);
}

/* What is stored is what the digest speaks of: with the trace fields, as it goes out. */
static bool
look_at_structure (struct message *m, const struct ptn_chunk *chunk) {
  unsigned char piece[16384];
  if (chunk->data) {
    mime_builder_feed (m->structure, chunk->data, chunk->size);
    return true;
  }
  for (size_t at = 0; at < chunk->size; at += sizeof piece) {
    size_t size = MIN (sizeof piece, chunk->size - at);
    if (!octets_at (chunk, at, size, piece))
      return false;
    mime_builder_feed (m->structure, piece, size);
  }
  return true;
}

static ptn_status
message_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct message *m = (struct message *)source;
  ptn_status status = next_piece (m, task, max, chunk);
  if (status != PTN_OK || look_at_structure (m, chunk))
    return status;
  if (chunk->release)
    chunk->release (chunk->owner);
  return m->failed = PTN_E_CORRUPT;
}

static void
message_close (struct ptn_source *source) {
}

static const struct ptn_source_ops message_ops = { .size = sizeof message_ops,
                                                   .read = message_read,
                                                   .close = message_close };

void
message_start (struct message *m, const struct ptn_transfer *transfer, int64_t realtime_ms) {
  /* The prefix ends with CRLF: an empty mail needs no other. */
  *m = (struct message){ .source = { &message_ops, -1 },
                         .inner = transfer->message,
                         .prefix = trace_fields (transfer, realtime_ms),
                         .structure = mime_builder_new (),
                         .last = { '\r', '\n' } };
}

void
message_clear (struct message *m) {
  drop_held (m);
  references_clear (&m->references);
  mime_builder_free (&m->structure);
  if (m->prefix)
    g_string_free (m->prefix, TRUE);
  m->prefix = NULL;
}
