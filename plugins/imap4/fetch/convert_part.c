/* SPDX-License-Identifier: Apache-2.0 */
/* convert_part.c - one item of CONVERT: reads the part, converts it, answers (RFC 5259 section 8). */
#include "common/mime/envelope.h"
#include "common/mime/parameters.h"
#include "fetch/convert.h"

#define PIECE (64 * 1024)

static void
finish (struct session *s, struct fetch *f) {
  fetch_literal_end (s, f);
  f->in_convert = false;
}

/* "(ERROR ...)" in the place of what was asked for (section 9). */
static ptn_status
put_error (struct session *s, struct fetch *f, const struct item *item, const char *text,
           const char *code) {
  struct conversion *conversion = f->program.conversion;
  conversion->failed++;
  fetch_begin_item (s, f);
  put_format (&s->out, "%s (ERROR \"%s\" %s", item->label, text, code);
  if (strcmp (code, "TEMPFAIL") != 0) { /* source, target, parameters */
    const char *target = conversion->target ? conversion->target : "text/plain";
    put_char (&s->out, ' ');
    if (f->source_type)
      put_string (&s->out, f->source_type->str, f->source_type->len, false);
    else
      PUT (&s->out, "NIL");
    put_char (&s->out, ' ');
    put_string (&s->out, target, strlen (target), false);
    PUT (&s->out, " (");
    if (strcmp (code, "MISSINGPARAMETERS") == 0)
      PUT (&s->out, "\"charset\"");
    else if (conversion->unknown) {
      put_string (&s->out, conversion->unknown, strlen (conversion->unknown), false);
      put_char (&s->out, ' ');
      put_string (&s->out, conversion->unknown_value, strlen (conversion->unknown_value), false);
    }
    put_char (&s->out, ')');
  }
  put_char (&s->out, ')');
  finish (s, f);
  return PTN_OK;
}

/* The type of a part as its header says it. */
static void
find_type (struct fetch *f, const struct mime_part *part) {
  static const char *const known[] = { "text/plain", "text/html" };
  if (!f->source_type)
    f->source_type = g_string_new (NULL);
  g_string_truncate (f->source_type, 0);
  if (part->kind <= MIME_KIND_TEXT_HTML) {
    g_string_append (f->source_type, known[part->kind]);
    return;
  }
  /* A part without its body has the same type. */
  struct mime_builder *builder = mime_builder_new ();
  struct mime_digest digest;
  g_autoptr (GString) word = g_string_new (NULL);
  bool nil;
  mime_builder_feed (builder, f->out->str, MIN (part->header_size, f->out->len));
  if (part->kind == MIME_KIND_MULTIPART)
    g_string_append (f->source_type, "multipart/mixed");
  else if (mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest) == PTN_OK) {
    struct ptn_bytes text = digest.members[MIME_STRUCTURE];
    text.data = (const char *)text.data + 1;
    text.size -= 1;
    if (mime_string_read (&text, word, &nil))
      g_string_append_printf (f->source_type, "%s/", word->str);
    if (mime_string_read (&text, word, &nil))
      g_string_append (f->source_type, word->str);
  }
  mime_builder_free (&builder);
}

static void
put_available (struct session *s, struct fetch *f, const struct item *item,
               const struct mime_part *part) {
  f->program.conversion->done++;
  fetch_begin_item (s, f);
  put_text (&s->out, item->label);
  if (part->kind == MIME_KIND_TEXT_PLAIN)
    PUT (&s->out, " (\"text/plain\")");
  else if (part->kind == MIME_KIND_TEXT_HTML)
    PUT (&s->out, " (\"text/plain\" \"text/html\")");
  else
    PUT (&s->out, " ()");
  finish (s, f);
}

/* The BODYSTRUCTURE of what came out, as a part of its own. */
static void
put_structure (struct session *s, const char *target, const char *charset, const GString *text) {
  struct mime_builder *builder = mime_builder_new ();
  struct mime_digest digest;
  g_autofree char *header = g_strdup_printf ("Content-Type: %s; charset=\"%s\"\r\n"
                                             "Content-Transfer-Encoding: binary\r\n\r\n",
                                             target, charset);
  mime_builder_feed (builder, header, strlen (header));
  mime_builder_feed (builder, text->str, text->len);
  if (mime_digest_open (mime_builder_finish (builder, SIZE_MAX), &digest) == PTN_OK)
    put (&s->out, digest.members[MIME_STRUCTURE].data, digest.members[MIME_STRUCTURE].size);
  mime_builder_free (&builder);
}

static void
put_result (struct session *s, struct fetch *f, const struct item *item, const GString *result,
            const char *target, const char *charset, bool *others) {
  const char *data = result->str;
  size_t size = result->len;
  f->program.conversion->done++;
  fetch_begin_item (s, f);
  put_text (&s->out, item->label);
  put_char (&s->out, ' ');
  if (item->kind == ITEM_CONVERT_SIZE)
    put_number (&s->out, size);
  else if (item->kind == ITEM_CONVERT_STRUCTURE)
    put_structure (s, target, charset, result);
  else {
    if (item->partial) {
      size_t skipped = (size_t)MIN (item->first, size);
      data += skipped;
      size = (size_t)MIN (size - skipped, item->count);
    }
    if (memchr (data, 0, size))
      put_char (&s->out, '~');
    put_format (&s->out, "{%zu}\r\n", size);
    fetch_put (s, f, data, size, others);
  }
  finish (s, f);
}

