/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - whose session it is: after the login, and after UNAUTHENTICATE (RFC 8437). */
#include "capability.h"
#include "commands.h"
#include "login/login.h"
#include "mailbox/folders.h"

static char **
copy_strings (struct ptn_strings strings) {
  char **copy = g_new0 (char *, strings.count + 1);
  for (size_t i = 0; i < strings.count; i++)
    copy[i] = g_strdup (strings.items[i]);
  return copy;
}

static ptn_status
cannot_open (struct session *s, ptn_status status) {
  login_end (s);
  answer_failure (s, status, "the mailbox cannot be opened");
  session_forget_user (s);
  untagged (s, "BYE the mailbox cannot be opened");
  session_logout (s);
  return PTN_OK;
}

static ptn_status
welcome (struct session *s) {
  if (folders_prepare (s) == PTN_PENDING)
    return PTN_PENDING;
  s->state = STATE_AUTHENTICATED;
  s->failures = 0;
  struct writer w = { 0 };
  put_capabilities (s, &w, NULL, false);
  put_char (&w, 0);
  answer_ok (s, w.data, "logged in");
  writer_clear (&w);
  return PTN_OK;
}

static bool
sets_quotas (const struct session *s, const char *authzid) {
  struct ptn_strings names = s->imap4->host->words (s->imap4->config, "quota_administrators");
  for (size_t i = 0; i < names.count; i++)
    if (strcmp (names.items[i], authzid) == 0)
      return true;
  return false;
}

static ptn_status
open_account (struct session *s) {
  const struct ptn_identity *identity = s->login->identity;
  ptn_status status =
      s->imap4->store->open (s->imap4->store_instance, &s->call, identity, &s->user->account);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return cannot_open (s, status);
  s->user->name = g_strdup (identity->account);
  s->user->authzid = g_strdup (identity->authzid);
  s->user->attributes = copy_strings (identity->attributes);
  s->user->groups = copy_strings (identity->groups);
  s->user->administrator = (PTN_HAS (identity, administrator) && identity->administrator)
                           || sets_quotas (s, identity->authzid);
  s->user->reads = PTN_HAS (identity, access) && identity->access == PTN_ACCESS_READ;
  session_hide (s);
  if (PTN_CAN (s->imap4->login, watch))
    s->user->watch = s->imap4->login->watch (s->login->exchange, s->task);
  login_end (s);
  s->resume = welcome;
  return PTN_OK;
}

ptn_status
login_let_in (struct session *s) {
  if (s->imap4->host->claim (s->task, s->login->identity->account) == PTN_E_TOO_MANY) {
    login_end (s);
    answer_no (s, "LIMIT", "too many connections to this mailbox");
    return PTN_OK;
  }
  s->user = g_new0 (struct user, 1);
  s->resume = open_account;
  return PTN_OK;
}

/* The answer goes out as it is now, compressed if the connection is; behind it both directions are
 * plain (RFC 8437 section 4.1), the mailbox is nobody's, and what ENABLE did is undone. */
static ptn_status
become_nobody (struct session *s) {
  const struct imap4 *imap4 = s->imap4;
  /* Sources that are still queued belong to the account. */
  session_flush (s);
  ptn_status status = imap4->stream->drained (s->stream, s->task, 1);
  if (status != PTN_OK)
    return status;
  login_consume_command (s);
  login_put_ok (s, "UNAUTHENTICATE completed");
  session_flush (s);
  if (s->compressed)
    status = imap4->stream->end_deflate (s->stream, s->task);
  s->compressed = false;
  session_forget_user (s);
  if (PTN_CAN (imap4->host, unclaim))
    imap4->host->unclaim (s->task);
  s->language = NULL;
  s->comparator = 0;
  s->state = STATE_NOT_AUTHENTICATED;
  s->resume = NULL;
  return status;
}

void
command_unauthenticate (struct session *s, struct reader *r) {
  if (!reader_end (r))
    answer_syntax (s, r);
  else
    s->resume = become_nobody;
}
