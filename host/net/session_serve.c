/* SPDX-License-Identifier: Apache-2.0 */
/* session_serve.c - the protocol's part of a session: open, steps, goodbye. */
#include "net/session.h"

#define GOODBYE_NS INT64_C (5000000000) /* for the peer to take our last words */

session_go
session_open (struct session *s) {
  const struct listener_spec *spec = &s->settings->spec;
  struct net *net = s->listener->net;
  uint32_t before = engine_enter (spec->plugin);
  ptn_status status =
      spec->protocol->open (spec->instance, s->task, &s->stream, &s->info, &s->session);

  engine_enter (before);
  if (status == PTN_PENDING)
    return GO_WAIT;
  if (status != PTN_OK) {
    const char *why = task_failure_log (s->task);
    struct ptn_field fields[] = { { "error", why ? why : "" } };
    net_log (net, PTN_LOG_ERROR, s->task, "session.failed", fields, G_N_ELEMENTS (fields));
    return session_end (s, "open");
  }
  s->opened = true;
  s->state = SESSION_SERVING;
  s->step_now = true;
  if (s->refused)
    return session_goodbye (s, PTN_BYE_TOO_MANY);
  if (net->draining)
    return session_goodbye (s, PTN_BYE_STOPPING);
  return GO_ON;
}

static const char *
reason_of (ptn_bye why) {
  switch (why) {
  case PTN_BYE_TOO_MANY:
    return "limit";
  case PTN_BYE_LOGIN_TIME:
    return "login-time";
  case PTN_BYE_IDLE:
    return "idle-time";
  case PTN_BYE_STOPPING:
    return "stopping";
  default:
    return "memory";
  }
}

static const char *
text_of (ptn_bye why) {
  switch (why) {
  case PTN_BYE_TOO_MANY:
    return "Too many connections, try again later";
  case PTN_BYE_LOGIN_TIME:
    return "Nobody logged in";
  case PTN_BYE_IDLE:
    return "Idle for too long";
  case PTN_BYE_STOPPING:
    return "The server is going down, try again soon";
  default:
    return "This session has spent its memory";
  }
}

session_go
session_goodbye (struct session *s, ptn_bye why) {
  const struct ptn_protocol *protocol = s->settings->spec.protocol;
  const char *reason = reason_of (why);

  bool turning = s->stream.wants_tls && !s->stream.tls_done;

  if (s->state != SESSION_SERVING || s->stream.error || turning)
    return session_end (s, reason);
  if (s->stream.out.sources) { /* no words may stand in the middle of a message */
    s->stream.break_off = true;
    return session_end (s, reason);
  }
  s->bye = why;
  task_set_memory_limit (s->task, 0); /* for the last words there is room */
  if (PTN_CAN (protocol, goodbye)) {
    uint32_t before = engine_enter (s->settings->spec.plugin);
    protocol->goodbye (s->session, s->task, why, text_of (why));
    engine_enter (before);
  }
  return session_close_soon (s, reason, GOODBYE_NS);
}

/* Nothing is under way: the protocol waits for a command, and every answer has been taken. */
static bool
is_idle (const struct session *s) {
  const struct ptn_stream *stream = &s->stream;

  return stream->armed_wanted && stream->in_start == stream->in_end && !stream->literal.open
         && stream_output_empty (stream);
}

static session_go
step_failed (struct session *s, ptn_status status) {
  struct net *net = s->listener->net;
  const char *why = task_failure_log (s->task);
  struct ptn_field fields[] = { { "error", why ? why : "" } };

  if (s->stream.error || status == PTN_E_DISCONNECTED)
    return session_end (s, s->stream.reason ? s->stream.reason : "peer");
  if (status == PTN_E_NO_MEMORY) {
    NET_ADD (net, memory_spent, 1);
    net_log (net, PTN_LOG_WARNING, s->task, "limit.memory", NULL, 0);
    return session_goodbye (s, PTN_BYE_MEMORY);
  }
  net_log (net, PTN_LOG_WARNING, s->task, "session.failed", fields, G_N_ELEMENTS (fields));
  return session_end (s, "failed");
}

static ptn_status
step (struct session *s) {
  const struct listener_spec *spec = &s->settings->spec;
  int64_t deadline = INT64_MAX;
  uint32_t before;
  ptn_status status;

  s->step_now = false;
  stream_step_begins (&s->stream);
  before = engine_enter (spec->plugin);
  status = spec->protocol->step (s->session, s->task, &deadline);
  engine_enter (before);
  s->plugin_ns = deadline;
  return status;
}

/* Writes what is queued, then steps as long as what the protocol waits for is there. */
session_go
session_serve (struct session *s) {
  struct ptn_stream *stream = &s->stream;

  for (bool first = true;; first = false) {
    ptn_status status;

    stream_flush (stream);
    if (stream->error)
      return session_end (s, stream->reason);
    if (stream->wants_tls && !stream->tls_done) {
      if (!stream_at_tls (stream))
        return stream->unsent ? GO_AGAIN : GO_WAIT;
      s->state = SESSION_TLS;
      return GO_ON;
    }
    if (!s->step_now && !stream_ready (stream)) {
      if (stream->error)
        continue;
      if (stream->unsent)
        return GO_AGAIN;
      if (s->listener->net->draining && is_idle (s)) {
        NET_ADD (s->listener->net, stopped, 1);
        return session_goodbye (s, PTN_BYE_STOPPING);
      }
      stream_rest (stream);
      return GO_WAIT;
    }
    if (!first && task_budget_spent (s->task)) {
      s->step_now = true;
      return GO_AGAIN;
    }
    status = step (s);
    if (status == PTN_PENDING && stream->memory_spent)
      status = PTN_E_NO_MEMORY;
    if (status == PTN_PENDING)
      continue;
    if (status == PTN_OK) {
      s->step_now = true;
      stream_flush (stream);
      return stream->error ? GO_ON : GO_AGAIN;
    }
    if (status == PTN_END)
      return session_close_soon (s, "end", 0);
    return step_failed (s, status);
  }
}
