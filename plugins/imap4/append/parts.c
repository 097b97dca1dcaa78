/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - see parts.h. */
#include "append/parts.h"

#include "append/append.h"
#include "append/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (32u << 10)

struct part {
  struct ptn_source *source; /* NULL: of the spool */
  uint64_t offset, size;
};

struct parts {
  struct ptn_source source; /* first: all of them */
  GArray *items;            /* struct part */
  uint64_t size;            /* of all */
  int spool;                /* -1: none yet */
  uint64_t spooled;

  /* Collecting. */
  enum { BEFORE_PART, IN_TEXT, BEHIND_TEXT, IN_URL } state;
  size_t retry_at;
  bool utf8; /* "UTF8 (~{...})" instead of TEXT: a parenthesis stands behind it */
  struct ptn_source *literal;
  uint64_t literal_left;
  struct locate locate;
  struct session *session; /* whose locate it is */

  /* Reading. */
  guint at;
  uint64_t done;          /* octets of the part that were given */
  struct ptn_chunk chunk; /* of a source, in a file: given piece by piece */
  char *piece;
};

static ptn_status parts_read (struct ptn_source *, struct ptn_task *, size_t max,
                              struct ptn_chunk *);
static void
parts_close (struct ptn_source *source) {
} /* parts_free does it */

static const struct ptn_source_ops parts_ops = {
  .size = sizeof parts_ops,
  .read = parts_read,
  .close = parts_close,
};

struct parts *
parts_new (void) {
  struct parts *p = g_new0 (struct parts, 1);
  p->items = g_array_new (FALSE, FALSE, sizeof (struct part));
  p->spool = -1;
  return p;
}

void
parts_free (struct parts **pointer) {
  struct parts *p = *pointer;
  if (!p)
    return;
  if (p->session)
    locate_clear (p->session, &p->locate);
  if (p->literal)
    p->literal->ops->close (p->literal);
  if (p->chunk.release)
    p->chunk.release (p->chunk.owner);
  for (guint i = 0; i < p->items->len; i++) {
    struct part *part = &g_array_index (p->items, struct part, i);
    if (part->source)
      part->source->ops->close (part->source);
  }
  g_array_unref (p->items);
  if (p->spool >= 0)
    close (p->spool);
  g_free (p->piece);
  g_free (p);
  *pointer = NULL;
}

bool
parts_in_literal (const struct parts *p) {
  return p && p->literal;
}

uint64_t
parts_literal_left (const struct parts *p) {
  return p->literal_left;
}

/* --- reading ------------------------------------------------------------------------------------------ */

/* The next octets of a file, in memory. */
static ptn_status
read_file (struct parts *p, struct ptn_task *task, const struct ptn_host *host, int fd,
           int64_t offset, size_t size, struct ptn_chunk *chunk) {
  if (!p->piece)
    p->piece = g_malloc (PIECE);
  host->blocking (task, 1);
  ssize_t got = pread (fd, p->piece, MIN (size, PIECE), offset);
  host->blocking (task, 0);
  if (got <= 0)
    return host->fail (task, PTN_E_TEMPORARY, NULL, "a part of a message cannot be read: %s",
                       got ? strerror (errno) : "it is too short");
  *chunk = (struct ptn_chunk){ .data = p->piece, .size = (size_t)got, .fd = -1 };
  return PTN_OK;
}

static ptn_status
read_message (struct parts *p, struct part *part, struct ptn_task *task, size_t max,
              struct ptn_chunk *chunk) {
  const struct ptn_host *host = p->session->imap4->host;
  if (p->chunk.size == 0) {
    if (p->chunk.release)
      p->chunk.release (p->chunk.owner);
    p->chunk = (struct ptn_chunk){ .fd = -1 };
    ptn_status status = part->source->ops->read (part->source, task, max, &p->chunk);
    if (status != PTN_OK)
      return status == PTN_END ? PTN_E_CORRUPT : status;
  }
  if (p->chunk.data) {
    *chunk = p->chunk;
    p->chunk = (struct ptn_chunk){ .fd = -1 };
    return PTN_OK;
  }
  ptn_status status =
      read_file (p, task, host, p->chunk.fd, p->chunk.file_offset, MIN (p->chunk.size, max), chunk);
  if (status == PTN_OK) {
    p->chunk.file_offset += (int64_t)chunk->size;
    p->chunk.size -= chunk->size;
  }
  return status;
}

