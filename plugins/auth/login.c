/* SPDX-License-Identifier: Apache-2.0 */
/* login.c - "postern.login/1", which protocols call: what to offer, the exchange, who may open what,
 * and the one log line.
 *
 * A login belongs to the session, until finish; all in its task.  It owns the mechanism's exchange
 * and every call that its identity comes from. */
#include "exchange.h"

#include <string.h>

typedef enum { LOGIN_PROVING, LOGIN_ADOPTING, LOGIN_AUTHORIZING, LOGIN_OVER } login_state;

struct login {
  struct exchange own; /* its attempt serves foreign mechanisms too */
  login_state state;
  const char *mechanism; /* for the log */
  /* A mechanism of another plugin; NULL: own. */
  const struct ptn_sasl_mechanism *foreign;
  void *foreign_exchange;
  const struct ptn_identity *proved;
  struct ptn_bytes last; /* additional data with success */
  struct ptn_call proving, authorizing;
};

/* ---- What is offered --------------------------------------------------------------------- */

static bool
can_apop (const struct auth *auth) {
  for (size_t i = 0; i < auth->directory_count; i++) {
    const struct ptn_credentials *credentials = auth->directories[i].credentials;
    if (PTN_CAN (credentials, with_secret) && credentials->schemes
        && strstr (credentials->schemes, "PLAIN"))
      return true;
  }
  return false;
}

static const struct auth_mechanism *
find_provider (const struct auth *auth, const char *name) {
  for (size_t i = 0; i < auth->mechanism_count; i++)
    if (g_ascii_strcasecmp (auth->mechanisms[i].mechanism->name, name) == 0)
      return &auth->mechanisms[i];
  return NULL;
}

/* The same, if this listener is configured for it. */
static const struct auth_mechanism *
find_offered (const struct auth *auth, const struct ptn_sasl_request *request, const char *name) {
  const struct ptn_strings wanted = auth->host->words (request->config, "sasl_mechanisms");
  for (size_t i = 0; i < wanted.count; i++)
    if (g_ascii_strcasecmp (wanted.items[i], name) == 0)
      return find_provider (auth, name);
  return NULL;
}

static ptn_status
login_mechanisms (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                  struct ptn_strings *offered, uint32_t *plaintext) {
  const struct auth *auth = instance;
  const bool private = auth_is_private (auth, request);
  const struct ptn_strings wanted = auth->host->words (request->config, "sasl_mechanisms");
  if (call->release)
    auth->host->call_end (call);
  const char **names = g_new (const char *, wanted.count + 1);
  size_t count = 0;
  for (size_t i = 0; i < wanted.count; i++) {
    const struct auth_mechanism *found = find_provider (auth, wanted.items[i]);
    if (found && (private || !(found->mechanism->flags & PTN_SASL_PLAINTEXT)))
      names[count++] = found->mechanism->name;
  }
  call->state = names;
  call->release = g_free;
  *offered = (struct ptn_strings){ names, count };
  *plaintext = private;
  return PTN_OK;
}

/* ---- Log --------------------------------------------------------------------------------- */

static const char *
or_empty (const char *text) {
  return text ? text : "";
}

static void
log_success (const struct login *login, struct ptn_task *task) {
  const struct auth *auth = login->own.attempt.auth;
  const struct ptn_identity *identity = &login->own.attempt.identity;
  struct ptn_stream *stream = login->own.request.stream;
  const struct ptn_field fields[] = {
    { "user", identity->authcid },
    { "account", identity->account },
    { "mechanism", login->mechanism },
    { "service", login->own.request.service },
    { "tls", auth_property (auth, stream, "tls.version") },
  };
  auth->host->observe (auth->successes, 1);
  if (auth->host->logs (auth->host, PTN_LOG_INFO))
    auth->host->log (auth->host, PTN_LOG_INFO, task, "login.success", fields,
                     G_N_ELEMENTS (fields));
}

/* The host adds session, listener and peer.  The reason is for the log alone: the client sees one answer to everything. */
static void
log_failure (const struct login *login, struct ptn_task *task, ptn_status status) {
  const struct auth *auth = login->own.attempt.auth;
  const struct attempt *attempt = &login->own.attempt;
  struct ptn_stream *stream = login->own.request.stream;
  const char *name = login->own.message.login ? login->own.message.login : login->own.name;
  const struct ptn_field fields[] = {
    { "reason", or_empty (attempt->reason) },
    { "login", or_empty (name) },
    { "account", or_empty (attempt->identity.account) },
    { "mechanism", login->mechanism },
    { "service", login->own.request.service },
    { "tls", auth_property (auth, stream, "tls.version") },
  };
  const bool trouble = status <= PTN_E_TEMPORARY;
  auth->host->observe (trouble ? auth->troubles : auth->failures, 1);
  auth->host->log (auth->host, trouble ? PTN_LOG_WARNING : PTN_LOG_INFO, task, "login.failure",
                   fields, G_N_ELEMENTS (fields));
}

/* ---- The exchange ------------------------------------------------------------------------ */

