/* SPDX-License-Identifier: Apache-2.0 */
/* decoded.c - see decoded.h. */
#include "append/decoded.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 8192u

struct decoded {
  struct ptn_source source; /* first */
  struct ptn_source *inner;
  uint64_t left; /* octets inner has still to give */
  struct transfer_decoder decoder;
  const struct ptn_host *host;
  struct ptn_chunk chunk; /* of inner, what is not decoded yet */
  bool ended;
  size_t out_at, out_size; /* of `out`, what was not given yet */
  unsigned char piece[PIECE], out[TRANSFER_ROOM (PIECE)];
};

/* More octets of inner, at least one, or PTN_END. */
static ptn_status
refill (struct decoded *d, struct ptn_task *task) {
  if (d->chunk.size)
    return PTN_OK;
  if (d->chunk.release)
    d->chunk.release (d->chunk.owner);
  d->chunk = (struct ptn_chunk){ .fd = -1 };
  if (d->left == 0)
    return PTN_END;
  ptn_status status =
      d->inner->ops->read (d->inner, task, (size_t)MIN (d->left, 256u << 10), &d->chunk);
  if (status == PTN_OK)
    d->left -= d->chunk.size;
  return status == PTN_END ? PTN_E_CORRUPT : status;
}

/* Up to PIECE of them, in memory. */
static ptn_status
next_piece (struct decoded *d, struct ptn_task *task, const unsigned char **data, size_t *size) {
  *size = MIN (d->chunk.size, PIECE);
  if (d->chunk.data) {
    *data = d->chunk.data;
    d->chunk.data = *data + *size;
  } else {
    d->host->blocking (task, 1);
    ssize_t got = pread (d->chunk.fd, d->piece, *size, d->chunk.file_offset);
    d->host->blocking (task, 0);
    if (got <= 0)
      return PTN_E_TEMPORARY;
    *size = (size_t)got;
    *data = d->piece;
    d->chunk.file_offset += got;
  }
  d->chunk.size -= *size;
  return PTN_OK;
}

static ptn_status
decoded_read (struct ptn_source *source, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  struct decoded *d = (struct decoded *)source;
  while (d->out_at == d->out_size && !d->ended) {
    const unsigned char *data;
    size_t size;
    ptn_status status = refill (d, task);
    if (status == PTN_OK)
      status = next_piece (d, task, &data, &size);
    if (status == PTN_END) {
      d->ended = true;
      d->out_size = transfer_end (&d->decoder, d->out);
    } else if (status != PTN_OK)
      return status;
    else
      d->out_size = transfer_decode (&d->decoder, data, size, d->out);
    d->out_at = 0;
  }
  if (d->out_at == d->out_size)
    return PTN_END;
  *chunk = (struct ptn_chunk){ .data = d->out + d->out_at,
                               .size = MIN (d->out_size - d->out_at, max),
                               .fd = -1 };
  d->out_at += chunk->size;
  return PTN_OK;
}

static void
decoded_close (struct ptn_source *source) {
  struct decoded *d = (struct decoded *)source;
  if (d->chunk.release)
    d->chunk.release (d->chunk.owner);
  d->inner->ops->close (d->inner);
  g_free (d);
}

static const struct ptn_source_ops decoded_ops = {
  .size = sizeof decoded_ops,
  .read = decoded_read,
  .close = decoded_close,
};

struct ptn_source *
decoded_new (const struct ptn_host *host, struct ptn_source *inner, uint64_t size,
             enum transfer_encoding encoding) {
  struct decoded *d = g_new0 (struct decoded, 1);
  d->source = (struct ptn_source){ &decoded_ops, -1 };
  d->inner = inner;
  d->left = size;
  d->host = host;
  transfer_begin (&d->decoder, encoding);
  return &d->source;
}

bool
decoded_malformed (const struct ptn_source *source) {
  return ((const struct decoded *)source)->decoder.malformed;
}

/* --- BODYSTRUCTURE --------------------------------------------------------------------------------- */

/* Over one element: a list, a string, a literal, a word; false: the text ends. */
static bool
skip_element (struct ptn_bytes *text) {
  const char *p = text->data, *end = p + text->size;
  int depth = 0;
  do {
    if (p == end)
      return false;
    if (*p == '(') {
      depth++;
      p++;
    } else if (*p == ')') {
      depth--;
      p++;
    } else if (*p == '"') {
      for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
      if (p++ >= end)
        return false;
    } else if (*p == '{') {
      uint64_t size = 0;
      for (p++; p < end && g_ascii_isdigit (*p); p++)
        size = size * 10 + (uint64_t)(*p - '0');
      if (size > (uint64_t)(end - p) || (uint64_t)(end - p) - size < 3)
        return false;
      p += 3 + size;
    } else if (*p == ' ')
      p++;
    else
      for (p++; p < end && *p != ' ' && *p != '(' && *p != ')'; p++)
        ;
  } while (depth > 0);
  *text = (struct ptn_bytes){ p, (size_t)(end - p) };
  return true;
}

static bool
skip_blank (struct ptn_bytes *text) {
  if (!text->size || *(const char *)text->data != ' ')
    return false;
  *text = (struct ptn_bytes){ (const char *)text->data + 1, text->size - 1 };
  return true;
}

static bool
is_list (struct ptn_bytes text) {
  return text.size > 1 && *(const char *)text.data == '(';
}

/* What is within its parentheses. */
static struct ptn_bytes
inner_of (struct ptn_bytes list) {
  return (struct ptn_bytes){ (const char *)list.data + 1, list.size - 2 };
}

static struct ptn_bytes
element_at (struct ptn_bytes text) {
  struct ptn_bytes rest = text;
  if (!skip_element (&rest))
    return (struct ptn_bytes){ NULL, 0 };
  return (struct ptn_bytes){ text.data, text.size - rest.size };
}

/* The body of a message/rfc822: its ninth element. */
static struct ptn_bytes
message_body (struct ptn_bytes body) {
  struct ptn_bytes text = inner_of (body);
  if (text.size < 9 || g_ascii_strncasecmp (text.data, "\"message\"", 9) != 0)
    return body;
  for (unsigned i = 0; i < 8; i++)
    if (!skip_element (&text) || !skip_blank (&text))
      return body;
  return is_list (text) ? element_at (text) : body;
}

struct ptn_bytes
structure_of_part (struct ptn_bytes structure, const uint32_t *path, size_t depth) {
  static const struct ptn_bytes none = { NULL, 0 };
  struct ptn_bytes body = structure;
  for (size_t i = 0; i < depth; i++) {
    if (!is_list (body))
      return none;
    if (i > 0) /* "1.1" of a message is a part of the mail within */
      body = message_body (body);
    struct ptn_bytes text = inner_of (body);
    if (!is_list (text)) { /* no multipart: it is its own part 1 */
      if (path[i] != 1)
        return none;
      continue;
    }
    for (uint32_t n = 1; n < path[i]; n++)
      if (!is_list (text) || !skip_element (&text))
        return none;
    if (!is_list (text))
      return none;
    body = element_at (text);
  }
  return body;
}
