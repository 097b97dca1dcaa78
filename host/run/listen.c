/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c - see listen.h. */
#include "run/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 8192 }; /* the kernel takes the smaller of this and somaxconn */

struct bound {
  char *endpoint; /* as written: its name across reloads */
  char *path;     /* of a UNIX socket: removed at the end */
  int fd;
};

struct activated { /* from systemd, until an endpoint claims it */
  int fd;
  struct sockaddr_storage address;
  socklen_t length;
};

struct listen_set {
  GArray *bound;     /* struct bound */
  GArray *activated; /* struct activated */
};

static void
bound_clear (void *element) {
  struct bound *bound = element;
  if (bound->fd >= 0)
    close (bound->fd);
  if (bound->path)
    unlink (bound->path);
  g_free (bound->path);
  g_free (bound->endpoint);
}

static void
take_activated (struct listen_set *set) {
  const char *count = g_getenv ("LISTEN_FDS"), *pid = g_getenv ("LISTEN_PID");
  enum { FIRST = 3 };

  if (count && pid && g_ascii_strtoll (pid, NULL, 10) == getpid ()) {
    int last = FIRST + (int)CLAMP (g_ascii_strtoll (count, NULL, 10), 0, 1024);
    for (int fd = FIRST; fd < last; fd++) {
      struct activated found = { .fd = fd, .length = sizeof found.address };
      if (getsockname (fd, (struct sockaddr *)&found.address, &found.length) == 0) {
        fcntl (fd, F_SETFD, FD_CLOEXEC);
        fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
        g_array_append_val (set->activated, found);
      }
    }
  }
  g_unsetenv ("LISTEN_FDS");
  g_unsetenv ("LISTEN_PID");
  g_unsetenv ("LISTEN_FDNAMES");
}

struct listen_set *
listen_new (void) {
  struct listen_set *set = g_new0 (struct listen_set, 1);
  set->bound = g_array_new (FALSE, FALSE, sizeof (struct bound));
  g_array_set_clear_func (set->bound, bound_clear);
  set->activated = g_array_new (FALSE, FALSE, sizeof (struct activated));
  take_activated (set);
  return set;
}

void
listen_free (struct listen_set **set) {
  if (!*set)
    return;
  g_array_unref ((*set)->bound);
  for (guint i = 0; i < (*set)->activated->len; i++)
    close (g_array_index ((*set)->activated, struct activated, i).fd);
  g_array_unref ((*set)->activated);
  g_clear_pointer (set, g_free);
}

static int
claim_activated (struct listen_set *set, const struct sockaddr *address, socklen_t length) {
  for (guint i = 0; i < set->activated->len; i++) {
    const struct activated *found = &g_array_index (set->activated, struct activated, i);
    if (found->length == length && memcmp (&found->address, address, length) == 0) {
      int fd = found->fd;
      g_array_remove_index_fast (set->activated, i);
      return fd;
    }
  }
  return -1;
}

/* A path is taken over if nobody answers there. */
static bool
remove_stale (const struct sockaddr_un *address) {
  struct stat status;
  if (lstat (address->sun_path, &status) < 0)
    return true;
  if (!S_ISSOCK (status.st_mode)) {
    errno = EEXIST;
    return false;
  }
  int probe = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool answers = probe >= 0
                 && (connect (probe, (const struct sockaddr *)address, sizeof *address) == 0
                     || errno == EAGAIN);
  if (probe >= 0)
    close (probe);
  if (answers) {
    errno = EADDRINUSE;
    return false;
  }
  return unlink (address->sun_path) == 0 || errno == ENOENT;
}

/* Bound and listening, not blocking, closed on exec; -1 with errno. */
static int
open_socket (const struct sockaddr *address, socklen_t length, bool both_families) {
  const int on = 1, six_only = !both_families;
  int fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (address->sa_family != AF_UNIX)
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->sa_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &six_only, sizeof six_only);
  if (bind (fd, address, length) < 0 || listen (fd, BACKLOG) < 0) {
    int reason = errno;
    close (fd);
    errno = reason;
    return -1;
  }
  return fd;
}

/* *claimed: systemd's, who also takes it away. */
static int
open_unix (struct listen_set *set, const char *path, mode_t mode, bool *claimed) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (strlen (path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy (address.sun_path, path, strlen (path) + 1);
  socklen_t length = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + strlen (path) + 1);
  int fd = set ? claim_activated (set, (const struct sockaddr *)&address, length) : -1;
  *claimed = fd >= 0;
  if (fd >= 0)
    return fd;
  if (!remove_stale (&address))
    return -1;
  mode_t before = umask (0777 & ~mode); /* the socket never has wider rights, not for a moment */
  fd = open_socket ((const struct sockaddr *)&address, sizeof address, false);
  int reason = errno;
  umask (before);
  errno = reason;
  return fd;
}

static void
add_bound (struct listen_set *set, const struct config_endpoint *endpoint, int fd, bool claimed) {
  const struct bound bound = { .endpoint = g_strdup (endpoint->text),
                               .path = claimed ? NULL : g_strdup (endpoint->path),
                               .fd = fd };
  g_array_append_val (set->bound, bound);
}

