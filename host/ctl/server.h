/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the server's side of the control protocol (PROTOCOL.md): commands of the host and
 * of plugins, run by strands of the worker.
 *
 * Ownership: control_new/control_free.  A connection is a strand and owns itself; control_stop
 * asks all of them to end, engine_stop waits for that. */
#ifndef HOST_CTL_SERVER_H
#define HOST_CTL_SERVER_H

#include "engine/engine.h"
#include "load/load.h"
#include "log/log.h"

#include <stdbool.h>
#include <sys/types.h>

struct control;

struct control_settings {
  struct engine *engine;
  struct loader *loader; /* its providers of postern.control/1 are the commands */
  struct logger *logger;
  int fd;      /* listening, not blocking; closed by the control */
  uid_t user;  /* may connect, as may root */
  gid_t group; /* members may connect; (gid_t) -1: none */
};

struct control *control_new (const struct control_settings *);
/* No new connections; open ones end when their command has ended, or now. [any] */
void control_drain (struct control *);
void control_stop (struct control *);
unsigned control_count (struct control *); /* connections that are open [any] */
void control_free (struct control **);     /* after engine_stop */

#endif
