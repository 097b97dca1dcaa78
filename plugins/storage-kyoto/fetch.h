/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fetch.h - rows of messages, through a cursor. */
#ifndef STORAGE_KYOTO_FETCH_H
#define STORAGE_KYOTO_FETCH_H

#include "cursor.h"

ptn_status fetch_open (struct ptn_account *, struct ptn_call *, const struct ptn_id *,
                       const struct ptn_fetch *, struct ptn_cursor **);
ptn_status fetch_next (struct ptn_cursor *, struct ptn_call *, const struct ptn_message **rows,
                       size_t room, size_t *count);

#endif
