/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - the life of a connection: greeting, commands in, answers out, last words. */
#include "session.h"

#include "capability.h"
#include "collect.h"
#include "login/login.h"
#include "mailbox/folders.h"
#include "selected/notify.h"

#include <stdarg.h>

#define ERRORS_BEFORE_LOGIN 20 /* bad commands in a row; then it is no mail client */
#define ERRORS_AFTER_LOGIN 100

void
session_flush (struct session *s) {
  struct writer *out = &s->out;
  if (!out->size)
    return;
  ptn_status status = s->imap4->stream->write (s->stream, out->data, out->size);
  if (status != PTN_OK && s->broken == PTN_OK)
    s->broken = status;
  s->line_begun = out->data[out->size - 1] != '\n';
  if (!s->user) /* clients that do not wait have sent passwords where a tag was read */
    explicit_bzero (out->data, out->size);
  out->size = 0;
}

ptn_status
session_room (struct session *s) {
  if (s->out.size < FLUSH_AT)
    return PTN_OK;
  session_flush (s);
  if (s->broken != PTN_OK)
    return s->broken;
  return s->imap4->stream->drained (s->stream, s->task, OUTPUT_BELOW);
}

void
untagged (struct session *s, const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (char *p = text; *p; p++)
    if (*p == '\r' || *p == '\n')
      *p = ' ';
  PUT (&s->out, "* ");
  put_text (&s->out, text);
  PUT (&s->out, "\r\n");
}

const char *
failure_text (const struct session *s, const char *otherwise) {
  const char *text = s->imap4->host->failure_text (s->task);
  return text ? text : otherwise;
}

bool
session_has_tls (const struct session *s) {
  return s->imap4->stream->property (s->stream, "tls.version") != NULL;
}

bool
session_utf8 (const struct session *s) {
  return s->enabled & (ENABLED_UTF8 | ENABLED_REV2);
}

void
session_logout (struct session *s) {
  s->state = STATE_LOGOUT;
}

void
session_forget_user (struct session *s) {
  struct user *user = s->user;
  notify_free (s);
  selected_free (s);
  s->enabled = 0;
  s->user = NULL;
  if (!user)
    return;
  folders_free (s, user->folders);
  if (user->account)
    s->imap4->store->close (user->account);
  if (user->watch)
    s->imap4->login->unwatch (user->watch);
  g_free (user->name);
  g_free (user->authzid);
  g_strfreev (user->attributes);
  g_strfreev (user->groups);
  g_free (user);
  session_hide (s);
}

static ptn_status
session_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
              const struct ptn_session_info *info, void **session) {
  struct session *s = g_new0 (struct session, 1);
  s->imap4 = instance;
  s->stream = stream;
  s->info = info;
  s->task = task;
  s->call.task = task;
  session_hide (s);
  s->imap4->host->observe (s->imap4->sessions, 1);
  *session = s;
  return PTN_OK;
}

static ptn_status
greet (struct session *s) {
  struct ptn_strings mechanisms = { 0 };
  uint32_t plaintext = 0;
  ptn_status status = login_mechanisms (s, &mechanisms, &plaintext);
  if (status == PTN_PENDING)
    return status;
  PUT (&s->out, "* OK [");
  put_capabilities (s, &s->out, &mechanisms, plaintext);
  put_format (&s->out, "] %s IMAP4 ready\r\n", s->info->server_name);
  login_end (s);
  s->state = STATE_NOT_AUTHENTICATED;
  return PTN_OK;
}

/* Between commands NOTIFY tells what happened. */
static ptn_status
next_command (struct session *s) {
  if (s->notify && !s->text && !s->skipping && !s->literal_left) {
    ptn_status status = notify_tell (s);
    if (status != PTN_OK || s->state == STATE_LOGOUT)
      return status;
  }
  if (s->selected && !s->text && !s->skipping && !s->literal_left && notify_fetch (s))
    return PTN_OK;
  return collect_command (s);
}

/* One piece of work: of the command that runs, or of the next. */
static ptn_status
advance (struct session *s) {
  if (s->state == STATE_GREETING)
    return greet (s);
  ptn_status status = s->resume ? s->resume (s) : next_command (s);
  if (status == PTN_OK && !s->resume && s->tag)
    command_end (s);
  return status;
}

static void
check_errors (struct session *s) {
  if (s->state == STATE_LOGOUT || s->errors < (s->user ? ERRORS_AFTER_LOGIN : ERRORS_BEFORE_LOGIN))
    return;
  untagged (s, "BYE too many bad commands");
  session_logout (s);
}

static ptn_status
run (struct session *s) {
  for (;;) {
    if (s->broken != PTN_OK)
      return s->broken;
    if (s->state == STATE_LOGOUT && !s->resume)
      return PTN_END;
    ptn_status status = s->out.size < FLUSH_AT
                            ? s->imap4->stream->drained (s->stream, s->task, OUTPUT_BELOW)
                            : session_room (s);
    if (status == PTN_OK)
      status = advance (s);
    if (status != PTN_OK)
      return status;
    check_errors (s);
    if (s->imap4->host->budget_spent (s->task))
      return PTN_OK;
  }
}

static ptn_status
session_step (void *session, struct ptn_task *task, int64_t *deadline_ns) {
  struct session *s = session;
  s->task = task;
  s->call.task = task;
  s->deadline_ns = INT64_MAX;
  ptn_status status = run (s);
  *deadline_ns = s->deadline_ns;
  if (status >= 0)
    session_flush (s);
  if (status == PTN_PENDING)
    writer_clear (&s->out);
  return s->broken != PTN_OK ? s->broken : status;
}

static void
session_goodbye (void *session, struct ptn_task *task, ptn_bye why, const char *text) {
  struct session *s = session;
  s->task = task;
  session_flush (s);
  if (s->line_begun) /* a response that stays unfinished */
    PUT (&s->out, "\r\n");
  untagged (s, "BYE %s%s",
            why == PTN_BYE_STOPPING || why == PTN_BYE_TOO_MANY ? "[UNAVAILABLE] " : "",
            text ? text : "closing the connection");
  session_flush (s);
}

static void
session_close (void *session) {
  struct session *s = session;
  s->imap4->host->call_end (&s->call);
  if (s->inner)
    command_end (s);
  if (s->tag)
    command_end (s);
  login_end (s);
  session_forget_user (s);
  collect_end (s);
  reader_clear (&s->arguments);
  writer_clear (&s->out);
  g_free (s->inner_text);
  s->imap4->host->observe (s->imap4->sessions, -1);
  g_free (s);
}

const struct ptn_protocol imap4_protocol = {
  .size = sizeof imap4_protocol,
  .name = "imap4",
  .open = session_open,
  .step = session_step,
  .goodbye = session_goodbye,
  .close = session_close,
  .idle_time_ms = 30 * 60 * 1000, /* RFC 9051 section 5.4: "at least 30 minutes" */
};
