/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rights.h - who may do what in a mailbox (RFC 4314; the table stands in abi/postern/store.h).
 *
 * An account's own mailboxes cost nothing: nobody looks for entries there.  Those of others are
 * looked up when they are used, and the last answer is kept until an entry in its shard changes. */
#ifndef STORAGE_KYOTO_RIGHTS_H
#define STORAGE_KYOTO_RIGHTS_H

#include "common/rights.h"

#include "rows.h"

#include <postern/store.h>

enum { RIGHTS_MAX = 1000 /* entries of a mailbox */ };

struct shard;

/* Who asks; part of an open account. */
struct asker {
  char *authzid;
  char **groups; /* without '$'; NULL: none */
  bool administrator;
  uint32_t most; /* what he may have anywhere: RIGHTS_READER for PTN_ACCESS_READ */
};

void asker_init (struct asker *, const char *authzid, struct ptn_strings groups, bool administrator,
                 bool reads);
void asker_clear (struct asker *);

/* Does he only look, and change nothing? */
static inline bool
asker_reads (const struct asker *asker) {
  return asker->most != RIGHTS_ALL;
}

/* As rights_format; all of them, which is what most ask for, are a constant. */
const char *rights_text (uint32_t rights, char text[RIGHTS_TEXT]);
/* A name that an entry may be for? */
bool rights_who_valid (const char *who);
/* What the entries of a mailbox give. */
ptn_status rights_granted (const struct asker *, struct shard *, uint32_t user, uint32_t mailbox,
                           uint32_t *rights);

#endif
