/* SPDX-License-Identifier: Apache-2.0 */
/* delegations.h - who may open whose mailbox, whatever the directory says: what `posternctl
 * delegate` keeps in a file of the plugin's own, for directories that have no room for it.
 *
 * Who of that name was meant is told by the attribute "account.id" of both, where the directory has
 * one: the name of an account that is gone may belong to somebody else later.
 *
 * The file is text, a line each: MAILBOX, a tab, USER, a tab, "full" or "read", and behind two more
 * tabs the identifiers of both, which may be empty.  It is replaced as a whole and synced before a
 * change counts.  Any thread; one lock. */
#ifndef AUTH_DELEGATIONS_H
#define AUTH_DELEGATIONS_H

#include <stdbool.h>

#include <postern/postern.h>

struct delegations;

/* Reads the file, which need not be there.  NULL: it cannot be read; *why is g_malloc'd. */
struct delegations *delegations_new (const char *folder, char **why);
void delegations_free (struct delegations **);

/* An account, by its name and which one of that name it is. */
struct delegations_account {
  const char *name;
  const char *id; /* "" if the directory does not tell */
};                /* value */

/* What a user of this name may do in a mailbox of this name, whoever was meant; PTN_ACCESS_UNTOLD:
 * nothing is said. */
ptn_access delegations_find (struct delegations *, const char *mailbox, const char *user);
/* The same, if this user was meant, and this mailbox; mailbox.id NULL: it is not known yet. */
ptn_access delegations_find_exactly (struct delegations *, struct delegations_account mailbox,
                                     struct delegations_account user);
/* PTN_ACCESS_UNTOLD takes it away, whoever of these names it was given to.  false: *why, g_malloc'd,
 * and nothing changed. */
bool delegations_set (struct delegations *, struct delegations_account mailbox,
                      struct delegations_account user, ptn_access, char **why);
/* Calls with each, sorted by mailbox, under the lock. */
void delegations_each (struct delegations *,
                       void (*call) (void *argument, const char *mailbox, const char *user,
                                     ptn_access),
                       void *argument);

#endif
