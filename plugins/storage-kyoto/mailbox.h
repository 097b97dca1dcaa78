/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.h - struct ptn_store's functions that read mailboxes: lists, status, entries of rights. */
#ifndef STORAGE_KYOTO_MAILBOX_H
#define STORAGE_KYOTO_MAILBOX_H

#include "cursor.h"

ptn_status mailbox_list (struct ptn_account *, struct ptn_call *, const char *pattern,
                         struct ptn_cursor **);
ptn_status mailbox_list_others (struct ptn_account *, struct ptn_call *, const char *owner,
                                const char *pattern, struct ptn_cursor **);
ptn_status mailbox_next (struct ptn_cursor *, struct ptn_call *, const struct ptn_mailbox **);
ptn_status mailbox_status (struct ptn_account *, struct ptn_call *, struct ptn_mailbox_name,
                           const struct ptn_mailbox **);
ptn_status mailbox_rights (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                           const struct ptn_rights **entries, size_t *count);

#endif
