/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.h - the unprivileged user the worker runs as, its folders, and its limits.
 *
 * Called by the supervisor before it serves, and in a child between fork and exec. */
#ifndef HOST_RUN_PRIVILEGES_H
#define HOST_RUN_PRIVILEGES_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

struct privileges {
  bool drop; /* we are root and a user is named */
  uid_t user;
  gid_t group;
  char *name;
};

/* `user` NULL or "": stay who we are.  An error if root is to be left and the user is unknown. */
bool privileges_init (struct privileges *, const char *user, GError **);
void privileges_clear (struct privileges *);
/* For good: groups, ids, no new privileges, dumpable again.  In a child. */
bool privileges_drop (const struct privileges *);
/* Makes the folder, with those above it, and gives it to the user, as one of root's that is empty;
 * another that is there stays as it is. */
bool privileges_folder (const struct privileges *, const char *path, mode_t, GError **);
/* Descriptors: the hard limit, or at least `wanted` where root may raise it.  What we have. */
guint64 privileges_raise_files (guint64 wanted);

#endif
