/* SPDX-License-Identifier: Apache-2.0 */
/* login.h - from the greeting to an open account. */
#ifndef IMAP4_LOGIN_LOGIN_H
#define IMAP4_LOGIN_LOGIN_H

#include "session.h"

/* What postern.login/1 offers here and now; valid until login_end.  PTN_PENDING as ever; on failure
 * nothing is offered. */
ptn_status login_mechanisms (struct session *, struct ptn_strings *names, uint32_t *plaintext);
/* Forgets a login that is tried, at any time. */
void login_end (struct session *);

#endif
