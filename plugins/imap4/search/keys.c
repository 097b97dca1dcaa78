/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the words of search programs: RFC 9051 section 6.4.4 and RFC 3501, RFC 5032 (WITHIN),
 * RFC 5257 (ANNOTATION), RFC 5466 (FILTER), RFC 6203 (FUZZY), RFC 7162 (MODSEQ), RFC 8474 (ids),
 * RFC 8514 (SAVEDATE). */
#include "search/program_private.h"

#include "annotation/annotation.h"

#include <postern/search.h>

struct word;
typedef struct key *parse_function (struct parse *, const struct word *);

struct word {
  const char *name;
  parse_function *parse;
  enum key_kind kind;
  int comparison;     /* enum comparison; a scope */
  ptn_flag_bits mask; /* of KEY_FLAGS */
  ptn_flag_bits wanted;
  const char *field; /* of a header */
};

static struct key *
parse_plain (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, word->kind);
  if (!key)
    return NULL;
  key->mask = word->mask;
  key->wanted = word->wanted;
  if (word->kind == KEY_SAVE_DATE_SUPPORTED || word->kind == KEY_SAVE_DATE) {
    parse->program->needs |= NEEDS_ROW;
    parse->program->fetch |= PTN_FETCH_DATES;
  }
  return key;
}

static struct key *
not_of (struct parse *parse, struct key *child) {
  struct key *key = child ? key_add (parse, KEY_NOT) : NULL;
  if (key)
    key->first = child;
  return key;
}

/* NEW: RECENT UNSEEN; OLD: NOT RECENT. */
static struct key *
parse_recent (struct parse *parse, const struct word *word) {
  struct key *recent = key_add (parse, KEY_RECENT);
  if (!recent || word->kind == KEY_RECENT)
    return recent;
  if (word->kind == KEY_NOT)
    return not_of (parse, recent);
  struct key *unseen = key_add (parse, KEY_FLAGS), *both = key_add (parse, KEY_AND);
  if (!unseen || !both)
    return NULL;
  unseen->mask = PTN_SEEN;
  recent->next = unseen;
  both->first = recent;
  return both;
}

static struct key *
parse_not (struct parse *parse, const struct word *word) {
  if (!reader_space (parse->r))
    return NULL;
  return not_of (parse, parse_key (parse));
}

static struct key *
parse_or (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, KEY_OR);
  if (!key || !reader_space (parse->r) || !(key->first = parse_key (parse))
      || !reader_space (parse->r) || !(key->first->next = parse_key (parse)))
    return NULL;
  return key;
}

/* RFC 6203: as the key itself, whose matches are exact. */
static struct key *
parse_fuzzy (struct parse *parse, const struct word *word) {
  parse->program->fuzzy = true;
  return reader_space (parse->r) ? parse_key (parse) : NULL;
}

static struct key *
parse_keyword (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, KEY_KEYWORD);
  const char *name = key && reader_space (parse->r) ? reader_atom (parse->r) : NULL;
  if (!name)
    return NULL;
  key->text = g_string_chunk_insert (parse->program->strings, name);
  key->slot = parse->program->slots++;
  return word->kind == KEY_NOT ? not_of (parse, key) : key;
}

static struct key *
parse_uid (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, KEY_UIDS);
  if (!key || !reader_space (parse->r) || !reader_sequence_set (parse->r, &key->set))
    return NULL;
  if (key->set.saved) {
    key->kind = KEY_SAVED;
    parse->program->saved = true;
  }
  key->slot = parse->program->slots++;
  return key;
}

/* UIDAFTER and UIDBEFORE number (RFC 9738), without the one itself. */
static struct key *
parse_beside (struct parse *parse, const struct word *word) {
  uint32_t uid;
  struct key *key = key_add (parse, KEY_UIDS);
  if (!key || !reader_space (parse->r) || !reader_nz_number (parse->r, &uid))
    return NULL;
  key->slot = parse->program->slots++;
  bool after = word->comparison == SINCE;
  if (uid == (after ? UINT32_MAX : 1))
    return key; /* nothing can be there */
  key->set.ranges = g_new (struct ptn_uid_range, 1);
  key->set.ranges[0] =
      after ? (struct ptn_uid_range){ uid + 1, UINT32_MAX } : (struct ptn_uid_range){ 1, uid - 1 };
  key->set.count = 1;
  return key;
}

static struct key *
parse_number (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, word->kind);
  if (!key || !reader_space (parse->r) || !reader_number64 (parse->r, &key->number))
    return NULL;
  if (word->kind == KEY_YOUNGER || word->kind == KEY_OLDER) {
    if (key->number == 0 || key->number > UINT32_MAX) {
      reader_fail (parse->r, "an interval that is not a number of seconds from 1");
      return NULL;
    }
    parse->program->fetch |= PTN_FETCH_DATES;
  } else
    parse->program->fetch |= PTN_FETCH_SIZE;
  parse->program->needs |= NEEDS_ROW;
  return key;
}

