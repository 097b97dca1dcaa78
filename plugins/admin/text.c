/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - see text.h. */
#include "text.h"

#include "common/mime/structure.h"
#include "common/references.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIECE (64 * 1024)

struct text_source {
  struct ptn_source source; /* first */
  const struct ptn_host *host;
  int fd;
  int64_t at, end;
  enum quoting quoting;
  bool convert; /* LF becomes CRLF */
  bool known;   /* `convert` has been found out */
  bool line_start;
  size_t marks; /* '>' at the start of this line */
  char last;    /* octet given */
  char *in, *out;
  size_t filled, used; /* of `in` */
  const char *rest;    /* of `out`, not given yet */
  size_t rest_size;
  struct references references;
  struct mime_builder *structure;
};

static ptn_status
fill (struct text_source *text, struct ptn_task *task) {
  memmove (text->in, text->in + text->used, text->filled - text->used);
  text->filled -= text->used;
  text->used = 0;
  text->host->blocking (task, 1);
  ptn_status status = PTN_OK;
  while (text->filled < PIECE && text->at < text->end && status == PTN_OK) {
    size_t room = MIN (PIECE - text->filled, (size_t)(text->end - text->at));
    ssize_t got = pread (text->fd, text->in + text->filled, room, text->at);
    if (got > 0) {
      text->filled += (size_t)got;
      text->at += got;
    } else if (got == 0) /* the file became shorter */
      text->end = text->at;
    else if (errno != EINTR)
      status = PTN_E_TEMPORARY;
  }
  text->host->blocking (task, 0);
  return status;
}

/* The first line's end decides.  A first line longer than a piece is looked through here. */
static ptn_status
look_at_first_line (struct text_source *text, struct ptn_task *task) {
  const char *lf = memchr (text->in, '\n', text->filled);
  char before = lf && lf > text->in ? lf[-1] : '\0', piece[4096];
  int64_t at = text->at;
  text->host->blocking (task, 1);
  before = lf || !text->filled ? before : text->in[text->filled - 1];
  while (!lf && at < text->end) {
    ssize_t got = pread (text->fd, piece, MIN (sizeof piece, (size_t)(text->end - at)), at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    lf = memchr (piece, '\n', (size_t)got);
    before = lf ? (lf > piece ? lf[-1] : before) : piece[got - 1];
    at += got;
  }
  text->host->blocking (task, 0);
  text->convert = before != '\r';
  text->known = true;
  return PTN_OK;
}

/* The '>' at the start of a line: all but one are given at once; what stands behind them decides
 * about that one.  false: more octets are needed. */
static bool
unquote (struct text_source *text, const char *line, size_t left, bool over, size_t *size) {
  if (*line == '>' && text->quoting != QUOTING_NONE) {
    if (text->marks++)
      text->out[(*size)++] = '>';
    text->used++;
    return true;
  }
  if (text->marks) {
    if (left < 5 && !over)
      return false;
    bool from = left >= 5 && !memcmp (line, "From ", 5);
    if (!from || (text->quoting == QUOTING_MBOXO && text->marks > 1))
      text->out[(*size)++] = '>';
    text->last = '>';
  }
  text->marks = 0;
  text->line_start = false;
  return true;
}

/* Moves what can be decided from `in` to `out`, `max` octets at most. */
static size_t
convert (struct text_source *text, size_t max) {
  bool over = text->at == text->end;
  size_t size = 0;
  while (size + 2 < max && (text->used < text->filled || (over && text->marks))) {
    const char *line = text->in + text->used;
    size_t left = text->filled - text->used;
    if (text->line_start) {
      if (left == 0) { /* the mail ends behind these '>' */
        text->out[size++] = '>';
        text->marks = 0;
      } else if (!unquote (text, line, left, over, &size))
        break;
      continue;
    }
    const char *lf = memchr (line, '\n', left);
    size_t piece = MIN (lf ? (size_t)(lf - line) : left, max - size - 2);
    memcpy (text->out + size, line, piece);
    size += piece;
    text->used += piece;
    if (piece)
      text->last = line[piece - 1];
    if (!lf || line + piece != lf)
      continue;
    if (text->convert && text->last != '\r')
      text->out[size++] = '\r';
    text->out[size++] = text->last = '\n';
    text->used++;
    text->line_start = true;
  }
  return size;
}

static ptn_status
text_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct text_source *text = (struct text_source *)source;
  if (text->rest_size == 0) {
    for (;;) {
      ptn_status status = fill (text, task);
      if (status == PTN_OK && !text->known)
        status = look_at_first_line (text, task);
      if (status != PTN_OK)
        return status;
      text->rest = text->out;
      text->rest_size = convert (text, PIECE);
      if (text->rest_size)
        break;
      if (text->used == text->filled && text->at == text->end)
        return PTN_END;
    }
  }
  size_t size = MIN (max, text->rest_size);
  *chunk = (struct ptn_chunk){ .data = text->rest, .size = size, .fd = -1 };
  if (!text->references.over)
    references_feed (&text->references, text->rest, size);
  mime_builder_feed (text->structure, text->rest, size);
  text->rest += size;
  text->rest_size -= size;
  return PTN_OK;
}

