/* SPDX-License-Identifier: Apache-2.0 */
/* literal.c - sections as literals: BODY[...]<...>, BINARY[...]<...> and BINARY.SIZE[...] (RFC 9051
 * section 6.4.5, RFC 3516).
 *
 * A section that the store gives in one piece, as nearly all are, becomes octets of the stream at
 * once; others go out as a source, as the client takes them. */
#include "fetch/fetch.h"

#define FIRST_CHUNK (64 * 1024)
#define PIECE (64 * 1024)
#define OUT_MAX (256 * 1024) /* of what a transform gives, kept in memory */
#define DIRECT (4 * 1024)    /* octets that are not copied into s->out before the stream */
#define AT_ONCE (64 * 1024)  /* octets given to the stream at once */

static void
close_source (struct session *s, struct fetch *f) {
  if (f->source)
    f->source->ops->close (f->source);
  f->source = NULL;
  s->imap4->host->call_end (&f->read_call);
}

void
fetch_literal_end (struct session *s, struct fetch *f) {
  close_source (s, f);
  f->ranged = false;
  if (f->out)
    g_string_truncate (f->out, 0);
}

static void
put_label (struct session *s, struct fetch *f, const struct item *item) {
  fetch_begin_item (s, f);
  put_text (&s->out, item->label);
  put_char (&s->out, ' ');
}

/* There is nothing to show: the section is not there, or cannot be read. */
static ptn_status
put_nothing (struct session *s, struct fetch *f, const struct item *item) {
  put_label (s, f, item);
  if (item->kind == ITEM_BINARY_SIZE)
    put_char (&s->out, '0');
  else
    PUT (&s->out, "NIL");
  fetch_literal_end (s, f);
  return PTN_OK;
}

static ptn_status
refuse (struct session *s, struct fetch *f, const struct item *item, ptn_status status) {
  if (status == PTN_E_DISCONNECTED || status == PTN_E_CANCELLED)
    return status;
  fetch_failed (s, f, status);
  return put_nothing (s, f, item);
}

static void
put_size (struct session *s, const struct fetch *f, const struct item *item, uint64_t size) {
  if (item->kind == ITEM_BINARY && f->out_nul)
    put_char (&s->out, '~');
  put_char (&s->out, '{');
  put_number (&s->out, size);
  PUT (&s->out, "}\r\n");
}

/* Octets that come from a source: nothing else is written before they are gone. */
static void
put_source (struct session *s, struct fetch *f, struct ptn_source *source, uint64_t size,
            bool *others) {
  f->item++; /* it is done, whoever else is to run now */
  *others = true;
  session_flush (s);
  if (s->broken == PTN_OK)
    s->broken = s->imap4->stream->write_source (s->stream, source, size);
  else
    source->ops->close (source);
}

void
fetch_put (struct session *s, struct fetch *f, const void *data, size_t size, bool *others) {
  if (size < DIRECT)
    put (&s->out, data, size);
  else if (size > AT_ONCE) /* as the client takes it: the session's memory is small */
    put_source (s, f, memory_source_new (data, size), size, others);
  else {
    session_flush (s);
    if (s->broken == PTN_OK)
      s->broken = s->imap4->stream->write (s->stream, data, size);
    f->direct = true;
  }
}

/* --- where it is ------------------------------------------------------------------------------------------ */

enum transfer_encoding
fetch_encoding (unsigned encoding) {
  switch (encoding) {
  case MIME_ENCODING_BASE64:
    return TRANSFER_BASE64;
  case MIME_ENCODING_QUOTED_PRINTABLE:
    return TRANSFER_QUOTED_PRINTABLE;
  case MIME_ENCODING_UNKNOWN:
    return TRANSFER_UNKNOWN;
  default:
    return TRANSFER_IDENTITY;
  }
}

