/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - what net.c, listener.c and session.c know of each other. */
#ifndef HOST_NET_PRIVATE_H
#define HOST_NET_PRIVATE_H

#include "net/tally.h"
#include "net/listener.h"
#include "net/net.h"
#include "net/refcount.h"
#include "net/stream.h"
#include "net/tls.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

/* Counters of net_counts, plain atomics: nobody orders anything by them. */
struct net_totals {
  _Atomic uint64_t accepted, closed, limit_all, limit_listener, limit_address, limit_user, shed,
      descriptor_pauses, proxied, proxy_refused, tls_handshakes, tls_resumed, tls_failures,
      login_timeouts, idle_timeouts, stopped, memory_spent, source_failures, octets_in, octets_out;
  _Atomic unsigned sessions, tls_sessions, claimed, refusing;
};
#define NET_ADD(net, member, number) \
  atomic_fetch_add_explicit (&(net)->totals.member, (number), memory_order_relaxed)

/* Sessions at most that only say why they are refused; more are closed without a word. */
#define NET_REFUSING 256u

struct session;

struct net {
  struct engine *engine;
  char *server_name;
  net_log_fn *log;
  void *log_user;
  _Atomic ptn_level log_level;
  _Atomic unsigned max_connections;
  _Atomic bool draining, cancelled;
  uint32_t run; /* tells the session ids of two runs apart */
  _Atomic uint64_t next_session;
  struct net_totals totals;
  struct tally *addresses; /* connections by peer_key, over all listeners */
  pthread_mutex_t lock;    /* guards `first` and the links of sessions */
  struct session *first;
};

/* The settings of a listener at one time: counted, immutable; sessions keep what they began
 * with. */
struct listener_state {
  refcount references;
  struct listener_spec spec; /* strings, networks and TLS context are our own */
};
struct listener_state *listener_state_ref (struct listener_state *);
void listener_state_unref (struct listener_state *);

struct listener {
  struct net *net;
  pthread_mutex_t lock; /* guards `state` */
  struct listener_state *state;
  struct tally *users; /* connections by account */
  refcount references; /* the owner, the accepting strands, the sessions */
  _Atomic unsigned sessions;
  _Atomic uint64_t accepted;
  _Atomic int64_t next_log_ns; /* of limits: a flood writes one line a second */
  _Atomic unsigned unlogged;
  GPtrArray *accepters; /* struct accepter: guarded by lock */
};
struct listener *listener_ref (struct listener *);
void listener_unref (struct listener *);

/* Why a new connection is not served, if it is not. */
typedef enum { REFUSE_NOT, REFUSE_ALL, REFUSE_LISTENER, REFUSE_ADDRESS } refusal;

/* Takes `fd` over, and the counts the listener made for it. */
void session_start (struct listener *, struct listener_state *, int fd,
                    const struct net_address *peer, refusal);

void net_register (struct net *, struct session *);
void net_unregister (struct net *, struct session *);
bool net_logs (const struct net *, ptn_level);
void net_log (struct net *, ptn_level, const struct ptn_task *, const char *event,
              const struct ptn_field *fields, size_t count);
/* True if a line about limits may be written now; *unlogged: those that were not. */
bool listener_may_log (struct listener *, unsigned *unlogged);

/* For the register: neighbours, and what the drain does to one, under the lock. */
struct session **session_links (struct session *); /* [0] previous, [1] next */
void session_wake_for_drain (struct session *);
struct ptn_task *session_task (struct session *);

int64_t net_now (void); /* CLOCK_MONOTONIC, ns */

#endif
