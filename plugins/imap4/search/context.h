/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - searches whose results stay up to date (RFC 5267): SEARCH and SORT with RETURN (UPDATE).
 *
 * Contexts belong to the selected mailbox, and go with it.  Reports of what changed call the functions
 * below; what a context's result gained or lost is told then. */
#ifndef IMAP4_SEARCH_CONTEXT_H
#define IMAP4_SEARCH_CONTEXT_H

#include "search/search.h"

enum { CONTEXTS_MOST = 10 };

struct context;
struct contexts;

/* The command that has just been answered goes on as a context.  False: there are too many, or its tag
 * belongs to one already. */
bool context_add (struct session *, struct search_work *);
void contexts_free (struct contexts **);

/* Tells that a result is not kept up to date any more, or at all. */
void context_lost (struct session *, const char *tag);

/* Before EXPUNGE or VANISHED is told: these places in `told` (uint32_t) are gone. */
void contexts_gone (struct session *, const GArray *places);
/* After all was told: these UIDs (struct ptn_uid_range, referenced) are new or changed. */
void contexts_changed (struct session *, GArray *uids);
/* Is something left to be told? */
bool contexts_due (const struct session *);
/* Tells what that changed.  PTN_OK: all is told; PTN_PENDING: call again. */
ptn_status contexts_update (struct session *);

#endif
