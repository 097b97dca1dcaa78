/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - what SEARCH, SORT, THREAD and ESEARCH have in common: a work object that parses, replaces
 * filters, runs, and is told. */
#ifndef IMAP4_SEARCH_SEARCH_H
#define IMAP4_SEARCH_SEARCH_H

#include "search/results.h"
#include "search/run.h"

struct search_work {
  struct program *program;
  struct search_run *run;
  struct results results;
  GArray *uids; /* uint32_t: what was found, in the order of the answer */
  GArray *ids;  /* the same, or their numbers */
  uint64_t modseq;
  guint told;
  const char *word; /* "SEARCH" or "SORT" */

  struct sort *sort;     /* sort.c */
  struct thread *thread; /* thread.c */
  struct multi *multi;   /* multi.c */

  /* FILTER keys (filter.c). */
  struct ptn_cursor *cursor;
  char *filter_name;
  bool shared;
};

/* The comparator of the session (RFC 5255). */
enum comparator session_comparator (const struct session *);

struct search_work *search_work_new (struct session *);
/* Answers what could not be parsed; true: go on. */
bool search_parsed (struct session *, enum program_result, const struct reader *);
/* Replaces filters, runs, then calls `done` until that has answered. */
void search_start (struct session *, ptn_status (*prepare) (struct session *));
/* PTN_END: no filter is left; PTN_OK: answered (NO). */
ptn_status search_filters (struct session *);
/* Tells the found UIDs as SEARCH or SORT, or as ESEARCH. */
ptn_status search_tell (struct session *);

#endif
