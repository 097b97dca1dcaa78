/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - what differs between what a client was told and what is, and views between the two.
 *
 * A difference belongs to nobody: it is counted, and sessions that stand at the same place share one
 * (difference_between).  Any thread. */
#ifndef IMAP4_SELECTED_MERGE_H
#define IMAP4_SELECTED_MERGE_H

#include "selected/selected.h"

struct changed {
  uint32_t told, now; /* places, from 0 */
};

struct difference {
  int references;
  uint32_t fresh;  /* messages at the end of `now` that are new */
  GArray *gone;    /* places in `told`, uint32_t, ascending; NULL: none */
  GArray *changed; /* struct changed of those in both whose modseq is greater; NULL: none */
};

struct differences; /* those that were computed last: one for all sessions of an instance */
struct differences *differences_new (void);
void differences_free (struct differences **);

/* A reference, for difference_unref. */
struct difference *difference_between (struct differences *, const struct ptn_id *mailbox,
                                       const struct ptn_view *told, const struct ptn_view *now,
                                       bool share);
void difference_unref (struct difference *);

/* All messages of `told`, those that are gone as they were, the others as they are now, then the new
 * ones.  Takes the reference to `now` over. */
struct ptn_view *view_mix (const struct ptn_view *told, const struct ptn_view *now,
                           const struct difference *);
/* Of a mixed view: the newest one that it was made of. */
const struct ptn_view *view_mixed_from (const struct ptn_view *);
/* Gives the selected mailbox another `told`. */
void selected_tell (struct session *, const struct ptn_view *, bool mixed);

#endif
