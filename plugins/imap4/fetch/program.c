/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h: fetch-att of RFC 9051 section 9 and of the extensions. */
#include "fetch/program.h"

static const struct {
  const char *name;
  enum item_kind kind;
  unsigned needs, store_items;
} simple[] = {
  { "UID", ITEM_UID, 0, 0 },
  { "FLAGS", ITEM_FLAGS, 0, 0 },
  { "MODSEQ", ITEM_MODSEQ, 0, 0 },
  { "INTERNALDATE", ITEM_INTERNALDATE, NEEDS_ROW, PTN_FETCH_DATES },
  { "RFC822.SIZE", ITEM_SIZE, NEEDS_ROW, PTN_FETCH_SIZE },
  { "ENVELOPE", ITEM_ENVELOPE, NEEDS_ROW | NEEDS_STRUCTURE, PTN_FETCH_DIGEST },
  { "BODY", ITEM_BODY, NEEDS_ROW | NEEDS_STRUCTURE, PTN_FETCH_DIGEST },
  { "BODYSTRUCTURE", ITEM_BODYSTRUCTURE, NEEDS_ROW | NEEDS_STRUCTURE, PTN_FETCH_DIGEST },
  { "EMAILID", ITEM_EMAILID, NEEDS_ROW, PTN_FETCH_IDS },
  { "THREADID", ITEM_THREADID, NEEDS_ROW, PTN_FETCH_IDS },
  { "SAVEDATE", ITEM_SAVEDATE, NEEDS_ROW, PTN_FETCH_DATES },
  { "PREVIEW", ITEM_PREVIEW, NEEDS_ROW | NEEDS_STRUCTURE, PTN_FETCH_DIGEST },
  { "ANNOTATION", ITEM_ANNOTATION, 0, 0 },
};

static struct item *
add_item (struct program *program, enum item_kind kind) {
  struct item item = { .kind = kind };
  for (guint i = 0; kind < ITEM_SECTION && i < program->items->len; i++)
    if (g_array_index (program->items, struct item, i).kind == kind)
      return &g_array_index (program->items, struct item, i); /* once is enough */
  g_array_append_val (program->items, item);
  return &g_array_index (program->items, struct item, program->items->len - 1);
}

static bool
add_simple (struct program *program, const char *name, size_t size) {
  for (size_t i = 0; i < G_N_ELEMENTS (simple); i++)
    if (strlen (simple[i].name) == size && !g_ascii_strncasecmp (simple[i].name, name, size)) {
      add_item (program, simple[i].kind);
      program->needs |= simple[i].needs;
      program->store_items |= simple[i].store_items;
      return true;
    }
  return false;
}

static void
add_macro (struct program *program, const char *word) {
  static const char *const names[] = { "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY" };
  unsigned count = !strcmp (word, "FAST") ? 3 : !strcmp (word, "ALL") ? 4 : 5;
  for (unsigned i = 0; i < count; i++)
    add_simple (program, names[i], strlen (names[i]));
}

static struct item *
add_section (struct program *program, enum item_kind kind, bool seen) {
  /* A section of the mail as a whole needs its size alone. */
  program->needs |= NEEDS_ROW | NEEDS_OCTETS;
  program->store_items |= PTN_FETCH_SIZE;
  program->sets_seen |= seen;
  return add_item (program, kind);
}

static void
needs_structure (struct program *program, const struct item *item) {
  if (item->section.depth || item->section.text != MIME_SECTION_ALL) {
    program->needs |= NEEDS_STRUCTURE;
    program->store_items |= PTN_FETCH_DIGEST;
  }
}

/* RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 section 6.4.5) */
static bool
add_rfc822 (struct program *program, const char *name, size_t size) {
  static const char *const names[] = { [MIME_SECTION_ALL] = "RFC822",
                                       [MIME_SECTION_HEADER] = "RFC822.HEADER",
                                       [MIME_SECTION_TEXT] = "RFC822.TEXT" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strlen (names[i]) == size && !g_ascii_strncasecmp (names[i], name, size)) {
      struct item *item = add_section (program, ITEM_SECTION, i != MIME_SECTION_HEADER);
      item->label = names[i];
      item->section.text = (enum mime_section_text)i;
      needs_structure (program, item);
      return true;
    }
  return false;
}

/* At a '[': of BODY, BODY.PEEK, BINARY, BINARY.PEEK, BINARY.SIZE. */
static bool
read_section (struct program *program, struct reader *r, const char *name, size_t size) {
  static const struct {
    const char *name, *label;
    enum item_kind kind;
    bool seen;
  } rows[] = {
    { "BODY", "BODY[", ITEM_SECTION, true },
    { "BODY.PEEK", "BODY[", ITEM_SECTION, false },
    { "BINARY", "BINARY[", ITEM_BINARY, true },
    { "BINARY.PEEK", "BINARY[", ITEM_BINARY, false },
    { "BINARY.SIZE", "BINARY.SIZE[", ITEM_BINARY_SIZE, false },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    if (strlen (rows[i].name) != size || g_ascii_strncasecmp (rows[i].name, name, size) != 0)
      continue;
    g_autoptr (GString) label = g_string_new (rows[i].label);
    struct item *item = add_section (program, rows[i].kind, rows[i].seen);
    r->at++;
    if (!section_read (r, item, label))
      return false;
    item->label = reader_keep (r, label->str, label->len);
    needs_structure (program, item);
    if (item->kind != ITEM_SECTION) { /* the encoding is in the digest */
      program->needs |= NEEDS_STRUCTURE;
      program->store_items |= PTN_FETCH_DIGEST;
    }
    return true;
  }
  return reader_fail (r, "unknown FETCH item");
}

/* A word of an item: up to what ends atoms, and '['. */
static size_t
word_size (const struct reader *r) {
  size_t size = 0;
  for (; r->at + size < r->size; size++) {
    char c = r->data[r->at + size];
    if (!g_ascii_isalnum (c) && c != '.')
      break;
  }
  return size;
}

static bool
read_preview (struct program *program, struct reader *r) {
  struct item *last = &g_array_index (program->items, struct item, program->items->len - 1);
  if (r->size - r->at < 2 || r->data[r->at] != ' ' || r->data[r->at + 1] != '(')
    return true;
  r->at += 2; /* RFC 8970 section 3.2 */
  if (!reader_accept_word (r, "LAZY"))
    return reader_fail (r, "expected LAZY");
  if (last->kind == ITEM_PREVIEW)
    last->kind = ITEM_PREVIEW_LAZY;
  return reader_expect (r, ')');
}

static bool
read_item (struct program *program, struct session *s, struct reader *r) {
  const char *name = r->data + r->at;
  size_t size = word_size (r);
  if (!size)
    return reader_fail (r, "expected a FETCH item");
  r->at += size;
  if (reader_peek (r) == '[')
    return read_section (program, r, name, size);
  guint before = program->items->len;
  if (add_simple (program, name, size)) {
    enum item_kind kind = before < program->items->len
                              ? g_array_index (program->items, struct item, before).kind
                              : ITEM_UID;
    if (kind == ITEM_PREVIEW)
      return read_preview (program, r);
    if (kind == ITEM_ANNOTATION)
      return reader_space (r) && annotation_read_query (r, &program->annotations);
    return true;
  }
  return add_rfc822 (program, name, size) || reader_fail (r, "unknown FETCH item");
}

