/* SPDX-License-Identifier: Apache-2.0 */
/* folders.h - the folders of an Exchange mailbox, which are there from the first login on.
 *
 * They are made once for an account; an annotation remembers it, so that what its user deletes stays
 * deleted.  Called in the session's task. */
#ifndef IMAP4_MAILBOX_FOLDERS_H
#define IMAP4_MAILBOX_FOLDERS_H

#include "session.h"

extern const char folders_languages[]; /* choices of the setting folder_names */

/* After the account was opened.  PTN_PENDING as ever; PTN_OK: nothing more to do, also if they cannot
 * be made: that is logged and tried again at the next login. */
ptn_status folders_prepare (struct session *);
/* With the account, at any time. */
void folders_free (struct session *, struct folders *);

#endif
