/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one connection from accept to close: PROXY header, handshake, the protocol's
 * steps, and what ends it.  Used by session*.c alone.
 *
 * The session belongs to its strand, and everything here is [task]; others reach it through
 * the register of struct net, under its lock. */
#ifndef HOST_NET_SESSION_H
#define HOST_NET_SESSION_H

#include "net/private.h"

#define SESSION_TASK "net.session" /* task_name of a session's strand */

typedef enum {
  SESSION_NEW,
  SESSION_PROXY,   /* waits for the header */
  SESSION_TLS,     /* shakes hands */
  SESSION_OPENING, /* the protocol's open */
  SESSION_SERVING, /* its steps */
  SESSION_CLOSING, /* what is queued goes out */
  SESSION_LINGER,  /* our side is shut; waits for the peer's, so that no reset eats our words */
  SESSION_GONE
} session_state;

enum { FIELD_SESSION, FIELD_LISTENER, FIELD_PEER, FIELD_ACCOUNT, SESSION_FIELDS };

struct session {
  struct ptn_stream stream; /* first: a stream's session is found by a cast */
  struct ptn_session_info info;
  struct session *links[2];
  struct ptn_task *task;
  struct ptn_waker *drain_waker; /* net->lock */
  struct listener *listener;
  struct listener_state *settings;
  struct tls_context *context; /* referenced; also held for SNI during the handshake */
  void *session;               /* the protocol's */
  char *account;
  const char *reason;         /* why it ends, for the log; static */
  int64_t began_ns, moved_ns; /* moved: when octets last did */
  int64_t login_ns;           /* the login timer runs since then */
  int64_t plugin_ns;          /* the protocol's deadline */
  int64_t state_ns;           /* the state's own deadline (CLOSING, LINGER) */
  int64_t timer_ns;           /* what the strand's timer is set to */
  uint64_t told_in, told_out; /* octets already in the totals */
  size_t waste;               /* octets a lingering peer may still send */
  session_state state;
  ptn_bye bye;     /* said, or to be said as soon as the protocol is open; 0 */
  uint8_t refused; /* refusal: it is not served */
  bool address_counted, listener_counted, user_counted, refusing_counted, tls_counted;
  bool claimed; /* the login timer has ended */
  bool proxied;
  bool opened;   /* protocol->open succeeded, close has to follow */
  bool step_now; /* woken, or not finished with what is there */
  bool first_done;
  char id[20];
  char peer_text[ADDRESS_TEXT];
  struct ptn_field fields[SESSION_FIELDS];
};

typedef enum { GO_ON, GO_WAIT, GO_AGAIN, GO_DONE } session_go;

/* session.c */
void session_set_peer (struct session *, const struct net_address *);
session_go session_close_soon (struct session *, const char *reason, int64_t patience_ns);
session_go session_end (struct session *, const char *reason);

/* session_begin.c: what comes before the protocol. */
session_go session_proxy (struct session *);
session_go session_handshake (struct session *);

/* session_serve.c */
session_go session_open (struct session *);
session_go session_serve (struct session *);
session_go session_goodbye (struct session *, ptn_bye why);

/* session_limits.c */
/* Marks it as refused if its peer has as many connections as it may have; false: and there is
 * nobody left to tell it so. */
bool session_count_address (struct session *);
void session_uncount (struct session *);
void session_log_limit (struct session *, const char *limit, uint64_t most);

#endif
