/* SPDX-License-Identifier: Apache-2.0 */
/* sasl.c - AUTH (RFC 4954): base64 lines around the exchange that postern.login/1 conducts. */
#include "submission.h"

#include <string.h>

#define MECHANISM_MAX 20 /* RFC 4422 section 3.1 */

struct auth {
  struct ptn_call call; /* of the exchange; ended with it */
  struct ptn_sasl_request request;
  char mechanism[MECHANISM_MAX + 1];
  void *exchange;
  struct sasl_response response;
  bool proved; /* only the client's answer to the last challenge is awaited */
  const struct ptn_identity *identity;
  struct ptn_identity own; /* a reader's, who writes mail as nobody but themself */
  void *watch;             /* of a delegate's session, or NULL */
};

void
sasl_request (const struct session *s, struct ptn_sasl_request *request) {
  *request = (struct ptn_sasl_request){ .size = sizeof *request,
                                        .service = "smtp",
                                        .server_name = s->info->server_name,
                                        .listener = s->info->listener,
                                        .session_id = s->info->session_id,
                                        .config = s->info->config,
                                        .stream = s->stream };
}

void
sasl_forget (struct session *s) {
  const struct ptn_login *login = s->plugin->login.table;
  struct auth *auth = s->auth;
  s->identity = NULL;
  s->auth = NULL;
  if (!auth)
    return;
  sasl_response_clear (&auth->response);
  s->plugin->host->call_end (&auth->call);
  if (auth->watch)
    login->unwatch (auth->watch);
  if (auth->exchange)
    login->finish (auth->exchange);
  g_free (auth);
}

static void
fail (struct session *s, unsigned code, const char *enhanced, const char *text) {
  sasl_forget (s);
  session_reply (s, code, enhanced, "%s", text);
  session_command_done (s);
}

/* The one answer to each outcome. */
static void
refuse (struct session *s, ptn_status status) {
  const char *text = s->plugin->host->failure_text (s->task);
  switch (status) {
  case PTN_E_UNSUPPORTED:
    fail (s, 504, "5.5.4", "mechanism not offered here");
    break;
  case PTN_E_DENIED:
    fail (s, 538, "5.7.11", "encryption required: start TLS before you log in");
    break;
  case PTN_E_INVALID:
    fail (s, 501, "5.5.2", "malformed response");
    break;
  case PTN_E_AUTHENTICATION:
  case PTN_E_NOT_FOUND:
    fail (s, 535, "5.7.8", "user name or password is wrong");
    break;
  case PTN_E_PASSWORD_EXPIRED:
    fail (s, 535, "5.7.8", text ? text : "the password has expired: choose a new one");
    break;
  case PTN_E_DISABLED:
  case PTN_E_PROTOCOL_OFF:
    fail (s, 535, "5.7.8", text ? text : "this account may not send mail here");
    break;
  case PTN_E_TOO_MANY:
    fail (s, 454, "4.7.0", text ? text : "too many attempts, try again later");
    break;
  case PTN_E_ELSEWHERE:
    fail (s, 454, "4.7.0", text ? text : "another server serves this account");
    break;
  case PTN_E_CORRUPT:
    fail (s, 454, "4.3.5", "what is known of this account is damaged, tell the administrator");
    break;
  default:
    fail (s, 454, "4.7.0", "logins cannot be checked now, try again later");
    break;
  }
}

/* Who may only look into a mailbox sends nothing in its name. */
static const struct ptn_identity *
sender_of (struct auth *auth) {
  const struct ptn_identity *identity = auth->identity;
  if (!PTN_HAS (identity, access) || identity->access != PTN_ACCESS_READ)
    return identity;
  memcpy (&auth->own, identity, MIN (identity->size, sizeof auth->own));
  auth->own.size = sizeof auth->own;
  auth->own.account = auth->own.authzid = identity->authcid;
  auth->own.access = PTN_ACCESS_FULL;
  return &auth->own;
}

