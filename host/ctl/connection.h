/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - one connection of the control socket: a strand that reads frames, runs one
 * command at a time, and is its report.
 *
 * It owns itself; `gone` is called once, when nothing of it runs any more. */
#ifndef HOST_CTL_CONNECTION_H
#define HOST_CTL_CONNECTION_H

#include "engine/engine.h"
#include "load/load.h"
#include "log/log.h"

#include <stdbool.h>
#include <sys/types.h>

struct connection;

struct connection_settings {
  struct loader *loader;
  struct logger *logger;
  struct engine *engine;
  int fd; /* connected, not blocking; closed by the connection */
  uid_t peer_user;
  bool refused; /* the peer may not: tell it, and close */
  void (*gone) (void *user, struct connection *);
  /* Before a command runs; PTN_PENDING as usual, an error ends the command.  NULL: nothing to
   * prepare. [task] */
  ptn_status (*prepare) (void *user, struct ptn_task *, const struct load_provider *);
  bool (*draining) (void *user); /* true: end when the command is done */
  void *user;
};

/* It runs at once: the caller holds the lock that `gone` takes, until this has returned. */
struct connection *connection_new (const struct connection_settings *);
/* While the connection is not gone: [any] */
bool connection_is_idle (const struct connection *);
void connection_cancel (struct connection *);

#endif
