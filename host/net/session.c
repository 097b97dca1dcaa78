/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - life and end of a session, its deadlines; see session.h. */
#include "net/session.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND INT64_C (1000000000)
#define LINGER_NS (2 * SECOND) /* for the peer to close, when it may have sent more */
#define DRAIN_LINGER_NS \
  (SECOND / 5)                   /* the same while the server stops: the next one waits for us */
#define LINGER_OCTETS (1u << 20) /* thrown away meanwhile */
#define STUCK_CLOSING_NS (30 * SECOND) /* without progress, the last answers are given up */
#define TELL_OCTETS (256u << 10)       /* the totals lag by so much at most */

static void
tell_totals (struct session *s, bool all) {
  struct net *net = s->listener->net;
  uint64_t in = s->stream.octets_in - s->told_in, out = s->stream.octets_out - s->told_out;

  if (!all && in < TELL_OCTETS && out < TELL_OCTETS)
    return;
  NET_ADD (net, octets_in, in);
  NET_ADD (net, octets_out, out);
  s->told_in = s->stream.octets_in;
  s->told_out = s->stream.octets_out;
}

void
session_set_peer (struct session *s, const struct net_address *peer) {
  s->stream.peer = *peer;
  address_text (peer, s->peer_text);
}

/* --- the end ------------------------------------------------------------------------- */

static void
log_close (struct session *s) {
  struct net *net = s->listener->net;
  char in[24], out[24], seconds[32];
  int64_t lived = net_now () - s->began_ns;
  struct ptn_field fields[] = {
    { "reason", s->reason },
    { "in", in },
    { "out", out },
    { "seconds", seconds },
  };

  if (!net_logs (net, PTN_LOG_INFO))
    return;
  g_snprintf (in, sizeof in, "%" PRIu64, s->stream.octets_in);
  g_snprintf (out, sizeof out, "%" PRIu64, s->stream.octets_out);
  g_snprintf (seconds, sizeof seconds, "%" PRId64 ".%03d", lived / SECOND,
              (int)(lived % SECOND / 1000000));
  net_log (net, PTN_LOG_INFO, s->task, "session.close", fields, G_N_ELEMENTS (fields));
}

static void
log_failure (struct session *s) {
  struct net *net = s->listener->net;
  const char *why = task_failure_log (s->task);
  struct ptn_field fields[] = { { "reason", s->reason }, { "error", why ? why : "" } };

  if (s->stream.break_off) {
    NET_ADD (net, source_failures, 1);
    net_log (net, PTN_LOG_ERROR, s->task, "session.broken-off", fields, G_N_ELEMENTS (fields));
  }
}

/* The protocol and everything the session counted for go; the socket stays. */
static void
end_protocol (struct session *s) {
  struct net *net = s->listener->net;

  stream_drop_output (&s->stream);
  if (s->opened) {
    uint32_t before = engine_enter (s->settings->spec.plugin);
    s->settings->spec.protocol->close (s->session);
    engine_enter (before);
    s->opened = false;
  }
  log_failure (s);
  log_close (s);
  tell_totals (s, true);
  session_uncount (s);
  stream_clear (&s->stream);
  if (s->tls_counted)
    atomic_fetch_sub (&net->totals.tls_sessions, 1);
  s->tls_counted = false;
}

