/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - the life of a connection: greeting, lines in, replies out, last words. */
#include "session.h"

#include <stdarg.h>
#include <stdio.h>

void
emit (struct session *s, const void *data, size_t size) {
  ptn_status status = s->pop3->stream->write (s->stream, data, size);
  if (status != PTN_OK && s->broken == PTN_OK)
    s->broken = status;
}

void
say (struct session *s, const char *text) {
  reply (s, "%s", text);
}

void
reply (struct session *s, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start (arguments, format);
  int length = vsnprintf (line, sizeof line - 2, format, arguments);
  va_end (arguments);
  size_t size = MIN ((size_t)MAX (length, 0), sizeof line - 3);
  for (size_t i = 0; i < size; i++) /* texts of others must not become lines of ours */
    if (line[i] == '\r' || line[i] == '\n')
      line[i] = ' ';
  memcpy (line + size, "\r\n", 2);
  emit (s, line, size + 2);
}

bool
session_has_tls (const struct session *s) {
  return s->pop3->stream->property (s->stream, "tls.version") != NULL;
}

int64_t
session_number (const struct session *s, const char *setting) {
  return s->pop3->host->number (s->info->config, setting);
}

const char *
failure_text (const struct session *s, const char *otherwise) {
  const char *text = s->pop3->host->failure_text (s->task);
  return text ? text : otherwise;
}

void
session_close_after (struct session *s) {
  s->state = STATE_CLOSING;
  s->resume = NULL;
}

static ptn_status
session_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
              const struct ptn_session_info *info, void **session) {
  struct session *s = g_new0 (struct session, 1);
  s->pop3 = instance;
  s->stream = stream;
  s->info = info;
  s->task = task;
  s->call.task = task;
  s->pop3->host->observe (s->pop3->sessions, 1);
  *session = s;
  return PTN_OK;
}

static void
greet (struct session *s) {
  if (session_number (s, "apop"))
    s->timestamp = login_timestamp (s);
  if (s->timestamp)
    reply (s, "+OK %s POP3 ready %s", s->info->server_name, s->timestamp);
  else
    reply (s, "+OK %s POP3 ready", s->info->server_name);
  s->state = STATE_AUTHORIZATION;
}

/* A long line is only ever a SASL initial response that did not read RFC 5034. */
static bool
line_fits (const struct session *s, const char *line, size_t size) {
  size_t max = s->utf8 ? LINE_MAX_UTF8 : LINE_MAX_OCTETS;
  return size <= max
         || (s->state == STATE_AUTHORIZATION && size > 5
             && g_ascii_strncasecmp (line, "AUTH ", 5) == 0);
}

/* One command line, if there is one. */
static ptn_status
take_line (struct session *s) {
  const struct ptn_stream_service *stream = s->pop3->stream;
  struct ptn_bytes line;
  size_t max = s->state == STATE_AUTHORIZATION ? SASL_LINE_MAX : LINE_MAX_UTF8;
  ptn_status status = line_read (&s->line, stream, s->stream, s->task, max, &line);
  if (status == PTN_E_LIMIT) {
    say (s, "-ERR line too long");
    s->errors++;
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  const char *text = line.data;
  size_t length = line.size - 1;
  if (length && text[length - 1] == '\r')
    length--;
  if (line_fits (s, text, line.size))
    command_run (s, text, length);
  else {
    say (s, "-ERR line too long");
    s->errors++;
  }
  stream->consume (s->stream, line.size);
  return PTN_OK;
}

/* Who only sends nonsense is no mail client: before login at 20 bad commands in a row, behind
 * it at 100. */
static void
check_errors (struct session *s) {
  if (s->state == STATE_CLOSING || s->errors < (s->drop ? 100u : 20u))
    return;
  say (s, "-ERR too many bad commands");
  session_close_after (s);
}

static ptn_status
session_step (void *session, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *s = session;
  const struct pop3 *pop3 = s->pop3;
  s->task = task;
  s->call.task = task;
  if (s->state == STATE_GREETING)
    greet (s);
  for (;;) {
    ptn_status status;
    if (s->broken != PTN_OK)
      return s->broken;
    if (s->state == STATE_CLOSING)
      return PTN_END;
    status = pop3->stream->drained (s->stream, task, OUTPUT_BELOW);
    if (status != PTN_OK)
      return status;
    status = s->resume ? s->resume (s) : take_line (s);
    if (status != PTN_OK)
      return s->broken != PTN_OK ? s->broken : status;
    if (!s->resume)
      pop3->host->command_done (task);
    check_errors (s);
    if (pop3->host->budget_spent (task))
      return PTN_OK;
  }
}

/* RFC 1939 section 3 would have an autologout without a word; a word that arrives is what lets
 * a person see why the connection went away. */
static void
session_goodbye (void *session, struct ptn_task *task, ptn_bye why, const char *text) {
  struct session *s = session;
  s->task = task;
  if (s->listing) /* in the middle of an answer */
    return;
  reply (s, "-ERR %s%s", why == PTN_BYE_IDLE || why == PTN_BYE_LOGIN_TIME ? "" : "[SYS/TEMP] ",
         text ? text : "closing the connection");
}

static void
log_end (struct session *s) {
  const struct ptn_host *host = s->pop3->host;
  char retrieved[16], octets[24], removed[16];
  if (!host->logs (host, PTN_LOG_INFO))
    return;
  g_snprintf (retrieved, sizeof retrieved, "%u", s->retrieved);
  g_snprintf (octets, sizeof octets, "%" G_GUINT64_FORMAT, s->octets);
  g_snprintf (removed, sizeof removed, "%u", s->removed);
  struct ptn_field fields[] = {
    { "retrieved", retrieved },
    { "octets", octets },
    { "removed", removed },
    { "quit", s->drop ? "no" : "yes" },
  };
  host->log (host, PTN_LOG_INFO, s->task, "pop3.session", fields, G_N_ELEMENTS (fields));
}

static void
session_close (void *session) {
  struct session *s = session;
  if (s->logged_in)
    log_end (s);
  s->pop3->host->call_end (&s->call);
  if (s->source)
    s->source->ops->close (s->source);
  update_free (&s->update);
  if (s->watch)
    s->pop3->login->unwatch (s->watch);
  login_end (s);
  if (s->drop) /* no QUIT */
    update_in_background (&s->drop);
  g_free (s->user);
  g_free (s->timestamp);
  s->pop3->host->observe (s->pop3->sessions, -1);
  g_free (s);
}

const struct ptn_protocol pop3_protocol = {
  .size = sizeof pop3_protocol,
  .name = "pop3",
  .open = session_open,
  .step = session_step,
  .goodbye = session_goodbye,
  .close = session_close,
};
