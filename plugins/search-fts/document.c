/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - see document.h.
 *
 * Flat form, little endian: count (4 octets); of each segment its size with the kind in the upper
 * two bits (4), and the size of its name (4); then the text. */
#include "document.h"

#include <string.h>

enum { ENTRY = 8, KIND_SHIFT = 30, SEGMENTS_MOST = 4000000 };
#define SIZE_MASK ((UINT32_C (1) << KIND_SHIFT) - 1)

struct segment {
  uint32_t size_and_kind, name_size;
};

struct document *
document_new (size_t limit) {
  struct document *document = g_new0 (struct document, 1);
  document->segments = g_array_new (FALSE, FALSE, sizeof (struct segment));
  document->text = g_string_sized_new (1024);
  document->limit = MIN (limit, SIZE_MASK);
  return document;
}

void
document_free (struct document **pointer) {
  struct document *document = *pointer;
  *pointer = NULL;
  if (!document)
    return;
  g_array_free (document->segments, TRUE);
  g_string_free (document->text, TRUE);
  g_free (document);
}

static struct segment *
last (struct document *document) {
  return &g_array_index (document->segments, struct segment, document->segments->len - 1);
}

bool
document_add (struct document *document, const char *text, size_t size) {
  if (document->too_large || size > document->limit - document->text->len) {
    document->too_large = true;
    return false;
  }
  g_string_append_len (document->text, text, (gssize)size);
  last (document)->size_and_kind += (uint32_t)size;
  return true;
}

void
document_begin (struct document *document, enum segment_kind kind, const char *name,
                size_t name_size) {
  struct segment segment = { (uint32_t)kind << KIND_SHIFT, (uint32_t)name_size };
  if (document->segments->len == SEGMENTS_MOST)
    document->too_large = true;
  if (document->too_large)
    return;
  g_array_append_val (document->segments, segment);
  if (name_size && document_add (document, name, name_size))
    document_add (document, ":", 1);
}

void
document_end (struct document *document) {
  if (document->text->len >= document->limit)
    document->too_large = true;
  else
    g_string_append_c (document->text, '\n');
}

size_t
document_size (const struct document *document) {
  return document->text->len + document->segments->len * sizeof (struct segment);
}

static void
put_number (GByteArray *flat, uint32_t number) {
  number = GUINT32_TO_LE (number);
  g_byte_array_append (flat, (const guint8 *)&number, sizeof number);
}

GByteArray *
document_flatten (const struct document *document) {
  GByteArray *flat =
      g_byte_array_sized_new (4 + document->segments->len * ENTRY + (guint)document->text->len);
  put_number (flat, document->segments->len);
  for (guint i = 0; i < document->segments->len; i++) {
    const struct segment *segment = &g_array_index (document->segments, struct segment, i);
    put_number (flat, segment->size_and_kind);
    put_number (flat, segment->name_size);
  }
  return g_byte_array_append (flat, (const guint8 *)document->text->str,
                              (guint)document->text->len);
}

static uint32_t
number_at (const unsigned char *at) {
  uint32_t number;
  memcpy (&number, at, sizeof number);
  return GUINT32_FROM_LE (number);
}

bool
flat_open (struct flat *flat, const void *data, size_t size) {
  const unsigned char *at = data;
  if (size < 4)
    return false;
  flat->count = number_at (at);
  if (flat->count > (size - 4) / ENTRY)
    return false;
  flat->segments = at + 4;
  flat->text.data = flat->segments + (size_t)flat->count * ENTRY;
  flat->text.size = size - 4 - (size_t)flat->count * ENTRY;
  return true;
}

static bool
has (const char *text, size_t size, struct ptn_bytes needle) {
  return needle.size <= size && memmem (text, size, needle.data, needle.size) != NULL;
}

/* name: of the segment. */
static bool
means (const struct ptn_search_term *term, enum segment_kind kind, struct ptn_bytes name) {
  switch (term->scope) {
  case PTN_SEARCH_HEADER:
    return kind == SEGMENT_HEADER
           && (!term->field
               || (name.size && strlen (term->field) == name.size
                   && g_ascii_strncasecmp (term->field, name.data, name.size) == 0));
  case PTN_SEARCH_BODY:
    return kind == SEGMENT_BODY || kind == SEGMENT_ENCLOSED;
  default:
    return true;
  }
}

bool
flat_has (const struct flat *flat, const struct ptn_search_term *term) {
  const char *text = flat->text.data;
  size_t at = 0;
  /* Most of those that have no needle at all are told at once. */
  if (!has (text, flat->text.size, term->needle))
    return false;
  for (uint32_t i = 0; i < flat->count; i++) {
    uint32_t word = number_at (flat->segments + (size_t)i * ENTRY);
    size_t size = word & SIZE_MASK, name = number_at (flat->segments + (size_t)i * ENTRY + 4);
    enum segment_kind kind = word >> KIND_SHIFT;
    if (size > flat->text.size - at || (name && name + 1 > size))
      return false;
    if (means (term, kind, (struct ptn_bytes){ text + at, name })) {
      size_t skip = term->scope == PTN_SEARCH_HEADER && term->field && name ? name + 1 : 0;
      if (has (text + at + skip, size - skip, term->needle))
        return true;
    }
    at = MIN (at + size + 1, flat->text.size);
  }
  return false;
}
