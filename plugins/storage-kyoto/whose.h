/* SPDX-License-Identifier: GPL-3.0-or-later */
/* whose.h - whose message has this body?  The index answers only the other question, so all
 * messages of the shard are looked at: for damage, not for daily use. */
#ifndef STORAGE_KYOTO_WHOSE_H
#define STORAGE_KYOTO_WHOSE_H

#include "store.h"

struct whose {
  uint64_t body;
  char *account, *mailbox; /* "?": the index does not know */
  uint32_t uid;
};

/* The messages (struct whose, owned by the array) whose body is a key (uint64_t) of the table, in
 * the order of the index. [any, may read much] */
GPtrArray *whose_bodies (struct shard *, GHashTable *bodies);

#endif