static void
text_close (struct ptn_source *source) {
  struct text_source *text = (struct text_source *)source;
  references_clear (&text->references);
  mime_builder_free (&text->structure);
  g_free (text->in);
  g_free (text->out);
  g_free (text);
}

static const struct ptn_source_ops text_ops = { .size = sizeof text_ops,
                                                .read = text_read,
                                                .close = text_close };

struct ptn_source *
text_source_new (const struct ptn_host *host, int fd, int64_t start, int64_t end,
                 enum quoting quoting) {
  struct text_source *text = g_new0 (struct text_source, 1);
  text->source = (struct ptn_source){ &text_ops, -1 };
  text->host = host;
  text->fd = fd;
  text->at = start;
  text->end = end;
  text->quoting = quoting;
  text->line_start = true;
  text->structure = mime_builder_new ();
  text->in = g_malloc (PIECE);
  text->out = g_malloc (PIECE);
  return &text->source;
}

ptn_status
text_source_describe (void *source, struct ptn_description *description) {
  struct text_source *text = source;
  description->references = references_strings (&text->references);
  description->digest = mime_builder_finish (text->structure, MIME_DIGEST_MAX);
  return PTN_OK;
}

/* --- the other way ------------------------------------------------------------------------ */

void
text_probe_start (struct text_probe *probe) {
  *probe = (struct text_probe){ .pure = true };
}

void
text_probe_octets (struct text_probe *probe, const char *data, size_t size) {
  for (size_t i = 0; i < size && probe->pure; i++) {
    unsigned char c = (unsigned char)data[i], last = probe->last[1];
    if ((c == '\n') != (last == '\r'))
      probe->pure = false;
    probe->last[1] = c;
  }
}

bool
text_probe_pure (const struct text_probe *probe) {
  return probe->pure && probe->last[1] != '\r';
}

void
text_writer_start (struct text_writer *writer, GString *out, bool strip, bool quote) {
  *writer = (struct text_writer){
    .out = out, .strip = strip, .quote = quote, .in_start = true, .ends_line = true
  };
}

/* The line is no "From " line after all, or is one: what was held goes out. */
static void
flush_start (struct text_writer *writer, bool from) {
  if (from)
    g_string_append_c (writer->out, '>');
  for (unsigned i = 0; i < writer->marks; i++)
    g_string_append_c (writer->out, '>');
  g_string_append_len (writer->out, "From ", writer->matched);
  writer->marks = writer->matched = 0;
  writer->in_start = false;
}

static void
write_octet (struct text_writer *writer, char c) {
  if (writer->in_start) {
    if (c == '>' && writer->matched == 0) {
      writer->marks++;
      return;
    }
    if (c == "From "[writer->matched]) {
      if (++writer->matched == 5)
        flush_start (writer, true);
      return;
    }
    flush_start (writer, false);
  }
  g_string_append_c (writer->out, c);
  writer->in_start = writer->quote && c == '\n';
}

void
text_writer_octets (struct text_writer *writer, const char *data, size_t size) {
  if (!writer->quote)
    writer->in_start = false;
  for (size_t i = 0; i < size; i++) {
    if (writer->held_cr && data[i] != '\n')
      write_octet (writer, '\r');
    writer->held_cr = writer->strip && data[i] == '\r';
    if (!writer->held_cr)
      write_octet (writer, data[i]);
  }
  if (size)
    writer->ends_line = data[size - 1] == '\n';
}

void
text_writer_finish (struct text_writer *writer) {
  if (writer->held_cr)
    write_octet (writer, '\r');
  if (writer->in_start)
    flush_start (writer, false);
}
