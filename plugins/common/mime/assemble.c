/* SPDX-License-Identifier: Apache-2.0 */
/* assemble.c - parts and their texts become BODYSTRUCTURE, the table of parts, and the digest. */
#include "common/mime/builder.h"
#include "common/mime/layout.h"

#include <string.h>

/* --- BODYSTRUCTURE ------------------------------------------------------------------------------- */

static void
append_number (GString *out, uint64_t value) {
  char digits[24];
  size_t at = sizeof digits;
  do
    digits[--at] = (char)('0' + value % 10);
  while (value /= 10);
  digits[--at] = ' ';
  g_string_append_len (out, digits + at, (gssize)(sizeof digits - at));
}

static void
append_text (struct mime_builder *b, uint32_t at, uint32_t size) {
  g_string_append_len (b->structure, b->texts->str + at, size);
}

/* A part and all that is within it; which part comes behind.  As deep as parts are. */
static uint32_t
append_part (struct mime_builder *b, uint32_t index) {
  const struct node *node = node_at (b, index);
  const struct texts *texts = &node->texts;
  GString *out = b->structure;
  uint32_t at = index + 1;
  g_string_append_c (out, '(');
  if (node->kind == MIME_KIND_MULTIPART) {
    while (at < node->next)
      at = append_part (b, at);
    g_string_append_c (out, ' ');
    /* "multipart" and its blank go */
    append_text (b, texts->at + 12, texts->type - 12);
  } else {
    append_text (b, texts->at, texts->type + texts->common);
    append_number (out, node->body_size);
    if (node->kind == MIME_KIND_MESSAGE) {
      const struct node *child = node_at (b, at);
      g_string_append_c (out, ' ');
      append_text (b, child->envelope, child->envelope_size);
      g_string_append_c (out, ' ');
      at = append_part (b, at);
    }
    if (node->kind != MIME_KIND_OTHER)
      append_number (out, node->lines);
    append_text (b, texts->at + texts->type + texts->common, texts->md5);
  }
  append_text (b, texts->at + texts->type + texts->common + texts->md5, texts->tail);
  g_string_append_c (out, ')');
  return at;
}

/* A multipart that has no part is a text (structure.h): its type is written anew, and the rest
 * behind it. */
static void
mend_multiparts (struct mime_builder *b) {
  static const char plain[] = "\"text\" \"plain\" (\"charset\" \"us-ascii\")";
  for (uint32_t i = 0; i < b->nodes->len; i++) {
    struct node *node = node_at (b, i);
    struct texts *texts = &node->texts;
    uint32_t rest = texts->common + texts->md5 + texts->tail, from = texts->at + texts->type;
    if (node->kind != MIME_KIND_MULTIPART || node->has_children)
      continue;
    node->kind = MIME_KIND_TEXT_PLAIN;
    texts->at = (uint32_t)b->texts->len;
    texts->type = sizeof plain - 1;
    g_string_append_len (b->texts, plain, sizeof plain - 1);
    g_string_set_size (b->texts, b->texts->len + rest);
    memcpy (b->texts->str + texts->at + texts->type, b->texts->str + from, rest);
  }
}

/* --- the table of parts ---------------------------------------------------------------------------- */

static void
append_rows (struct mime_builder *b) {
  size_t charsets = (size_t)b->nodes->len * LAYOUT_ROW;
  g_string_set_size (b->table, charsets);
  for (uint32_t i = 0; i < b->nodes->len; i++) {
    const struct node *node = node_at (b, i);
    unsigned char *row = (unsigned char *)b->table->str + (size_t)i * LAYOUT_ROW;
    put_number (row, node->header, 8);
    put_number (row + 8, node->header_size, 8);
    put_number (row + 16, node->body_size, 8);
    put_number (row + 24, MIN (node->lines, UINT32_MAX), 4);
    put_number (row + 28, node->next, 4);
    put_number (row + 32, node->depth, 2);
    row[34] = node->kind;
    row[35] = node->encoding;
    row[36] = node->attachment ? LAYOUT_ATTACHMENT : 0;
    row[37] = node->charset_size;
    put_number (row + 38, 0, 2);
    put_number (row + 40, b->table->len, 4);
    g_string_append_len (b->table, b->texts->str + node->charset, node->charset_size);
  }
}

void
assemble (struct mime_builder *b) {
  mend_multiparts (b);
  g_string_truncate (b->structure, 0);
  append_part (b, 0);
  append_rows (b);
}

/* --- the digest ------------------------------------------------------------------------------------- */

/* Leaves out the biggest members until the rest fits. */
static void
choose (struct ptn_bytes *members, size_t max) {
  for (;;) {
    size_t size = LAYOUT_HEAD;
    unsigned biggest = 0;
    for (unsigned i = 0; i < MIME_MEMBERS; i++) {
      size += members[i].data ? members[i].size : 0;
      if (members[i].data && (!members[biggest].data || members[i].size > members[biggest].size))
        biggest = i;
    }
    if (size <= MIN (max, UINT32_MAX) || !members[biggest].data)
      return;
    members[biggest] = (struct ptn_bytes){ NULL, 0 };
  }
}

struct ptn_bytes
pack (struct mime_builder *b, size_t max) {
  const struct node *mail = node_at (b, 0);
  struct ptn_bytes members[MIME_MEMBERS] = {
    [MIME_ENVELOPE] = { b->texts->str + mail->envelope, mail->envelope_size },
    [MIME_STRUCTURE] = { b->structure->str, b->structure->len },
    [MIME_PARTS] = { b->table->str, b->table->len },
    [MIME_REFERENCES] = { b->texts->str + b->references, b->references_size },
  };
  size_t size = LAYOUT_HEAD;
  if (b->preview)
    members[MIME_PREVIEW] = (struct ptn_bytes){ b->preview->str, b->preview->len };
  choose (members, max);
  for (unsigned i = 0; i < MIME_MEMBERS; i++)
    size += members[i].size;
  g_string_set_size (b->digest, size);
  unsigned char *head = (unsigned char *)b->digest->str;
  memcpy (head, "PMD1", 4);
  put_number (head + 4, size, 4);
  put_number (head + 8, b->offset, 8);
  put_number (head + 16, mail->header_size, 8);
  put_number (head + 24, b->has_date ? (uint64_t)b->date.epoch : 0, 8);
  put_number (head + 32, (uint32_t)(b->has_date ? b->date.zone : INT32_MIN), 4);
  put_number (head + 36, b->nodes->len, 4);
  size = LAYOUT_HEAD;
  for (unsigned i = 0; i < MIME_MEMBERS; i++) {
    put_number (head + 40 + 8 * i, members[i].data ? size : 0, 4);
    put_number (head + 44 + 8 * i, members[i].size, 4);
    if (members[i].size)
      memcpy (head + size, members[i].data, members[i].size);
    size += members[i].size;
  }
  return (struct ptn_bytes){ head, size };
}
