/* SPDX-License-Identifier: Apache-2.0 */
/* urlfetch.c - URLFETCH (RFC 4467), with BODY, BINARY and BODYPARTSTRUCTURE (RFC 5524).
 *
 * Octets are streamed; of a part with a transfer encoding they are read twice, since their number
 * comes first. */
#include "append/decoded.h"
#include "append/locate.h"
#include "commands.h"

#define URLS_MAX 100

enum { WANT_BODY = 1, WANT_BINARY = 2, WANT_STRUCTURE = 4, WANT_PLAIN = 8 };

struct asked {
  const char *url;
  unsigned want;
};

struct fetching {
  GArray *urls; /* struct asked */
  guint at;
  bool finding, extended_begun;
  unsigned left; /* bits of want that are not answered yet */
  struct locate locate;
  struct ptn_source *counting; /* a decoded part, read for its size */
  uint64_t counted;
  bool measured; /* that was done; it may have none */
};

static void
fetching_free (struct session *s, void *work) {
  struct fetching *f = work;
  if (f->counting)
    f->counting->ops->close (f->counting);
  locate_clear (s, &f->locate);
  g_array_unref (f->urls);
  g_free (f);
}

static ptn_status find (struct session *s);

static ptn_status
next_url (struct session *s, struct fetching *f) {
  PUT (&s->out, "\r\n");
  locate_clear (s, &f->locate);
  f->finding = false;
  f->at++;
  s->resume = find;
  return PTN_OK;
}

/* "{n}", then the octets of the source, which is taken over. */
static ptn_status
send_source (struct session *s, struct ptn_source *source, uint64_t size, bool binary) {
  put_format (&s->out, "%s{%" G_GUINT64_FORMAT "}\r\n", binary ? "~" : "", size);
  session_flush (s);
  if (s->broken != PTN_OK) {
    source->ops->close (source);
    return s->broken;
  }
  return s->imap4->stream->write_source (s->stream, source, size);
}

/* --- what a part is encoded with ----------------------------------------------------------------- */

static enum transfer_encoding
encoding_of (const struct locate *l, bool *unknown) {
  struct mime_digest digest;
  struct mime_part part;
  gsize size;
  const void *data = l->digest ? g_bytes_get_data (l->digest, &size) : NULL;
  *unknown = false;
  /* Of a header, or of the whole message, there is nothing to decode. */
  if (!data || !l->url.section || !g_ascii_isdigit (l->url.section[strlen (l->url.section) - 1])
      || l->url.partial || mime_digest_open ((struct ptn_bytes){ data, size }, &digest) != PTN_OK
      || mime_digest_part (&digest, l->part, &part) != PTN_OK)
    return TRANSFER_IDENTITY;
  switch (part.encoding) {
  case MIME_ENCODING_BASE64:
    return TRANSFER_BASE64;
  case MIME_ENCODING_QUOTED_PRINTABLE:
    return TRANSFER_QUOTED_PRINTABLE;
  case MIME_ENCODING_UNKNOWN:
    *unknown = true;
    return TRANSFER_UNKNOWN;
  default:
    return TRANSFER_IDENTITY;
  }
}

static void
put_structure (struct session *s, const struct locate *l) {
  struct mime_digest digest;
  struct mime_section section = { 0 };
  uint32_t path[MIME_SECTION_DEPTH];
  gsize size;
  const void *data = l->digest ? g_bytes_get_data (l->digest, &size) : NULL;
  struct ptn_bytes found = { NULL, 0 };
  if (data && mime_digest_open ((struct ptn_bytes){ data, size }, &digest) == PTN_OK
      && mime_digest_has (&digest, MIME_STRUCTURE)
      && (!l->url.section
          || (mime_section_parse (l->url.section, strlen (l->url.section), path, &section)
              && section.text == MIME_SECTION_ALL)))
    found = structure_of_part (digest.members[MIME_STRUCTURE], path, section.depth);
  PUT (&s->out, " (BODYPARTSTRUCTURE ");
  if (found.size)
    put (&s->out, found.data, found.size);
  else
    PUT (&s->out, "NIL");
  put_char (&s->out, ')');
}

/* --- answering ---------------------------------------------------------------------------------------- */

static ptn_status answer_url (struct session *s);

/* The octets once more: locate_step gives a fresh source. */
static ptn_status
begin_again (struct session *s, struct fetching *f) {
  const char *url = f->locate.text;
  bool needs_digest = f->locate.needs_digest;
  locate_clear (s, &f->locate);
  if (!locate_start (s, &f->locate, url, true))
    return PTN_E_NOT_FOUND;
  f->locate.needs_digest = needs_digest;
  return PTN_OK;
}

static ptn_status
count (struct session *s) {
  struct fetching *f = s->work;
  for (;;) {
    struct ptn_chunk chunk;
    ptn_status status = f->counting->ops->read (f->counting, s->task, 64u << 10, &chunk);
    if (status == PTN_END)
      break;
    if (status != PTN_OK)
      return status;
    f->counted += chunk.size;
    if (s->imap4->host->budget_spent (s->task))
      return PTN_OK;
  }
  bool malformed = decoded_malformed (f->counting);
  f->counting->ops->close (f->counting);
  f->counting = NULL;
  if (malformed) {
    PUT (&s->out, " (BINARY NIL)");
    f->left &= ~(unsigned)WANT_BINARY;
  } else
    f->measured = true;
  ptn_status status = begin_again (s, f);
  s->resume = answer_url;
  return status;
}