/* All octets of the header and the body are in f->out. */
static ptn_status
convert (struct session *s, struct fetch *f, const struct item *item, const struct mime_part *part,
         bool *others) {
  const struct conversion *conversion = f->program.conversion;
  g_autoptr (GString) result = g_string_new (NULL), body = g_string_new (NULL);
  find_type (f, part);
  if (conversion->unknown)
    return put_error (s, f, item, "unknown parameter or charset", "BADPARAMETERS");
  const char *charset = conversion->charset ? conversion->charset : "utf-8";
  const char *target = conversion->target ? conversion->target : "text/plain";
  bool html = part->kind == MIME_KIND_TEXT_HTML;
  bool plain = g_ascii_strcasecmp (target, "text/plain") == 0;
  if (part->kind > MIME_KIND_TEXT_HTML
      || (!plain && !(html && g_ascii_strcasecmp (target, "text/html") == 0)))
    return put_error (s, f, item, "there is no such conversion", "BADPARAMETERS");
  struct transform decoder;
  size_t header = (size_t)MIN (part->header_size, f->out->len);
  transform_begin (&decoder, NULL, false, fetch_encoding (part->encoding), 0, UINT64_MAX);
  transform_feed (&decoder, f->out->str + header, f->out->len - header, body);
  transform_end (&decoder, body);
  if (!convert_text (body->str, body->len, part->charset, html, plain, charset, result))
    return put_error (s, f, item, "the charset cannot be written", "BADPARAMETERS");
  put_result (s, f, item, result, plain ? "text/plain" : "text/html", charset, others);
  return PTN_OK;
}

/* Reads f->wanted into f->out. */
static ptn_status
read_octets (struct session *s, struct fetch *f, bool *others) {
  ptn_status status;
  if (!f->source && f->left) {
    status = s->imap4->store->read (s->user->account, &f->read_call, &s->selected->mailbox, f->uid,
                                    f->wanted.offset, f->wanted.size, &f->source);
    if (status != PTN_OK) {
      f->source = NULL;
      return status;
    }
  }
  while (f->left) {
    struct ptn_chunk chunk = { .fd = -1 };
    status = f->source->ops->read (f->source, s->task, PIECE, &chunk);
    if (status != PTN_OK)
      return status == PTN_END ? PTN_E_CORRUPT : status;
    if (!chunk_load (&chunk))
      return PTN_E_TEMPORARY;
    g_string_append_len (f->out, chunk.data, (gssize)chunk.size);
    f->left -= MIN (chunk.size, f->left);
    chunk_release (&chunk);
    if (s->imap4->host->budget_spent (s->task)) {
      *others = true;
      return PTN_OK;
    }
  }
  return PTN_OK;
}

/* Which octets are needed; PTN_END: the answer was given. */
static ptn_status
locate (struct session *s, struct fetch *f, const struct item *item, struct mime_part *part,
        bool *others) {
  const struct conversion *conversion = f->program.conversion;
  ptn_status status = fetch_structure (s, f, MIME_PARTS, others);
  if (status != PTN_OK || *others)
    return status;
  if (!f->digest_failed)
    status = mime_digest_section (&f->digest, &item->section, &f->wanted);
  if (status == PTN_OK && !f->digest_failed)
    status = mime_digest_part (&f->digest, f->wanted.part, part);
  if (f->in_convert)
    return status;
  if (f->source_type)
    g_string_free (f->source_type, TRUE);
  f->source_type = NULL;
  if (status != PTN_OK || f->digest_failed) {
    put_error (s, f, item, "there is no such part",
               f->digest_failed ? "TEMPFAIL" : "BADPARAMETERS");
    return PTN_END;
  }
  if (item->kind == ITEM_CONVERT_HEADER && (conversion->target || conversion->unknown)) {
    put_error (s, f, item, "header fields have a charset and no type", "BADPARAMETERS");
    return PTN_END;
  }
  if (item->kind == ITEM_CONVERT_HEADER && !conversion->charset) {
    put_error (s, f, item, "a charset is needed", "MISSINGPARAMETERS");
    return PTN_END;
  }
  if (item->kind == ITEM_CONVERT_AVAILABLE) {
    put_available (s, f, item, part);
    return PTN_END;
  }
  if (item->kind != ITEM_CONVERT_HEADER)
    f->wanted =
        (struct mime_range){ part->header, part->header_size + part->body_size, f->wanted.part };
  if (f->wanted.size > CONVERT_MAX) {
    put_error (s, f, item, "it is too big to be converted", "TEMPFAIL");
    return PTN_END;
  }
  if (!f->out)
    f->out = g_string_new (NULL);
  g_string_truncate (f->out, 0);
  f->left = f->wanted.size;
  f->in_convert = true;
  return PTN_OK;
}

ptn_status
fetch_convert (struct session *s, struct fetch *f, const struct item *item, bool *others) {
  struct mime_part part;
  ptn_status status = PTN_OK;
  struct mime_range wanted = f->wanted;
  bool first = !f->in_convert;
  status = locate (s, f, item, &part, others);
  if (!first)
    f->wanted = wanted;
  if (status == PTN_END)
    return PTN_OK;
  if (status != PTN_OK || *others)
    return status;
  status = read_octets (s, f, others);
  if (status == PTN_PENDING || (status == PTN_OK && *others))
    return status;
  if (status != PTN_OK) {
    fetch_failed (s, f, status);
    return put_error (s, f, item, "it cannot be read now", "TEMPFAIL");
  }
  if (item->kind != ITEM_CONVERT_HEADER)
    return convert (s, f, item, &part, others);
  g_autoptr (GString) result = g_string_new (NULL);
  convert_header (f->out->str, f->out->len, f->program.conversion->charset, result);
  put_result (s, f, item, result, NULL, NULL, others);
  return PTN_OK;
}
