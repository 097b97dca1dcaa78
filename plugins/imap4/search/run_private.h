/* SPDX-License-Identifier: Apache-2.0 */
/* run_private.h - for the files of search_run alone: run.c (stages), bind.c (sets and names of a
 * mailbox), judge.c (keys), texts.c (reading messages), index.c (the index plugin). */
#ifndef IMAP4_SEARCH_RUN_PRIVATE_H
#define IMAP4_SEARCH_RUN_PRIVATE_H

#include "search/run.h"

#include "common/mime/structure.h"
#include "common/text/match.h"
#include "common/text/message_text.h"

#include <postern/search.h>

enum verdict { NO, YES, MAYBE };

struct binding {
  GArray *uids;       /* of KEY_NUMBERS, KEY_UIDS, KEY_SAVED, KEY_ANNOTATION */
  ptn_flag_bits mask; /* of KEY_KEYWORD; 0: no message has it */
};

/* What is known of one message. */
struct facts {
  uint32_t uid;
  ptn_flag_bits flags;
  uint64_t modseq;
  const struct ptn_message *row;    /* NULL: not yet */
  const struct mime_digest *digest; /* NULL: not yet */
  guint64 known, holds;             /* terms */
  /* What would decide; gathered by judge. */
  unsigned needs;
  guint64 asks;
};

/* Terms that are looked for in the same texts. */
struct group {
  uint32_t scope;
  const char *field;
  struct matcher *matcher;
  guint64 terms;
  unsigned char of[MATCHER_STRINGS]; /* the term of each string of the matcher */
  bool active;
};

enum reading { READ_NOTHING, READ_OPEN_ALL, READ_ALL, READ_OPEN_TEXT, READ_TEXT };
enum { ROWS = 64 };

struct search_run {
  struct session *s;
  const struct program *program;
  enum comparator comparator;
  struct ptn_id mailbox;
  char *owner;
  uint32_t uidvalidity;
  bool selected;
  GArray *among;
  int64_t now; /* seconds since 1970 */

  unsigned stage;
  const struct ptn_view *view;
  unsigned char *verdicts; /* enum verdict, by place in the view */
  struct binding *bindings;
  guint annotation;           /* the key whose annotations are read */
  uint32_t cheap_at, told_at; /* places judge_cheaply has come to */
  GArray *open;               /* struct ptn_uid_range: rows to be fetched */
  uint32_t open_count, done_count;

  struct ptn_call call, row_call, read_call, index_call;
  struct ptn_fetch fetch;
  struct ptn_cursor *cursor;
  const struct ptn_message *rows[ROWS];
  size_t row, row_count;
  uint32_t place; /* of the last row */

  /* The message that is read (texts.c). */
  enum reading reading;
  struct facts facts;
  struct mime_digest digest;
  struct mime_builder *builder;
  struct message_text *text;
  struct ptn_source *source;
  struct group *groups;
  unsigned group_count;
  uint64_t text_offset, text_size;
  bool built; /* the digest is our own */

  struct question *question; /* index.c */
  const struct ptn_search_result *index;
  unsigned char index_term[PROGRAM_TERMS]; /* the term of each of the index's */

  search_collect *collect;
  void *collect_user;
  uint32_t collect_items;
  bool collect_digest;

  int64_t told_ns; /* when the client heard of us last */
};

/* bind.c */
void run_bind (struct search_run *);
void run_unbind (struct search_run *);
/* Reads the annotations that keys ask for.  PTN_END: they are bound. */
ptn_status run_annotations (struct search_run *);

/* judge.c: with needs and asks filled when it is MAYBE. */
enum verdict run_judge (const struct search_run *, struct facts *);

/* texts.c */
void run_groups (struct search_run *);
void run_groups_free (struct search_run *);
/* Reads the message of run->facts until it can be judged; PTN_END: *verdict is NO or YES. */
ptn_status run_read (struct search_run *, enum verdict *verdict);
void run_read_end (struct search_run *);

/* index.c: PTN_END when it has answered, or will not. */
ptn_status run_index (struct search_run *);
/* The question, when its call has ended. */
void run_question_free (struct search_run *);
/* Adds to known and holds. */
void run_index_facts (const struct search_run *, struct facts *);

#endif
