/* SPDX-License-Identifier: Apache-2.0 */
/* session_begin.c - what comes before the protocol: the PROXY header and the TLS handshake. */
#include "net/session.h"

#include "net/proxy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static session_go
refuse_proxy (struct session *s, const char *why) {
  struct net *net = s->listener->net;
  struct ptn_field fields[] = { { "reason", why } };

  NET_ADD (net, proxy_refused, 1);
  net_log (net, PTN_LOG_WARNING, s->task, "proxy.refused", fields, G_N_ELEMENTS (fields));
  return session_end (s, "proxy");
}

/* Looks at the octets without taking them: what follows the header belongs to TLS, or to the
 * protocol. */
session_go
session_proxy (struct session *s) {
  struct net *net = s->listener->net;
  char octets[PROXY_LONGEST];
  struct proxy_header header;
  struct ptn_field via[] = { { "via", NULL } };
  char via_text[ADDRESS_TEXT];
  ssize_t got;

  if (!s->stream.readable)
    return GO_WAIT;
  s->stream.readable = false; /* more of the header is a new edge */
  got = recv (s->stream.fd, octets, sizeof octets, MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return GO_WAIT;
  if (got <= 0)
    return session_end (s, "peer");
  const proxy_result result = proxy_parse (octets, (size_t)got, &header);
  explicit_bzero (octets, sizeof octets); /* behind the header may be a command with a password */
  switch (result) {
  case PROXY_MORE:
    return s->stream.hangup ? refuse_proxy (s, "cut off") : GO_WAIT;
  case PROXY_BAD:
    return refuse_proxy (s, "not a PROXY header");
  case PROXY_GOOD:
    break;
  }
  if (recv (s->stream.fd, octets, header.size, 0) != (ssize_t)header.size)
    return session_end (s, "peer");
  s->stream.readable = true;
  s->stream.moved = true;
  s->proxied = true;
  NET_ADD (net, proxied, 1);
  if (header.told) {
    address_text (&s->stream.peer, via_text);
    via[0].value = via_text;
    session_set_peer (s, &header.peer);
    s->stream.local = header.local;
    net_log (net, PTN_LOG_DEBUG, s->task, "proxy.accepted", via, G_N_ELEMENTS (via));
  }
  if (!session_count_address (s))
    return session_end (s, "limit");
  s->state = s->info.implicit_tls ? SESSION_TLS : SESSION_OPENING;
  return GO_ON;
}

static session_go
handshake_failed (struct session *s) {
  struct net *net = s->listener->net;
  char why[120];
  struct ptn_field fields[] = { { "error", why } };

  tls_error_text (why, sizeof why);
  NET_ADD (net, tls_failures, 1);
  net_log (net, PTN_LOG_INFO, s->task, "tls.failed", fields, G_N_ELEMENTS (fields));
  s->stream.error = PTN_OK; /* the alert may still go out */
  stream_wire_send (&s->stream);
  s->stream.error = PTN_E_DISCONNECTED;
  return session_end (s, "tls");
}

/* It is as good as none, and its owner should be told why. */
static void
tell_of_client (struct session *s) {
  const char *fault = tls_client_fault (s->stream.ssl);
  struct ptn_field fields[] = { { "error", fault } };

  if (fault)
    net_log (s->listener->net, PTN_LOG_INFO, s->task, "tls.client-refused", fields,
             G_N_ELEMENTS (fields));
}

/* The SSL object is not made before the peer says something: who only connects costs 1 kB. */
session_go
session_handshake (struct session *s) {
  struct ptn_stream *stream = &s->stream;
  struct net *net = s->listener->net;
  ptn_status status;

  if (!stream->ssl) {
    if (!stream->readable)
      return stream->hangup ? session_end (s, "peer") : GO_WAIT;
    if (!s->context || !stream_tls_begin (stream, s->context))
      return session_end (s, "tls");
  }
  status = stream_tls_handshake (stream);
  if (status == PTN_PENDING) {
    if (!stream_wire_send (stream) && stream->error)
      return session_end (s, "peer");
    return GO_WAIT;
  }
  if (status != PTN_OK)
    return stream->eof || stream->hangup ? session_end (s, "peer") : handshake_failed (s);
  /* A ticket, if there is one, goes out with the greeting. */
  NET_ADD (net, tls_handshakes, 1);
  if (SSL_session_reused (stream->ssl))
    NET_ADD (net, tls_resumed, 1);
  atomic_fetch_add (&net->totals.tls_sessions, 1);
  s->tls_counted = true;
  tell_of_client (s);
  s->step_now = true;
  s->state = s->opened ? SESSION_SERVING : SESSION_OPENING;
  return GO_ON;
}
