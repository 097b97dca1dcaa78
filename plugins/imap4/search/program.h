/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - what a client searches for, as a tree of keys (RFC 9051 section 6.4.4, and the keys of
 * its extensions).
 *
 * A program belongs to who parsed it, holds copies of all it needs, and never changes afterwards, but
 * for FILTER keys, which are replaced by what they stand for before it is used (filter.c).  It knows
 * nothing of a mailbox: run.h binds it to one. */
#ifndef IMAP4_SEARCH_PROGRAM_H
#define IMAP4_SEARCH_PROGRAM_H

#include "session.h"

#include "common/text/comparator.h"

enum {
  PROGRAM_DEPTH = 64,
  PROGRAM_KEYS = 2000,
  PROGRAM_TERMS = 64,
  PROGRAM_FILTERS = 32,
  PROGRAM_SETS = 16
};

enum key_kind {
  KEY_ALL,
  KEY_AND, /* of its children; OR has two, NOT one */
  KEY_OR,
  KEY_NOT,
  KEY_FLAGS,   /* flags & mask == wanted */
  KEY_KEYWORD, /* text */
  KEY_RECENT,
  KEY_NUMBERS, /* set; the bound form has UIDs */
  KEY_UIDS,
  KEY_SAVED,  /* "$" */
  KEY_LARGER, /* number; so the next */
  KEY_SMALLER,
  KEY_MODSEQ,
  KEY_ARRIVED, /* INTERNALDATE: day, compare; so the next two */
  KEY_SENT,
  KEY_SAVE_DATE,
  KEY_SAVE_DATE_SUPPORTED,
  KEY_YOUNGER, /* number: seconds */
  KEY_OLDER,
  KEY_EMAIL_ID, /* id; has_id false: no message has it */
  KEY_THREAD_ID,
  KEY_TERM,      /* number: of the term */
  KEY_FILTER,    /* text: its name */
  KEY_ANNOTATION /* text: the entry's pattern; mask: ANNOTATION_VALUES; value, number: its size */
};
enum comparison { BEFORE, ON, SINCE };

struct key {
  enum key_kind kind;
  enum comparison comparison;
  bool has_id;
  unsigned slot; /* in the bindings of run.h, for kinds that have one */
  ptn_flag_bits mask, wanted;
  int32_t day; /* since 1970-01-01 */
  uint64_t number;
  struct ptn_id id;
  const char *text, *value;
  struct sequence_set set;
  struct key *first, *next; /* children; the next child of the parent */
};

/* One text that is looked for. */
struct term {
  uint32_t scope;    /* PTN_SEARCH_HEADER, PTN_SEARCH_BODY, PTN_SEARCH_TEXT (search.h) */
  const char *field; /* of PTN_SEARCH_HEADER */
  const char *text;  /* UTF-8 */
  size_t size;
};

enum {                      /* what some key needs to know of a message, beyond the view */
       NEEDS_ROW = 1 << 0,  /* fetched: dates, size, ids */
       NEEDS_SENT = 1 << 1, /* the digest */
       NEEDS_TEXT = 1 << 2,
       NEEDS_ANNOTATIONS = 1 << 3
};

struct program {
  struct key *top;
  struct term terms[PROGRAM_TERMS];
  unsigned term_count, slots, key_count, filters;
  unsigned sets; /* keys that are bound to as many ranges as the mailbox has, whatever they say */
  unsigned needs;
  uint32_t fetch; /* PTN_FETCH_ items */
  bool modseq;    /* a MODSEQ key: the answer tells the highest (RFC 7162 section 3.1.5) */
  bool numbers, saved;
  bool fuzzy;
  GPtrArray *keys; /* all of them */
  GStringChunk *strings;
};

enum program_result {
  PROGRAM_OK,
  PROGRAM_BAD,        /* the reader says why */
  PROGRAM_BAD_CHARSET /* NO [BADCHARSET (...)] */
};

struct program *program_new (void);
void program_free (struct program **);

/* "[CHARSET name SP] key *(SP key)", to the end. */
enum program_result program_parse (struct program *, struct reader *);
/* The same with the charset before the keys and always there, as in SORT and THREAD. */
enum program_result program_parse_criteria (struct program *, struct reader *);
/* Keys instead of a FILTER key. */
enum program_result program_parse_filter (struct program *, struct key *, struct reader *);
/* The first FILTER key; NULL: there is none. */
struct key *program_filter (struct program *);

#endif
