/* SPDX-License-Identifier: Apache-2.0 */
/* login.c - "postern.login/1", which protocols call: what to offer, the exchange, who may open what,
 * and the one log line.
 *
 * A login belongs to the session, until finish; all in its task.  It owns the mechanism's exchange
 * and every call that its identity comes from. */
#include "authorize.h"
#include "mechanism.h"
#include "offer.h"
#include "source.h"
#include "watch.h"

#include <string.h>

/* A refusal is told at a multiple of this time after the response that it answers: what took a few
 * microseconds more or less, for a user or for nobody, shows to nobody. */
#define GRID_NS (5 * G_GINT64_CONSTANT (1000000))

typedef enum {
  LOGIN_PROVING,
  LOGIN_ADOPTING,
  LOGIN_AUTHORIZING,
  LOGIN_REFUSING, /* decided, logged, and not told yet */
  LOGIN_OVER
} login_state;

struct login {
  struct ptn_sasl_request request; /* a copy */
  struct attempt attempt;          /* serves mechanisms of other plugins too */
  login_state state;
  const char *mechanism;       /* its name, for the log */
  const struct mechanism *own; /* NULL: another plugin's */
  const struct ptn_sasl_mechanism *foreign;
  void *exchange; /* of either */
  const struct ptn_identity *proved;
  ptn_status failed;     /* decided, counted and logged; a challenge tells the client why; 0: no */
  struct ptn_bytes last; /* additional data with success */
  gint64 begun_ns;       /* when the response came that is being judged; 0: none is */
  gint64 told_ns;        /* LOGIN_REFUSING: when the refusal is told */
  struct ptn_call proving;
  struct authorization authorization;
};

static ptn_status
login_mechanisms (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                  struct ptn_strings *offered, uint32_t *plaintext) {
  struct auth *auth = instance;
  if (call->release)
    auth->host->call_end (call);
  const char **names = g_new (const char *, AUTH_MECHANISM_LIMIT);
  struct roster *roster = auth_roster (auth);
  *offered = (struct ptn_strings){ names, offer_list (auth, roster, request, names) };
  *plaintext = offer_passwords (auth, roster, request);
  roster_unref (roster);
  call->state = names;
  call->release = g_free;
  return PTN_OK;
}

/* ---- Log --------------------------------------------------------------------------------- */

static const char *
or_empty (const char *text) {
  return text ? text : "";
}

static const char *
access_word (const struct ptn_identity *identity) {
  return identity->access == PTN_ACCESS_READ ? "read" : "full";
}

/* Whoever opens another's mailbox is told of with both names, at a level that stays on. */
static void
log_success (const struct login *login, struct ptn_task *task) {
  const struct auth *auth = login->attempt.auth;
  const struct ptn_identity *identity = &login->attempt.identity;
  const bool on_behalf = strcmp (identity->authcid, identity->account) != 0;
  const struct ptn_field fields[] = {
    { "user", identity->authcid },
    { "account", identity->account },
    { "mechanism", login->mechanism },
    { "service", login->request.service },
    { "tls", auth_property (auth, login->request.stream, "tls.version") },
    { "access", access_word (identity) },
    { "detail", or_empty (login->attempt.detail) },
  };
  const size_t count = G_N_ELEMENTS (fields) - !login->attempt.detail;
  auth->host->observe (auth->successes, 1);
  if (auth->host->logs (auth->host, PTN_LOG_INFO))
    auth->host->log (auth->host, PTN_LOG_INFO, task, "login.success", fields, count);
  if (on_behalf)
    auth->host->log (auth->host, PTN_LOG_NOTICE, task, "login.on_behalf", fields, count);
}

/* The host adds session, listener and peer.  The reason is for the log alone: the client sees one
 * answer to everything.  The line is stable: fail2ban reads it (scripts/packaging/fail2ban). */
