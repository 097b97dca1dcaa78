/* SPDX-License-Identifier: MIT */
/* session.h - a protocol: POP3, IMAP, submission, HTTP.  Provide "postern.protocol/1".  */
#ifndef PTN_SESSION_H
#define PTN_SESSION_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_PROTOCOL_ID "postern.protocol/1"

struct ptn_session_info { /* table; lives as long as the session */
  uint32_t size;
  uint32_t implicit_tls; /* 0 or 1: TLS from the first octet */
  uint32_t start_tls;    /* 0 or 1: the listener can start TLS */
  uint32_t reserved;
  const char *listener;            /* name in the configuration */
  const char *session_id;          /* for logs and for the peer to quote */
  const char *server_name;         /* our own fully qualified name */
  const struct ptn_config *config; /* this listener's settings */
};

typedef uint32_t ptn_bye;
enum {                       /* why the host ends a session */
       PTN_BYE_TOO_MANY = 1, /* connections: nothing has been written yet */
       PTN_BYE_LOGIN_TIME,   /* nobody logged in within the listener's login_time */
       PTN_BYE_IDLE,         /* no octet moved for the listener's idle_time */
       PTN_BYE_STOPPING,     /* the server stops or the plugin is replaced */
       PTN_BYE_MEMORY        /* the session's memory is spent */
};

/* A session is a task: its steps never overlap.  They run on worker threads: a short
 * read of local storage may block, waiting for another machine belongs in host->offload
 * or behind PTN_PENDING.  A step does a bounded amount of work. */
struct ptn_protocol { /* table */
  uint32_t size;
  uint32_t reserved;
  const char *name; /* "pop3": the word in `protocol =` of a listener */
  /* The handshake of an implicit TLS listener is done, the PROXY header is read.  Write
   * nothing yet: the greeting belongs to the first step. */
  ptn_status (*open) (void *instance, struct ptn_task *, struct ptn_stream *,
                      const struct ptn_session_info *, void **session);
  /* Do what can be done.  PTN_PENDING: call again when what was armed has come, or at
   * *deadline_ns (monotonic; INT64_MAX on entry: none); the host then gives back every
   * buffer that is empty.  PTN_OK: call again soon, others first.  PTN_END: what is
   * queued is sent, then the connection is closed.  An error: closed at once. */
  ptn_status (*step) (void *session, struct ptn_task *, int64_t *deadline_ns);
  /* The host ends the session: write its last words ("-ERR [SYS/TEMP] ...", "421 ...");
   * they are sent if the peer takes them soon, then close runs.  Never during a queued
   * source.  Optional. [task] */
  void (*goodbye) (void *session, struct ptn_task *, ptn_bye why, const char *text);
  void (*close) (void *session); /* [task] */
  /* How long a logged-in client may be silent where the listener's idle_time says nothing, in
   * milliseconds; 0: 10 minutes (RFC 1939 section 3 wants no less; RFC 9051 section 5.4: 30). */
  int64_t idle_time_ms;
};

PTN_END_DECLS
#endif
