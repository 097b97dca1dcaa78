/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - one search, in pages (RFC 2696) where more than one page may come.
 *
 * Blocks: on threads of the lane only. */
#ifndef DIRECTORY_LDAP_SEARCH_H
#define DIRECTORY_LDAP_SEARCH_H

#include "pool.h"
#include "record.h"

struct search {
  const char *base;
  bool only_base; /* that entry alone, and not what is below it */
  const char *filter;
  char **attributes;
  int limit;          /* entries */
  GPtrArray *records; /* struct record, after PTN_OK; each may be stolen */
};

/* PTN_OK; PTN_E_TEMPORARY with a reason: also when there are more than `limit`, and when the server
 * has no such base, because an answer of "nobody" would have mail refused for good. */
ptn_status search_run (struct search *, struct pool *, const struct rules *,
                       char reason[POOL_REASON]);
void search_clear (struct search *);

#endif