static session_go
gone (struct session *s) {
  struct net *net = s->listener->net;

  task_unwatch (s->task);
  if (s->stream.break_off) {
    struct linger reset = { .l_onoff = 1 };
    setsockopt (s->stream.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  close (s->stream.fd);
  task_set_fields (s->task, NULL, 0);
  net_unregister (net, s);
  if (s->refusing_counted) /* also while it lingers: it has a descriptor */
    atomic_fetch_sub (&net->totals.refusing, 1);
  if (s->drain_waker)
    waker_forget (s->drain_waker);
  s->drain_waker = NULL;
  s->state = SESSION_GONE;
  return GO_DONE;
}

session_go
session_end (struct session *s, const char *reason) {
  if (!s->reason)
    s->reason = reason;
  if (s->state != SESSION_LINGER)
    end_protocol (s);
  return gone (s);
}

session_go
session_close_soon (struct session *s, const char *reason, int64_t patience_ns) {
  if (!s->reason)
    s->reason = reason;
  s->state = SESSION_CLOSING;
  s->state_ns = net_now () + (patience_ns ? patience_ns : STUCK_CLOSING_NS);
  return GO_ON;
}

/* Everything queued has been sent. */
static session_go
sent (struct session *s) {
  struct ptn_stream *stream = &s->stream;
  bool more;

  stream_tls_goodbye (stream);
  if (stream->ssl && !stream_wire_send (stream) && !stream->error)
    return GO_WAIT;
  /* A close with unread octets resets the connection, and the peer may lose our last words. */
  more = !stream->eof && !stream->error
         && (s->bye || stream->readable || stream->in_start < stream->in_end);
  if (!more || shutdown (stream->fd, SHUT_WR) < 0)
    return session_end (s, NULL);
  end_protocol (s);
  s->state = SESSION_LINGER;
  s->state_ns = net_now () + (s->listener->net->draining ? DRAIN_LINGER_NS : LINGER_NS);
  s->waste = LINGER_OCTETS;
  return GO_ON;
}

static session_go
closing (struct session *s) {
  ptn_status status = stream_flush (&s->stream);

  if (status == PTN_OK)
    return sent (s);
  if (status != PTN_PENDING)
    return session_end (s, NULL);
  if (s->stream.moved && !s->bye)
    s->state_ns = net_now () + STUCK_CLOSING_NS;
  return s->stream.unsent ? GO_AGAIN : GO_WAIT;
}

static session_go
linger (struct session *s) {
  return stream_discard (&s->stream, &s->waste) ? GO_WAIT : session_end (s, NULL);
}

/* --- deadlines ------------------------------------------------------------------------ */

static int64_t
login_deadline (const struct session *s) {
  int64_t patience = s->settings->spec.login_time_ns;

  return s->claimed || !patience ? INT64_MAX : s->login_ns + patience;
}

static int64_t
idle_deadline (const struct session *s) {
  int64_t patience = s->settings->spec.idle_time_ns;
  bool waits_for_login = !s->claimed && s->settings->spec.login_time_ns;

  return waits_for_login || !patience ? INT64_MAX : s->moved_ns + patience;
}

static int64_t
next_deadline (const struct session *s) {
  if (s->state >= SESSION_CLOSING)
    return s->state_ns;
  return MIN (MIN (login_deadline (s), idle_deadline (s)), s->plugin_ns);
}

/* The timer came, perhaps too early: deadlines move on without setting it anew. */
static session_go
on_timer (struct session *s) {
  struct net *net = s->listener->net;
  int64_t now = net_now ();

  s->timer_ns = INT64_MAX;
  if (s->state >= SESSION_CLOSING)
    return now >= s->state_ns ? session_end (s, "unsent") : GO_ON;
  if (now >= login_deadline (s)) {
    NET_ADD (net, login_timeouts, 1);
    s->reason = "login-time";
    return session_goodbye (s, PTN_BYE_LOGIN_TIME);
  }
  if (now >= idle_deadline (s)) {
    NET_ADD (net, idle_timeouts, 1);
    s->reason = "idle-time";
    return session_goodbye (s, PTN_BYE_IDLE);
  }
  if (now >= s->plugin_ns)
    s->step_now = true;
  return GO_ON;
}

static void
set_timer (struct session *s) {
  int64_t deadline = next_deadline (s);

  if (deadline < s->timer_ns) {
    task_set_timer (s->task, deadline);
    s->timer_ns = deadline;
  }
}

/* --- running --------------------------------------------------------------------------- */

static session_go
begin (struct session *s) {
  const struct listener_spec *spec = &s->settings->spec;
  struct net *net = s->listener->net;

  s->fields[FIELD_SESSION] = (struct ptn_field){ "session", s->id };
  s->fields[FIELD_LISTENER] = (struct ptn_field){ "listener", spec->name };
  s->fields[FIELD_PEER] = (struct ptn_field){ "peer", s->peer_text };
  task_set_fields (s->task, s->fields, FIELD_ACCOUNT);
  task_set_memory_limit (s->task, spec->session_memory);
  s->drain_waker = task_waker (s->task);
  net_register (net, s);
  if (!task_watch_input (s->task, s->stream.fd, NULL))
    return session_end (s, "watch");
  if (net->cancelled)
    return session_end (s, "stopping");
  net_log (net, PTN_LOG_DEBUG, s->task, "session.open", NULL, 0);
  s->state = networks_have (spec->proxy_from, spec->proxy_from_count, &s->stream.peer)
                 ? SESSION_PROXY
                 : SESSION_TLS;
  if (s->state == SESSION_TLS && !session_count_address (s))
    return session_end (s, "limit");
  if (s->state == SESSION_TLS && spec->tls != LISTENER_TLS)
    s->state = SESSION_OPENING;
  return GO_ON;
}

static session_go
cancelled (struct session *s) {
  NET_ADD (s->listener->net, stopped, 1);
  if (!s->reason)
    s->reason = "stopping";
  if (s->state == SESSION_SERVING && session_goodbye (s, PTN_BYE_STOPPING) == GO_DONE)
    return GO_DONE;
  if (s->state == SESSION_CLOSING && stream_flush (&s->stream) == PTN_OK) {
    stream_tls_goodbye (&s->stream);
    stream_wire_send (&s->stream);
  }
  return session_end (s, "stopping");
}

static session_go
advance (struct session *s) {
  switch (s->state) {
  case SESSION_NEW:
    return begin (s);
  case SESSION_PROXY:
    return session_proxy (s);
  case SESSION_TLS:
    return session_handshake (s);
  case SESSION_OPENING:
    return session_open (s);
  case SESSION_SERVING:
    return session_serve (s);
  case SESSION_CLOSING:
    return closing (s);
  case SESSION_LINGER:
    return linger (s);
  default:
    return GO_DONE;
  }
}

static task_next
session_run (struct ptn_task *task, void *user, unsigned events) {
  struct session *s = user;
  session_go go = GO_ON;

  if (s->state == SESSION_NEW)
    s->task = s->stream.task = task;
  stream_events (&s->stream, events);
  if (events & TASK_WOKEN)
    s->step_now = true;
  if (s->state != SESSION_NEW) {
    if (events & TASK_CANCEL)
      go = cancelled (s);
    else if (events & TASK_TIMER)
      go = on_timer (s);
  }
  while (go == GO_ON)
    go = advance (s);
  if (go == GO_DONE)
    return TASK_DONE;
  if (s->stream.moved) {
    s->stream.moved = false;
    s->moved_ns = net_now ();
    tell_totals (s, false);
  }
  set_timer (s);
  return go == GO_AGAIN ? TASK_AGAIN : TASK_WAIT;
}

/* The strand has ended; nobody knows the session any more. */
static void
session_finish (void *user) {
  struct session *s = user;
  struct net *net = s->listener->net;

  if (s->state != SESSION_GONE) /* the engine ended before the first run */
    close (s->stream.fd);
  tls_context_unref (s->context);
  g_free (s->account);
  listener_state_unref (s->settings);
  listener_unref (s->listener);
  g_free (s);
  NET_ADD (net, closed, 1);
  atomic_fetch_sub (&net->totals.sessions, 1);
}

void
session_start (struct listener *listener, struct listener_state *settings, int fd,
               const struct net_address *peer, refusal refused) {
  struct session *s = g_new0 (struct session, 1);
  struct net *net = listener->net;
  const struct listener_spec *spec = &settings->spec;

  s->listener = listener_ref (listener);
  s->settings = listener_state_ref (settings);
  s->listener_counted = refused == REFUSE_NOT;
  s->refusing_counted = refused != REFUSE_NOT;
  s->refused = (uint8_t)refused;
  s->began_ns = s->login_ns = s->moved_ns = net_now ();
  s->plugin_ns = s->state_ns = s->timer_ns = INT64_MAX;
  stream_init (&s->stream, NULL, fd, spec->max_line);
  s->stream.plugin = spec->plugin;
  session_set_peer (s, peer);
  if (spec->context && spec->tls != LISTENER_CLEAR)
    s->context = tls_context_ref (spec->context);
  s->stream.tls = spec->tls == LISTENER_STARTTLS ? s->context : NULL;
  g_snprintf (s->id, sizeof s->id, "%08x%" PRIx64, net->run, ++net->next_session);
  s->info = (struct ptn_session_info){
    .size = sizeof s->info,
    .implicit_tls = spec->tls == LISTENER_TLS,
    .start_tls = spec->tls == LISTENER_STARTTLS,
    .listener = spec->name,
    .session_id = s->id,
    .server_name = net->server_name,
    .config = spec->config,
  };
  task_new (net->engine, SESSION_TASK, session_run, session_finish, s);
}

/* --- for the register -------------------------------------------------------------------- */

struct session **
session_links (struct session *s) {
  return s->links;
}

struct ptn_task *
session_task (struct session *s) {
  return s->task;
}

void
session_wake_for_drain (struct session *s) {
  if (s->drain_waker)
    waker_wake (s->drain_waker);
  s->drain_waker = NULL;
}
