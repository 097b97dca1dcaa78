/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - which messages of a mailbox fit a program.
 *
 * First every message is judged by what the shared view knows (flags, UIDs, modseqs); the index, if
 * there is one, tells of texts; rows are fetched of those that are still open; and only those that even
 * that does not decide are read.  A run belongs to a session, its steps are the session's; it yields
 * when the task's budget is spent.  Memory: some octets a message, and what one message's texts need. */
#ifndef IMAP4_SEARCH_RUN_H
#define IMAP4_SEARCH_RUN_H

#include "search/program.h"

#include "common/mime/digest.h"

struct search_run;

/* The program stays the caller's, and longer than the run. */
struct search_run *search_run_new (struct session *, const struct program *, enum comparator);
void search_run_free (struct search_run **);

/* Over what the client knows of the selected mailbox. */
void search_run_selected (struct search_run *);
/* Over all of another mailbox (RFC 7377). */
void search_run_mailbox (struct search_run *, const struct ptn_id *, const char *owner,
                         uint32_t uidvalidity);
/* Of the messages only these UIDs (ascending and apart; referenced). */
void search_run_among (struct search_run *, GArray *uids);

/* `collect` is called for each message that fits, by ascending UID, with its row (with these PTN_FETCH_
 * items) and, with `digest`, a digest that has envelope and references. */
typedef void search_collect (void *user, uint32_t uid, const struct ptn_message *,
                             const struct mime_digest *);
void search_run_collect (struct search_run *, uint32_t items, bool digest, search_collect *,
                         void *user);

/* Makes numbers and "$" in the program (the run's own) what they were for this run: UIDs. */
void search_run_settle (const struct search_run *, struct program *);

/* PTN_END: the result is there; PTN_OK: others first, then again; PTN_PENDING; or an error of the
 * store. */
ptn_status search_run_step (struct search_run *);

/* The view that was searched: place by place, was it found?  And the UIDs, ascending, uint32_t, the
 * caller's (g_array_unref). */
const struct ptn_view *search_run_view (const struct search_run *);
GArray *search_run_uids (const struct search_run *, uint64_t *highest_modseq);

#endif
