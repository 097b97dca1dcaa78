/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - accepting; see listener.h. */
#include "net/private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 64                        /* of one run */
#define PAUSE_NS INT64_C (100000000)      /* without descriptors */
#define LOG_PAUSE_NS INT64_C (1000000000) /* between two lines about limits */

/* One listening socket. */
struct accepter {
  struct listener *listener;
  struct ptn_task *handle; /* to cancel it; listener->lock */
  struct ptn_task *task;   /* the same for the strand itself */
  int fd;
  int reserve; /* given up to be able to turn somebody away; -1: lost */
  bool watched;
  bool pausing; /* the last run ended without descriptors */
  char *name;
  struct ptn_field field; /* "listener", for the log */
};

/* --- settings ----------------------------------------------------------------------------- */

static struct listener_state *
listener_state_new (const struct listener_spec *spec) {
  struct listener_state *state = g_new0 (struct listener_state, 1);

  state->references = 1;
  state->spec = *spec;
  state->spec.name = g_strdup (spec->name);
  state->spec.proxy_from =
      g_memdup2 (spec->proxy_from, spec->proxy_from_count * sizeof *spec->proxy_from);
  if (spec->context)
    tls_context_ref (spec->context);
  return state;
}

struct listener_state *
listener_state_ref (struct listener_state *state) {
  refcount_take (&state->references);
  return state;
}

void
listener_state_unref (struct listener_state *state) {
  if (!refcount_drop (&state->references))
    return;
  if (state->spec.release)
    state->spec.release (state->spec.owner);
  tls_context_unref (state->spec.context);
  g_free ((char *)state->spec.name);
  g_free ((struct net_network *)state->spec.proxy_from);
  g_free (state);
}

static struct listener_state *
current_state (struct listener *listener) {
  struct listener_state *state;

  pthread_mutex_lock (&listener->lock);
  state = listener_state_ref (listener->state);
  pthread_mutex_unlock (&listener->lock);
  return state;
}

static void
replace_state (struct listener *listener, struct listener_state *state) {
  struct listener_state *old;

  pthread_mutex_lock (&listener->lock);
  old = listener->state;
  listener->state = state;
  pthread_mutex_unlock (&listener->lock);
  listener_state_unref (old);
}

void
listener_update (struct listener *listener, const struct listener_spec *spec) {
  replace_state (listener, listener_state_new (spec));
}

/* The state that is replaced keeps `owner` alive, since it is what the new one borrows from. */
static void
release_state (void *state) {
  listener_state_unref (state);
}

void
listener_set_tls (struct listener *listener, struct tls_context *context) {
  struct listener_state *old = current_state (listener);
  struct listener_spec spec = old->spec;

  spec.context = context;
  spec.release = release_state;
  spec.owner = old;
  replace_state (listener, listener_state_new (&spec));
}

bool
listener_may_log (struct listener *listener, unsigned *unlogged) {
  int64_t now = net_now (), next = listener->next_log_ns;

  if (now < next
      || !atomic_compare_exchange_strong (&listener->next_log_ns, &next, now + LOG_PAUSE_NS)) {
    ++listener->unlogged;
    return false;
  }
  *unlogged = atomic_exchange (&listener->unlogged, 0);
  return true;
}

/* --- accepting ------------------------------------------------------------------------------ */

static void
log_limit (struct accepter *accepter, const char *limit, unsigned most) {
  struct listener *listener = accepter->listener;
  char most_text[16], unlogged_text[16];
  unsigned unlogged;
  struct ptn_field fields[] = {
    { "limit", limit },
    { "most", most_text },
    { "suppressed", unlogged_text },
  };

  if (!net_logs (listener->net, PTN_LOG_WARNING) || !listener_may_log (listener, &unlogged))
    return;
  g_snprintf (most_text, sizeof most_text, "%u", most);
  g_snprintf (unlogged_text, sizeof unlogged_text, "%u", unlogged);
  net_log (listener->net, PTN_LOG_WARNING, accepter->task, "limit.reached", fields,
           unlogged ? 3 : 2);
}