/* How a part is to be decoded; what holds others is not. */
static ptn_status
find_encoding (struct fetch *f, const struct item *item, enum transfer_encoding *encoding) {
  struct mime_part part;
  *encoding = TRANSFER_IDENTITY;
  if (item->kind == ITEM_SECTION || !item->section.depth)
    return PTN_OK;
  ptn_status status = mime_digest_part (&f->digest, f->wanted.part, &part);
  if (status != PTN_OK)
    return status;
  if (part.kind != MIME_KIND_MULTIPART && part.kind != MIME_KIND_MESSAGE)
    *encoding = fetch_encoding (part.encoding);
  return *encoding == TRANSFER_UNKNOWN ? PTN_E_UNSUPPORTED : PTN_OK;
}

/* Its octets are the wanted ones of the mail, as they are. */
static void
cut_range (struct fetch *f, const struct item *item) {
  if (!item->partial)
    return;
  uint64_t skipped = MIN (item->first, f->wanted.size);
  f->wanted.offset += skipped;
  f->wanted.size = MIN (f->wanted.size - skipped, item->count);
}

static void
begin_transform (struct fetch *f, const struct item *item, enum transfer_encoding encoding) {
  bool cut = item->partial && item->kind != ITEM_BINARY_SIZE;
  transform_begin (&f->transform, item->fields, item->except, encoding, cut ? item->first : 0,
                   cut ? item->count : UINT64_MAX);
}

static ptn_status
find_range (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  enum transfer_encoding encoding = TRANSFER_IDENTITY;
  ptn_status status;
  f->out_size = 0;
  f->out_nul = f->out_dropped = f->second = f->transforms = false;
  if (!f->out)
    f->out = g_string_new (NULL);
  if (!item->section.depth && item->section.text == MIME_SECTION_ALL)
    f->wanted = (struct mime_range){ 0, f->row->octets, 0 };
  else {
    status = fetch_structure (s, f, item->section.depth ? MIME_PARTS : MIME_MEMBERS, others);
    if (status != PTN_OK || *others)
      return status;
    if (f->digest_failed)
      return PTN_E_NOT_FOUND;
    status = mime_digest_section (&f->digest, &item->section, &f->wanted);
    if (status == PTN_OK)
      status = find_encoding (f, item, &encoding);
    if (status != PTN_OK)
      return status;
  }
  f->ranged = true;
  /* BINARY is looked through for NULs, whatever its encoding. */
  f->transforms = item->fields || encoding != TRANSFER_IDENTITY || item->kind == ITEM_BINARY;
  if (f->transforms)
    begin_transform (f, item, encoding);
  else if (item->kind == ITEM_SECTION)
    cut_range (f, item);
  f->left = f->wanted.size;
  return PTN_OK;
}

static ptn_status
open_source (struct session *s, struct fetch *f) {
  if (f->source)
    return PTN_OK;
  ptn_status status = s->imap4->store->read (s->user->account, &f->read_call, &s->selected->mailbox,
                                             f->uid, f->wanted.offset, f->wanted.size, &f->source);
  if (status != PTN_OK)
    f->source = NULL;
  return status;
}

/* --- as it is ------------------------------------------------------------------------------------------- */

static ptn_status
put_plain (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  struct ptn_chunk chunk = { .fd = -1 };
  ptn_status status = open_source (s, f);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    status = f->source->ops->read (f->source, s->task, FIRST_CHUNK, &chunk);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && !chunk_load (&chunk))
    status = PTN_E_TEMPORARY;
  if (status == PTN_OK && chunk.size > f->wanted.size)
    status = PTN_E_CORRUPT;
  if (status != PTN_OK) {
    chunk_release (&chunk);
    return refuse (s, f, item, status == PTN_END ? PTN_E_CORRUPT : status);
  }
  put_label (s, f, item);
  put_size (s, f, item, f->wanted.size);
  if (chunk.size == f->wanted.size) {
    fetch_put (s, f, chunk.data, chunk.size, others);
    chunk_release (&chunk);
    fetch_literal_end (s, f);
    return PTN_OK;
  }
  struct ptn_source *rest = rest_source_new (&chunk, f->source);
  f->source = NULL;
  put_source (s, f, rest, f->wanted.size, others);
  fetch_literal_end (s, f);
  return PTN_OK;
}

