/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remember.h - digests that come late: operations nobody waits for. */
#ifndef STORAGE_KYOTO_REMEMBER_H
#define STORAGE_KYOTO_REMEMBER_H

#include "account.h"

void message_remember (struct ptn_account *, const struct ptn_id *, uint32_t uid, struct ptn_bytes);

#endif
