/* SPDX-License-Identifier: Apache-2.0 */
/* sort.h - the order of SORT (RFC 5256 section 3, RFC 5957).  Owned by the command; memory: the keys of
 * each message that was found. */
#ifndef IMAP4_SEARCH_SORT_H
#define IMAP4_SEARCH_SORT_H

#include "search/run.h"

struct sort;

/* "(REVERSE DATE SUBJECT)".  NULL: the reader says why. */
struct sort *sort_parse (struct reader *, enum comparator);
void sort_free (struct sort **);
/* Gathers what the run finds. */
void sort_collect (struct sort *, struct search_run *);
/* Forgets what was gathered. */
void sort_reset (struct sort *);
/* Reads the annotations it sorts by (RFC 5257 section 4.7), when the run has ended.  PTN_END: all are
 * there; PTN_PENDING; or an error of the store. */
ptn_status sort_annotations (struct sort *, struct session *);
/* Does it sort by any? */
bool sort_has_annotations (const struct sort *);
/* Puts UIDs (ascending, uint32_t, those that were found) into the order. */
void sort_order (struct sort *, GArray *uids);

#endif