static bool
read_items (struct program *program, struct session *s, struct reader *r) {
  static const char *const macros[] = { "ALL", "FAST", "FULL" };
  for (size_t i = 0; i < G_N_ELEMENTS (macros); i++)
    if (reader_accept_word (r, macros[i])) {
      add_macro (program, macros[i]);
      return true;
    }
  if (!reader_accept (r, '('))
    return read_item (program, s, r);
  do {
    if (program->items->len >= PROGRAM_ITEMS)
      return reader_fail (r, "too many FETCH items");
    if (!read_item (program, s, r))
      return false;
  } while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

/* "1:10" or "-1:-10" (RFC 9394 section 3.1) */
static bool
read_partial (struct program *program, struct reader *r) {
  uint32_t first, last;
  bool behind = reader_accept (r, '-');
  if (!reader_nz_number (r, &first))
    return false;
  if (!reader_accept (r, ':'))
    return reader_fail (r, "expected \":\" in a partial range");
  if (behind != reader_accept (r, '-'))
    return reader_fail (r, "a partial range counts from one end");
  if (!reader_nz_number (r, &last))
    return false;
  program->partial = true;
  program->from = behind ? -(int64_t)MAX (first, last) : (int64_t)MIN (first, last);
  program->to = behind ? -(int64_t)MIN (first, last) : (int64_t)MAX (first, last);
  return true;
}

static bool
read_modifiers (struct program *program, struct session *s, struct reader *r) {
  if (!reader_accept (r, ' '))
    return true;
  if (!reader_expect (r, '('))
    return false;
  do {
    if (reader_accept_word (r, "CHANGEDSINCE")) {
      if (program->has_changed_since)
        return reader_fail (r, "CHANGEDSINCE twice");
      program->has_changed_since = true;
      if (!reader_space (r) || !reader_number64 (r, &program->changed_since))
        return false;
      if (!program->changed_since) /* RFC 7162 section 7: mod-sequence-value */
        return reader_fail (r, "a mod-sequence of 0");
    } else if (reader_accept_word (r, "VANISHED"))
      program->vanished = true;
    else if (reader_accept_word (r, "PARTIAL")) {
      if (program->partial)
        return reader_fail (r, "PARTIAL twice");
      if (!s->uid)
        return reader_fail (r, "PARTIAL is for UID FETCH");
      if (!reader_space (r) || !read_partial (program, r))
        return false;
    } else
      return reader_fail (r, "unknown FETCH modifier");
  } while (reader_accept (r, ' '));
  if (program->vanished && !(s->uid && program->has_changed_since && s->enabled & ENABLED_QRESYNC))
    return reader_fail (r, "VANISHED needs UID FETCH, CHANGEDSINCE and ENABLE QRESYNC");
  return reader_expect (r, ')');
}

static bool
has_item (const struct program *program, enum item_kind kind) {
  for (guint i = 0; i < program->items->len; i++)
    if (g_array_index (program->items, struct item, i).kind == kind)
      return true;
  return false;
}

bool
program_read (struct program *program, struct session *s, struct reader *r) {
  *program = (struct program){ .items = g_array_new (FALSE, FALSE, sizeof (struct item)) };
  if (s->uid && !(s->enabled & ENABLED_UIDONLY))
    add_item (program, ITEM_UID);
  if (!reader_space (r) || !read_items (program, s, r) || !read_modifiers (program, s, r)
      || !reader_end (r))
    return false;
  if (program->has_changed_since && !has_item (program, ITEM_MODSEQ))
    add_item (program, ITEM_MODSEQ);
  program->modseq = has_item (program, ITEM_MODSEQ); /* RFC 7162 section 3.1 */
  if (program->needs & NEEDS_STRUCTURE)              /* of mails whose digest has to be made */
    program->store_items |= PTN_FETCH_SIZE;
  return true;
}

void
program_clear (struct program *program) {
  for (guint i = 0; program->items && i < program->items->len; i++) {
    struct item *item = &g_array_index (program->items, struct item, i);
    g_free ((void *)item->section.path);
    if (item->fields)
      g_hash_table_unref (item->fields);
  }
  if (program->items)
    g_array_unref (program->items);
  annotation_query_clear (&program->annotations);
  g_free (program->conversion);
  *program = (struct program){ 0 };
}
