/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - see net.h. */
#include "net/private.h"

#include <signal.h>
#include <time.h>

int64_t
net_now (void) {
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct net *
net_new (const struct net_settings *settings) {
  struct net *net = g_new0 (struct net, 1);

  signal (SIGPIPE, SIG_IGN);
  net->engine = settings->engine;
  net->server_name = g_strdup (settings->server_name ? settings->server_name : "localhost");
  net->log = settings->log;
  net->log_user = settings->log_user;
  net->log_level = settings->log_level;
  net->max_connections = settings->max_connections;
  net->run = g_random_int ();
  net->addresses = tally_new ();
  pthread_mutex_init (&net->lock, NULL);
  return net;
}

void
net_free (struct net **net) {
  if (!*net)
    return;
  g_assert (!(*net)->first);
  tally_free (&(*net)->addresses);
  pthread_mutex_destroy (&(*net)->lock);
  g_free ((*net)->server_name);
  g_free (*net);
  *net = NULL;
}

void
net_set_max_connections (struct net *net, unsigned most) {
  net->max_connections = most;
}

void
net_set_log_level (struct net *net, ptn_level level) {
  net->log_level = level;
}

bool
net_logs (const struct net *net, ptn_level level) {
  return net->log
         && level >= atomic_load_explicit (&((struct net *)net)->log_level, memory_order_relaxed);
}

void
net_log (struct net *net, ptn_level level, const struct ptn_task *task, const char *event,
         const struct ptn_field *fields, size_t count) {
  if (net_logs (net, level))
    net->log (net->log_user, level, task, event, fields, count);
}

/* --- the register of sessions ------------------------------------------------------------ */

void
net_register (struct net *net, struct session *session) {
  pthread_mutex_lock (&net->lock);
  session_links (session)[0] = NULL;
  session_links (session)[1] = net->first;
  if (net->first)
    session_links (net->first)[0] = session;
  net->first = session;
  pthread_mutex_unlock (&net->lock);
}

void
net_unregister (struct net *net, struct session *session) {
  struct session **links = session_links (session);

  pthread_mutex_lock (&net->lock);
  if (links[0])
    session_links (links[0])[1] = links[1];
  else
    net->first = links[1];
  if (links[1])
    session_links (links[1])[0] = links[0];
  pthread_mutex_unlock (&net->lock);
}

void
net_drain (struct net *net) {
  net->draining = true;
  pthread_mutex_lock (&net->lock);
  for (struct session *session = net->first; session; session = session_links (session)[1])
    session_wake_for_drain (session);
  pthread_mutex_unlock (&net->lock);
}

void
net_cancel (struct net *net) {
  net->draining = net->cancelled = true;
  pthread_mutex_lock (&net->lock);
  for (struct session *session = net->first; session; session = session_links (session)[1])
    task_cancel (session_task (session)); /* it lives: it leaves the register first */
  pthread_mutex_unlock (&net->lock);
}

unsigned
net_sessions (struct net *net) {
  return net->totals.sessions;
}

void
net_counts (struct net *net, struct net_counts *counts) {
  struct net_totals *t = &net->totals;

  *counts = (struct net_counts){
    .accepted = t->accepted,
    .closed = t->closed,
    .limit_all = t->limit_all,
    .limit_listener = t->limit_listener,
    .limit_address = t->limit_address,
    .limit_user = t->limit_user,
    .shed = t->shed,
    .descriptor_pauses = t->descriptor_pauses,
    .proxied = t->proxied,
    .proxy_refused = t->proxy_refused,
    .tls_handshakes = t->tls_handshakes,
    .tls_resumed = t->tls_resumed,
    .tls_failures = t->tls_failures,
    .login_timeouts = t->login_timeouts,
    .idle_timeouts = t->idle_timeouts,
    .stopped = t->stopped,
    .memory_spent = t->memory_spent,
    .source_failures = t->source_failures,
    .octets_in = t->octets_in,
    .octets_out = t->octets_out,
    .sessions = t->sessions,
    .tls_sessions = t->tls_sessions,
    .claimed = t->claimed,
  };
}