static ptn_status
login_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             const char *mechanism, void **result) {
  struct auth *auth = instance;
  const struct auth_mechanism *found = NULL;
  exchange_kind kind = EXCHANGE_PASSWORD;
  if (mechanism && g_ascii_strcasecmp (mechanism, "APOP") == 0) {
    kind = EXCHANGE_APOP;
    if (!can_apop (auth))
      return auth->host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "no directory can do APOP");
  } else if (mechanism) {
    found = find_offered (auth, request, mechanism);
    if (!found)
      return auth->host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "mechanism is not offered");
    kind = strcmp (found->mechanism->name, "LOGIN") == 0 ? EXCHANGE_LOGIN : EXCHANGE_PLAIN;
  }
  const bool sends_secret =
      found ? (found->mechanism->flags & PTN_SASL_PLAINTEXT) != 0 : kind == EXCHANGE_PASSWORD;
  if (sends_secret && !auth_is_private (auth, request))
    return auth->host->fail (call->task, PTN_E_DENIED, NULL, "secret in clear is not allowed");

  struct login *login = g_new0 (struct login, 1);
  exchange_init (&login->own, auth, request, kind);
  login->mechanism = found ? found->mechanism->name : kind == EXCHANGE_APOP ? "APOP" : "password";
  if (found && found->instance != auth) {
    login->foreign = found->mechanism;
    login->proving.task = call->task;
    const ptn_status status = login->foreign->start (found->instance, &login->proving,
                                                     &login->own.request, &login->foreign_exchange);
    auth->host->call_end (&login->proving);
    if (status != PTN_OK) {
      exchange_clear (&login->own);
      g_free (login);
      return status == PTN_PENDING ? PTN_E_TEMPORARY : status;
    }
  }
  *result = login;
  return PTN_OK;
}

/* The one way to fail.  What was wrong with the user is all the same to the client. */
static ptn_status
fail_login (struct login *login, struct ptn_task *task, ptn_status status) {
  const struct ptn_host *host = login->own.attempt.auth->host;
  login->state = LOGIN_OVER;
  log_failure (login, task, status);
  return host->fail (task, status, NULL, "login failed: %s", or_empty (login->own.attempt.reason));
}

static ptn_status
prove (struct login *login, struct ptn_task *task, struct ptn_bytes response,
       struct ptn_bytes *challenge) {
  struct attempt *attempt = &login->own.attempt;
  if (!login->foreign)
    return exchange_step (&login->own, task, response, challenge);
  login->proving.task = task;
  const ptn_status status = login->foreign->step (login->foreign_exchange, &login->proving,
                                                  response, challenge, &login->proved);
  if (status < 0) {
    const char *reason = attempt->auth->host->failure_log (task);
    g_strlcpy (attempt->text, reason ? reason : "refused by the mechanism", sizeof attempt->text);
    attempt->reason = attempt->text;
  }
  return status;
}

static ptn_status
authorize (struct login *login, struct ptn_task *task) {
  struct attempt *attempt = &login->own.attempt;
  const struct ptn_host *host = attempt->auth->host;
  const struct auth_directory *directory = &attempt->auth->directories[attempt->at];
  login->authorizing.task = task;
  const ptn_status status =
      directory->directory->authorize (directory->instance, &login->authorizing,
                                       &login->own.request, &attempt->identity);
  if (status >= 0)
    return status;
  const char *reason = host->failure_log (task);
  g_strlcpy (attempt->text, reason ? reason : "not authorized", sizeof attempt->text);
  attempt->reason = attempt->text;
  switch (status) {
  case PTN_E_ELSEWHERE:
    return status;
  case PTN_E_DENIED:
  case PTN_E_DISABLED:
  case PTN_E_PROTOCOL_OFF:
  case PTN_E_NOT_FOUND:
  case PTN_E_AUTHENTICATION:
    attempt_failed (attempt);
    return PTN_E_AUTHENTICATION;
  default:
    return PTN_E_TEMPORARY;
  }
}

static ptn_status
login_step (void *data, struct ptn_call *call, struct ptn_bytes response,
            struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct login *login = data;
  struct attempt *attempt = &login->own.attempt;
  ptn_status status = PTN_END;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (login->state == LOGIN_OVER)
    return PTN_E_INVALID;
  if (login->state == LOGIN_PROVING) {
    status = prove (login, call->task, response, challenge);
    if (status == PTN_OK || status == PTN_PENDING)
      return status;
    if (status == PTN_END) {
      login->last = *challenge;
      login->state = login->foreign ? LOGIN_ADOPTING : LOGIN_AUTHORIZING;
    }
  }
  if (login->state == LOGIN_ADOPTING) {
    status = attempt_adopt (attempt, call->task, login->proved);
    if (status == PTN_OK)
      login->state = LOGIN_AUTHORIZING;
  }
  if (login->state == LOGIN_AUTHORIZING)
    status = authorize (login, call->task);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_ELSEWHERE)
    *identity = &attempt->identity; /* and where: RFC 2221 referrals */
  if (status < 0)
    return fail_login (login, call->task, status);

  login->state = LOGIN_OVER;
  attempt_succeeded (attempt);
  log_success (login, call->task);
  *challenge = login->last;
  *identity = &attempt->identity;
  return PTN_END;
}

static void
login_finish (void *data) {
  struct login *login = data;
  const struct ptn_host *host = login->own.attempt.auth->host;
  host->call_end (&login->authorizing);
  host->call_end (&login->proving);
  if (login->foreign_exchange)
    login->foreign->finish (login->foreign_exchange);
  exchange_clear (&login->own);
  g_free (login);
}

const struct ptn_login auth_login_table = {
  .size = sizeof auth_login_table,
  .mechanisms = login_mechanisms,
  .start = login_start,
  .step = login_step,
  .finish = login_finish,
};