static ptn_status
parts_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct parts *p = (struct parts *)source;
  while (p->at < p->items->len) {
    struct part *part = &g_array_index (p->items, struct part, p->at);
    if (p->done == part->size) {
      p->at++;
      p->done = 0;
      continue;
    }
    size_t most = (size_t)MIN (part->size - p->done, max);
    ptn_status status = part->source ? read_message (p, part, task, most, chunk)
                                     : read_file (p, task, p->session->imap4->host, p->spool,
                                                  (int64_t)(part->offset + p->done), most, chunk);
    if (status == PTN_OK)
      p->done += chunk->size;
    return status;
  }
  return PTN_END;
}

/* --- TEXT ------------------------------------------------------------------------------------------------ */

static bool
make_spool (struct parts *p, const struct ptn_host *host) {
  if (p->spool < 0)
    p->spool = open (host->state_directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (p->spool < 0) /* a file system that cannot */
    p->spool = memfd_create ("catenate", MFD_CLOEXEC);
  return p->spool >= 0;
}

static bool
spool (struct parts *p, struct ptn_task *task, const struct ptn_host *host,
       const struct ptn_chunk *chunk) {
  size_t done = 0;
  host->blocking (task, 1);
  while (done < chunk->size) {
    ssize_t written = pwrite (p->spool, (const char *)chunk->data + done, chunk->size - done,
                              (off_t)(p->spooled + done));
    if (written < 0 && errno != EINTR)
      break;
    done += written > 0 ? (size_t)written : 0;
  }
  host->blocking (task, 0);
  p->spooled += done;
  return done == chunk->size;
}

static ptn_status
begin_text (struct session *s, struct parts *p) {
  struct reader *r = &s->arguments;
  reader_accept (r, '~');
  if (!s->literal.pending || reader_peek (r) != '{')
    return append_bad (s, "expected a literal behind TEXT");
  if (p->items->len == PARTS_MAX)
    return append_refuse (s, "LIMIT", "too many parts");
  if (!append_fits (s, p->size + s->literal.size))
    return PTN_OK;
  if (!make_spool (p, s->imap4->host))
    return append_fail (s, PTN_E_TEMPORARY, "a part cannot be kept");
  literal_accept (s);
  struct part part = { .offset = p->spooled, .size = s->literal.size };
  ptn_status status = s->imap4->stream->literal (s->stream, s->literal.size, &p->literal);
  if (status != PTN_OK)
    return append_fail (s, status, "a part cannot be read");
  g_array_append_val (p->items, part);
  p->size += part.size;
  p->literal_left = part.size;
  p->state = IN_TEXT;
  return PTN_OK;
}

static ptn_status
take_text (struct session *s, struct parts *p) {
  while (p->literal_left) {
    struct ptn_chunk chunk;
    ptn_status status = p->literal->ops->read (p->literal, s->task, PIECE, &chunk);
    if (status != PTN_OK)
      return status;
    p->literal_left -= chunk.size;
    bool kept = spool (p, s->task, s->imap4->host, &chunk);
    if (chunk.release)
      chunk.release (chunk.owner);
    if (!kept)
      return append_fail (s, PTN_E_TEMPORARY, "a part cannot be kept");
    if (s->imap4->host->budget_spent (s->task))
      return PTN_OK;
  }
  p->literal->ops->close (p->literal);
  p->literal = NULL;
  p->state = BEHIND_TEXT;
  return PTN_OK;
}

/* --- URL --------------------------------------------------------------------------------------------------- */

/* RFC 4469 section 5: [BADURL url]. */
static ptn_status
bad_url (struct session *s, const char *url) {
  g_autofree char *code = NULL;
  if (!strpbrk (url, "\"\\]\r\n") && strlen (url) < URL_MAX)
    code = g_strdup_printf ("BADURL \"%s\"", url);
  return append_refuse (s, code ? code : "BADURL \"\"", "there is no such part");
}

static ptn_status
begin_url (struct session *s, struct parts *p, const char *url) {
  if (p->items->len == PARTS_MAX)
    return append_refuse (s, "LIMIT", "too many parts");
  if (!locate_start (s, &p->locate, url, false))
    return bad_url (s, url);
  p->state = IN_URL;
  return PTN_OK;
}

static ptn_status end_part (struct session *s, struct parts *p);

static ptn_status
take_url (struct session *s, struct parts *p) {
  struct locate *l = &p->locate;
  ptn_status status = locate_step (s, l);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_NOT_FOUND)
    return bad_url (s, l->text);
  if (status != PTN_OK)
    return append_fail (s, status, "a part cannot be read");
  struct part part = { .size = l->size };
  part.source = locate_take_source (s, l);
  g_array_append_val (p->items, part);
  p->size += part.size;
  locate_clear (s, l);
  if (!append_fits (s, p->size))
    return PTN_OK;
  return end_part (s, p);
}

