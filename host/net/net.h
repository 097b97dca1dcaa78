/* SPDX-License-Identifier: Apache-2.0 */
/* net.h - what all listeners and sessions of a worker share: counts, limits, the register of
 * open sessions, and where their log events go.
 *
 * Ownership: net_new/net_free; listeners (listener.h) are made on it and freed before it.
 * Order of an end: net_drain, wait until net_sessions is 0 or patience ends, net_cancel, free
 * the listeners, engine_stop, net_free. */
#ifndef HOST_NET_NET_H
#define HOST_NET_NET_H

#include "engine/engine.h"

#include <postern/host.h>
#include <postern/stream.h>

struct net;

/* One structured event.  Peer, session and listener are fields of the task (task_fields), so
 * they are not repeated in `fields`.  Called from any worker; must not block. */
typedef void net_log_fn (void *user, ptn_level, const struct ptn_task *, const char *event,
                         const struct ptn_field *fields, size_t count);

struct net_settings {
  struct engine *engine;
  const char *server_name;  /* our fully qualified name; copied */
  unsigned max_connections; /* of all listeners together; 0: no limit */
  net_log_fn *log;          /* NULL: none */
  void *log_user;
  ptn_level log_level; /* what is less is not built at all */
};

/* Ignores SIGPIPE for the process: a peer that is gone is an error code, not a death. */
struct net *net_new (const struct net_settings *);
void net_free (struct net **);

void net_set_max_connections (struct net *, unsigned); /* [any] */
void net_set_log_level (struct net *, ptn_level);      /* [any] */

/* Sessions that wait for their peer say goodbye (PTN_BYE_STOPPING) now, the others when their
 * command is done; new ones are turned away the same way. [any] */
void net_drain (struct net *);
/* The rest is cancelled: what is queued gets one more chance to be sent. [any] */
void net_cancel (struct net *);
unsigned net_sessions (struct net *); /* [any] */

/* Totals since the start, and what is now. */
struct net_counts {
  uint64_t accepted, closed;
  uint64_t limit_all, limit_listener, limit_address, limit_user; /* turned away by it */
  uint64_t shed; /* closed without a word: no descriptors, or too many to turn away */
  uint64_t descriptor_pauses;
  uint64_t proxied, proxy_refused;
  uint64_t tls_handshakes, tls_resumed, tls_failures;
  uint64_t login_timeouts, idle_timeouts, stopped, memory_spent, source_failures;
  uint64_t octets_in, octets_out;           /* of sessions' own octets, without TLS */
  unsigned sessions, tls_sessions, claimed; /* gauges */
};
void net_counts (struct net *, struct net_counts *); /* [any] */

/* "postern.stream/1" for plugins. */
const struct ptn_stream_service *net_stream_service (void);

/* struct ptn_host's `claim`.  An account of NULL or "": nobody in particular (a protocol
 * without logins): ends the login timer and counts for no user. [task] */
ptn_status session_claim (struct ptn_task *, const char *account);
/* And its `unclaim`: the login timer begins anew. [task] */
void session_unclaim (struct ptn_task *);

#endif
