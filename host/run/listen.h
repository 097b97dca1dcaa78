/* SPDX-License-Identifier: Apache-2.0 */
/* listen.h - the listening sockets, which outlive workers and reloads.
 *
 * Owned by the supervisor, one thread.  A socket is known by its endpoint as it stands in the
 * configuration; listeners that are in a new configuration too keep theirs, with every client
 * that waits in its backlog.  Workers get copies of the descriptors. */
#ifndef HOST_RUN_LISTEN_H
#define HOST_RUN_LISTEN_H

#include "config/config.h"

#include <glib.h>
#include <stdbool.h>

struct listen_set;

/* Takes over what systemd handed us (LISTEN_FDS): used for endpoints bound to the same address. */
struct listen_set *listen_new (void);
void listen_free (struct listen_set **);

/* Binds what this configuration wants and is not bound yet.  False: each failure is in the
 * errors, and what was bound by this call is closed again. */
bool listen_bind (struct listen_set *, const struct config *, struct config_errors *);
/* Closes what this configuration does not want any more. */
void listen_keep (struct listen_set *, const struct config *);

/* Calls back for every listener's every socket ("localhost" may have two). */
typedef void listen_each (void *user, const struct config_listener *, const char *endpoint, int fd);
void listen_for_each (struct listen_set *, const struct config *, listen_each *, void *user);

/* The control socket, owned by the supervisor and handed over likewise.  The path's stale socket
 * is removed; one that answers is another server's.  -1 and an error. */
int listen_control (const char *path, uid_t user, gid_t group, mode_t mode, GError **);

#endif
