/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rights.h - who may do what in a mailbox (RFC 4314; the table stands in abi/postern/store.h).
 *
 * An account's own mailboxes cost nothing: nobody looks for entries there.  Those of others are
 * looked up when they are used, and the last answer is kept until an entry in its shard changes. */
#ifndef STORAGE_KYOTO_RIGHTS_H
#define STORAGE_KYOTO_RIGHTS_H

#include "rows.h"

#include <postern/store.h>

/* In the order of the letters. */
enum {
  RIGHT_L = 1 << 0,
  RIGHT_R = 1 << 1,
  RIGHT_S = 1 << 2,
  RIGHT_W = 1 << 3,
  RIGHT_I = 1 << 4,
  RIGHT_P = 1 << 5,
  RIGHT_K = 1 << 6,
  RIGHT_X = 1 << 7,
  RIGHT_T = 1 << 8,
  RIGHT_E = 1 << 9,
  RIGHT_A = 1 << 10,
  RIGHTS_ALL = (1 << 11) - 1,
  RIGHTS_TEXT = 12, /* room for all letters */
  RIGHTS_MAX = 1000 /* entries of a mailbox */
};

struct shard;

/* Who asks; part of an open account. */
struct asker {
  char *authzid;
  char **groups; /* without '$'; NULL: none */
  bool administrator;
};

void asker_init (struct asker *, const char *authzid, struct ptn_strings groups,
                 bool administrator);
void asker_clear (struct asker *);

/* False: a letter that is no right. */
bool rights_parse (const char *letters, uint32_t *rights);
void rights_format (uint32_t rights, char text[RIGHTS_TEXT]);
/* The same; all of them, which is what most ask for, are a constant. */
const char *rights_text (uint32_t rights, char text[RIGHTS_TEXT]);
/* A name that an entry may be for? */
bool rights_who_valid (const char *who);
/* What the entries of a mailbox give. */
ptn_status rights_granted (const struct asker *, struct shard *, uint32_t user, uint32_t mailbox,
                           uint32_t *rights);
/* PTN_OK; PTN_E_DENIED; PTN_E_NOT_FOUND: not even to be told that it is there. */
ptn_status rights_check (uint32_t has, uint32_t needed);
/* The flags that may be changed. */
ptn_flag_bits rights_flags (uint32_t rights);

#endif
