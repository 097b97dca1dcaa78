/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - between mailbox names as clients know them and as the store does: namespaces (RFC 2342).
 *
 * A client's own mailboxes have no prefix; those of others are below "Other Users/NAME", public ones
 * below "Public Folders" (settings of the listener).  "/" divides levels.  Called in the session's
 * task. */
#ifndef IMAP4_MAILBOX_NAMES_H
#define IMAP4_MAILBOX_NAMES_H

#include "mailbox/pattern.h"
#include "session.h"

/* name: from reader_mailbox.  The pieces live as long as the reader's strings.  False: it is the name
 * of a namespace or of a user, where no mailbox can be. */
bool mailbox_of (struct session *, const char *name, struct ptn_mailbox_name *);
/* The name for the client, in UTF-8; g_free. */
char *mailbox_shown (const struct session *, struct ptn_mailbox_name);
/* The status of a mailbox by the client's name: PTN_OK and a row that is valid until
 * host->call_end (&s->call); PTN_PENDING; errors as the store's.  Call again with the same name. */
ptn_status mailbox_status (struct session *, const char *name, const struct ptn_mailbox **);
/* The names above other users' and public mailboxes, without "/" at the end; "": they are not shown. */
const char *namespace_others (const struct session *);
const char *namespace_public (const struct session *);
/* A name below "Other Users/" that is the user's own, without that; else the name itself. */
const char *name_plain (const struct session *, const char *name);
/* The word for the account that owns it, as events and the store have it. */
const char *mailbox_owner (const struct session *, struct ptn_mailbox_name);

#endif
