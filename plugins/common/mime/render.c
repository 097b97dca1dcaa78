/* SPDX-License-Identifier: Apache-2.0 */
/* render.c - a header that is over becomes the texts of its part: the fields of body-fld-* and the
 * ENVELOPE (RFC 9051 sections 7.5.2 and 9). */
#include "common/mime/address.h"
#include "common/mime/builder.h"
#include "common/mime/parameters.h"

#include <string.h>

static bool
is (struct ptn_bytes value, const char *word) {
  return value.size == strlen (word) && !g_ascii_strncasecmp (value.data, word, value.size);
}

/* --- ENVELOPE ---------------------------------------------------------------------------------- */

static void
append_addresses (GString *out, struct ptn_bytes value) {
  struct mime_addresses list;
  struct mime_address address;
  bool any = false;
  mime_addresses_start (&list, value.data, value.size);
  while (mime_addresses_next (&list, &address)) {
    g_string_append (out, any ? "(" : "((");
    any = true;
    if (address.kind == MIME_GROUP_START) {
      g_string_append (out, "NIL NIL ");
      append_nstring (out, address.name);
      g_string_append (out, " NIL)");
    } else if (address.kind == MIME_GROUP_END)
      g_string_append (out, "NIL NIL NIL NIL)");
    else {
      append_nstring (out, address.name);
      g_string_append_c (out, ' ');
      append_nstring (out, address.route);
      g_string_append_c (out, ' ');
      append_nstring (out, address.mailbox);
      g_string_append_c (out, ' ');
      append_nstring (out, address.host);
      g_string_append_c (out, ')');
    }
  }
  mime_addresses_clear (&list);
  g_string_append (out, any ? ")" : "NIL");
}

/* Sender and Reply-To that are not there, or empty, are those of From. */
static void
append_field_addresses (GString *out, struct header *fields, enum field field, size_t from,
                        size_t from_size) {
  struct ptn_bytes value;
  size_t start = out->len;
  if (header_value (fields, field, &value))
    append_addresses (out, value);
  else
    g_string_append (out, "NIL");
  if ((field == FIELD_SENDER || field == FIELD_REPLY_TO) && out->len - start == 3) {
    g_string_set_size (out, start + from_size);
    memcpy (out->str + start, out->str + from, from_size);
  }
}

static void
render_envelope (struct mime_builder *b, struct node *node) {
  static const enum field lists[] = { FIELD_SENDER, FIELD_REPLY_TO, FIELD_TO, FIELD_CC, FIELD_BCC };
  GString *out = b->texts;
  struct ptn_bytes value;
  node->envelope = (uint32_t)out->len;
  if (out->len > MIME_TEXT_MAX) {
    g_string_append (out, "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    node->envelope_size = (uint32_t)out->len - node->envelope;
    return;
  }
  g_string_append_c (out, '(');
  header_value (&b->fields, FIELD_DATE, &value);
  append_nstring (out, value);
  g_string_append_c (out, ' ');
  header_value (&b->fields, FIELD_SUBJECT, &value);
  append_nstring (out, value);
  g_string_append_c (out, ' ');
  size_t from = out->len;
  append_field_addresses (out, &b->fields, FIELD_FROM, 0, 0);
  size_t from_size = out->len - from;
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++) {
    g_string_append_c (out, ' ');
    append_field_addresses (out, &b->fields, lists[i], from, from_size);
  }
  g_string_append_c (out, ' ');
  header_value (&b->fields, FIELD_IN_REPLY_TO, &value);
  append_nstring (out, value);
  g_string_append_c (out, ' ');
  header_value (&b->fields, FIELD_MESSAGE_ID, &value);
  append_nstring (out, value);
  g_string_append_c (out, ')');
  node->envelope_size = (uint32_t)out->len - node->envelope;
}

/* What SORT and THREAD need beside it. */
static void
render_facts (struct mime_builder *b) {
  struct ptn_bytes value;
  if (header_value (&b->fields, FIELD_DATE, &value))
    b->has_date = mime_date_parse (value.data, value.size, &b->date);
  header_value (&b->fields, FIELD_REFERENCES, &value);
  if (value.size > MIME_REFERENCES_MAX) {
    value.data = (const char *)value.data + value.size - MIME_REFERENCES_MAX;
    value.size = MIME_REFERENCES_MAX;
  }
  b->references = (uint32_t)b->texts->len;
  b->references_size = (uint32_t)value.size;
  if (value.size)
    g_string_append_len (b->texts, value.data, (gssize)value.size);
}

/* --- body fields -------------------------------------------------------------------------------- */

static void
append_parameters (GString *out, const struct mime_parameters *parameters) {
  if (!parameters->count) {
    g_string_append (out, "NIL");
    return;
  }
  for (unsigned i = 0; i < parameters->count; i++) {
    g_string_append_c (out, i ? ' ' : '(');
    append_string (out, parameters->items[i].name.data, parameters->items[i].name.size);
    g_string_append_c (out, ' ');
    append_string (out, parameters->items[i].value.data, parameters->items[i].value.size);
  }
  g_string_append_c (out, ')');
}

