/* SPDX-License-Identifier: Apache-2.0 */
/* delegations.h - who may open whose mailbox, whatever the directory says: what `posternctl
 * delegate` keeps in a file of the plugin's own, for directories that have no room for it.
 *
 * The file is text, a line each: MAILBOX, a tab, USER, a tab, "full" or "read".  It is replaced as
 * a whole and synced before a change counts.  Any thread; one lock. */
#ifndef AUTH_DELEGATIONS_H
#define AUTH_DELEGATIONS_H

#include <stdbool.h>

#include <postern/postern.h>

struct delegations;

/* Reads the file, which need not be there.  NULL: it cannot be read; *why is g_malloc'd. */
struct delegations *delegations_new (const char *folder, char **why);
void delegations_free (struct delegations **);

/* What the user may do in the mailbox; PTN_ACCESS_UNTOLD: nothing is said. */
ptn_access delegations_find (struct delegations *, const char *mailbox, const char *user);
/* PTN_ACCESS_UNTOLD takes it away.  false: *why, g_malloc'd, and nothing changed. */
bool delegations_set (struct delegations *, const char *mailbox, const char *user, ptn_access,
                      char **why);
/* Calls with each, sorted by mailbox, under the lock. */
void delegations_each (struct delegations *,
                       void (*call) (void *argument, const char *mailbox, const char *user,
                                     ptn_access),
                       void *argument);

#endif
