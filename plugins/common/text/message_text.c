/* SPDX-License-Identifier: Apache-2.0 */
/* message_text.c - see message_text.h.
 *
 * A mail is a row of regions, in the order of its octets: the header of a part, then its body if it
 * is a text, then the next part.  Octets between regions are passed over. */
#include "common/text/message_text.h"
#include "common/text/message_text_private.h"

#include <string.h>

enum { SLICE = 12 * 1024, FAR = 64 * 1024 };

static enum transfer_encoding
transfer_of (uint8_t encoding) {
  switch (encoding) {
  case MIME_ENCODING_BASE64:
    return TRANSFER_BASE64;
  case MIME_ENCODING_QUOTED_PRINTABLE:
    return TRANSFER_QUOTED_PRINTABLE;
  default:
    return TRANSFER_IDENTITY;
  }
}

static bool
is_text (const struct mime_part *part) {
  return part->kind == MIME_KIND_TEXT_PLAIN || part->kind == MIME_KIND_TEXT_HTML
         || part->kind == MIME_KIND_TEXT;
}

/* What the header of the part is.  The first part within a message is a mail. */
static unsigned
header_kind (const struct message_text *t) {
  if (t->index == 0)
    return MESSAGE_TEXT_HEADER;
  return t->enclosed ? MESSAGE_TEXT_ENCLOSED : MESSAGE_TEXT_MIME;
}

/* Makes the next region that is wanted the current one.  PTN_END: there is none. */
static ptn_status
next_region (struct message_text *t) {
  for (;;) {
    t->stage++;
    if (t->stage > STAGE_BODY) {
      bool message = t->part.kind == MIME_KIND_MESSAGE;

      if (t->stage < STAGE_START)
        t->index++;
      else
        message = false;
      if (t->index >= t->digest->parts)
        return PTN_END;
      if (mime_digest_part (t->digest, t->index, &t->part) != PTN_OK)
        return PTN_E_CORRUPT;
      t->enclosed = message;
      t->stage = STAGE_HEADER;
    }
    if (t->stage == STAGE_HEADER) {
      if (!(t->wanted & header_kind (t)) || t->part.header_size == 0)
        continue;
      t->offset = t->part.header;
      t->end = t->part.header + t->part.header_size;
    } else {
      if (!(t->wanted & MESSAGE_TEXT_BODY) || !is_text (&t->part) || t->part.body_size == 0)
        continue;
      t->offset = t->part.body;
      t->end = t->part.body + t->part.body_size;
    }
    return t->offset >= t->position ? PTN_OK : PTN_E_CORRUPT;
  }
}

static bool
forward (void *user, const char *data, size_t size) {
  struct message_text *t = user;

  if (!t->sink.put (t->sink.user, data, size))
    t->enough = true;
  return !t->enough;
}

/* The decoder for the charset of a part; the one before is used again if it is the same. */
static void
choose_charset (struct message_text *t) {
  struct ptn_bytes name = t->part.charset;

  if (t->charset && name.size < sizeof t->charset_name && strlen (t->charset_name) == name.size
      && (name.size == 0 || g_ascii_strncasecmp (t->charset_name, name.data, name.size) == 0)) {
    charset_decoder_reset (t->charset);
    return;
  }
  charset_decoder_free (&t->charset);
  if (name.size >= sizeof t->charset_name)
    name.size = 0;
  t->charset = charset_decoder_new (name.data, name.size);
  if (name.size > 0)
    memcpy (t->charset_name, name.data, name.size);
  t->charset_name[name.size] = '\0';
}

static void
region_begin (struct message_text *t) {
  struct message_text_item item = { MESSAGE_TEXT_BODY, t->index, NULL, 0, &t->part };

  if (t->stage == STAGE_HEADER) {
    fields_begin (t, header_kind (t));
    return;
  }
  t->open = t->sink.begin (t->sink.user, &item);
  if (!t->open)
    return;
  choose_charset (t);
  transfer_begin (&t->transfer, transfer_of (t->part.encoding));
}

static void
region_feed (struct message_text *t, const char *data, size_t size) {
  struct text_sink sink = { forward, t };

  if (t->stage == STAGE_HEADER) {
    fields_feed (t, data, size);
    return;
  }
  if (!t->open)
    return;
  if (t->transfer.encoding == TRANSFER_IDENTITY) {
    charset_decode (t->charset, data, size, &sink);
    return;
  }
  for (size_t at = 0; at < size && !t->enough; at += SLICE) {
    unsigned char decoded[TRANSFER_ROOM (SLICE)];
    size_t octets =
        transfer_decode (&t->transfer, data + at, MIN (size - at, (size_t)SLICE), decoded);

    charset_decode (t->charset, (char *)decoded, octets, &sink);
  }
}