static void
log_failure (const struct login *login, struct ptn_task *task, ptn_status status) {
  const struct auth *auth = login->attempt.auth;
  const struct attempt *attempt = &login->attempt;
  const struct ptn_field fields[] = {
    { "reason", or_empty (attempt->reason) },
    { "login", or_empty (attempt->login) },
    { "account", or_empty (attempt->identity.account) },
    { "mechanism", login->mechanism },
    { "service", login->request.service },
    { "tls", auth_property (auth, login->request.stream, "tls.version") },
    { "detail", or_empty (attempt->detail) },
  };
  const bool trouble = status <= PTN_E_TEMPORARY;
  auth->host->observe (trouble ? auth->troubles : auth->failures, 1);
  auth->host->log (auth->host, trouble ? PTN_LOG_WARNING : PTN_LOG_INFO, task, "login.failure",
                   fields, G_N_ELEMENTS (fields) - !attempt->detail);
}

/* ---- The exchange ------------------------------------------------------------------------ */

static void
login_finish (void *data) {
  struct login *login = data;
  const struct ptn_host *host = login->attempt.auth->host;
  authorization_clear (&login->authorization, host);
  host->call_end (&login->proving);
  if (login->exchange && login->own)
    login->own->finish (login->exchange);
  else if (login->exchange)
    login->foreign->finish (login->exchange);
  attempt_clear (&login->attempt);
  g_free (login);
}

/* Which dialogue a protocol asks for.  PTN_E_UNSUPPORTED, with the reason for the log. */
static ptn_status
choose (struct auth *auth, const struct roster *roster, const struct ptn_sasl_request *request,
        const char *name, struct auth_mechanism *chosen, ptn_sasl_flags *flags, const char **why) {
  const bool apop = name && g_ascii_strcasecmp (name, "APOP") == 0;
  if (name && !apop) {
    const struct auth_mechanism *found = offer_find (auth, roster, request, name, why);
    if (!found)
      return PTN_E_UNSUPPORTED;
    *chosen = *found;
    *flags = found->table->flags;
    return PTN_OK;
  }
  *chosen = (struct auth_mechanism){ .own = apop ? &auth_apop : &auth_password_commands };
  *flags = chosen->own->flags;
  *why = "no directory can verify this";
  return sources_know (roster, chosen->own->schemes) ? PTN_OK : PTN_E_UNSUPPORTED;
}

static ptn_status
start_exchange (struct login *login, struct ptn_call *call, const struct auth_mechanism *chosen) {
  if (chosen->own) {
    login->own = chosen->own;
    login->mechanism = chosen->own->name;
    return login->own->start (&login->attempt, &login->exchange);
  }
  login->foreign = chosen->table;
  login->mechanism = chosen->table->name;
  login->proving.task = call->task;
  const ptn_status status =
      login->foreign->start (chosen->instance, &login->proving, &login->request, &login->exchange);
  login->attempt.auth->host->call_end (&login->proving);
  if (status != PTN_OK)
    login->exchange = NULL;
  return status == PTN_PENDING ? PTN_E_TEMPORARY : status;
}

static ptn_status
login_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             const char *mechanism, void **result) {
  struct auth *auth = instance;
  struct auth_mechanism chosen;
  ptn_sasl_flags flags;
  const char *why;
  struct roster *roster = auth_roster (auth);
  ptn_status status = choose (auth, roster, request, mechanism, &chosen, &flags, &why);
  roster_unref (roster);
  if (status != PTN_OK)
    return auth->host->fail (call->task, status, NULL, "%s", why);
  if ((flags & PTN_SASL_PLAINTEXT) && !auth_is_private (auth, request))
    return auth->host->fail (call->task, PTN_E_DENIED, NULL, "secret in clear is not allowed");

  struct login *login = g_new0 (struct login, 1);
  memcpy (&login->request, request, MIN (request->size, sizeof login->request));
  login->request.size = sizeof login->request;
  attempt_init (&login->attempt, auth, &login->request);
  status = start_exchange (login, call, &chosen);
  if (status != PTN_OK) {
    login_finish (login);
    return status;
  }
  *result = login;
  return PTN_OK;
}

/* What was wrong with the user is all the same to the client. */
static ptn_status
tell_failure (struct login *login, struct ptn_task *task, ptn_status status) {
  const struct ptn_host *host = login->attempt.auth->host;
  login->state = LOGIN_OVER;
  return host->fail (task, status, NULL, "login failed: %s", or_empty (login->attempt.reason));
}

