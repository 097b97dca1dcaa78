/* SPDX-License-Identifier: GPL-3.0-or-later */
/* admin.h - accounts seen from above: lists and quotas. */
#ifndef STORAGE_KYOTO_ADMIN_H
#define STORAGE_KYOTO_ADMIN_H

#include "account.h"

ptn_status admin_list_accounts (void *instance, struct ptn_call *, const char *after,
                                struct ptn_strings *);
ptn_status admin_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota **);

#endif
