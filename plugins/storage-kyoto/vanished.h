/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vanished.h - which UIDs have left a mailbox (RFC 7162). */
#ifndef STORAGE_KYOTO_VANISHED_H
#define STORAGE_KYOTO_VANISHED_H

#include "account.h"

ptn_status mailbox_vanished (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                             uint64_t since, const struct ptn_uid_set *uids,
                             struct ptn_uid_set *gone);

#endif