/* Until the refusal may be told.  The session may go away meanwhile: all is counted and logged. */
static ptn_status
wait_to_refuse (struct login *login, struct ptn_task *task) {
  const struct ptn_host *host = login->attempt.auth->host;
  if (host->monotonic_ns () >= login->told_ns)
    return tell_failure (login, task, PTN_E_AUTHENTICATION);
  host->wake_at (host->waker (task), login->told_ns);
  return PTN_PENDING;
}

/* The one way to fail. */
static ptn_status
fail_login (struct login *login, struct ptn_task *task, ptn_status status) {
  if (!login->failed)
    log_failure (login, task, status);
  if (status != PTN_E_AUTHENTICATION)
    return tell_failure (login, task, status);
  const gint64 took_ns = login->attempt.auth->host->monotonic_ns () - login->begun_ns;
  login->state = LOGIN_REFUSING;
  login->told_ns = login->begun_ns + (took_ns / GRID_NS + 1) * GRID_NS;
  return wait_to_refuse (login, task);
}

/* Of another plugin's mechanism: why, and who it was that it says it was. */
static void
blame (struct login *login, struct ptn_task *task, ptn_status status) {
  struct attempt *attempt = &login->attempt;
  attempt->reason = attempt_their_reason (attempt, task);
  attempt_claim (attempt, login->proved ? login->proved->authcid : NULL);
  if (status > PTN_E_TEMPORARY) /* it was not our trouble */
    attempt_failed (attempt);
}

/* The challenge may only tell why it has failed.  Who hangs up then, or gives up, has failed like
 * who answers it: it is counted and logged now, while there is a task to log in. */
static void
look_ahead (struct login *login, struct ptn_task *task) {
  if (!PTN_CAN (login->foreign, failed))
    return;
  const ptn_status status =
      login->foreign->failed (login->exchange, &login->proving, &login->proved);
  if (status >= 0)
    return;
  blame (login, task, status);
  log_failure (login, task, status);
  login->failed = status;
}

static ptn_status
prove (struct login *login, struct ptn_task *task, struct ptn_bytes response,
       struct ptn_bytes *challenge) {
  struct attempt *attempt = &login->attempt;
  if (login->own) {
    const ptn_status status = login->own->step (login->exchange, task, response, challenge);
    if (status == PTN_E_INVALID && !attempt->reason)
      attempt->reason = "malformed response";
    return status;
  }
  login->proving.task = task;
  const ptn_status status =
      login->foreign->step (login->exchange, &login->proving, response, challenge, &login->proved);
  if (status == PTN_OK)
    look_ahead (login, task);
  else if (status < 0)
    blame (login, task, status);
  return status;
}

static ptn_status
login_step (void *data, struct ptn_call *call, struct ptn_bytes response,
            struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct login *login = data;
  struct attempt *attempt = &login->attempt;
  ptn_status status = PTN_END;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (login->state == LOGIN_OVER)
    return PTN_E_INVALID;
  if (login->state == LOGIN_REFUSING)
    return wait_to_refuse (login, call->task);
  if (!login->begun_ns)
    login->begun_ns = attempt->auth->host->monotonic_ns ();
  if (login->state == LOGIN_PROVING) {
    status = login->failed ? login->failed : prove (login, call->task, response, challenge);
    if (status == PTN_OK)
      login->begun_ns = 0; /* the next response begins anew */
    if (status == PTN_OK || status == PTN_PENDING)
      return status;
    if (status == PTN_END) {
      login->last = *challenge;
      login->state = login->own ? LOGIN_AUTHORIZING : LOGIN_ADOPTING;
    }
  }
  if (login->state == LOGIN_ADOPTING) {
    status = attempt_adopt (attempt, call->task, login->proved);
    if (status == PTN_OK)
      login->state = LOGIN_AUTHORIZING;
  }
  if (login->state == LOGIN_AUTHORIZING)
    status = authorize (&login->authorization, attempt, call->task);
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

static void *
login_watch (void *data, struct ptn_task *session) {
  const struct login *login = data;
  return watch_new (&login->attempt, session);
}

static void
login_unwatch (void *watch) {
  watch_end (watch);
}

const struct ptn_login auth_login_table = {
  .size = sizeof auth_login_table,
  .mechanisms = login_mechanisms,
  .start = login_start,
  .step = login_step,
  .finish = login_finish,
  .watch = login_watch,
  .unwatch = login_unwatch,
};
