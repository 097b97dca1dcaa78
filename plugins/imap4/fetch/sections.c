/* SPDX-License-Identifier: Apache-2.0 */
/* sections.c - section-spec and partial of BODY[...] and BINARY[...] (RFC 9051 section 9). */
#include "fetch/program.h"

enum { FIELDS_MAX = 1000 };

/* "(" header-fld-name *(SP header-fld-name) ")" */
static bool
read_fields (struct reader *r, struct item *item, GString *label) {
  struct writer names = { 0 };
  bool good = false;
  item->fields = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  do {
    size_t size;
    const char *name = reader_astring (r, &size);
    if (!name)
      goto out;
    if (g_hash_table_size (item->fields) >= FIELDS_MAX) {
      reader_fail (r, "too many header fields");
      goto out;
    }
    if (names.size)
      put_char (&names, ' ');
    put_astring (&names, name, size, false);
    g_hash_table_add (item->fields, g_ascii_strdown (name, (gssize)size));
  } while (reader_accept (r, ' '));
  if (!reader_expect (r, ')'))
    goto out;
  g_string_append (label, " (");
  g_string_append_len (label, names.data, (gssize)names.size);
  g_string_append_c (label, ')');
  good = true;
out:
  writer_clear (&names);
  return good;
}

/* HEADER, HEADER.FIELDS (...), HEADER.FIELDS.NOT (...), TEXT, MIME */
static bool
read_text (struct reader *r, struct item *item, GString *label) {
  static const struct {
    const char *word;
    enum mime_section_text text;
    bool fields, except;
  } words[] = {
    { "HEADER", MIME_SECTION_HEADER, false, false },
    { "HEADER.FIELDS", MIME_SECTION_HEADER, true, false },
    { "HEADER.FIELDS.NOT", MIME_SECTION_HEADER, true, true },
    { "TEXT", MIME_SECTION_TEXT, false, false },
    { "MIME", MIME_SECTION_MIME, false, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    if (!reader_accept_word (r, words[i].word))
      continue;
    if (words[i].text == MIME_SECTION_MIME && !item->section.depth)
      return reader_fail (r, "MIME needs a part number before it");
    item->section.text = words[i].text;
    item->except = words[i].except;
    g_string_append (label, words[i].word);
    return !words[i].fields || read_fields (r, item, label);
  }
  return reader_fail (r, "unknown section");
}

static bool
read_path (struct reader *r, struct item *item, GString *label, bool *more) {
  uint32_t path[MIME_SECTION_DEPTH], number;
  size_t depth = 0;
  *more = true;
  while (g_ascii_isdigit (reader_peek (r))) {
    if (depth == MIME_SECTION_DEPTH)
      return reader_fail (r, "a part deeper than any mail has");
    if (!reader_nz_number (r, &number))
      return false;
    g_string_append_printf (label, "%s%u", depth ? "." : "", number);
    path[depth++] = number;
    *more = reader_accept (r, '.');
    if (!*more)
      break;
  }
  if (!depth)
    *more = reader_peek (r) != ']';
  else if (*more)
    g_string_append_c (label, '.');
  item->section.path = g_memdup2 (path, depth * sizeof *path);
  item->section.depth = depth;
  return true;
}

/* "<" number "." nz-number ">" */
static bool
read_range (struct reader *r, struct item *item, GString *label) {
  if (!reader_accept (r, '<'))
    return true;
  item->partial = true;
  if (!reader_number64 (r, &item->first))
    return false;
  if (!reader_accept (r, '.'))
    return reader_fail (r, "expected \".\" in a partial range of octets");
  if (!reader_number64 (r, &item->count))
    return false;
  if (!item->count)
    return reader_fail (r, "0 octets");
  g_string_append_printf (label, "<%" G_GUINT64_FORMAT ">", item->first);
  return reader_expect (r, '>');
}

bool
section_read (struct reader *r, struct item *item, GString *label) {
  bool more;
  if (!read_path (r, item, label, &more))
    return false;
  if (more && item->kind != ITEM_SECTION)
    return reader_fail (r, "BINARY takes part numbers alone");
  if (more && !read_text (r, item, label))
    return false;
  if (!reader_expect (r, ']'))
    return false;
  g_string_append_c (label, ']');
  return item->kind == ITEM_BINARY_SIZE || read_range (r, item, label);
}
