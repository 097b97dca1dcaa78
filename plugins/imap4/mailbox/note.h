/* SPDX-License-Identifier: Apache-2.0 */
/* note.h - one annotation of the account or of a mailbox, read or written: for what this plugin has to
 * remember.  Called in the session's task, with s->call. */
#ifndef IMAP4_MAILBOX_NOTE_H
#define IMAP4_MAILBOX_NOTE_H

#include "session.h"

struct note { /* zeroed at first, and again when a call is done */
  unsigned stage;
  struct ptn_cursor *cursor;
  struct ptn_change *change;
};

/* PTN_OK with *value (g_bytes_unref; NULL: there is none), PTN_PENDING, errors as the store's.
 * mailbox NULL: of the account. */
ptn_status note_read (struct session *, struct note *, const struct ptn_id *mailbox,
                      const char *name, GBytes **value);
/* data NULL removes it. */
ptn_status note_write (struct session *, struct note *, const struct ptn_id *mailbox,
                       const char *name, struct ptn_bytes value);
/* Gives up what has not come to its end. */
void note_clear (struct session *, struct note *);

#endif