/* --- transformed ---------------------------------------------------------------------------------------- */

/* What came out is counted, and kept as long as it is little. */
static void
count_out (struct fetch *f) {
  size_t kept = f->out_dropped ? 0 : (size_t)f->out_size;
  f->out_size += f->out->len - kept;
  if (!f->out_nul)
    f->out_nul = memchr (f->out->str + kept, 0, f->out->len - kept) != NULL;
  if (f->out_dropped || f->out->len > OUT_MAX) {
    g_string_truncate (f->out, 0);
    f->out_dropped = true;
  }
}

/* The first time through: how much is it? */
static ptn_status
measure (struct session *s, struct fetch *f, bool *others) {
  ptn_status status = open_source (s, f);
  while (status == PTN_OK && f->left && f->transform.left) {
    struct ptn_chunk chunk = { .fd = -1 };
    status = f->source->ops->read (f->source, s->task, PIECE, &chunk);
    if (status == PTN_END)
      return PTN_E_CORRUPT;
    if (status != PTN_OK)
      return status;
    if (!chunk_load (&chunk))
      return PTN_E_TEMPORARY;
    f->left -= MIN (chunk.size, f->left);
    transform_feed (&f->transform, chunk.data, chunk.size, f->out);
    chunk_release (&chunk);
    count_out (f);
    if (s->imap4->host->budget_spent (s->task)) {
      *others = true;
      return PTN_OK;
    }
  }
  if (status != PTN_OK)
    return status;
  transform_end (&f->transform, f->out);
  count_out (f);
  return PTN_OK;
}

static ptn_status
put_transformed (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  ptn_status status;
  if (!f->second) {
    status = measure (s, f, others);
    if (status == PTN_PENDING || (status == PTN_OK && *others))
      return status;
    close_source (s, f);
    if (status != PTN_OK)
      return refuse (s, f, item, status);
    f->second = true;
    begin_transform (f, item, f->transform.decoder.encoding);
  }
  if (item->kind == ITEM_BINARY_SIZE) {
    put_label (s, f, item);
    put_number (&s->out, f->out_size);
  } else if (!f->out_dropped) {
    put_label (s, f, item);
    put_size (s, f, item, f->out_size);
    fetch_put (s, f, f->out->str, f->out->len, others);
  } else {
    status = open_source (s, f);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK)
      return refuse (s, f, item, status);
    struct ptn_source *source = transform_source_new (f->source, &f->transform);
    f->source = NULL;
    put_label (s, f, item);
    put_size (s, f, item, f->out_size);
    put_source (s, f, source, f->out_size, others);
  }
  fetch_literal_end (s, f);
  return PTN_OK;
}

ptn_status
fetch_literal (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  bool first = !f->ranged;
  if (first) {
    ptn_status status = find_range (s, f, item, others);
    if (status == PTN_PENDING || (status == PTN_OK && *others))
      return status;
    if (status == PTN_E_NOT_FOUND) /* no such section; or the digest failed, which was noted */
      return put_nothing (s, f, item);
    if (status != PTN_OK)
      return refuse (s, f, item, status);
  }
  if (!f->transforms && item->kind == ITEM_BINARY_SIZE) {
    put_label (s, f, item);
    put_number (&s->out, f->wanted.size);
    fetch_literal_end (s, f);
    return PTN_OK;
  }
  if (f->wanted.size == 0 && !f->source) {
    put_label (s, f, item);
    if (item->kind == ITEM_BINARY_SIZE)
      put_char (&s->out, '0');
    else
      PUT (&s->out, "\"\"");
    fetch_literal_end (s, f);
    return PTN_OK;
  }
  return f->transforms ? put_transformed (s, f, item, others) : put_plain (s, f, item, others);
}
