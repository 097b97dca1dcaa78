/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - posternctl's side of the control protocol.  One thread; blocks. */
#ifndef HOST_CTL_CLIENT_H
#define HOST_CTL_CLIENT_H

#include "ctl/output.h"

#include <postern/control.h>

#include <glib.h>

struct client;

struct client_command {
  char *name, *arguments, *help, *columns;
  unsigned flags; /* PTN_CONTROL_* */
};

enum client_connect {
  CLIENT_CONNECTED,
  CLIENT_ABSENT, /* nobody listens: there is no server */
  CLIENT_FAILED  /* *error says why */
};
/* A server's socket. */
enum client_connect client_connect (const char *path, int *fd, GError **);

/* Takes the descriptor over, and waits for the server's hello.  NULL: no such server. */
struct client *client_new (int fd, int timeout_seconds, GError **);
void client_free (struct client **);

/* struct client_command, in the server's order; borrowed. */
const GPtrArray *client_commands (struct client *, GError **);
/* Runs one to its end.  secret may be NULL.  Any ptn_status, *text (g_free it) with what the
 * server says of a failure; PTN_E_DISCONNECTED: it went away. */
ptn_status client_run (struct client *, const char *name, const char *const *arguments,
                       size_t count, const char *secret, struct output *, char **text);

#endif
