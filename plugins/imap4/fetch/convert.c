/* SPDX-License-Identifier: Apache-2.0 */
/* convert.c - CONVERSIONS, and the arguments of CONVERT and UID CONVERT (RFC 5259 sections 5, 6, 10). */
#include "commands.h"
#include "common/text/charset.h"
#include "fetch/convert.h"
#include "fetch/messages.h"

/* --- CONVERSIONS ------------------------------------------------------------------------------------ */

static bool
type_matches (const char *pattern, const char *type) {
  size_t size = strlen (pattern);
  if (strcmp (pattern, "*") == 0)
    return true;
  if (size > 2 && strcmp (pattern + size - 2, "/*") == 0)
    return g_ascii_strncasecmp (pattern, type, size - 1) == 0;
  return g_ascii_strcasecmp (pattern, type) == 0;
}

void
command_conversions (struct session *s, struct reader *r) {
  static const char *const rows[][2] = { { "text/plain", "text/plain" },
                                         { "text/html", "text/plain" },
                                         { "text/html", "text/html" } };
  const char *from = NULL, *to = NULL;
  if (!reader_space (r) || !(from = reader_astring (r, NULL)) || !reader_space (r)
      || !(to = reader_astring (r, NULL)) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    if (type_matches (from, rows[i][0]) && type_matches (to, rows[i][1]))
      put_format (&s->out, "* CONVERSION \"%s\" \"%s\" (\"charset\")\r\n", rows[i][0], rows[i][1]);
  answer_ok (s, NULL, "CONVERSIONS completed");
}

/* --- arguments --------------------------------------------------------------------------------------- */

/* "(" transcoding-param *(SP transcoding-param) ")": names and values */
static bool
read_parameters (struct reader *r, struct conversion *conversion) {
  if (!reader_expect (r, '('))
    return false;
  do {
    const char *name = reader_astring (r, NULL), *value;
    if (!name || !reader_space (r) || !(value = reader_astring (r, NULL)))
      return false;
    if (g_ascii_strcasecmp (name, "charset") == 0 && charset_is_known (value, strlen (value))
        && strlen (value) < CHARSET_NAME_MAX)
      conversion->charset = value;
    else if (!conversion->unknown) {
      conversion->unknown = name;
      conversion->unknown_value = value;
    }
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

/* "(" (type / NIL) [SP "(" parameters ")"] ")" */
static bool
read_conversion (struct reader *r, struct conversion *conversion) {
  bool nil;
  if (!reader_expect (r, '('))
    return false;
  const char *target = reader_nstring (r, NULL, &nil);
  if (!target)
    return false;
  conversion->target = nil ? NULL : target;
  if (reader_accept (r, ' ') && !read_parameters (r, conversion))
    return false;
  return reader_expect (r, ')');
}

static bool
read_item (struct program *program, struct reader *r) {
  static const struct {
    const char *name;
    enum item_kind kind;
  } rows[] = {
    { "BINARY[", ITEM_CONVERT },
    { "BINARY.SIZE[", ITEM_CONVERT_SIZE },
    { "BODYPARTSTRUCTURE[", ITEM_CONVERT_STRUCTURE },
    { "AVAILABLECONVERSIONS[", ITEM_CONVERT_AVAILABLE },
    { "BODY[", ITEM_CONVERT_HEADER },
  };
  struct item item = { .kind = ITEM_UID };
  if (reader_accept_word (r, "UID")) {
    if (!program->items->len)
      g_array_append_val (program->items, item);
    return true;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    size_t size = strlen (rows[i].name);
    if (r->size - r->at < size || g_ascii_strncasecmp (r->data + r->at, rows[i].name, size) != 0)
      continue;
    g_autoptr (GString) label = g_string_new (rows[i].name);
    r->at += size;
    /* Read as the sections of FETCH that they look like. */
    item.kind = rows[i].kind == ITEM_CONVERT_HEADER ? ITEM_SECTION
                : rows[i].kind == ITEM_CONVERT      ? ITEM_BINARY
                                                    : ITEM_BINARY_SIZE;
    g_array_append_val (program->items, item);
    struct item *last = &g_array_index (program->items, struct item, program->items->len - 1);
    if (!section_read (r, last, label))
      return false;
    last->kind = rows[i].kind;
    last->label = reader_keep (r, label->str, label->len);
    if (last->kind == ITEM_CONVERT_HEADER
        && (last->fields || last->partial || last->section.text == MIME_SECTION_ALL
            || last->section.text == MIME_SECTION_TEXT))
      return reader_fail (r, "CONVERT takes BODY[HEADER] and BODY[...MIME] alone");
    return true;
  }
  return reader_fail (r, "unknown CONVERT item");
}

static bool
read_items (struct program *program, struct reader *r) {
  if (!reader_accept (r, '('))
    return read_item (program, r);
  do {
    if (program->items->len >= PROGRAM_ITEMS)
      return reader_fail (r, "too many CONVERT items");
    if (!read_item (program, r))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

bool
convert_read (struct program *program, struct session *s, struct reader *r) {
  struct item uid = { .kind = ITEM_UID };
  *program = (struct program){ .items = g_array_new (FALSE, FALSE, sizeof (struct item)),
                               .conversion = g_new0 (struct conversion, 1),
                               .needs = NEEDS_ROW | NEEDS_STRUCTURE | NEEDS_OCTETS,
                               .store_items = PTN_FETCH_SIZE | PTN_FETCH_DIGEST };
  if (s->uid)
    g_array_append_val (program->items, uid);
  return reader_space (r) && read_conversion (r, program->conversion) && reader_space (r)
         && read_items (program, r) && reader_end (r);
}