/* MODSEQ [entry SP ("priv" / "shared" / "all")] number: flags have one modseq here, whatever entry. */
static struct key *
parse_modseq (struct parse *parse, const struct word *word) {
  struct reader *r = parse->r;
  struct key *key = key_add (parse, KEY_MODSEQ);
  if (!key || !reader_space (r))
    return NULL;
  if (reader_peek (r) == '"') {
    if (!reader_string (r, NULL) || !reader_space (r))
      return NULL;
    const char *type = reader_keyword (r);
    if (!type)
      return NULL;
    if (strcmp (type, "PRIV") != 0 && strcmp (type, "SHARED") != 0 && strcmp (type, "ALL") != 0) {
      reader_fail (r, "MODSEQ with a type that is none of priv, shared, all");
      return NULL;
    }
    if (!reader_space (r))
      return NULL;
  }
  if (!reader_number64 (r, &key->number))
    return NULL;
  parse->program->modseq = true;
  return key;
}

static struct key *
parse_date (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, word->kind);
  if (!key || !reader_space (parse->r) || !reader_date (parse->r, &key->day))
    return NULL;
  key->comparison = (enum comparison)word->comparison;
  parse->program->needs |= word->kind == KEY_SENT ? NEEDS_ROW | NEEDS_SENT : NEEDS_ROW;
  parse->program->fetch |= word->kind == KEY_SENT ? PTN_FETCH_DIGEST : PTN_FETCH_DATES;
  return key;
}

/* The octets behind the prefix letter, in the 32 hexadecimal digits of put_id. */
static struct key *
parse_id (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, word->kind);
  const char *text = key && reader_space (parse->r) ? reader_astring (parse->r, NULL) : NULL;
  if (!text)
    return NULL;
  key->text = g_string_chunk_insert (parse->program->strings, text);
  parse->program->needs |= NEEDS_ROW;
  parse->program->fetch |= PTN_FETCH_IDS;
  return key;
}

static struct key *
add_term (struct parse *parse, uint32_t scope, const char *field, const char *text, size_t size) {
  struct program *p = parse->program;
  struct key *key = key_add (parse, KEY_TERM);
  if (!key)
    return NULL;
  for (unsigned i = 0; i < p->term_count; i++) {
    const struct term *t = &p->terms[i];
    if (t->scope == scope && t->size == size && memcmp (t->text, text, size) == 0
        && (scope != PTN_SEARCH_HEADER || g_ascii_strcasecmp (t->field, field) == 0)) {
      key->number = i;
      return key;
    }
  }
  if (p->term_count == PROGRAM_TERMS) {
    reader_fail (parse->r, "a search for too many texts");
    return NULL;
  }
  p->terms[p->term_count] = (struct term){ scope, field, text, size };
  key->number = p->term_count++;
  p->needs |= NEEDS_ROW | NEEDS_TEXT;
  p->fetch |= PTN_FETCH_DIGEST;
  return key;
}

static struct key *
parse_term (struct parse *parse, const struct word *word) {
  const char *field = word->field, *text;
  size_t size;
  if (!reader_space (parse->r))
    return NULL;
  if (word->kind == KEY_TERM && word->comparison == PTN_SEARCH_HEADER && !field) {
    const char *name = reader_astring (parse->r, NULL);
    if (!name || !reader_space (parse->r))
      return NULL;
    field = g_string_chunk_insert (parse->program->strings, name);
  }
  text = parse_text (parse, &size);
  return text ? add_term (parse, (uint32_t)word->comparison, field, text, size) : NULL;
}

static struct key *
parse_filter (struct parse *parse, const struct word *word) {
  struct key *key = key_add (parse, KEY_FILTER);
  const char *name = key && reader_space (parse->r) ? reader_atom (parse->r) : NULL;
  if (!name)
    return NULL;
  if (++parse->program->filters > PROGRAM_FILTERS) {
    reader_fail (parse->r, "too many filters, or filters that name each other");
    return NULL;
  }
  key->text = g_string_chunk_insert (parse->program->strings, name);
  return key;
}

/* ANNOTATION entry-match att-search value (RFC 5257 section 4.6); NIL: messages that have none. */
static struct key *
parse_annotation (struct parse *parse, const struct word *word) {
  struct program *p = parse->program;
  struct reader *r = parse->r;
  struct key *key = program_set_add (parse, KEY_ANNOTATION);
  const char *entry;
  unsigned attributes;
  struct ptn_bytes value;
  if (!key || !reader_space (r) || !annotation_read_search (r, &entry, &attributes)
      || !reader_space (r) || !reader_value (r, &value))
    return NULL;
  key->text = g_string_chunk_insert (p->strings, entry);
  key->mask = attributes;
  key->value = g_string_chunk_insert_len (p->strings, value.data ? value.data : "",
                                          (gssize)(value.data ? value.size : 0));
  key->number = value.data ? value.size : 0;
  key->slot = p->slots++;
  p->needs |= NEEDS_ANNOTATIONS;
  return value.data ? key : not_of (parse, key);
}