/* A string, NIL also where it is empty. */
static void
append_field (GString *out, struct header *fields, enum field field) {
  struct ptn_bytes value;
  if (header_value (fields, field, &value) && value.size)
    append_string (out, value.data, value.size);
  else
    g_string_append (out, "NIL");
}

static void
append_disposition (GString *out, struct header *fields, struct node *node) {
  struct mime_parameters parameters;
  struct ptn_bytes value;
  if (!header_value (fields, FIELD_CONTENT_DISPOSITION, &value)) {
    g_string_append (out, "NIL");
    return;
  }
  mime_parameters_parse (&parameters, value.data, value.size);
  if (parameters.value.size) {
    node->attachment = is (parameters.value, "attachment");
    g_string_append_c (out, '(');
    append_string (out, parameters.value.data, parameters.value.size);
    g_string_append_c (out, ' ');
    append_parameters (out, &parameters);
    g_string_append_c (out, ')');
  } else
    g_string_append (out, "NIL");
  mime_parameters_clear (&parameters);
}

/* RFC 3282: tags with commas, and comments. */
static void
append_languages (GString *out, struct header *fields) {
  g_autoptr (GString) tag = g_string_new (NULL);
  struct ptn_bytes value;
  size_t start = out->len;
  unsigned count = 0, depth = 0;
  header_value (fields, FIELD_CONTENT_LANGUAGE, &value);
  const char *data = value.data;
  for (size_t i = 0; value.size && i <= value.size; i++) {
    char c = i < value.size ? data[i] : ',';
    if (i < value.size && c == '(')
      depth++;
    else if (c == ')' && depth)
      depth--;
    else if (i < value.size && (depth || c == ' ' || c == '\t'))
      continue;
    else if (c != ',')
      g_string_append_c (tag, c);
    else if (tag->len) {
      g_string_append_c (out, count++ ? ' ' : '(');
      append_string (out, tag->str, tag->len);
      g_string_truncate (tag, 0);
    }
  }
  if (count == 0)
    g_string_append (out, "NIL");
  else if (count == 1)
    g_string_erase (out, (gssize)start, 1);
  else
    g_string_append_c (out, ')');
}

/* RFC 2557 section 4.4.1: what folding put into it is none of it. */
static void
append_location (GString *out, struct header *fields) {
  struct ptn_bytes value;
  g_autoptr (GString) location = NULL;
  header_value (fields, FIELD_CONTENT_LOCATION, &value);
  if (!value.size) {
    g_string_append (out, "NIL");
    return;
  }
  location = g_string_sized_new (value.size);
  for (size_t i = 0; i < value.size; i++)
    if (((const char *)value.data)[i] != ' ' && ((const char *)value.data)[i] != '\t')
      g_string_append_c (location, ((const char *)value.data)[i]);
  append_string (out, location->str, location->len);
}

static void
append_encoding (GString *out, struct header *fields, struct node *node) {
  static const char *const words[] = { [MIME_ENCODING_7BIT] = "7bit",
                                       [MIME_ENCODING_8BIT] = "8bit",
                                       [MIME_ENCODING_BINARY] = "binary",
                                       [MIME_ENCODING_QUOTED_PRINTABLE] = "quoted-printable",
                                       [MIME_ENCODING_BASE64] = "base64" };
  struct mime_parameters parsed = { 0 };
  struct ptn_bytes value, word = { "7bit", 4 };
  if (header_value (fields, FIELD_CONTENT_TRANSFER_ENCODING, &value)) {
    mime_parameters_parse (&parsed, value.data, value.size);
    const char *data = parsed.value.data;
    size_t size = 0;
    while (size < parsed.value.size && data[size] != ' ' && data[size] != '\t')
      size++;
    if (size)
      word = (struct ptn_bytes){ data, size };
  }
  node->encoding = MIME_ENCODING_UNKNOWN;
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (is (word, words[i]))
      node->encoding = (uint8_t)i;
  append_string (out, word.data, word.size);
  mime_parameters_clear (&parsed);
}

/* --- Content-Type -------------------------------------------------------------------------------- */

static void
set_charset (struct mime_builder *b, struct node *node, const struct mime_parameters *type) {
  const struct ptn_bytes *charset = mime_parameters_find (type, "charset");
  if (!charset || !charset->size || charset->size > MIME_TYPE_MAX)
    return;
  node->charset = (uint32_t)b->texts->len;
  node->charset_size = (uint8_t)charset->size;
  g_string_append_len (b->texts, charset->data, (gssize)charset->size);
}

static void
set_kind (struct node *node, const struct mime_parameters *type) {
  if (is (type->type, "text"))
    node->kind = is (type->sub, "plain")  ? MIME_KIND_TEXT_PLAIN
                 : is (type->sub, "html") ? MIME_KIND_TEXT_HTML
                                          : MIME_KIND_TEXT;
  else if (is (type->type, "multipart"))
    node->kind = MIME_KIND_MULTIPART;
  else if (is (type->type, "message") && (is (type->sub, "rfc822") || is (type->sub, "global")))
    node->kind = MIME_KIND_MESSAGE;
  else
    node->kind = MIME_KIND_OTHER;
}

