/* SPDX-License-Identifier: Apache-2.0 */
/* worker.h - the process that serves: engine, plugins, listeners, control socket.
 *
 * Started by the supervisor (process.h) with one inherited descriptor, the channel; all else
 * comes over it.  When the channel breaks the supervisor is dead, and the worker ends too. */
#ifndef HOST_RUN_WORKER_H
#define HOST_RUN_WORKER_H

/* Returns the exit code: enum in process.h. */
int worker_run (int channel, const char *config_path);

#endif
