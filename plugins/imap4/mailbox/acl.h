/* SPDX-License-Identifier: Apache-2.0 */
/* acl.h - rights as IMAP writes them (RFC 4314).  Called in the session's task. */
#ifndef IMAP4_MAILBOX_ACL_H
#define IMAP4_MAILBOX_ACL_H

#include "session.h"

#include "common/rights.h"

/* "* MYRIGHTS name rights"; rights: RIGHT_*. */
void put_my_rights (struct session *, const char *name, uint32_t rights);

#endif
