/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one POP3 connection, as all files of its commands see it.
 *
 * Owned by the host's session, touched only in its task.  Kept small: thousands of them wait
 * logged in for nothing.  What a login or an UPDATE needs is allocated while it lasts. */
#ifndef POP3_SESSION_H
#define POP3_SESSION_H

#include "maildrop.h"
#include "pop3.h"

#include "common/sasl.h"

#define LINE_MAX_OCTETS 255       /* RFC 2449 section 4, with CRLF */
#define LINE_MAX_UTF8 512         /* after UTF8 */
#define OUTPUT_BELOW (128 * 1024) /* no more commands while that much waits for the client */

enum state { STATE_GREETING, STATE_AUTHORIZATION, STATE_TRANSACTION, STATE_CLOSING };

struct login;    /* auth.c */
struct outgoing; /* outgoing.h */

struct session {
  struct pop3 *pop3;
  struct ptn_stream *stream;
  const struct ptn_session_info *info;
  struct ptn_task *task; /* of the step that runs */
  struct line_reader line;
  struct ptn_call call;
  /* The command that is being done: called until it is NULL.  PTN_OK: others first, then
   * again; PTN_PENDING as ever; an error ends the session. */
  ptn_status (*resume) (struct session *);
  ptn_status broken; /* a write failed: the connection is gone */

  struct maildrop *drop; /* from login to QUIT */
  struct login *login;   /* while a login is tried */
  void *watch;           /* of a delegate's session, postern.login/1; or NULL */
  struct update *update; /* while QUIT is carried out */
  struct ptn_source *source;
  char *user;      /* USER, until PASS */
  char *timestamp; /* of the greeting, if APOP is offered; until login */

  uint32_t index, stop;        /* the command's message numbers, from 0; stop is behind the last */
  uint64_t lines;              /* TOP; UINT64_MAX: RETR */
  uint32_t errors;             /* bad commands since the last good one */
  uint32_t retrieved, removed; /* for the log */
  uint64_t octets;
  uint8_t state;    /* enum state */
  uint8_t failures; /* logins */
  bool utf8, listing, uidl, uidl_as_dovecot, logged_in;
};

/* session.c.  Replies are cut at 510 octets and get their CRLF here. */
void say (struct session *, const char *text);
void reply (struct session *, const char *format, ...) G_GNUC_PRINTF (2, 3);
void emit (struct session *, const void *data, size_t size);
bool session_has_tls (const struct session *);
int64_t session_number (const struct session *, const char *setting);
/* What the client is told of a failure: host->fail's text for it, or `otherwise`. */
const char *failure_text (const struct session *, const char *otherwise);
/* The answer is written; close the connection behind it. */
void session_close_after (struct session *);

/* commands.c: one line without its end.  It may set resume; the line is gone after it. */
void command_run (struct session *, const char *line, size_t length);
/* The rest of a command line: its words, NUL-terminated copies in a fixed place. */
struct arguments {
  unsigned count; /* 3 means more than two */
  const char *word[2];
  const char *rest; /* everything behind the command, spaces and all; never NULL */
};
typedef void command_function (struct session *, const struct arguments *);

/* auth.c */
command_function command_user, command_pass, command_apop, command_auth;
ptn_status auth_capabilities (struct session *); /* resume: CAPA's USER and SASL, then the rest */
ptn_status auth_list (struct session *);         /* resume: AUTH alone */
void login_end (struct session *);               /* forgets it, at any time */
char *login_timestamp (const struct session *);

/* capa.c */
command_function command_capa, command_lang, command_utf8, command_stls;
void capa_rest (struct session *); /* what is known without waiting, and the final dot */

/* transaction.c */
command_function command_stat, command_list, command_uidl, command_dele, command_noop, command_rset,
    command_quit;
/* Message number `word` into s->index; false: an error was answered. */
bool message_number (struct session *, const char *word);
bool decimal (const char *text, uint64_t *value);

/* retrieve.c */
command_function command_retr, command_top;

#endif
