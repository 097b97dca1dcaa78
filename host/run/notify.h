/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - what systemd is told over NOTIFY_SOCKET (sd_notify(3)), in our own few lines.
 *
 * Called by the supervisor's one thread.  Without NOTIFY_SOCKET everything here does nothing. */
#ifndef HOST_RUN_NOTIFY_H
#define HOST_RUN_NOTIFY_H

#include <glib.h>
#include <stdint.h>

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no child
 * speaks for us. */
void notify_init (void);
/* Lines divided by '\n', as sd_notify(3) has them: "READY=1\nSTATUS=serving". */
void notify_send (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* RELOADING=1 with the MONOTONIC_USEC that Type=notify-reload wants. */
void notify_reloading (void);
/* How often WATCHDOG=1 is expected, in microseconds; 0: no watchdog. */
int64_t notify_watchdog_us (void);

#endif
