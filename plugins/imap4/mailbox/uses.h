/* SPDX-License-Identifier: Apache-2.0 */
/* uses.h - special uses of mailboxes (RFC 6154, RFC 8457) by name.  Pure functions. */
#ifndef IMAP4_MAILBOX_USES_H
#define IMAP4_MAILBOX_USES_H

#include "syntax/reader.h"
#include "syntax/writer.h"

#include <postern/store.h>

/* Those that IMAP has names for. */
#define USES_NAMED                                                                  \
  (PTN_MAILBOX_ALL | PTN_MAILBOX_ARCHIVE | PTN_MAILBOX_DRAFTS | PTN_MAILBOX_FLAGGED \
   | PTN_MAILBOX_JUNK | PTN_MAILBOX_SENT | PTN_MAILBOX_TRASH | PTN_MAILBOX_IMPORTANT)

/* "(" [use-attr *(SP use-attr)] ")" of CREATE: PTN_MAILBOX_*; *known is false if one of them is none
 * that a mailbox can be made with. */
bool uses_read (struct reader *, uint32_t *uses, bool *known);
/* " \Sent" ...: those that IMAP has names for, each with a space before it; Gmail's old names for
 * XLIST. */
void uses_put (struct writer *, uint32_t uses, bool xlist);

#endif
