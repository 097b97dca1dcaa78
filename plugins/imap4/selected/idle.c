/* SPDX-License-Identifier: Apache-2.0 */
/* idle.c - IDLE (RFC 2177): what happens in the selected mailbox is told when it happens.
 *
 * The session sleeps until the host wakes it: for an event of the mailbox, for a line of the client,
 * or to say that the connection still stands, which keeps the tables of routers on the way (setting
 * idle_keepalive).  While it sleeps it has no buffers. */
#include "commands.h"
#include "selected/notify.h"

#include "common/rights.h"

#define DONE_LINE_MAX 1024 /* whatever stands there: only DONE will do */

struct idling {
  char *tag;
  struct ptn_subscription *account; /* that it is closed */
  int64_t alive_at;                 /* when the client last heard of us; monotonic */
  bool report, rights;              /* what is to be looked at */
};

static void
idling_free (struct session *s, void *work) {
  struct idling *idling = work;
  if (idling->account)
    s->imap4->host->unsubscribe (idling->account);
  g_free (idling->tag);
  g_free (idling);
}

/* The text of the command is no longer needed; the client's next line is the one that ends it. */
static void
let_go_of_text (struct session *s, struct idling *idling) {
  idling->tag = g_strdup (s->tag);
  s->tag = idling->tag;
  reader_clear (&s->arguments);
  if (s->in_stream)
    s->imap4->stream->consume (s->stream, s->in_stream);
  s->in_stream = 0;
}

static ptn_status
keep_alive (struct session *s, struct idling *idling) {
  const struct ptn_host *host = s->imap4->host;
  int64_t every = host->number (s->info->config, "idle_keepalive") * 1000000;
  int64_t now = host->monotonic_ns ();
  if (every <= 0)
    return PTN_PENDING;
  if (now - idling->alive_at >= every) {
    PUT (&s->out, "* OK still here\r\n");
    idling->alive_at = now;
  }
  s->deadline_ns = idling->alive_at + every;
  return PTN_PENDING;
}

/* "DONE"; anything else is a mistake of the client that ends the command too. */
static ptn_status
read_done (struct session *s) {
  struct ptn_bytes line;
  ptn_status status =
      line_read (&s->line, s->imap4->stream, s->stream, s->task, DONE_LINE_MAX, &line);
  if (status == PTN_E_LIMIT) {
    answer_bad (s, "expected DONE");
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  size_t size = line.size - 1;
  const char *text = line.data;
  if (size && text[size - 1] == '\r')
    size--;
  bool done = size == 4 && g_ascii_strncasecmp (text, "DONE", 4) == 0;
  s->imap4->stream->consume (s->stream, line.size);
  if (done)
    answer_ok (s, NULL, "IDLE completed");
  else
    answer_bad (s, "expected DONE");
  return PTN_OK;
}

/* What happens while the report of something before is on its way is left for the next report: the
 * one that waits may have looked at the mailbox already. */
static ptn_status
tell_what_happened (struct session *s, struct idling *idling) {
  while (s->selected && s->state != STATE_LOGOUT) {
    if (!idling->report) {
      uint32_t kinds = selected_happened (s);
      if (!kinds)
        return PTN_OK;
      idling->report = true;
      idling->rights = (kinds & PTN_ACL_CHANGE) != 0;
    }
    if (idling->rights) {
      ptn_status status = selected_check_rights (s);
      if (status != PTN_OK)
        return status;
      idling->rights = false;
    }
    ptn_status status = selected_report (s, true);
    if (status != PTN_OK)
      return status;
    idling->report = false;
    idling->alive_at = s->imap4->host->monotonic_ns ();
  }
  return PTN_OK;
}

static bool
account_closed (struct session *s, struct idling *idling) {
  struct ptn_happening row;
  size_t count;
  return idling->account && s->imap4->host->occurred (idling->account, &row, 1, &count) == PTN_OK;
}

static ptn_status
idle (struct session *s) {
  struct idling *idling = s->work;
  if (account_closed (s, idling)) {
    PUT (&s->out, "* BYE [UNAVAILABLE] the account is closed\r\n");
    session_logout (s);
  }
  if (s->notify && s->notify->busy) { /* the call is of one of them at a time */
    ptn_status status = notify_tell (s);
    if (status != PTN_OK)
      return status;
  }
  if (s->selected) {
    ptn_status status = tell_what_happened (s, idling);
    if (status != PTN_OK)
      return status;
  }
  if (s->notify && s->state != STATE_LOGOUT) {
    ptn_status status = notify_tell (s);
    if (status != PTN_OK)
      return status;
  }
  if (s->selected && s->state != STATE_LOGOUT && notify_fetch (s))
    return PTN_OK;
  if (s->state == STATE_LOGOUT) {
    s->resume = NULL;
    return PTN_OK;
  }
  ptn_status status = read_done (s);
  return status == PTN_PENDING ? keep_alive (s, idling) : status;
}

void
command_idle (struct session *s, struct reader *r) {
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct idling *idling = g_new0 (struct idling, 1);
  s->work = idling;
  s->work_free = idling_free;
  let_go_of_text (s, idling);
  if (s->imap4->host->subscribe (s->task, s->user->name, NULL, PTN_ACCOUNT_CLOSE, &idling->account)
      != PTN_OK)
    idling->account = NULL;
  idling->alive_at = s->imap4->host->monotonic_ns ();
  idling->report = s->selected && selected_watch (s);
  PUT (&s->out, "+ idling\r\n");
  s->resume = idle;
}