/* What holds others must have room for them, and a multipart a boundary. */
static void
check_kind (struct mime_builder *b, struct node *node, size_t boundary) {
  bool has_boundary = b->boundaries->len > boundary;
  bool room = node->depth + 1 < MIME_DEPTH_MAX && b->nodes->len < MIME_PARTS_MAX;
  if (node->kind == MIME_KIND_MULTIPART && !has_boundary)
    node->kind = MIME_KIND_TEXT_PLAIN;
  else if ((node->kind == MIME_KIND_MULTIPART || node->kind == MIME_KIND_MESSAGE) && !room)
    node->kind = MIME_KIND_OTHER;
  else
    return;
  g_string_truncate (b->boundaries, boundary);
  g_string_append (b->texts, node->kind == MIME_KIND_OTHER
                                 ? "\"application\" \"octet-stream\" NIL"
                                 : "\"text\" \"plain\" (\"charset\" \"us-ascii\")");
}

static void
take_boundary (const struct mime_parameters *type, GString *out) {
  const struct ptn_bytes *value = mime_parameters_find (type, "boundary");
  if (!value || value->size > MIME_BOUNDARY_MAX)
    return;
  const char *data = value->data;
  size_t size = value->size;
  while (size && (data[size - 1] == ' ' || data[size - 1] == '\t'))
    size--;
  g_string_append_len (out, data, (gssize)size);
}

static void
render_type (struct mime_builder *b, struct node *node, bool *digest) {
  size_t boundary = b->boundaries->len;
  struct mime_parameters type = { 0 };
  struct ptn_bytes value;
  size_t cut = b->texts->len;
  if (header_value (&b->fields, FIELD_CONTENT_TYPE, &value))
    mime_parameters_parse (&type, value.data, value.size);
  if (type.type.size) {
    set_kind (node, &type);
    if (node->kind <= MIME_KIND_TEXT)
      set_charset (b, node, &type);
    else if (node->kind == MIME_KIND_MULTIPART)
      take_boundary (&type, b->boundaries);
    *digest = is (type.sub, "digest");
    node->texts.at = (uint32_t)(cut = b->texts->len);
  } else
    node->kind = value.size == 0 && b->default_message ? MIME_KIND_MESSAGE : MIME_KIND_TEXT_PLAIN;
  uint8_t kind = node->kind;
  check_kind (b, node, boundary);
  if (node->kind == kind && !type.type.size)
    g_string_append (b->texts, kind == MIME_KIND_MESSAGE
                                   ? "\"message\" \"rfc822\" NIL"
                                   : "\"text\" \"plain\" (\"charset\" \"us-ascii\")");
  else if (node->kind == kind) {
    append_string (b->texts, type.type.data, type.type.size);
    g_string_append_c (b->texts, ' ');
    append_string (b->texts, type.sub.data, type.sub.size);
    g_string_append_c (b->texts, ' ');
    if (cut > MIME_TEXT_MAX)
      g_string_append (b->texts, "NIL");
    else
      append_parameters (b->texts, &type);
  }
  mime_parameters_clear (&type);
}

/* Its size since the last one. */
static uint32_t
mark (const struct mime_builder *b, size_t *since) {
  size_t size = b->texts->len - *since;
  *since = b->texts->len;
  return (uint32_t)size;
}

static void
render_body (struct mime_builder *b, struct node *node, bool *digest) {
  GString *out = b->texts;
  size_t since;
  node->texts.at = (uint32_t)out->len;
  render_type (b, node, digest);
  since = node->texts.at;
  node->texts.type = mark (b, &since);
  if (out->len > MIME_TEXT_MAX) {
    g_string_append (out, " NIL NIL ");
    append_encoding (out, &b->fields, node);
    node->texts.common = mark (b, &since);
    g_string_append (out, " NIL");
    node->texts.md5 = mark (b, &since);
    g_string_append (out, " NIL NIL NIL");
    node->texts.tail = mark (b, &since);
    return;
  }
  g_string_append_c (out, ' ');
  append_field (out, &b->fields, FIELD_CONTENT_ID);
  g_string_append_c (out, ' ');
  append_field (out, &b->fields, FIELD_CONTENT_DESCRIPTION);
  g_string_append_c (out, ' ');
  append_encoding (out, &b->fields, node);
  node->texts.common = mark (b, &since);
  g_string_append_c (out, ' ');
  append_field (out, &b->fields, FIELD_CONTENT_MD5);
  node->texts.md5 = mark (b, &since);
  g_string_append_c (out, ' ');
  append_disposition (out, &b->fields, node);
  g_string_append_c (out, ' ');
  append_languages (out, &b->fields);
  g_string_append_c (out, ' ');
  append_location (out, &b->fields);
  node->texts.tail = mark (b, &since);
}

void
render_part (struct mime_builder *b, uint32_t index, bool *digest) {
  struct node *node = node_at (b, index);
  *digest = false;
  if (node->is_mail)
    render_envelope (b, node);
  if (index == 0)
    render_facts (b);
  render_body (b, node, digest);
}