/* --- the list ------------------------------------------------------------------------------------------------ */

/* Behind a part: the next one, or all of them are there. */
static ptn_status
end_part (struct session *s, struct parts *p) {
  struct reader *r = &s->arguments;
  if (reader_accept (r, ' ')) {
    p->state = BEFORE_PART;
    return PTN_OK;
  }
  if (!reader_expect (r, ')'))
    return append_bad (s, r->error);
  if (p->size == 0)
    return append_refuse (s, NULL, "an empty message");
  p->source = (struct ptn_source){ &parts_ops, (int64_t)p->size };
  return append_store (s, &p->source, p->size, true);
}

static ptn_status
begin_part (struct session *s, struct parts *p) {
  struct append *a = append_of (s);
  struct reader *r = &s->arguments;
  ptn_status status = PTN_OK;
  if (!a->taking)
    p->retry_at = r->at;
  if (!a->taking) {
    p->utf8 = session_utf8 (s) && reader_accept_word (r, "UTF8");
    if (p->utf8 && (!reader_space (r) || !reader_expect (r, '(')))
      return append_bad (s, r->error);
    if (p->utf8)
      return begin_text (s, p);
    if (reader_accept_word (r, "TEXT"))
      return reader_space (r) ? begin_text (s, p) : append_bad (s, r->error);
  }
  const char *url = NULL;
  if (!a->taking && reader_accept_word (r, "URL") && reader_space (r))
    url = reader_astring (r, NULL);
  else if (!a->taking)
    reader_fail (r, "expected TEXT or URL");
  if (url)
    return begin_url (s, p, url);
  return append_retry (s, p->retry_at, &status) ? status : append_bad (s, r->error);
}

ptn_status
parts_collect (struct session *s) {
  struct parts *p = append_of (s)->parts;
  ptn_status status;
  p->session = s;
  switch (p->state) {
  case BEFORE_PART:
    return begin_part (s, p);
  case IN_TEXT:
    return take_text (s, p);
  case IN_URL:
    return take_url (s, p);
  default:
    status = literal_next_line (s);
    if (status == PTN_E_LIMIT)
      return append_bad (s, "the line is too long");
    if (status == PTN_OK && p->utf8 && !reader_expect (&s->arguments, ')'))
      return append_bad (s, s->arguments.error);
    return status == PTN_OK ? end_part (s, p) : status;
  }
}
