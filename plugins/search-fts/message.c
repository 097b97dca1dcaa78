/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - the text of a message: what is indexed is what a search that reads would see. */
#include "message.h"

#include "common/mime/structure.h"
#include "common/text/comparator.h"
#include "common/text/message_text.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

struct message {
  struct mime_builder *builder;
  struct message_text *text;
  struct mime_digest digest;
  GBytes *kept; /* the octets of the digest, if the store had them; else the builder has */
  GString *folded;
  struct document *document;
};

/* --- the texts -------------------------------------------------------------------------------- */

static enum segment_kind
kind_of (unsigned kind) {
  switch (kind) {
  case MESSAGE_TEXT_HEADER:
    return SEGMENT_HEADER;
  case MESSAGE_TEXT_ENCLOSED:
    return SEGMENT_ENCLOSED;
  case MESSAGE_TEXT_MIME:
    return SEGMENT_PART_HEADER;
  default:
    return SEGMENT_BODY;
  }
}

static void
fold (struct message *message, const char *text, size_t size) {
  g_string_truncate (message->folded, 0);
  comparator_fold (COMPARATOR_UNICODE_CASEMAP, text, size, message->folded);
}

/* A name that is not ASCII stands in the text, and is nobody's name: folded it could be another. */
static bool
begin (void *user, const struct message_text_item *item) {
  struct message *message = user;
  struct document *document = message->document;
  const char *name = item->name ? item->name : "";
  size_t size = item->name ? item->name_size : 0;
  bool plain = true;
  for (size_t i = 0; i < size && plain; i++)
    plain = (unsigned char)name[i] < 0x80;
  fold (message, name, size);
  document_begin (document, kind_of (item->kind), message->folded->str,
                  plain ? message->folded->len : 0);
  if (!plain && document_add (document, message->folded->str, message->folded->len))
    document_add (document, ":", 1);
  return !document->too_large;
}

static bool
put (void *user, const char *text, size_t size) {
  struct message *message = user;
  fold (message, text, size);
  return document_add (message->document, message->folded->str, message->folded->len);
}

static void
end (void *user) {
  struct message *message = user;
  document_end (message->document);
}

/* --- life --------------------------------------------------------------------------------------- */

struct message *
message_new (void) {
  struct message *message = g_new0 (struct message, 1);
  const struct message_text_sink sink = { begin, put, end, message };
  message->builder = mime_builder_new ();
  message->text = message_text_new (MESSAGE_TEXT_ALL, &sink);
  message->folded = g_string_new (NULL);
  return message;
}

void
message_free (struct message **pointer) {
  struct message *message = *pointer;
  *pointer = NULL;
  if (!message)
    return;
  mime_builder_free (&message->builder);
  message_text_free (&message->text);
  g_clear_pointer (&message->kept, g_bytes_unref);
  g_string_free (message->folded, TRUE);
  document_free (&message->document);
  g_free (message);
}

static bool
open_digest (struct message *message, struct ptn_bytes octets) {
  return mime_digest_open (octets, &message->digest) == PTN_OK
         && mime_digest_has (&message->digest, MIME_PARTS);
}

bool
message_begin (struct message *message, GBytes *digest) {
  document_free (&message->document);
  g_clear_pointer (&message->kept, g_bytes_unref);
  mime_builder_reset (message->builder);
  if (!digest)
    return false;
  struct ptn_bytes octets;
  octets.data = g_bytes_get_data (digest, &octets.size);
  message->kept = g_bytes_ref (digest);
  return open_digest (message, octets);
}

/* --- its structure ------------------------------------------------------------------------------ */

static ptn_status
feed (struct message *message, struct ptn_chunk *chunk) {
  ptn_status status = PTN_OK;
  if (chunk->data)
    mime_builder_feed (message->builder, chunk->data, chunk->size);
  for (size_t at = 0; !chunk->data && at < chunk->size && status == PTN_OK;) {
    char piece[16 << 10];
    ssize_t got = pread (chunk->fd, piece, MIN (sizeof piece, chunk->size - at),
                         (off_t)(chunk->file_offset + (int64_t)at));
    if (got > 0) {
      mime_builder_feed (message->builder, piece, (size_t)got);
      at += (size_t)got;
    } else if (got == 0 || errno != EINTR)
      status = got == 0 ? PTN_E_CORRUPT : PTN_E_TEMPORARY;
  }
  if (chunk->release)
    chunk->release (chunk->owner);
  return status;
}

ptn_status
message_structure (struct message *message, struct ptn_source *source, struct ptn_task *task) {
  struct ptn_chunk chunk = { 0 };
  ptn_status status = source->ops->read (source, task, PIECE, &chunk);
  if (status == PTN_OK)
    status = feed (message, &chunk);
  if (status != PTN_END)
    return status;
  return open_digest (message, mime_builder_finish (message->builder, SIZE_MAX)) ? PTN_END
                                                                                 : PTN_E_CORRUPT;
}

/* --- its text ----------------------------------------------------------------------------------- */

void
message_text_start (struct message *message, size_t limit, uint64_t *offset, uint64_t *size) {
  document_free (&message->document);
  message->document = document_new (limit);
  message_text_begin (message->text, &message->digest, offset, size);
}

ptn_status
message_text_more (struct message *message, struct ptn_source *source, struct ptn_task *task) {
  return message_text_read (message->text, source, task, PIECE);
}

struct document *
message_take (struct message *message) {
  struct document *document = g_steal_pointer (&message->document);
  if (document && document->too_large)
    document_free (&document);
  return document;
}
