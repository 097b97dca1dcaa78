/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one IMAP connection, as all files of its commands see it.
 *
 * Owned by the host's session, touched only in its task.  Kept small: tens of thousands of them wait
 * in IDLE.  What a command needs is allocated while it runs.
 *
 * The life of a command: collect.c gathers its text with its literals, dispatch.c finds the row of
 * its name and calls `run` with the arguments.  It parses them, all of them, and either answers at once
 * (answer, answer_bad), or sets s->resume and is called there until it has answered.  The text of the
 * command, and all strings that the reader gave, stay until then.  `answer` only notes the tagged
 * response: before it is sent, what happened in the selected mailbox is told (selected/report.c). */
#ifndef IMAP4_SESSION_H
#define IMAP4_SESSION_H

#include "imap4.h"

#include "common/sasl.h"
#include "syntax/reader.h"
#include "syntax/writer.h"

#define LITERALS_BEFORE_LOGIN (16 * 1024)  /* of one command; a line may have SASL_LINE_MAX */
#define LINE_MAX_AFTER_LOGIN (1024 * 1024) /* the listener's max_line may be less */
#define LITERALS_MAX (256 * 1024)          /* of one command, but for the messages of APPEND */
#define OUTPUT_BELOW (128 * 1024) /* no more answers while that much waits for the client */
#define FLUSH_AT (32 * 1024)

enum state { /* bits: a command's row says in which it may be used */
             STATE_GREETING = 0,
             STATE_NOT_AUTHENTICATED = 1,
             STATE_AUTHENTICATED = 2,
             STATE_SELECTED = 4,
             STATE_LOGOUT = 8
};
#define STATES_LOGGED_IN (STATE_AUTHENTICATED | STATE_SELECTED)
#define STATES_ANY (STATE_NOT_AUTHENTICATED | STATES_LOGGED_IN)

enum { /* session.enabled */
       ENABLED_CONDSTORE = 1 << 0,
       ENABLED_QRESYNC = 1 << 1,
       ENABLED_UTF8 = 1 << 2, /* UTF8=ACCEPT */
       ENABLED_REV2 = 1 << 3, /* IMAP4rev2 */
       ENABLED_UIDONLY = 1 << 4
};

enum {                           /* command.flags */
       COMMAND_UID = 1 << 0,     /* has a form with UID before it */
       COMMAND_NUMBERS = 1 << 1, /* without UID: no EXPUNGE may be told (RFC 9051 section 7.5.1) */
       COMMAND_STREAMS = 1 << 2, /* takes its literals itself (literal_* below) */
       COMMAND_KEEPS_OLD = 1 << 3, /* tells nothing of the mailbox at its end */
       COMMAND_UID_ONLY = 1 << 4,  /* exists with UID before it alone */
       COMMAND_EXPUNGES = 1 << 5   /* has numbers, but EXPUNGE may be told at its end */
};

struct session;
struct selected; /* selected/selected.h */
struct login;    /* login/ */
struct folders;  /* mailbox/ */

typedef void command_function (struct session *, struct reader *arguments);

struct command {    /* one row of dispatch.c */
  const char *name; /* without "UID " */
  command_function *run;
  unsigned char states, flags;
  short capability; /* enum capability: hidden with it; -1: always there */
};

struct literal { /* what the client announced at the end of the line */
  uint64_t size;
  bool pending;       /* its octets have not been taken yet */
  bool synchronising; /* the client waits for "+" */
  bool binary;        /* ~{...} */
};

/* Whose mailboxes these are: copied at login. */
struct user {
  struct ptn_account *account;
  char *name;    /* identity->account */
  char *authzid; /* on whose behalf */
  char **attributes, **groups;
  bool administrator;      /* may set quotas */
  bool reads;              /* and changes nothing: PTN_ACCESS_READ; stores see to it */
  struct folders *folders; /* mailbox/folders.h: while they are made */
  void *watch;             /* of a delegate's session, postern.login/1; or NULL */
};

struct session {
  struct imap4 *imap4;
  struct ptn_stream *stream;
  const struct ptn_session_info *info;
  struct ptn_task *task; /* of the step that runs */
  struct ptn_call call;
  ptn_status broken; /* a write failed: the connection is gone */
  unsigned char state;
  unsigned char failures;  /* logins */
  unsigned char id_logged; /* login/id.c */
  bool line_begun;         /* what was flushed last ends in the middle of a line */
  unsigned short errors;   /* bad commands since the last good one */
  unsigned enabled;
  uint64_t hidden[2];  /* bits of enum capability: not for this session, see capability.c */
  int64_t deadline_ns; /* of this step: when the next one is wanted at the latest; monotonic */
  struct writer out;

