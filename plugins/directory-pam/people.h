/* SPDX-License-Identifier: Apache-2.0 */
/* people.h - the plugin's settings, and the users of the system who are accounts by them.
 *
 * Rules are immutable and counted, because a reload makes new ones while the old are in use.  What
 * asks NSS may wait for another machine: lanes only. */
#ifndef DIRECTORY_PAM_PEOPLE_H
#define DIRECTORY_PAM_PEOPLE_H

#include "common/login/domains.h"

#include <glib.h>
#include <postern/postern.h>
#include <stdbool.h>
#include <sys/types.h>

struct rules {
  gint references;
  struct domains *domains;
  uid_t min_uid, max_uid;
  char *service;           /* of PAM */
  char *service_directory; /* or NULL: where PAM looks itself */
  char **attributes;       /* of every account, "name=value" */
  char *postmaster;        /* or NULL */
};

/* NULL and *fault (a static text) if the settings make no sense. */
struct rules *rules_new (const struct ptn_host *, const struct ptn_config *, const char **fault);
struct rules *rules_ref (struct rules *);
void rules_unref (struct rules *);

/* Has NSS load its modules and read its files once, before several threads want it to. [setup] */
void people_begin (void);

/* PTN_OK: there is such a user and may have mail, and *account (g_free) is the name; PTN_E_NOT_FOUND,
 * PTN_E_TEMPORARY, with `why`.  `name` is folded, an address in a domain of ours or bare. */
ptn_status people_find (const struct rules *, const char *name, char **account, const char **why);
/* The names of all accounts behind `after`, in order, `limit` at most; NULL ends.  Only those that
 * NSS enumerates. */
char **people_list (const struct rules *, const char *after, size_t limit);

#endif
