/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h - the process that stays: it holds the listening sockets and the keys, starts the
 * worker, watches it, and replaces it.
 *
 * It loads no plugin, speaks to no client, and has one thread.  What it does in its life:
 *   start    check the configuration (in a child), bind, read certificates, start a worker
 *   watch    a worker that ends is replaced, later each time; a plugin that brings it down is
 *            left out (faults.h); changed certificates are handed over
 *   reload   check (in a child), bind what is new, let the worker apply what it can (apply.h),
 *            else have it drain and start a new one; clients wait in the backlog meanwhile
 *   stop     let the worker drain, then end */
#ifndef HOST_RUN_SUPERVISOR_H
#define HOST_RUN_SUPERVISOR_H

enum { /* exit codes of posternd, as its man page tells */
       POSTERND_OK = 0,
       POSTERND_START = 1, /* the configuration, a socket, a certificate, a plugin */
       POSTERND_USAGE = 2,
       POSTERND_GAVE_UP = 3 /* a required plugin brought the worker down too often */
};

/* Returns the exit code of posternd. */
int supervisor_run (const char *config_path);

#endif
