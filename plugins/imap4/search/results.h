/* SPDX-License-Identifier: Apache-2.0 */
/* results.h - what a search gives back: SEARCH, SORT and ESEARCH responses (RFC 9051 section 7.3.4,
 * RFC 4731, RFC 5267, RFC 9394), and the variable "$" (RFC 5182). */
#ifndef IMAP4_SEARCH_RESULTS_H
#define IMAP4_SEARCH_RESULTS_H

#include "session.h"

enum { /* result options */
       RETURN_MIN = 1 << 0,
       RETURN_MAX = 1 << 1,
       RETURN_ALL = 1 << 2,
       RETURN_COUNT = 1 << 3,
       RETURN_SAVE = 1 << 4,
       RETURN_PARTIAL = 1 << 5,
       RETURN_CONTEXT = 1 << 6,
       RETURN_UPDATE = 1 << 7,
       RETURN_RELEVANCY = 1 << 8,
       RETURN_EXTENDED = 1 << 9 /* RETURN (...) was there: an ESEARCH response */
};

struct results {
  unsigned options;
  /* PARTIAL: places from 1, ascending; from_end: counted from the last one. */
  uint32_t first, last;
  bool from_end;
};

/* "RETURN (...)", if it is next, with the space behind it. */
bool results_parse (struct reader *, struct results *);

/* The ESEARCH response: ids (uint32_t, in their order) are numbers or UIDs.  modseq 0: not told.
 * before (may be NULL) stands behind the tag: the mailbox of RFC 7377. */
void results_tell (struct session *, const struct results *, const GArray *ids, bool uid,
                   uint64_t modseq, const char *before);
/* Which of the ids PARTIAL means: [*from, *to). */
void results_partial (const struct results *, guint count, guint *from, guint *to);
/* "1:3,7" of numbers in their order. */
void put_numbers (struct writer *, const uint32_t *numbers, guint count);
/* What SAVE keeps of these UIDs. */
void results_save (struct session *, const struct results *, const GArray *uids);
/* "$" is empty now. */
void results_forget (struct session *);

#endif
