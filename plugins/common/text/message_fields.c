/* SPDX-License-Identifier: Apache-2.0 */
/* message_fields.c - the fields of a header as texts, each decoded when it is whole, long ones in
 * pieces at their line ends. */
#include "common/text/message_text_private.h"
#include "common/text/words.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_OCTETS = 1000, PIECE = 64 * 1024, LINE = 256 * 1024 };

void
fields_begin (struct message_text *t, unsigned kind) {
  t->field_kind = kind;
  t->line_start = true;
  t->named = t->open = false;
  g_string_truncate (t->line, 0);
}

/* Decodes and hands over what was gathered of the value. */
static void
flush (struct message_text *t, bool last) {
  const char *value = t->line->str + t->value;
  size_t size = t->line->len - t->value;

  while (last && size > 0 && (value[size - 1] == '\n' || value[size - 1] == '\r'))
    size--;
  g_string_truncate (t->decoded, 0);
  words_decode (value, size, t->decoded);
  if (t->mime_field && last)
    parameters_decode (value, size, t->decoded);
  if (t->decoded->len > 0 && !t->enough
      && !t->sink.put (t->sink.user, t->decoded->str, t->decoded->len))
    t->enough = true;
  g_string_truncate (t->line, t->value);
}

static void
field_over (struct message_text *t) {
  if (t->open) {
    flush (t, true);
    t->sink.end (t->sink.user);
  }
  t->open = t->named = false;
  g_string_truncate (t->line, 0);
}

static bool
has_parameters (const char *name, size_t size) {
  return (size == 12 && g_ascii_strncasecmp (name, "Content-Type", 12) == 0)
         || (size == 19 && g_ascii_strncasecmp (name, "Content-Disposition", 19) == 0);
}

/* The name is whole: does anybody want the field? */
static void
field_named (struct message_text *t) {
  struct message_text_item item = { t->field_kind, t->index, t->line->str, t->line->len, NULL };

  while (item.name_size > 0
         && (item.name[item.name_size - 1] == ' ' || item.name[item.name_size - 1] == '\t'))
    item.name_size--; /* RFC 5322 section 4.5.8 */
  t->named = true;
  t->mime_field = has_parameters (item.name, item.name_size);
  t->open = item.name_size > 0 && t->sink.begin (t->sink.user, &item);
  g_string_truncate (t->line, 0);
  t->value = 0;
}

/* Octets of one line, of which `whole` says that it ends here. */
static void
line_part (struct message_text *t, const char *at, size_t size, bool whole) {
  if (!t->named) {
    const char *colon = memchr (at, ':', size);
    size_t name = colon ? (size_t)(colon - at) : size;

    if (t->line->len + name > NAME_MAX_OCTETS || (whole && !colon)) {
      g_string_truncate (t->line, 0); /* no field: passed over, with the lines that go on */
      t->named = true;
      return;
    }
    g_string_append_len (t->line, at, (gssize)name);
    if (!colon)
      return;
    field_named (t);
    at = colon + 1;
    size -= name + 1;
  }
  if (!t->open)
    return;
  g_string_append_len (t->line, at, (gssize)size);
  if ((whole && t->line->len >= PIECE) || t->line->len >= LINE)
    flush (t, false);
}

void
fields_feed (struct message_text *t, const char *data, size_t size) {
  const char *end = data + size;

  while (data < end && !t->enough) {
    const char *lf = memchr (data, '\n', (size_t)(end - data)), *to = lf ? lf + 1 : end;

    if (t->line_start && *data != ' ' && *data != '\t')
      field_over (t);
    line_part (t, data, (size_t)(to - data), lf != NULL);
    t->line_start = lf != NULL;
    data = to;
  }
}

void
fields_end (struct message_text *t) {
  field_over (t);
}

ptn_status
message_text_feed_chunk (struct message_text *t, struct ptn_chunk *chunk) {
  ptn_status status = PTN_OK;

  if (chunk->data)
    status = message_text_feed (t, chunk->data, chunk->size);
  else
    for (size_t done = 0; done < chunk->size && status == PTN_OK;) {
      char buffer[16 * 1024];
      ssize_t got = pread (chunk->fd, buffer, MIN (sizeof buffer, chunk->size - done),
                           (off_t)(chunk->file_offset + (int64_t)done));

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0) {
        status = got == 0 ? PTN_E_CORRUPT : PTN_E_TEMPORARY;
        break;
      }
      status = message_text_feed (t, buffer, (size_t)got);
      done += (size_t)got;
    }
  if (chunk->release)
    chunk->release (chunk->owner);
  return status;
}
