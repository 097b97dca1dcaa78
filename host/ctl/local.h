/* SPDX-License-Identifier: Apache-2.0 */
/* local.h - commands without a running server: a child process loads the configured plugins,
 * as the server's user, and serves the control protocol on a socket pair.
 *
 * So there is one way for a command to run, and files belong to who owns them when the server
 * writes.  Of the plugins only the command's own, and those it finds, are started. */
#ifndef HOST_CTL_LOCAL_H
#define HOST_CTL_LOCAL_H

#include <glib.h>
#include <sys/types.h>

/* Before any thread is made.  -1 and an error, or the client's end; the child says on stderr
 * what is wrong with the configuration, and ends. */
int local_start (const char *config_path, pid_t *child, GError **);
/* After the client's end was closed: waits until plugins are stopped.  The child's exit code. */
int local_wait (pid_t child);

#endif
