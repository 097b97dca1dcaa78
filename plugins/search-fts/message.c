/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - the text of a message: what is indexed is what a search that reads would see. */
#include "fts.h"

#include "common/text/comparator.h"

#include <string.h>

struct message {
  struct document *document;
  GString *octets;
};

struct message *
message_new (size_t limit) {
  struct message *message = g_new0 (struct message, 1);
  message->document = document_new (limit);
  message->octets = g_string_new (NULL);
  return message;
}

bool
message_feed (struct message *message, const void *data, size_t size) {
  if (size > message->document->limit - MIN (message->octets->len, message->document->limit)) {
    message->document->too_large = true;
    return false;
  }
  g_string_append_len (message->octets, data, (gssize)size);
  return true;
}

static void
add (struct document *document, enum segment_kind kind, const char *name, size_t name_size,
     const char *text, size_t size) {
  g_autofree char *valid = g_utf8_make_valid (text, (gssize)size);
  size_t folded_size, small_size;
  g_autofree char *folded =
      comparator_folded (COMPARATOR_UNICODE_CASEMAP, valid, strlen (valid), &folded_size);
  g_autofree char *small =
      comparator_folded (COMPARATOR_UNICODE_CASEMAP, name, name_size, &small_size);
  document_begin (document, kind, small, small_size);
  document_add (document, folded, folded_size);
  document_end (document);
}

struct document *
message_end (struct message **pointer) {
  struct message *message = *pointer;
  struct document *document = g_steal_pointer (&message->document);
  const char *at = message->octets->str, *end = at + message->octets->len;
  while (at < end && *at != '\r' && *at != '\n') {
    const char *line = memchr (at, '\n', (size_t)(end - at));
    const char *next = line ? line + 1 : end;
    const char *colon = memchr (at, ':', (size_t)(next - at));
    if (colon)
      add (document, SEGMENT_HEADER, at, (size_t)(colon - at), colon + 1,
           strcspn (colon + 1, "\r\n"));
    at = next;
  }
  add (document, SEGMENT_BODY, "", 0, at, (size_t)(end - at));
  message_free (pointer);
  if (document->too_large)
    document_free (&document);
  return document;
}

void
message_free (struct message **pointer) {
  struct message *message = *pointer;
  *pointer = NULL;
  if (!message)
    return;
  document_free (&message->document);
  g_string_free (message->octets, TRUE);
  g_free (message);
}