#define FLAG(name, bit) \
  { name, parse_plain, KEY_FLAGS, 0, bit, bit, NULL }
#define NO_FLAG(name, bit) \
  { name, parse_plain, KEY_FLAGS, 0, bit, 0, NULL }
#define HEADER(name, field) \
  { name, parse_term, KEY_TERM, PTN_SEARCH_HEADER, 0, 0, field }
#define WORD(name, parse, kind, comparison) \
  { name, parse, kind, comparison, 0, 0, NULL }

/* In alphabetical order. */
static const struct word words[] = {
  WORD ("ALL", parse_plain, KEY_ALL, 0),
  WORD ("ANNOTATION", parse_annotation, KEY_ANNOTATION, 0),
  FLAG ("ANSWERED", PTN_ANSWERED),
  HEADER ("BCC", "Bcc"),
  WORD ("BEFORE", parse_date, KEY_ARRIVED, BEFORE),
  WORD ("BODY", parse_term, KEY_TERM, PTN_SEARCH_BODY),
  HEADER ("CC", "Cc"),
  FLAG ("DELETED", PTN_DELETED),
  FLAG ("DRAFT", PTN_DRAFT),
  WORD ("EMAILID", parse_id, KEY_EMAIL_ID, 0),
  WORD ("FILTER", parse_filter, KEY_FILTER, 0),
  FLAG ("FLAGGED", PTN_FLAGGED),
  HEADER ("FROM", "From"),
  WORD ("FUZZY", parse_fuzzy, KEY_ALL, 0),
  HEADER ("HEADER", NULL),
  WORD ("KEYWORD", parse_keyword, KEY_KEYWORD, 0),
  WORD ("LARGER", parse_number, KEY_LARGER, 0),
  WORD ("MODSEQ", parse_modseq, KEY_MODSEQ, 0),
  WORD ("NEW", parse_recent, KEY_AND, 0),
  WORD ("NOT", parse_not, KEY_NOT, 0),
  WORD ("OLD", parse_recent, KEY_NOT, 0),
  WORD ("OLDER", parse_number, KEY_OLDER, 0),
  WORD ("ON", parse_date, KEY_ARRIVED, ON),
  WORD ("OR", parse_or, KEY_OR, 0),
  WORD ("RECENT", parse_recent, KEY_RECENT, 0),
  WORD ("SAVEDATESUPPORTED", parse_plain, KEY_SAVE_DATE_SUPPORTED, 0),
  WORD ("SAVEDBEFORE", parse_date, KEY_SAVE_DATE, BEFORE),
  WORD ("SAVEDON", parse_date, KEY_SAVE_DATE, ON),
  WORD ("SAVEDSINCE", parse_date, KEY_SAVE_DATE, SINCE),
  FLAG ("SEEN", PTN_SEEN),
  WORD ("SENTBEFORE", parse_date, KEY_SENT, BEFORE),
  WORD ("SENTON", parse_date, KEY_SENT, ON),
  WORD ("SENTSINCE", parse_date, KEY_SENT, SINCE),
  WORD ("SINCE", parse_date, KEY_ARRIVED, SINCE),
  WORD ("SMALLER", parse_number, KEY_SMALLER, 0),
  HEADER ("SUBJECT", "Subject"),
  WORD ("TEXT", parse_term, KEY_TERM, PTN_SEARCH_TEXT),
  WORD ("THREADID", parse_id, KEY_THREAD_ID, 0),
  HEADER ("TO", "To"),
  WORD ("UID", parse_uid, KEY_UIDS, 0),
  WORD ("UIDAFTER", parse_beside, KEY_UIDS, SINCE),
  WORD ("UIDBEFORE", parse_beside, KEY_UIDS, BEFORE),
  NO_FLAG ("UNANSWERED", PTN_ANSWERED),
  NO_FLAG ("UNDELETED", PTN_DELETED),
  NO_FLAG ("UNDRAFT", PTN_DRAFT),
  NO_FLAG ("UNFLAGGED", PTN_FLAGGED),
  WORD ("UNKEYWORD", parse_keyword, KEY_NOT, 0),
  NO_FLAG ("UNSEEN", PTN_SEEN),
  WORD ("YOUNGER", parse_number, KEY_YOUNGER, 0),
};

static int
by_name (const void *name, const void *word) {
  return strcmp (name, ((const struct word *)word)->name);
}

struct key *
parse_word (struct parse *parse) {
  const char *name = reader_keyword (parse->r);
  if (!name)
    return NULL;
  const struct word *word = bsearch (name, words, G_N_ELEMENTS (words), sizeof words[0], by_name);
  if (!word) {
    reader_fail (parse->r, "an unknown search key");
    return NULL;
  }
  return word->parse (parse, word);
}
