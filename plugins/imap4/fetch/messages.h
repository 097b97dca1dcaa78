/* SPDX-License-Identifier: Apache-2.0 */
/* messages.h - the steps of a FETCH, and which messages it is about; see fetch.h. */
#ifndef IMAP4_FETCH_MESSAGES_H
#define IMAP4_FETCH_MESSAGES_H

#include "fetch/fetch.h"

/* The answers of all messages (command.c). */
ptn_status fetch_messages (struct session *);

/* Takes from f->uids what CHANGEDSINCE and PARTIAL leave out (choose.c). */
void fetch_choose (struct session *, struct fetch *);
/* The UIDs that the client named, there or not. */
GArray *fetch_asked_uids (struct session *, const struct sequence_set *);
/* Tells which of them, f->vanished, are gone; then the messages (RFC 7162 section 3.2.6). */
ptn_status fetch_vanished (struct session *);

#endif
