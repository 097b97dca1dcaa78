/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - see notify.h. */
#include "run/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int notify_fd = -1; /* the supervisor's own; one process, one service manager */
static struct sockaddr_un notify_address;
static socklen_t notify_length;
static int64_t watchdog_us;

void
notify_init (void) {
  const char *path = g_getenv ("NOTIFY_SOCKET");
  const char *interval = g_getenv ("WATCHDOG_USEC");
  const char *pid = g_getenv ("WATCHDOG_PID");

  if (interval && (!pid || g_ascii_strtoll (pid, NULL, 10) == getpid ()))
    watchdog_us = MAX (g_ascii_strtoll (interval, NULL, 10), 0);
  if (path && (path[0] == '/' || path[0] == '@') && path[1]
      && strlen (path) < sizeof notify_address.sun_path) {
    size_t length = strlen (path);
    notify_address.sun_family = AF_UNIX;
    memcpy (notify_address.sun_path, path, length);
    if (path[0] == '@') /* the abstract namespace */
      notify_address.sun_path[0] = '\0';
    notify_length = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + length);
    notify_fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  }
  g_unsetenv ("NOTIFY_SOCKET");
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
}

void
notify_send (const char *format, ...) {
  if (notify_fd < 0)
    return;
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  /* The manager may be gone or slow: nothing depends on it. */
  (void)!sendto (notify_fd, text, strlen (text), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&notify_address, notify_length);
}

void
notify_reloading (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  notify_send ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
               (int64_t)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000);
}

int64_t
notify_watchdog_us (void) {
  return watchdog_us;
}
