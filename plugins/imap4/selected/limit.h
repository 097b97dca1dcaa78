/* SPDX-License-Identifier: Apache-2.0 */
/* limit.h - how many messages one command may name (RFC 9738), if the listener's message_limit or
 * save_limit says so.  Called in the session's task. */
#ifndef IMAP4_SELECTED_LIMIT_H
#define IMAP4_SELECTED_LIMIT_H

#include "session.h"

/* 0: as many as there are. */
uint32_t message_limit (const struct session *);
/* The same for COPY and APPEND, which are done as a whole or not at all. */
uint32_t save_limit (const struct session *);

/* Takes over a set of UIDs, and gives back those that the command does: the greatest ones.  If some
 * are left out, the answer will say where to go on: [MESSAGELIMIT count lowest-uid]. */
GArray *limit_uids (struct session *, GArray *uids);
/* "MESSAGELIMIT 1000 4711" if the command that is answered was cut; g_free; else NULL. */
char *limit_code (const struct session *);
/* More than COPY or APPEND may save?  Then NO [MESSAGELIMIT count] is to be answered with this code,
 * g_free; else NULL. */
char *limit_refusal (const struct session *, uint64_t count);
/* Messages in a set of UIDs. */
uint64_t limit_count (const GArray *uids);

#endif
