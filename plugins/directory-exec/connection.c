/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - see connection.h. */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FIRST_ROOM 4096
#define RETRY_MS 10 /* when the program's backlog is full, poll does not tell when it is not */

const char *
trouble_text (trouble what) {
  switch (what) {
  case TROUBLE_NONE:
    return "nothing";
  case TROUBLE_ABSENT:
    return "nobody answers at the socket";
  case TROUBLE_STALE:
    return "the program closed the connection without an answer";
  case TROUBLE_CLOSED:
    return "the program closed the connection in the middle of an answer";
  case TROUBLE_TIMEOUT:
    return "the program did not answer in time";
  case TROUBLE_GARBAGE:
    return "the program sent more than one line, or a line that is too long";
  }
  return "";
}

static gint64
now_ns (void) {
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64)now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

/* false: the deadline passed. */
static bool
wait_for (int fd, short events, gint64 deadline_ns) {
  for (;;) {
    const gint64 left_ms = (deadline_ns - now_ns () + 999999) / 1000000;
    if (left_ms <= 0)
      return false;
    struct pollfd one = { fd, events, 0 };
    const int count = poll (&one, 1, (int)MIN (left_ms, 60000));
    if (count > 0)
      return true;
    if (count < 0 && errno != EINTR)
      return false;
  }
}

/* ---- Opening ----------------------------------------------------------------------------- */

static trouble
try_connect (int fd, const struct sockaddr_un *address, gint64 deadline_ns) {
  for (;;) {
    if (connect (fd, (const struct sockaddr *)address, sizeof *address) == 0)
      return TROUBLE_NONE;
    if (errno == EINTR)
      continue;
    if (errno != EAGAIN)
      return TROUBLE_ABSENT;
    if (now_ns () > deadline_ns)
      return TROUBLE_TIMEOUT;
    poll (NULL, 0, RETRY_MS);
  }
}

struct connection *
connection_open (const char *path, gint64 deadline_ns, trouble *what) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  *what = TROUBLE_ABSENT;
  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    return NULL;
  const int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return NULL;
  *what = try_connect (fd, &address, deadline_ns);
  if (*what != TROUBLE_NONE) {
    close (fd);
    return NULL;
  }
  struct connection *connection = g_new0 (struct connection, 1);
  connection->fd = fd;
  connection->room = FIRST_ROOM;
  connection->buffer = g_malloc (connection->room);
  return connection;
}

void
connection_wipe (struct connection *connection) {
  explicit_bzero (connection->buffer, connection->filled);
  connection->filled = 0;
}

void
connection_close (struct connection **held) {
  struct connection *connection = *held;
  if (!connection)
    return;
  close (connection->fd);
  connection_wipe (connection);
  g_free (connection->buffer);
  g_free (connection);
  *held = NULL;
}

/* ---- A question -------------------------------------------------------------------------- */

static trouble
send_all (struct connection *connection, struct ptn_bytes line, gint64 deadline_ns) {
  for (size_t done = 0; done < line.size;) {
    const char *rest = (const char *)line.data + done;
    const ssize_t sent = send (connection->fd, rest, line.size - done, MSG_NOSIGNAL);
    if (sent > 0)
      done += (size_t)sent;
    else if (sent < 0 && errno == EAGAIN) {
      if (!wait_for (connection->fd, POLLOUT, deadline_ns))
        return TROUBLE_TIMEOUT;
    } else if (sent == 0 || errno != EINTR)
      return TROUBLE_STALE;
  }
  return TROUBLE_NONE;
}

static void
make_room (struct connection *connection) {
  if (connection->filled < connection->room)
    return;
  char *wider = g_malloc (connection->room * 2);
  memcpy (wider, connection->buffer, connection->filled);
  explicit_bzero (connection->buffer, connection->room);
  g_free (connection->buffer);
  connection->buffer = wider;
  connection->room *= 2;
}

static trouble
receive_line (struct connection *connection, size_t limit, gint64 deadline_ns,
              struct ptn_bytes *answer) {
  for (;;) {
    make_room (connection);
    char *fresh = connection->buffer + connection->filled;
    const ssize_t got = recv (connection->fd, fresh, connection->room - connection->filled, 0);
    if (got > 0) {
      const char *end = memchr (fresh, '\n', (size_t)got);
      connection->filled += (size_t)got;
      if (connection->filled > limit)
        return TROUBLE_GARBAGE;
      if (end) {
        *answer = (struct ptn_bytes){ connection->buffer, (size_t)(end - connection->buffer) };
        return end + 1 == fresh + got ? TROUBLE_NONE : TROUBLE_GARBAGE;
      }
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      return connection->filled ? TROUBLE_CLOSED : TROUBLE_STALE;
    else if (errno == EAGAIN && !wait_for (connection->fd, POLLIN, deadline_ns))
      return TROUBLE_TIMEOUT;
  }
}

trouble
connection_exchange (struct connection *connection, struct ptn_bytes line, size_t limit,
                     gint64 deadline_ns, struct ptn_bytes *answer) {
  connection_wipe (connection);
  const trouble what = send_all (connection, line, deadline_ns);
  return what == TROUBLE_NONE ? receive_line (connection, limit, deadline_ns, answer) : what;
}
