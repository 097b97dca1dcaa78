/* SPDX-License-Identifier: Apache-2.0 */
/* domains.h - the mail domains that a directory serves, and the Windows names of them.
 *
 * Made from settings and not changed afterwards: any thread.  The maker owns it. */
#ifndef PLUGINS_COMMON_LOGIN_DOMAINS_H
#define PLUGINS_COMMON_LOGIN_DOMAINS_H

#include <postern/postern.h>

#include <stdbool.h>

struct domains;

/* The settings `domains` and `nt_domains`: Windows names stand in the order of the domains; more of
 * them belong to the first.  NULL and *fault (a static text) if they make no sense. */
struct domains *domains_new (struct ptn_strings domains, struct ptn_strings nt_domains,
                             const char **fault);
void domains_free (struct domains **);

const char *domains_primary (const struct domains *); /* the first */
/* The folded mail domain, A-labels: our copy of it; NULL: not ours. */
const char *domains_find (const struct domains *, const char *folded);
/* The mail domain of a folded Windows domain, or of one of our mail domains written in its place;
 * NULL: not ours.  *nt: how the settings write the Windows domain, or "". */
const char *domains_of_nt (const struct domains *, const char *folded, const char **nt);
/* The Windows domain that belongs to one of our mail domains, or "". */
const char *domains_nt_of (const struct domains *, const char *domain);

#endif
