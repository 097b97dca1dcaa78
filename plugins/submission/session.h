/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - the functions of struct ptn_protocol; the contract is in postern/session.h. */
#ifndef SUBMISSION_SESSION_H
#define SUBMISSION_SESSION_H

#include "submission.h"

ptn_status session_open (void *instance, struct ptn_task *, struct ptn_stream *,
                         const struct ptn_session_info *, void **session);
ptn_status session_step (void *session, struct ptn_task *, int64_t *deadline_ns);
void session_goodbye (void *session, struct ptn_task *, ptn_bye why, const char *text);
void session_close (void *session);

extern const struct ptn_conformance submission_conformance;

#endif
