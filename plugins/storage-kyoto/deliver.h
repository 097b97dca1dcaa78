/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deliver.h - one message into many accounts (struct ptn_store.deliver). */
#ifndef STORAGE_KYOTO_DELIVER_H
#define STORAGE_KYOTO_DELIVER_H

#include "store.h"

ptn_status store_deliver (void *instance, struct ptn_call *, const struct ptn_append *,
                          const struct ptn_target *targets, size_t count,
                          struct ptn_delivered *results);

#endif
