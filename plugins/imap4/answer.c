/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - how commands end: OK, NO with the codes of RFC 5530, BAD. */
#include "session.h"

#include "login/login.h"
#include "selected/limit.h"
#include "selected/selected.h"

#include <stdarg.h>

static ptn_status
send_answer (struct session *s) {
  if (s->inner) { /* nobody asked */
    s->resume = NULL;
    return PTN_OK;
  }
  unsigned flags = s->command ? s->command->flags : COMMAND_KEEPS_OLD;
  if (s->selected && !(flags & COMMAND_KEEPS_OLD)) {
    ptn_status status =
        selected_report (s, !(flags & COMMAND_NUMBERS) || flags & COMMAND_EXPUNGES || s->uid);
    if (status != PTN_OK)
      return status;
  }
  put_text (&s->out, s->tag);
  put_char (&s->out, ' ');
  put_text (&s->out, s->answer);
  PUT (&s->out, "\r\n");
  s->resume = NULL;
  return PTN_OK;
}

static void
take_answer (struct session *s, char *answer) {
  for (char *p = answer; *p; p++) /* texts of others must not become lines of ours */
    if (*p == '\r' || *p == '\n')
      *p = ' ';
  s->imap4->host->call_end (&s->call);
  g_free (s->answer);
  s->answer = answer;
  s->resume = send_answer;
}

static void
answer_with (struct session *s, const char *word, const char *code, const char *text) {
  text = language_text (s, text);
  take_answer (s, code ? g_strdup_printf ("%s [%s] %s", word, code, text)
                       : g_strdup_printf ("%s %s", word, text));
}

void
answer_ok (struct session *s, const char *code, const char *text) {
  s->errors = 0;
  g_autofree char *limit = limit_code (s);
  if (limit && (code || *text == '[')) /* there is room for one code */
    put_format (&s->out, "* OK [%s] go on below that\r\n", limit);
  else if (limit)
    code = limit;
  answer_with (s, "OK", code, text);
}

void
answer_format (struct session *s, const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  answer_ok (s, NULL, text);
}

void
answer_no (struct session *s, const char *code, const char *text) {
  answer_with (s, "NO", code, text);
}

void
answer_bad (struct session *s, const char *text) {
  if (s->errors < G_MAXUSHORT)
    s->errors++;
  answer_with (s, "BAD", NULL, text);
}

void
answer_syntax (struct session *s, const struct reader *r) {
  answer_bad (s, r->error ? r->error : "malformed arguments");
}

const char *
failure_code (ptn_status status) {
  switch (status) {
  case PTN_E_INVALID:
    return "CANNOT";
  case PTN_E_NOT_FOUND:
    return "NONEXISTENT";
  case PTN_E_EXISTS:
    return "ALREADYEXISTS";
  case PTN_E_DENIED:
    return "NOPERM";
  case PTN_E_OVERQUOTA:
    return "OVERQUOTA";
  case PTN_E_LIMIT:
  case PTN_E_TOO_MANY:
    return "LIMIT";
  case PTN_E_EXPUNGED:
    return "EXPUNGEISSUED";
  case PTN_E_UNSUPPORTED:
    return "CANNOT";
  case PTN_E_CORRUPT:
    return "CORRUPTION";
  case PTN_E_TEMPORARY:
  case PTN_E_NO_MEMORY:
  case PTN_E_CANCELLED:
  case PTN_E_OUTCOME_UNKNOWN:
    return "UNAVAILABLE";
  default:
    return "SERVERBUG";
  }
}

void
answer_failure (struct session *s, ptn_status status, const char *otherwise) {
  const struct ptn_host *host = s->imap4->host;
  if (status <= PTN_E_TEMPORARY) {
    const char *why = host->failure_log (s->task);
    struct ptn_field fields[] = { { "command", s->command ? s->command->name : "" },
                                  { "error", why ? why : otherwise } };
    host->log (host, PTN_LOG_WARNING, s->task, "imap4.command-failed", fields, 2);
  }
  /* The text belongs to the task and would not outlive call_end. */
  g_autofree char *text = g_strdup (failure_text (s, otherwise));
  answer_no (s, failure_code (status), text);
}
