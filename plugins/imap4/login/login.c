/* SPDX-License-Identifier: Apache-2.0 */
/* login.c - LOGIN (RFC 9051 section 6.2.3): a way into postern.login/1, and behind it the account. */
#include "login/login.h"

#include "capability.h"
#include "commands.h"

#define FAILURES_MAX 3 /* then the connection is closed */

struct login { /* while a login is tried */
  struct ptn_sasl_request request;
  void *exchange;
  char *response; /* wiped */
  size_t size;
  const struct ptn_identity *identity; /* proved; valid until finish */
  struct user *user;
};

static struct login *
login_new (const struct session *s) {
  struct login *login = g_new0 (struct login, 1);
  login->request = (struct ptn_sasl_request){
    .size = sizeof login->request,
    .service = "imap",
    .server_name = s->info->server_name,
    .listener = s->info->listener,
    .session_id = s->info->session_id,
    .config = s->info->config,
    .stream = s->stream,
  };
  return login;
}

static void
forget_response (struct login *login) {
  if (login->response)
    explicit_bzero (login->response, login->size);
  g_clear_pointer (&login->response, g_free);
  login->size = 0;
}

void
login_end (struct session *s) {
  struct login *login = s->login;
  if (!login)
    return;
  s->imap4->host->call_end (&s->call);
  if (login->exchange)
    s->imap4->login->finish (login->exchange);
  forget_response (login);
  g_free (login);
  s->login = NULL;
}

ptn_status
login_mechanisms (struct session *s, struct ptn_strings *names, uint32_t *plaintext) {
  if (!s->login)
    s->login = login_new (s);
  *names = (struct ptn_strings){ 0 };
  *plaintext = 0;
  return s->imap4->login->mechanisms (s->imap4->login_instance, &s->call, &s->login->request, names,
                                      plaintext);
}

static void
refuse (struct session *s, ptn_status status) {
  login_end (s);
  switch (status) {
  case PTN_E_AUTHENTICATION:
    answer_no (s, "AUTHENTICATIONFAILED", "wrong name or password");
    break;
  case PTN_E_DENIED:
    answer_no (s, "PRIVACYREQUIRED", "not without encryption");
    break;
  default:
    answer_failure (s, status, "the login cannot be checked now, try again later");
  }
  if (++s->failures >= FAILURES_MAX) {
    untagged (s, "BYE too many failed logins");
    session_logout (s);
  }
}

static char **
copy_strings (struct ptn_strings strings) {
  char **copy = g_new0 (char *, strings.count + 1);
  for (size_t i = 0; i < strings.count; i++)
    copy[i] = g_strdup (strings.items[i]);
  return copy;
}

static ptn_status
open_account (struct session *s) {
  const struct ptn_identity *identity = s->login->identity;
  ptn_status status =
      s->imap4->store->open (s->imap4->store_instance, &s->call, identity, &s->user->account);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    login_end (s);
    answer_failure (s, status, "the mailbox cannot be opened");
    untagged (s, "BYE the mailbox cannot be opened");
    session_logout (s);
    return PTN_OK;
  }
  s->user->name = g_strdup (identity->account);
  s->user->authzid = g_strdup (identity->authzid);
  s->user->attributes = copy_strings (identity->attributes);
  s->user->groups = copy_strings (identity->groups);
  session_hide (s);
  login_end (s);
  s->state = STATE_AUTHENTICATED;
  struct writer w = { 0 };
  PUT (&w, "[");
  put_capabilities (s, &w, NULL, false);
  PUT (&w, "] logged in");
  put_char (&w, 0);
  answer_ok (s, NULL, w.data);
  writer_clear (&w);
  return PTN_OK;
}

static ptn_status
let_in (struct session *s) {
  if (s->imap4->host->claim (s->task, s->login->identity->account) == PTN_E_TOO_MANY) {
    login_end (s);
    answer_no (s, "LIMIT", "too many connections to this mailbox");
    return PTN_OK;
  }
  s->user = g_new0 (struct user, 1);
  s->resume = open_account;
  return PTN_OK;
}

static ptn_status
go_on (struct session *s) {
  struct login *login = s->login;
  const struct ptn_login *table = s->imap4->login;
  struct ptn_bytes data;
  ptn_status status;
  if (!login->exchange) {
    status =
        table->start (s->imap4->login_instance, &s->call, &login->request, NULL, &login->exchange);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK) {
      refuse (s, status);
      return PTN_OK;
    }
  }
  struct ptn_bytes response = { login->response, login->size };
  status = table->step (login->exchange, &s->call, response, &data, &login->identity);
  if (status == PTN_PENDING)
    return status;
  forget_response (login);
  if (status == PTN_END)
    return let_in (s);
  refuse (s, status == PTN_OK ? PTN_E_INVALID : status);
  return PTN_OK;
}

void
command_login (struct session *s, struct reader *r) {
  size_t user_size, password_size;
  const char *user = NULL, *password = NULL;
  bool read = reader_space (r) && (user = reader_astring (r, &user_size)) && reader_space (r)
              && (password = reader_astring (r, &password_size)) && reader_end (r);
  if (!read) {
    answer_syntax (s, r);
    return;
  }
  s->login = login_new (s);
  s->login->size = user_size + 1 + password_size;
  s->login->response = g_malloc (s->login->size + 1);
  memcpy (s->login->response, user, user_size + 1);
  memcpy (s->login->response + user_size + 1, password, password_size);
  s->resume = go_on;
}