/* Counts it, or says which limit it is over. */
static refusal
count_in (struct accepter *accepter, const struct listener_spec *spec) {
  struct listener *listener = accepter->listener;
  struct net *net = listener->net;
  unsigned sessions = atomic_fetch_add (&net->totals.sessions, 1) + 1;
  unsigned served = sessions - MIN (sessions, net->totals.refusing);
  unsigned most = net->max_connections;

  if (most && served > most) {
    NET_ADD (net, limit_all, 1);
    log_limit (accepter, "all", most);
    return REFUSE_ALL;
  }
  most = spec->max_connections;
  if (atomic_fetch_add (&listener->sessions, 1) + 1 > most && most) {
    atomic_fetch_sub (&listener->sessions, 1);
    NET_ADD (net, limit_listener, 1);
    log_limit (accepter, "listener", most);
    return REFUSE_LISTENER;
  }
  return REFUSE_NOT;
}

static void
accepted (struct accepter *accepter, struct listener_state *state, int fd,
          const struct net_address *peer) {
  struct listener *listener = accepter->listener;
  struct net *net = listener->net;
  refusal refused = count_in (accepter, &state->spec);

  NET_ADD (net, accepted, 1);
  atomic_fetch_add_explicit (&listener->accepted, 1, memory_order_relaxed);
  if (refused != REFUSE_NOT && atomic_fetch_add (&net->totals.refusing, 1) >= NET_REFUSING) {
    atomic_fetch_sub (&net->totals.refusing, 1);
    atomic_fetch_sub (&net->totals.sessions, 1);
    NET_ADD (net, shed, 1);
    NET_ADD (net, closed, 1);
    close (fd);
    return;
  }
  session_start (listener, state, fd, peer, refused);
}

/* No descriptors.  The first time we only wait: some may come free.  Then the reserve is given
 * up to accept those who wait and close at once, which they see, instead of letting them hang. */
