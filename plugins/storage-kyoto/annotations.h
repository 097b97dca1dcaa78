/* SPDX-License-Identifier: GPL-3.0-or-later */
/* annotations.h - what annotate has set, through a cursor; and whose it is.
 *
 * A name that begins with "/private/" is kept as it is for the owner of the mailbox, and with
 * PRIVATE_MARK and its authzid behind it for anybody else; so rows still come by name.  Names of an
 * account that do not begin with '/' are the store's own: subscriptions of others' mailboxes. */
#ifndef STORAGE_KYOTO_ANNOTATIONS_H
#define STORAGE_KYOTO_ANNOTATIONS_H

#include "cursor.h"

#define PRIVATE_MARK '\1'

/* What stands in the key for this name, from this account; place NULL: of the account itself.
 * g_malloc'd. */
char *annotation_kept_name (struct ptn_account *, const struct place *, const char *name);
/* The store's own name for a subscription; g_malloc'd. */
char *subscription_name (const struct ptn_id *mailbox);

ptn_status annotations_open (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                             struct ptn_uid_set, int all_uids, const char *name,
                             struct ptn_cursor **);
ptn_status annotations_next (struct ptn_cursor *, struct ptn_call *,
                             const struct ptn_annotation **);

#endif
