/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - one "virtual server": sockets that listen, and how those who connect are served.
 *
 * Each socket is a strand that accepts 64 connections at most before others have their turn;
 * each connection becomes a session.  Without descriptors it pauses on a timer, and a reserve
 * descriptor lets it turn away who waits. */
#ifndef HOST_NET_LISTENER_H
#define HOST_NET_LISTENER_H

#include "net/address.h"
#include "net/net.h"
#include "net/tls.h"

#include <postern/session.h>

typedef enum { LISTENER_CLEAR, LISTENER_STARTTLS, LISTENER_TLS } listener_tls;

/* Everything is copied, but for `protocol`, `instance` and `config`, which live until `release`
 * has run (once, from any thread, when the last session that began with them has ended). */
struct listener_spec {
  const char *name; /* in the configuration */
  const struct ptn_protocol *protocol;
  void *instance;
  uint32_t plugin;                 /* of engine_enter */
  const struct ptn_config *config; /* of the listener, for the session's info */
  listener_tls tls;
  struct tls_context *context;          /* referenced; NULL: LISTENER_CLEAR only */
  unsigned max_connections;             /* 0: no limit; of this listener */
  unsigned max_connections_per_address; /* counted over all listeners */
  unsigned max_connections_per_user;    /* of this listener */
  int64_t login_time_ns, idle_time_ns;  /* 0: for ever */
  size_t max_line;                      /* most that is buffered of input */
  size_t session_memory;                /* 0: no limit */
  const struct net_network *proxy_from; /* who must send a PROXY header; nobody else may */
  size_t proxy_from_count;
  void (*release) (void *owner);
  void *owner;
};

struct listener;

/* `fds`: sockets that listen, non-blocking or not; duplicated. */
struct listener *listener_new (struct net *, const struct listener_spec *, const int *fds,
                               size_t fd_count, GError **);
/* New connections are served by these settings. [any] */
void listener_update (struct listener *, const struct listener_spec *);
/* Only the certificates. [any] */
void listener_set_tls (struct listener *, struct tls_context *);
/* Accepts no more; the sockets are closed soon.  Sessions go on. [any] */
void listener_stop (struct listener *);
/* Stops it, and gives it up; memory goes with its last session. */
void listener_free (struct listener **);

struct listener_counts {
  uint64_t accepted;
  unsigned sessions;
};
void listener_count (struct listener *, struct listener_counts *); /* [any] */
const char *listener_name (const struct listener *);               /* the name it began with */

#endif
