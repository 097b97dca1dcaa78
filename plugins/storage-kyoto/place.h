/* SPDX-License-Identifier: GPL-3.0-or-later */
/* place.h - names of accounts and mailboxes: checked, found, made.  The functions with a txn run
 * in the committer. */
#ifndef STORAGE_KYOTO_PLACE_H
#define STORAGE_KYOTO_PLACE_H

#include "commit.h"

bool account_valid (const char *account);
/* The path without its last level; NULL if it has only one.  g_malloc'd. */
char *path_parent (const char *path);

/* PTN_OK: the ids; made, with parents, if they were not there. */
ptn_status place_user (struct txn *, const char *account, uint32_t *user);
ptn_status place_mailbox (struct txn *, uint32_t user, const char *path, uint32_t *mailbox);
/* The mailbox itself must not be there (as more than a NOSELECT name). */
ptn_status place_new_mailbox (struct txn *, uint32_t user, const char *path, uint32_t *mailbox);
/* The name of a mailbox that is there; the path is g_malloc'd.  Looks through all of them. */
ptn_status place_name_of (struct txn *, uint32_t user, uint32_t mailbox, char **path,
                          struct name_row *);

#endif