static void
turn_away (struct accepter *accepter) {
  struct net *net = accepter->listener->net;
  int error = errno;

  NET_ADD (net, descriptor_pauses, 1);
  if (!accepter->pausing) {
    struct ptn_field fields[] = { { "error", g_strerror (error) } };
    net_log (net, PTN_LOG_ERROR, accepter->task, "limit.descriptors", fields, 1);
  } else if (accepter->reserve >= 0) {
    close (accepter->reserve);
    for (unsigned i = 0; i < ACCEPTS; i++) {
      /* cppcheck-suppress nullPointer ; the address is not wanted */
      int fd = accept4 (accepter->fd, NULL, NULL, SOCK_CLOEXEC);
      if (fd < 0)
        break;
      close (fd);
      NET_ADD (net, shed, 1);
    }
    accepter->reserve = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  accepter->pausing = true;
  task_set_timer (accepter->task, net_now () + PAUSE_NS);
}

static bool
is_shortage (int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static task_next
accept_some (struct accepter *accepter) {
  struct listener_state *state = current_state (accepter->listener);
  task_next next = TASK_AGAIN;

  for (unsigned i = 0; i < ACCEPTS; i++) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    struct net_address peer;
    int fd = accept4 (accepter->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepter->pausing = false;
      address_from_sockaddr (&peer, (struct sockaddr *)&from, size);
      if (peer.kind == ADDRESS_NONE && size <= sizeof from.ss_family)
        peer.kind = ADDRESS_UNIX; /* a peer without a path */
      accepted (accepter, state, fd, &peer);
    } else if (errno == EAGAIN) {
      next = TASK_WAIT;
      break;
    } else if (is_shortage (errno)) {
      turn_away (accepter);
      next = TASK_WAIT;
      break;
    } /* else: of one connection that went away before it was accepted */
  }
  listener_state_unref (state);
  return next;
}

static task_next
accepter_run (struct ptn_task *task, void *user, unsigned events) {
  struct accepter *accepter = user;
  GError *error = NULL;

  if (events & TASK_CANCEL || task_cancelled (task)) {
    task_unwatch (task);
    return TASK_DONE;
  }
  if (!accepter->task) {
    accepter->field = (struct ptn_field){ "listener", accepter->name };
    task_set_fields (task, &accepter->field, 1);
  }
  accepter->task = task;
  if (!accepter->watched && !task_watch_input (task, accepter->fd, &error)) {
    struct ptn_field fields[] = { { "error", error->message } };
    net_log (accepter->listener->net, PTN_LOG_ERROR, task, "listener.failed", fields, 1);
    g_clear_error (&error);
    return TASK_DONE;
  }
  accepter->watched = true;
  return accept_some (accepter);
}

static void
accepter_finish (void *user) {
  struct accepter *accepter = user;
  struct listener *listener = accepter->listener;

  pthread_mutex_lock (&listener->lock);
  g_ptr_array_remove_fast (listener->accepters, accepter);
  pthread_mutex_unlock (&listener->lock);
  close (accepter->fd);
  if (accepter->reserve >= 0)
    close (accepter->reserve);
  listener_unref (listener);
  g_free (accepter->name);
  g_free (accepter);
}

/* --- life -------------------------------------------------------------------------------------- */

struct listener *
listener_ref (struct listener *listener) {
  refcount_take (&listener->references);
  return listener;
}

void
listener_unref (struct listener *listener) {
  if (!refcount_drop (&listener->references))
    return;
  listener_state_unref (listener->state);
  tally_free (&listener->users);
  g_ptr_array_unref (listener->accepters);
  pthread_mutex_destroy (&listener->lock);
  g_free (listener);
}

static bool
add_accepter (struct listener *listener, int listening, GError **error) {
  struct accepter *accepter;
  int fd = fcntl (listening, F_DUPFD_CLOEXEC, 3), on = 1;

  if (fd < 0 || fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0) {
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "listener %s: %s",
                 listener->state->spec.name, g_strerror (errno));
    if (fd >= 0)
      close (fd);
    return false;
  }
  /* Accepted sockets inherit it.  Fails on a UNIX socket, which does not need it. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  accepter = g_new0 (struct accepter, 1);
  accepter->listener = listener_ref (listener);
  accepter->name = g_strdup (listener->state->spec.name);
  accepter->fd = fd;
  accepter->reserve = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  pthread_mutex_lock (&listener->lock);
  g_ptr_array_add (listener->accepters, accepter);
  accepter->handle =
      task_new (listener->net->engine, "net.listener", accepter_run, accepter_finish, accepter);
  pthread_mutex_unlock (&listener->lock);
  return true;
}

struct listener *
listener_new (struct net *net, const struct listener_spec *spec, const int *fds, size_t fd_count,
              GError **error) {
  struct listener *listener = g_new0 (struct listener, 1);
  bool good = true;

  g_assert (spec->context || spec->tls == LISTENER_CLEAR);
  listener->net = net;
  pthread_mutex_init (&listener->lock, NULL);
  listener->references = 1;
  listener->state = listener_state_new (spec);
  listener->users = tally_new ();
  listener->accepters = g_ptr_array_new ();
  for (size_t i = 0; i < fd_count && good; i++)
    good = add_accepter (listener, fds[i], error);
  if (!good)
    listener_free (&listener);
  return listener;
}

void
listener_stop (struct listener *listener) {
  pthread_mutex_lock (&listener->lock);
  for (guint i = 0; i < listener->accepters->len; i++)
    task_cancel (((struct accepter *)g_ptr_array_index (listener->accepters, i))->handle);
  pthread_mutex_unlock (&listener->lock);
}

void
listener_free (struct listener **listener) {
  if (!*listener)
    return;
  listener_stop (*listener);
  listener_unref (*listener);
  *listener = NULL;
}

void
listener_count (struct listener *listener, struct listener_counts *counts) {
  *counts = (struct listener_counts){
    .accepted = listener->accepted,
    .sessions = listener->sessions,
  };
}

const char *
listener_name (const struct listener *listener) {
  return listener->state->spec.name;
}
