/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - parsing search programs; keys.c has the table of key words. */
#include "search/program.h"
#include "search/program_private.h"

#include "common/text/charset.h"

struct program *
program_new (void) {
  struct program *p = g_new0 (struct program, 1);
  p->keys = g_ptr_array_new ();
  p->strings = g_string_chunk_new (256);
  return p;
}

void
program_free (struct program **program) {
  struct program *p = *program;
  if (!p)
    return;
  for (guint i = 0; i < p->keys->len; i++) {
    struct key *key = p->keys->pdata[i];
    sequence_set_clear (&key->set);
    g_free (key);
  }
  g_ptr_array_unref (p->keys);
  g_string_chunk_free (p->strings);
  g_free (p);
  *program = NULL;
}

struct key *
key_add (struct parse *parse, enum key_kind kind) {
  struct program *p = parse->program;
  if (p->key_count == PROGRAM_KEYS) {
    reader_fail (parse->r, "a search with too many keys");
    return NULL;
  }
  struct key *key = g_new0 (struct key, 1);
  key->kind = kind;
  p->key_count++;
  g_ptr_array_add (p->keys, key);
  return key;
}

struct key *
program_set_add (struct parse *parse, enum key_kind kind) {
  if (parse->program->sets++ < PROGRAM_SETS)
    return key_add (parse, kind);
  reader_fail (parse->r, "a search with too many sets of messages");
  return NULL;
}

const char *
parse_text (struct parse *parse, size_t *size) {
  size_t raw;
  const char *text = reader_astring (parse->r, &raw);
  if (!text)
    return NULL;
  g_autoptr (GString) decoded = g_string_new (NULL);
  charset_to_utf8 (parse->charset, strlen (parse->charset), text, raw, decoded);
  *size = decoded->len;
  return g_string_chunk_insert_len (parse->program->strings, decoded->str, (gssize)decoded->len);
}

/* 1*(SP key), up to ")" or the end. */
static struct key *
parse_list (struct parse *parse, bool within) {
  struct key *first = parse_key (parse), *last = first;
  while (last && reader_peek (parse->r) == ' ') {
    if (!reader_space (parse->r))
      return NULL;
    last = last->next = parse_key (parse);
  }
  if (!last || (within && !reader_expect (parse->r, ')')))
    return NULL;
  if (!first->next)
    return first;
  struct key *all = key_add (parse, KEY_AND);
  if (all)
    all->first = first;
  return all;
}

static struct key *
parse_set (struct parse *parse) {
  struct key *key = program_set_add (parse, KEY_NUMBERS);
  if (!key || !reader_sequence_set (parse->r, &key->set))
    return NULL;
  int c = reader_peek (parse->r);
  if (c != ' ' && c != ')' && c != -1) {
    reader_fail (parse->r, "a malformed sequence set");
    return NULL;
  }
  if (key->set.saved) {
    key->kind = KEY_SAVED;
    parse->program->saved = true;
  } else
    parse->program->numbers = true;
  key->slot = parse->program->slots++;
  return key;
}

struct key *
parse_key (struct parse *parse) {
  struct reader *r = parse->r;
  struct key *key;
  int c = reader_peek (r);
  if (++parse->depth > PROGRAM_DEPTH) {
    reader_fail (r, "a search that is nested too deep");
    return NULL;
  }
  if (reader_accept (r, '('))
    key = parse_list (parse, true);
  else if (c == '*' || c == '$' || (c >= '0' && c <= '9'))
    key = parse_set (parse);
  else
    key = parse_word (parse);
  parse->depth--;
  return key;
}

/* The charset that strings are in (RFC 3501 section 6.4.4, RFC 6855 section 3). */
static enum program_result
take_charset (struct parse *parse) {
  struct reader *r = parse->r;
  size_t size;
  const char *name = reader_astring (r, &size);
  if (!name)
    return PROGRAM_BAD;
  if (!charset_is_known (name, size))
    return PROGRAM_BAD_CHARSET;
  parse->charset = name;
  return PROGRAM_OK;
}

static enum program_result
parse_all (struct parse *parse) {
  parse->program->top = parse_list (parse, false);
  if (!parse->program->top || !reader_end (parse->r))
    return PROGRAM_BAD;
  return PROGRAM_OK;
}

enum program_result
program_parse (struct program *p, struct reader *r) {
  struct parse parse = { .program = p, .r = r, .charset = "" };
  if (reader_accept_word (r, "CHARSET")) {
    if (!reader_space (r))
      return PROGRAM_BAD;
    enum program_result result = take_charset (&parse);
    if (result != PROGRAM_OK)
      return result;
    if (!reader_space (r))
      return PROGRAM_BAD;
  }
  return parse_all (&parse);
}

enum program_result
program_parse_criteria (struct program *p, struct reader *r) {
  struct parse parse = { .program = p, .r = r, .charset = "" };
  enum program_result result = take_charset (&parse);
  if (result != PROGRAM_OK)
    return result;
  return reader_space (r) ? parse_all (&parse) : PROGRAM_BAD;
}

enum program_result
program_parse_filter (struct program *p, struct key *filter, struct reader *r) {
  struct parse parse = { .program = p, .r = r, .charset = "utf-8" };
  struct key *key = parse_list (&parse, false);
  if (!key || !reader_end (r))
    return PROGRAM_BAD;
  filter->kind = KEY_AND;
  filter->first = key;
  return PROGRAM_OK;
}

struct key *
program_filter (struct program *p) {
  for (guint i = 0; i < p->keys->len; i++) {
    struct key *key = p->keys->pdata[i];
    if (key->kind == KEY_FILTER)
      return key;
  }
  return NULL;
}