  /* Collecting a command. */
  struct line_reader line;
  struct literal literal;
  GString *text;         /* the command, if it has literals; else it is still in the stream */
  size_t in_stream;      /* octets of the stream's input that belong to the command */
  uint64_t literal_left; /* of a literal that is being taken into text */
  bool skipping;         /* the rest of a command that was refused */

  /* The command that runs; NULL: none. */
  const struct command *command;
  const char *tag;
  struct reader arguments;
  bool uid; /* UID stood before it */
  /* Called until it is NULL.  PTN_OK: others first, then again; PTN_PENDING as ever; an error ends
   * the session. */
  ptn_status (*resume) (struct session *);
  /* What the command keeps between its steps; work_free is called when it ends, in any way. */
  void *work;
  void (*work_free) (struct session *, void *work);
  uint32_t limited_to; /* the lowest UID that the command did, if it was cut (selected/limit.h) */
  char *answer;        /* the tagged response without its tag, when it is known */

  struct login *login;
  struct user *user; /* from login on */
  struct selected *selected;
  struct notify *notify;    /* selected/notify.h; NULL: NOTIFY NONE */
  char *inner_text;         /* of the last one of these */
  struct inner *inner;      /* dispatch.c: the server's own command runs, inside this one or none */
  const char *language;     /* RFC 5255: of a table; NULL: "en" */
  bool compressed;          /* COMPRESS */
  unsigned char comparator; /* RFC 5255: enum comparator plus 1; 0: the default */
};

/* --- session.c: output.  All of it goes through s->out, which is flushed at the end of a step. --- */

/* "* " text CRLF.  Line ends within become spaces. */
void untagged (struct session *, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Gives what is written so far to the stream, for what is queued behind it (a source). */
void session_flush (struct session *);
/* PTN_OK: go on writing; PTN_PENDING: the client does not take it; an error: return it. */
ptn_status session_room (struct session *);
/* Texts of host->fail, or this. */
const char *failure_text (const struct session *, const char *otherwise);
bool session_has_tls (const struct session *);
bool
session_utf8 (const struct session *); /* UTF8=ACCEPT or IMAP4rev2: names and strings in UTF-8 */
/* Closes the connection behind what is written. */
void session_logout (struct session *);
/* Frees account, selected mailbox and all of the user: UNAUTHENTICATE and the end. */
void session_forget_user (struct session *);

/* --- answer.c: ends of commands.  One of them ends each command. --- */

/* Tagged "OK text", "NO [CODE] text", "BAD text".  code without brackets; NULL: none. */
void answer_ok (struct session *, const char *code, const char *text);
void answer_no (struct session *, const char *code, const char *text);
void answer_bad (struct session *, const char *text);
/* The same with a format for what stands behind OK. */
void answer_format (struct session *, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* NO for a failure of the store or another plugin, with its response code (RFC 5530) and text; logs
 * what is no fault of the client. */
void answer_failure (struct session *, ptn_status, const char *otherwise);
/* The arguments were malformed: BAD with what the reader said. */
void answer_syntax (struct session *, const struct reader *);
const char *failure_code (ptn_status);

/* --- collect.c: for commands with COMMAND_STREAMS.  `run` is called at the first literal; arguments
 * then ends behind its "{...}" CRLF, which stands in s->literal. --- */

/* Takes the literal into the text, and the line behind it; the reader goes on there. */
ptn_status literal_take (struct session *);
/* Asks for the literal, if the client waits; then it may be read from the stream (stream->literal). */
void literal_accept (struct session *);
/* Behind a literal that was read: the next line, which replaces the text. */
ptn_status literal_next_line (struct session *);
/* The command is refused: what is left of it is thrown away after it was answered. */
void literal_refuse (struct session *);

/* --- dispatch.c --- */
void command_dispatch (struct session *, const char *text, size_t size);
void command_end (struct session *);
/* Carries out a command of the server's own, whose tagged response is not sent, as if the client had
 * sent it now; what runs (IDLE) goes on behind it.  The text stays where it is until then. */
void command_begin_inner (struct session *, const char *text);

#endif