static void
region_end (struct message_text *t) {
  struct text_sink sink = { forward, t };
  unsigned char decoded[TRANSFER_ROOM (0)];

  if (t->stage == STAGE_HEADER) {
    fields_end (t);
    return;
  }
  if (!t->open)
    return;
  charset_decode (t->charset, (char *)decoded, transfer_end (&t->transfer, decoded), &sink);
  charset_decode_end (t->charset, &sink);
  t->sink.end (t->sink.user);
  t->open = false;
}

struct message_text *
message_text_new (unsigned wanted, const struct message_text_sink *sink) {
  struct message_text *t = g_new0 (struct message_text, 1);

  t->wanted = wanted;
  t->sink = *sink;
  t->line = g_string_new (NULL);
  t->decoded = g_string_new (NULL);
  return t;
}

void
message_text_free (struct message_text **text) {
  struct message_text *t = *text;

  if (!t)
    return;
  charset_decoder_free (&t->charset);
  g_string_free (t->line, TRUE);
  g_string_free (t->decoded, TRUE);
  g_free (t);
  *text = NULL;
}

void
message_text_want (struct message_text *t, unsigned wanted) {
  t->wanted = wanted;
}

/* Where the last region ends. */
static uint64_t
last_octet (const struct message_text *t) {
  struct mime_part part;

  if (!(t->wanted & ~(unsigned)MESSAGE_TEXT_HEADER)
      && mime_digest_part (t->digest, 0, &part) == PTN_OK)
    return part.header + part.header_size;
  return t->digest->octets;
}

void
message_text_begin (struct message_text *t, const struct mime_digest *digest, uint64_t *offset,
                    uint64_t *size) {
  t->digest = digest;
  t->index = 0;
  t->stage = STAGE_START - 1;
  t->position = 0;
  t->enough = t->open = t->within = false;
  t->status = next_region (t);
  *offset = *size = 0;
  if (t->status != PTN_OK)
    return;
  *offset = t->position = t->offset;
  *size = last_octet (t) - *offset;
}

ptn_status
message_text_feed (struct message_text *t, const void *data, size_t size) {
  const char *at = data, *end = at + size;

  while (t->status == PTN_OK) {
    size_t count;

    if (!t->within && t->position < t->offset) {
      count = (size_t)MIN ((uint64_t)(end - at), t->offset - t->position);
      at += count;
      t->position += count;
      if (t->position < t->offset)
        break;
    }
    if (!t->within) {
      region_begin (t);
      t->within = true;
    }
    count = (size_t)MIN ((uint64_t)(end - at), t->end - t->position);
    region_feed (t, at, count);
    at += count;
    t->position += count;
    if (t->enough)
      t->status = PTN_END;
    else if (t->position < t->end)
      break;
    else {
      region_end (t);
      t->within = false;
      t->status = t->enough ? PTN_END : next_region (t);
    }
  }
  return t->status;
}

uint64_t
message_text_idle (const struct message_text *t) {
  if (t->status != PTN_OK)
    return 0;
  if (!t->within)
    return t->offset - t->position;
  return t->stage == STAGE_BODY && !t->open ? t->end - t->position : 0;
}

void
message_text_skip (struct message_text *t, uint64_t count) {
  t->position += count;
}

ptn_status
message_text_read (struct message_text *t, struct ptn_source *source, struct ptn_task *task,
                   size_t budget) {
  while (t->status == PTN_OK) {
    uint64_t idle = message_text_idle (t);
    struct ptn_chunk chunk;
    ptn_status status;

    if (budget == 0)
      return PTN_OK;
    if (idle >= FAR && PTN_CAN (source->ops, skip)) {
      status = source->ops->skip (source, task, idle);
      if (status != PTN_OK)
        return status == PTN_END ? PTN_E_CORRUPT : status;
      message_text_skip (t, idle);
      continue;
    }
    status = source->ops->read (source, task, MIN (budget, (size_t)FAR), &chunk);
    if (status == PTN_END) /* shorter than its digest says */
      return PTN_E_CORRUPT;
    if (status != PTN_OK)
      return status;
    status = message_text_feed_chunk (t, &chunk);
    if (status != PTN_OK)
      return status;
    budget -= MIN (budget, chunk.size);
  }
  return t->status;
}
