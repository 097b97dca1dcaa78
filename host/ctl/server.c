/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - the listener of the control socket, and the register of connections. */
#include "ctl/server.h"
#include "ctl/connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <pthread.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, ACCEPTS_A_RUN = 16 };

struct control {
  struct control_settings settings;
  struct ptn_task *listener;
  pthread_mutex_t lock;
  GHashTable *open; /* struct connection *: those that live */
  bool draining, watched;
};

/* [lock is not held] */
static void
connection_gone (void *user, struct connection *connection) {
  struct control *control = user;
  pthread_mutex_lock (&control->lock);
  g_hash_table_remove (control->open, connection);
  pthread_mutex_unlock (&control->lock);
}

static bool
is_draining (void *user) {
  struct control *control = user;
  pthread_mutex_lock (&control->lock);
  bool draining = control->draining;
  pthread_mutex_unlock (&control->lock);
  return draining;
}

static bool
peer_may (const struct control_settings *settings, int fd, struct ucred *peer) {
  socklen_t length = sizeof *peer;
  gid_t groups[1024];
  socklen_t groups_length = sizeof groups;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, peer, &length) < 0)
    return false;
  if (peer->uid == 0 || peer->uid == settings->user)
    return true;
  if (settings->group == (gid_t)-1)
    return false;
  if (peer->gid == settings->group)
    return true;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_length) < 0)
    return false;
  for (size_t i = 0; i < groups_length / sizeof *groups; i++)
    if (groups[i] == settings->group)
      return true;
  return false;
}

static void
begin_connection (struct control *control, int fd) {
  struct ucred peer = { 0 };
  bool may = peer_may (&control->settings, fd, &peer);
  struct connection_settings settings = { .loader = control->settings.loader,
                                          .logger = control->settings.logger,
                                          .engine = control->settings.engine,
                                          .fd = fd,
                                          .peer_user = peer.uid,
                                          .refused = !may,
                                          .gone = connection_gone,
                                          .draining = is_draining,
                                          .user = control };
  pthread_mutex_lock (&control->lock);
  if (control->draining || g_hash_table_size (control->open) >= MAX_CONNECTIONS)
    close (fd);
  else /* it takes the lock before it can be gone */
    g_hash_table_add (control->open, connection_new (&settings));
  pthread_mutex_unlock (&control->lock);
}

static task_next
listener_run (struct ptn_task *task, void *user, unsigned events) {
  struct control *control = user;

  if (task_cancelled (task)) {
    if (control->watched)
      task_unwatch (task);
    close (control->settings.fd);
    return TASK_DONE;
  }
  if (!control->watched) {
    g_autoptr (GError) error = NULL;
    control->watched = task_watch (task, control->settings.fd, &error);
    if (!control->watched)
      logger_event (control->settings.logger, PTN_LOG_ERROR, "control.failed", "error",
                    error ? error->message : "", NULL);
  }
  for (unsigned i = 0; i < ACCEPTS_A_RUN; i++) {
    /* cppcheck-suppress nullPointer ; the address is not wanted */
    int fd = accept4 (control->settings.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      begin_connection (control, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      struct timespec now;
      clock_gettime (CLOCK_MONOTONIC, &now);
      task_set_timer (task, ((int64_t)now.tv_sec + 1) * 1000000000 + now.tv_nsec);
      return TASK_WAIT;
    } else if (errno == EAGAIN) {
      return TASK_WAIT;
    }
  }
  return TASK_AGAIN;
}

struct control *
control_new (const struct control_settings *settings) {
  struct control *control = g_new0 (struct control, 1);

  control->settings = *settings;
  control->open = g_hash_table_new (NULL, NULL);
  pthread_mutex_init (&control->lock, NULL);
  control->listener = task_new (settings->engine, "control", listener_run, NULL, control);
  return control;
}

void
control_drain (struct control *control) {
  pthread_mutex_lock (&control->lock);
  bool first = !control->draining;
  control->draining = true;
  if (first)
    task_cancel (control->listener);
  GHashTableIter iterator;
  void *connection;
  g_hash_table_iter_init (&iterator, control->open);
  while (g_hash_table_iter_next (&iterator, &connection, NULL))
    if (connection_is_idle (connection))
      connection_cancel (connection);
  pthread_mutex_unlock (&control->lock);
}

void
control_stop (struct control *control) {
  control_drain (control);
  pthread_mutex_lock (&control->lock);
  GHashTableIter iterator;
  void *connection;
  g_hash_table_iter_init (&iterator, control->open);
  while (g_hash_table_iter_next (&iterator, &connection, NULL))
    connection_cancel (connection);
  pthread_mutex_unlock (&control->lock);
}

unsigned
control_count (struct control *control) {
  pthread_mutex_lock (&control->lock);
  unsigned count = g_hash_table_size (control->open);
  pthread_mutex_unlock (&control->lock);
  return count;
}

void
control_free (struct control **control) {
  if (!*control)
    return;
  g_hash_table_unref ((*control)->open);
  pthread_mutex_destroy (&(*control)->lock);
  g_clear_pointer (control, g_free);
}
