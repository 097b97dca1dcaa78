/* SPDX-License-Identifier: Apache-2.0 */
/* gone.h - subscriptions to mailboxes that were deleted: the name stays subscribed (RFC 9051 section
 * 6.3.7), but the store has nothing left that it could hang on.  So such names are a list in an
 * annotation of the account, in lines.  Called in the session's task, with s->call. */
#ifndef IMAP4_MAILBOX_GONE_H
#define IMAP4_MAILBOX_GONE_H

#include "session.h"

struct gone; /* opaque */

/* name: to be noted (on) or forgotten; NULL: only read. */
struct gone *gone_new (const char *name, bool on);
void gone_free (struct session *, struct gone *);
/* PTN_OK: the names are read, and what was to be changed is durable.  PTN_PENDING and errors as the
 * store's. */
ptn_status gone_run (struct session *, struct gone *);
/* After it: the name was (un)noted, it was not as wanted before. */
bool gone_changed (const struct gone *);
/* The names, in UTF-8 as the client knows them; the gone's. */
const GPtrArray *gone_names (const struct gone *);

#endif
