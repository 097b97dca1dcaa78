/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.h - the state of a mailbox in use, shared by all its sessions. */
#ifndef STORAGE_KYOTO_VIEW_H
#define STORAGE_KYOTO_VIEW_H

#include "account.h"

ptn_status view_get (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                     const struct ptn_view **);
void view_release (const struct ptn_view *); /* [any] */

void views_init (struct shard *);
void views_destroy (struct shard *);
/* The index is another one now: every mailbox is read again for its next view. */
void views_forget (struct shard *);

#endif