/* What stands for '*': both families in one socket, or IPv4 where the other is switched off. */
static int
open_any (struct listen_set *set, uint16_t port) {
  const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons (port) };
  const struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons (port) };
  int fd = claim_activated (set, (const struct sockaddr *)&six, sizeof six);

  if (fd < 0)
    fd = open_socket ((const struct sockaddr *)&six, sizeof six, true);
  if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    fd = claim_activated (set, (const struct sockaddr *)&four, sizeof four);
    if (fd < 0)
      fd = open_socket ((const struct sockaddr *)&four, sizeof four, false);
  }
  return fd;
}

/* One socket for each address of the name.  NULL, or why not. */
static const char *
bind_name (struct listen_set *set, const struct config_endpoint *endpoint) {
  char port[8];
  struct addrinfo *addresses = NULL;
  const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                  .ai_socktype = SOCK_STREAM };

  snprintf (port, sizeof port, "%u", endpoint->port);
  int result = getaddrinfo (endpoint->host, port, &hints, &addresses);
  if (result != 0)
    return gai_strerror (result);
  const char *reason = "it has no address";
  unsigned opened = 0;
  for (const struct addrinfo *one = addresses; one; one = one->ai_next) {
    int fd = claim_activated (set, one->ai_addr, one->ai_addrlen);
    if (fd < 0)
      fd = open_socket (one->ai_addr, one->ai_addrlen, false);
    /* "localhost" has ::1 also where IPv6 is switched off. */
    if (fd < 0 && (errno == EAFNOSUPPORT || (errno == EADDRNOTAVAIL && one->ai_next)))
      continue;
    if (fd < 0) {
      reason = g_strerror (errno);
      opened = 0;
      break;
    }
    add_bound (set, endpoint, fd, true);
    opened++;
  }
  freeaddrinfo (addresses);
  return opened ? NULL : reason;
}

static const char *
bind_endpoint (struct listen_set *set, const struct config_endpoint *endpoint) {
  bool claimed = true;
  int fd;
  if (endpoint->path)
    fd = open_unix (set, endpoint->path, 0666, &claimed);
  else if (!*endpoint->host)
    fd = open_any (set, endpoint->port);
  else
    return bind_name (set, endpoint);
  if (fd < 0)
    return g_strerror (errno);
  add_bound (set, endpoint, fd, claimed);
  return NULL;
}

static bool
is_bound (const struct listen_set *set, const char *endpoint) {
  for (guint i = 0; i < set->bound->len; i++)
    if (strcmp (g_array_index (set->bound, struct bound, i).endpoint, endpoint) == 0)
      return true;
  return false;
}

bool
listen_bind (struct listen_set *set, const struct config *config, struct config_errors *errors) {
  guint before = set->bound->len;
  bool good = true;

  for (size_t i = 0; i < config->listener_count; i++) {
    const struct config_listener *listener = &config->listeners[i];
    for (size_t e = 0; e < listener->endpoint_count; e++) {
      const struct config_endpoint *endpoint = &listener->endpoints[e];
      if (is_bound (set, endpoint->text))
        continue;
      const char *reason = bind_endpoint (set, endpoint);
      if (reason) {
        config_error (errors, listener->place.file, listener->place.line,
                      "listener %s cannot listen on %s: %s", listener->name, endpoint->text,
                      reason);
        good = false;
      }
    }
  }
  if (!good)
    g_array_set_size (set->bound, before);
  return good;
}

static bool
is_wanted (const struct config *config, const char *endpoint) {
  for (size_t i = 0; i < config->listener_count; i++)
    for (size_t e = 0; e < config->listeners[i].endpoint_count; e++)
      if (strcmp (config->listeners[i].endpoints[e].text, endpoint) == 0)
        return true;
  return false;
}

void
listen_keep (struct listen_set *set, const struct config *config) {
  for (guint i = set->bound->len; i-- > 0;)
    if (!is_wanted (config, g_array_index (set->bound, struct bound, i).endpoint))
      g_array_remove_index (set->bound, i);
}

void
listen_for_each (struct listen_set *set, const struct config *config, listen_each *each,
                 void *user) {
  for (size_t i = 0; i < config->listener_count; i++) {
    const struct config_listener *listener = &config->listeners[i];
    for (size_t e = 0; e < listener->endpoint_count; e++)
      for (guint b = 0; b < set->bound->len; b++) {
        const struct bound *bound = &g_array_index (set->bound, struct bound, b);
        if (strcmp (bound->endpoint, listener->endpoints[e].text) == 0)
          each (user, listener, bound->endpoint, bound->fd);
      }
  }
}

int
listen_control (const char *path, uid_t user, gid_t group, mode_t mode, GError **error) {
  bool claimed;
  int fd = open_unix (NULL, path, mode, &claimed);
  if (fd >= 0 && geteuid () == 0 && chown (path, user, group) < 0) {
    int reason = errno;
    close (fd);
    unlink (path);
    errno = reason;
    fd = -1;
  }
  if (fd < 0)
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno),
                 "The control socket %s cannot be made: %s", path,
                 errno == EADDRINUSE ? "another server answers there" : g_strerror (errno));
  return fd;
}