static ptn_status
answer_binary (struct session *s, struct fetching *f) {
  struct locate *l = &f->locate;
  bool unknown;
  enum transfer_encoding encoding = encoding_of (l, &unknown);
  uint64_t size = l->size;
  if (unknown) {
    PUT (&s->out, " (BINARY NIL)");
    f->left &= ~(unsigned)WANT_BINARY;
    return PTN_OK;
  }
  struct ptn_source *source = locate_take_source (s, l);
  if (encoding != TRANSFER_IDENTITY) {
    source = decoded_new (s->imap4->host, source, size, encoding);
    if (!f->measured) {
      f->counting = source;
      f->counted = 0;
      s->resume = count;
      return PTN_OK;
    }
    size = f->counted;
  }
  PUT (&s->out, " (BINARY ");
  ptn_status status = send_source (s, source, size, true);
  put_char (&s->out, ')');
  f->left &= ~(unsigned)WANT_BINARY;
  f->measured = false;
  return status == PTN_OK && f->left ? begin_again (s, f) : status;
}

static ptn_status
answer_octets (struct session *s, struct fetching *f) {
  bool extended = f->left & WANT_BODY;
  uint64_t size = f->locate.size;
  if (extended)
    PUT (&s->out, " (BODY ");
  else
    put_char (&s->out, ' ');
  ptn_status status = send_source (s, locate_take_source (s, &f->locate), size, false);
  if (extended)
    put_char (&s->out, ')');
  f->left &= ~(unsigned)(WANT_BODY | WANT_PLAIN);
  return status == PTN_OK && f->left ? begin_again (s, f) : status;
}

static ptn_status
answer_url (struct session *s) {
  struct fetching *f = s->work;
  struct locate *l = &f->locate;
  ptn_status status = locate_step (s, l);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) { /* RFC 4467 section 7.2: whatever is wrong */
    PUT (&s->out, " NIL");
    return next_url (s, f);
  }
  if (f->left & WANT_STRUCTURE) {
    put_structure (s, l);
    f->left &= ~(unsigned)WANT_STRUCTURE;
  }
  if (f->left & WANT_BINARY)
    return answer_binary (s, f);
  if (f->left)
    return answer_octets (s, f);
  return next_url (s, f);
}

static ptn_status
find (struct session *s) {
  struct fetching *f = s->work;
  if (f->at == f->urls->len) {
    answer_ok (s, NULL, "URLFETCH completed");
    return PTN_OK;
  }
  ptn_status status = session_room (s);
  if (status != PTN_OK)
    return status;
  const struct asked *asked = &g_array_index (f->urls, struct asked, f->at);
  PUT (&s->out, "* URLFETCH ");
  put_string (&s->out, asked->url, strlen (asked->url), session_utf8 (s));
  if (!locate_start (s, &f->locate, asked->url, true)) {
    PUT (&s->out, " NIL");
    return next_url (s, f);
  }
  f->locate.needs_digest = asked->want & (WANT_STRUCTURE | WANT_BINARY);
  f->left = asked->want;
  f->measured = false;
  s->resume = answer_url;
  return PTN_OK;
}

/* --- the command ----------------------------------------------------------------------------------------- */

static bool
read_url (struct reader *r, struct asked *asked) {
  *asked = (struct asked){ .want = WANT_PLAIN };
  if (!reader_accept (r, '('))
    return (asked->url = reader_astring (r, NULL));
  asked->url = reader_astring (r, NULL);
  if (!asked->url)
    return false;
  asked->want = 0;
  while (reader_accept (r, ' ')) {
    if (reader_accept_word (r, "BODY"))
      asked->want |= WANT_BODY;
    else if (reader_accept_word (r, "BINARY"))
      asked->want |= WANT_BINARY;
    else if (reader_accept_word (r, "BODYPARTSTRUCTURE"))
      asked->want |= WANT_STRUCTURE;
    else
      return reader_fail (r, "expected BODY, BINARY or BODYPARTSTRUCTURE");
  }
  if (!asked->want)
    asked->want = WANT_PLAIN;
  return reader_expect (r, ')');
}

void
command_urlfetch (struct session *s, struct reader *r) {
  struct fetching *f = g_new0 (struct fetching, 1);
  f->urls = g_array_new (FALSE, FALSE, sizeof (struct asked));
  s->work = f;
  s->work_free = fetching_free;
  do {
    struct asked asked;
    if (!reader_space (r) || !read_url (r, &asked)) {
      answer_syntax (s, r);
      return;
    }
    if (f->urls->len == URLS_MAX) {
      answer_no (s, "LIMIT", "too many URLs at once");
      return;
    }
    g_array_append_val (f->urls, asked);
  } while (reader_peek (r) == ' ');
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    s->resume = find;
}
