/* SPDX-License-Identifier: Apache-2.0 */
/* submission.h - what the files of this plugin share: one instance, one session a connection, one
 * transaction a mail.
 *
 * An instance belongs to the host (configure to destroy).  A session belongs to its connection
 * (open to close) and its functions run in that connection's task.  A transaction lives from
 * MAIL to the answer to its data, or to RSET. */
#ifndef SUBMISSION_SUBMISSION_H
#define SUBMISSION_SUBMISSION_H

#include "receiver.h"

#include "common/address.h"
#include "common/directories.h"
#include "common/sasl.h"

#include <postern/postern.h>

#include <glib.h>

/* RFC 5321 section 4.5.3.1.4 with the extensions of MAIL: SIZE 26, 8BITMIME 17, SMTPUTF8 10,
 * AUTH 500; with CRLF. */
#define COMMAND_MAX (512 + 26 + 17 + 10 + 500)

enum kind { KIND_SUBMISSION, KIND_RECEIVE, KIND_LMTP };

struct submission { /* an instance */
  const struct ptn_host *host;
  const struct ptn_stream_service *stream;
  struct directories directories; /* what `directory` may stand for */
  struct ptn_binding login, directory, delivery;
  struct ptn_metric *accepted, *refused, *octets;
};

struct transaction {
  char *reverse_path; /* "" : null */
  uint64_t announced; /* SIZE=, 0: not said */
  GArray *recipients; /* struct ptn_recipient, addresses g_malloc'd */
  char *id;           /* "SESSION-N", from the first octet of data on */
  bool utf8;
  bool receiving; /* DATA or BDAT has begun */
  bool delivered; /* deliver has answered, with `status` */
  ptn_status status;
  int64_t give_up_ns; /* RECEIVE_BARE: when we stop to wait for the true end; 0: not set */
  uint64_t seen;      /* receiver.octets at that time */
  char *tls;
  struct receiver receiver;
  struct ptn_transfer transfer;
  struct ptn_call call;
  struct ptn_reply *replies;
};

struct auth; /* sasl.c */

struct session {
  const struct submission *plugin;
  const struct ptn_session_info *info;
  struct ptn_stream *stream;
  struct ptn_task *task; /* of the running step */
  int64_t deadline_ns;   /* what the running step asks for */

  /* settings */
  enum kind kind;
  bool check_sender;
  uint64_t max_message;
  unsigned max_recipients, max_errors, max_hops;

  struct line_reader reader;
  bool greeted;
  bool esmtp;        /* EHLO or LHLO */
  bool offered;      /* EHLO named mechanisms */
  bool ending;       /* the last word is written */
  bool yield;        /* this step has to end here */
  ptn_status broken; /* a write failed */
  unsigned errors;
  unsigned mails; /* numbers the ids */
  char *helo;

  /* A command that waits: called again by the next step.  PTN_OK: done, go on. */
  ptn_status (*resume) (struct session *);
  struct ptn_call call; /* of that command */
  char *argument;       /* of that command: address or mechanism */
  uint64_t discard;     /* octets of a refused BDAT still to come */
  const char *discard_reply;

  struct auth *auth;                   /* a login in progress, or proved: its identity lives here */
  const struct ptn_identity *identity; /* NULL: nobody */
  struct transaction *mail;
};

static inline bool
session_tls (const struct session *s) {
  return s->plugin->stream->property (s->stream, "tls.version") != NULL;
}

/* One whole reply; `text` may hold several lines, each with its code.  (session.c) */
void session_write (struct session *, const char *text);
/* One line: "code enhanced text"; enhanced NULL: none.  Control characters become '?'.  Counts
 * a 5xx as a mistake of the client. */
void session_reply (struct session *, unsigned code, const char *enhanced, const char *format, ...)
    PTN_PRINTF (4, 5);
/* A reply that the delivery gave; not counted. */
void session_reply_given (struct session *, const struct ptn_reply *);
/* 421, and the end. */
void session_bye (struct session *, const char *enhanced, const char *text);
/* Ends the command's ptn_call and forgets its argument. */
void session_command_done (struct session *);
/* The state after STARTTLS and the like: no EHLO, no mail, nobody. */
void session_reset (struct session *);

/* One command line without its CRLF, not NUL-terminated, in the stream's input: copy what has to
 * outlive the next peek.  (commands.c) */
void command_run (struct session *, const char *line, size_t size);
void command_auth_required (struct session *);

/* MAIL, RCPT, DATA, BDAT and what follows.  (mail.c, data.c) */
void mail_from (struct session *, const char *argument, size_t size);
void mail_to (struct session *, const char *argument, size_t size);
void mail_data (struct session *, const char *argument, size_t size);
void mail_bdat (struct session *, const char *argument, size_t size);
void mail_reset (struct session *); /* ends the transaction, if any */
void mail_log_accepted (struct session *);
void mail_log_refused (struct session *, const char *reason, const char *recipient);

/* AUTH.  (sasl.c) */
void sasl_command (struct session *, const char *argument, size_t size);
void sasl_forget (struct session *);
void sasl_request (const struct session *, struct ptn_sasl_request *);

/* The parameters of MAIL and RCPT: "SIZE=1000 BODY=8BITMIME".  (params.c) */
struct mail_params {
  uint64_t size;
  bool utf8;
  bool auth;
};
/* NULL: fine; else the reply's text, with its code and enhanced code. */
const char *params_read_mail (const struct session *, const char *text, size_t size,
                              struct mail_params *, unsigned *code, const char **enhanced);
const char *params_read_rcpt (const char *text, size_t size, unsigned *code, const char **enhanced);

#endif
