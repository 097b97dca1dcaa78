/* SPDX-License-Identifier: Apache-2.0 */
/* mechanisms.c - PLAIN (RFC 4616) and LOGIN as "postern.sasl/1", for who asks for a mechanism by
 * name.  Protocols come by login.c, which runs the same exchanges.
 *
 * An exchange belongs to who started it, until finish; all in its task. */
#include "exchange.h"

static ptn_status
start (struct auth *auth, const struct ptn_sasl_request *request, exchange_kind kind,
       void **result) {
  struct exchange *exchange = g_new (struct exchange, 1);
  exchange_init (exchange, auth, request, kind);
  *result = exchange;
  return PTN_OK;
}

static ptn_status
plain_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             void **exchange) {
  return start (instance, request, EXCHANGE_PLAIN, exchange);
}

static ptn_status
login_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
             void **exchange) {
  return start (instance, request, EXCHANGE_LOGIN, exchange);
}

static ptn_status
step (void *data, struct ptn_call *call, struct ptn_bytes response, struct ptn_bytes *challenge,
      const struct ptn_identity **identity) {
  struct exchange *exchange = data;
  const ptn_status status = exchange_step (exchange, call->task, response, challenge);
  if (status == PTN_END) {
    attempt_succeeded (&exchange->attempt);
    *identity = &exchange->attempt.identity;
  } else if (status < 0) {
    exchange->attempt.auth->host->fail (call->task, status, NULL, "%s", exchange->attempt.reason);
  }
  return status;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  exchange_clear (exchange);
  g_free (exchange);
}

const struct ptn_sasl_mechanism auth_plain = {
  .size = sizeof auth_plain,
  .flags = PTN_SASL_PLAINTEXT,
  .name = "PLAIN",
  .start = plain_start,
  .step = step,
  .finish = finish,
};

const struct ptn_sasl_mechanism auth_login = {
  .size = sizeof auth_login,
  .flags = PTN_SASL_PLAINTEXT | PTN_SASL_SERVER_FIRST | PTN_SASL_LEGACY,
  .name = "LOGIN",
  .start = login_start,
  .step = step,
  .finish = finish,
};
