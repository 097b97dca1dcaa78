/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one connection: greeting, the loop over commands, replies, the end. */
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Replies that may wait for a client that does not read, before we stop reading commands. */
#define OUTPUT_HIGH (32 * 1024)
/* RFC 5321 section 4.5.3.1.5, with CRLF. */
#define REPLY_MAX 512

/* --- replies --------------------------------------------------------------------------- */

void
session_write (struct session *s, const char *text) {
  ptn_status status = s->plugin->stream->write (s->stream, text, strlen (text));
  if (status != PTN_OK && s->broken == PTN_OK)
    s->broken = status;
}

/* Appends text as far as a reply line has room; control characters become '?'. */
static size_t
put (char *line, size_t at, const char *text) {
  for (; *text && at < REPLY_MAX - 2; text++)
    line[at++] = (unsigned char)*text < 32 || *text == 127 ? '?' : *text;
  return at;
}

static size_t
put_number (char *line, size_t at, unsigned number) {
  char digits[4] = { (char)('0' + number / 100 % 10), (char)('0' + number / 10 % 10),
                     (char)('0' + number % 10), '\0' };
  return put (line, at, digits + (number >= 100 ? 0 : number >= 10 ? 1 : 2));
}

/* Two of these go out for each mail: no printf. */
static void
write_line (struct session *s, unsigned code, const char *enhanced, const char *text) {
  char line[REPLY_MAX + 1];
  size_t at = put_number (line, 0, code);
  at = put (line, at, " ");
  if (enhanced)
    at = put (line, put (line, at, enhanced), " ");
  at = put (line, at, text);
  memcpy (line + at, "\r\n", 3);
  session_write (s, line);
}

void
session_reply (struct session *s, unsigned code, const char *enhanced, const char *format, ...) {
  char text[REPLY_MAX];
  va_list list;
  va_start (list, format);
  vsnprintf (text, sizeof text, format, list);
  va_end (list);
  write_line (s, code, enhanced, text);
  if (code >= 500)
    s->errors++;
}

void
session_reply_given (struct session *s, const struct ptn_reply *reply) {
  char enhanced[16];
  unsigned code = reply->code >= 200 && reply->code <= 599 ? reply->code : 451;
  unsigned class = code / 100;
  bool told = reply->enhanced / 1000000 == class;
  size_t at = put_number (enhanced, 0, class);
  at = put_number (enhanced, put (enhanced, at, "."), told ? reply->enhanced / 1000 % 1000 : 0);
  at = put_number (enhanced, put (enhanced, at, "."), told ? reply->enhanced % 1000 : 0);
  enhanced[at] = '\0';
  write_line (s, code, enhanced, reply->text ? reply->text : code < 300 ? "ok" : "not done");
}

void
session_bye (struct session *s, const char *enhanced, const char *text) {
  session_reply (s, 421, enhanced, "%s %s", s->info->server_name, text);
  s->ending = true;
}

/* --- state ----------------------------------------------------------------------------- */

void
session_command_done (struct session *s) {
  s->plugin->host->call_end (&s->call);
  s->call = (struct ptn_call){ 0 };
  g_clear_pointer (&s->argument, g_free);
  s->resume = NULL;
  if (!s->mail)
    s->plugin->host->command_done (s->task);
}

void
session_reset (struct session *s) {
  mail_reset (s);
  sasl_forget (s);
  s->esmtp = false;
  g_clear_pointer (&s->helo, g_free);
}

static void
read_settings (struct session *s) {
  const struct ptn_host *host = s->plugin->host;
  const struct ptn_config *config = s->info->config;
  const char *kind = host->text (config, "kind");
  s->kind = g_strcmp0 (kind, "lmtp") == 0      ? KIND_LMTP
            : g_strcmp0 (kind, "receive") == 0 ? KIND_RECEIVE
                                               : KIND_SUBMISSION;
  s->check_sender = host->number (config, "check_sender") != 0;
  s->max_message = (uint64_t)host->number (config, "max_message");
  s->max_recipients = (unsigned)CLAMP (host->number (config, "max_recipients"), 1, 1000000);
  s->max_errors = (unsigned)CLAMP (host->number (config, "max_errors"), 1, 1000000);
  s->max_hops = (unsigned)CLAMP (host->number (config, "max_hops"), 1, 1000000);
}

