/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request.h - changes that are a step of their own: mailboxes made, removed, renamed, subscribed;
 * their keywords, special uses and recent messages; limits; accounts removed. */
#ifndef STORAGE_KYOTO_REQUEST_H
#define STORAGE_KYOTO_REQUEST_H

#include "account.h"

ptn_status request_create (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           uint32_t attributes);
ptn_status request_remove (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name);
ptn_status request_rename (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name from,
                           struct ptn_mailbox_name to);
ptn_status request_subscribe (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                              int on);
ptn_status request_keyword (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                            const char *keyword, int make, uint32_t *bit);
ptn_status request_set_attributes (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                   uint32_t attributes);
ptn_status request_claim_recent (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                                 uint32_t *first);
ptn_status request_set_rights (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                               const char *who, const char *rights);
ptn_status request_set_quota (struct ptn_account *, struct ptn_call *, const struct ptn_quota *);
ptn_status request_remove_account (void *instance, struct ptn_call *, const char *account);

/* The position of a keyword (case does not matter) in a coded table; -1: not there.  count: how
 * many there are. */
int keyword_find (struct reader table, const char *keyword, uint32_t *count);
/* Leaves the bits that mean something in the mailbox.  [committer] */
ptn_status flags_known (struct txn *, uint32_t user, uint32_t mailbox, uint64_t *flags);

#endif