static void
succeed (struct session *s) {
  struct auth *auth = s->auth;
  const struct ptn_identity *sender = sender_of (auth);
  if (s->plugin->host->claim (s->task, sender->account) != PTN_OK) {
    sasl_forget (s);
    session_command_done (s);
    session_bye (s, "4.7.0", "this account has too many connections, try again later");
    return;
  }
  s->identity = sender;
  const struct ptn_login *login = s->plugin->login.table;
  if (PTN_CAN (login, watch))
    auth->watch = login->watch (auth->exchange, s->task);
  session_command_done (s);
  session_reply (s, 235, "2.7.0", "welcome");
}

static void
challenge (struct session *s, struct ptn_bytes data) {
  size_t size;
  g_autofree char *text = sasl_challenge ("334 ", data, &size);
  session_write (s, text);
}

static ptn_status sasl_step (struct session *);

/* Waits for the client's next line. */
static ptn_status
sasl_read_response (struct session *s) {
  sasl_line line;
  ptn_status status = sasl_read (&s->reader, s->plugin->stream, s->stream, s->task, false,
                                 &s->auth->response, &line);
  if (status != PTN_OK)
    return status;
  s->resume = sasl_step;
  switch (line) {
  case SASL_RESPONSE:
    break;
  case SASL_GIVEN_UP:
    fail (s, 501, "5.7.0", "login cancelled");
    break;
  case SASL_MALFORMED:
    fail (s, 501, "5.5.2", "that is not base64, or a line did not end with CR LF");
    break;
  case SASL_TOO_LONG:
    fail (s, 500, "5.5.6", "line too long");
    break;
  }
  return PTN_OK;
}

static ptn_status
sasl_step (struct session *s) {
  const struct ptn_login *login = s->plugin->login.table;
  struct auth *auth = s->auth;
  if (auth->proved) { /* the answer to additional data is empty (RFC 4422 section 5) */
    if (auth->response.size)
      fail (s, 501, "5.5.2", "an empty response was expected");
    else
      succeed (s);
    return PTN_OK;
  }
  struct ptn_bytes response = { auth->response.data, auth->response.size }, data = { NULL, 0 };
  auth->call.task = s->task;
  ptn_status status = login->step (auth->exchange, &auth->call, response, &data, &auth->identity);
  if (status == PTN_PENDING)
    return status;
  sasl_response_clear (&auth->response);
  if (status == PTN_OK || (status == PTN_END && data.size)) {
    auth->proved = status == PTN_END;
    challenge (s, data);
    s->resume = sasl_read_response;
  } else if (status == PTN_END)
    succeed (s);
  else
    refuse (s, status);
  if (s->auth)
    s->plugin->host->call_end (&s->auth->call);
  return PTN_OK;
}

static ptn_status
sasl_start (struct session *s) {
  const struct ptn_login *login = s->plugin->login.table;
  struct auth *auth = s->auth;
  auth->call.task = s->task;
  ptn_status status = login->start (s->plugin->login.instance, &auth->call, &auth->request,
                                    auth->mechanism, &auth->exchange);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    refuse (s, status);
  else
    s->resume = sasl_step;
  if (s->auth)
    s->plugin->host->call_end (&s->auth->call);
  return PTN_OK;
}

void
sasl_command (struct session *s, const char *argument, size_t size) {
  if (s->kind != KIND_SUBMISSION)
    session_reply (s, 502, "5.5.1", "nobody logs in on this port");
  else if (s->identity)
    session_reply (s, 503, "5.5.1", "logged in already");
  else if (!s->esmtp)
    session_reply (s, 503, "5.5.1", "say EHLO first");
  else if (s->mail)
    session_reply (s, 503, "5.5.1", "not within a mail");
  else {
    const char *blank = memchr (argument, ' ', size);
    size_t word = blank ? (size_t)(blank - argument) : size;
    if (word == 0 || word > MECHANISM_MAX) {
      session_reply (s, 504, "5.5.4", "mechanism not offered here");
      return;
    }
    struct auth *auth = s->auth = g_new0 (struct auth, 1);
    for (size_t i = 0; i < word; i++)
      auth->mechanism[i] = g_ascii_toupper (argument[i]);
    sasl_request (s, &auth->request);
    const char *initial = blank ? blank + 1 : NULL;
    size_t length = blank ? size - word - 1 : 0;
    s->resume = sasl_start;
    if (initial && (length == 0 || !sasl_response_initial (&auth->response, initial, length)))
      fail (s, 501, "5.5.2", "that is not base64");
  }
}