ptn_status
session_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
              const struct ptn_session_info *info, void **session) {
  struct session *s = g_new0 (struct session, 1);
  s->plugin = instance;
  s->info = info;
  s->stream = stream;
  s->task = task;
  read_settings (s);
  *session = s;
  return PTN_OK;
}

void
session_close (void *session) {
  struct session *s = session;
  s->plugin->host->call_end (&s->call);
  g_clear_pointer (&s->argument, g_free);
  session_reset (s);
  g_free (s);
}

void
session_goodbye (void *session, struct ptn_task *task, ptn_bye why, const char *text) {
  struct session *s = session;
  s->task = task;
  switch (why) {
  case PTN_BYE_TOO_MANY:
    session_bye (s, "4.7.0", text ? text : "too many connections, try again later");
    break;
  case PTN_BYE_LOGIN_TIME:
    session_bye (s, "4.4.2", text ? text : "login took too long");
    break;
  case PTN_BYE_IDLE:
    session_bye (s, "4.4.2", text ? text : "nothing was said for too long");
    break;
  case PTN_BYE_MEMORY:
    session_bye (s, "4.3.1", text ? text : "this session needs too much memory");
    break;
  default:
    session_bye (s, "4.3.2", text ? text : "the server is being stopped, try again soon");
    break;
  }
}

/* --- the loop -------------------------------------------------------------------------- */

static ptn_status
greet (struct session *s) {
  const struct submission *plugin = s->plugin;
  s->greeted = true;
  if (s->kind == KIND_SUBMISSION && (!plugin->login.table || !plugin->directory.table)) {
    session_bye (s, "4.3.5", "nobody can log in here: no auth or directory plugin is loaded");
    return PTN_OK;
  }
  if (s->kind != KIND_SUBMISSION) {
    /* Nobody logs in here: the listener's login_time must not end the session. */
    ptn_status status = plugin->host->claim (s->task, NULL);
    if (status != PTN_OK) {
      session_bye (s, "4.7.0", "too many connections, try again later");
      return PTN_OK;
    }
  }
  session_reply (s, 220, NULL, "%s %s Postern", s->info->server_name,
                 s->kind == KIND_LMTP ? "LMTP" : "ESMTP");
  return PTN_OK;
}

/* Reads and runs one command. */
static ptn_status
next_command (struct session *s) {
  struct ptn_bytes line;
  size_t max = s->kind == KIND_SUBMISSION ? SASL_LINE_MAX : COMMAND_MAX;
  ptn_status status = line_read (&s->reader, s->plugin->stream, s->stream, s->task, max, &line);
  if (status == PTN_E_LIMIT) {
    /* Only AUTH may come near SASL_LINE_MAX. */
    const bool of_auth = max == SASL_LINE_MAX && !s->identity;
    session_reply (s, 500, of_auth ? "5.5.6" : "5.5.2", "line too long");
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  const char *text = line.data;
  size_t size = line.size;
  bool auth = size >= 5 && !g_ascii_strncasecmp (text, "AUTH ", 5);
  if (size > COMMAND_MAX && !auth)
    session_reply (s, 500, "5.5.2", "line too long");
  else if (size < 2 || text[size - 2] != '\r')
    session_reply (s, 500, "5.5.2", "lines must end with CR LF, not with LF alone");
  else
    command_run (s, text, size - 2);
  s->plugin->stream->consume (s->stream, size);
  return PTN_OK;
}

static ptn_status
one_round (struct session *s) {
  if (s->resume)
    return s->resume (s);
  if (s->errors > s->max_errors) {
    session_bye (s, "4.7.0", "too many errors");
    return PTN_OK;
  }
  ptn_status status = s->plugin->stream->drained (s->stream, s->task, OUTPUT_HIGH);
  return status == PTN_OK ? next_command (s) : status;
}

ptn_status
session_step (void *session, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *s = session;
  s->task = task;
  s->deadline_ns = INT64_MAX;
  if (!s->greeted)
    greet (s);
  for (;;) {
    if (s->broken != PTN_OK)
      return s->broken;
    if (s->ending)
      return PTN_END;
    ptn_status status = one_round (s);
    *deadline_ns = s->deadline_ns;
    if (status != PTN_OK)
      return status;
    if (s->yield || (!s->resume && s->plugin->host->budget_spent (task))) {
      s->yield = false;
      return PTN_OK;
    }
  }
}
