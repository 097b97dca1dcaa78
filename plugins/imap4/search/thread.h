/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - the THREAD command (RFC 5256 section 4; REFS of draft-ietf-morg-inthread).  Owned by the
 * command; memory: some strings of each message that was found. */
#ifndef IMAP4_SEARCH_THREAD_H
#define IMAP4_SEARCH_THREAD_H

#include "search/run.h"

struct thread;

void thread_free (struct thread **);
void thread_collect (struct thread *, struct search_run *);
/* The response, then the answer: a resume function. */
ptn_status thread_tell (struct session *);

#endif
