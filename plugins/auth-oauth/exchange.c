/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - OAUTHBEARER (RFC 7628) and XOAUTH2 as "postern.sasl/1".
 *
 *   S: (empty)               only if there was no initial response
 *   C: whom, and the token
 *   S: why not, as JSON      only if it does not do
 *   C: anything, or nothing more: it has failed (`failed` tells so while the error goes out)
 *
 * An exchange belongs to who started it, until finish; all in its task. */
#include "judge.h"
#include "message.h"

#include <string.h>

typedef enum {
  EXCHANGE_NEW,
  EXCHANGE_ASKED,
  EXCHANGE_JUDGING,
  EXCHANGE_TOLD,
  EXCHANGE_OVER
} exchange_state;

struct exchange {
  struct oauth *oauth;
  exchange_state state;
  bool google; /* XOAUTH2 */
  struct oauth_message message;
  struct judge judge;
  struct grant grant;
  char *error; /* JSON */
  struct ptn_identity identity;
};

static ptn_status
start (void *instance, const struct ptn_sasl_request *request, bool google, void **result) {
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->oauth = instance;
  exchange->google = google;
  *result = exchange;
  return PTN_OK;
}

static ptn_status
oauthbearer_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                   void **exchange) {
  return start (instance, request, false, exchange);
}

static ptn_status
xoauth2_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
               void **exchange) {
  return start (instance, request, true, exchange);
}

static const char *
reason (const struct exchange *exchange) {
  return exchange->grant.reason ? exchange->grant.reason : "no token was shown";
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  judge_clear (&exchange->judge);
  grant_clear (&exchange->grant);
  message_clear (&exchange->message);
  g_free (exchange->error);
  g_free (exchange);
}

/* ---- Ends -------------------------------------------------------------------------------- */

/* authcid: who proved it, or who it claims to be; authzid: whom the client named. */
static void
identify (struct exchange *exchange) {
  const char *named = exchange->message.user ? exchange->message.user : "";
  exchange->identity = (struct ptn_identity){
    .size = sizeof exchange->identity,
    .authcid = exchange->grant.user ? exchange->grant.user : named,
    .authzid = named,
    .domain = "",
    .account = "",
  };
}

static ptn_status
succeed (struct exchange *exchange, const struct ptn_identity **identity) {
  exchange->state = EXCHANGE_OVER;
  exchange->oauth->host->observe (exchange->oauth->good, 1);
  *identity = &exchange->identity;
  return PTN_END;
}

static ptn_status
tell (struct exchange *exchange, struct ptn_bytes *challenge) {
  const struct oauth *oauth = exchange->oauth;
  g_autoptr (rules_auto) ours = exchange->judge.rules ? NULL : oauth_rules (exchange->oauth);
  const struct rules *rules = ours ? ours : exchange->judge.rules;
  exchange->error = exchange->google
                        ? message_xoauth2_error (rules->scope_text)
                        : message_oauthbearer_error (exchange->grant.narrow ? "insufficient_scope"
                                                                            : "invalid_token",
                                                     rules->scope_text, rules->configuration);
  *challenge = (struct ptn_bytes){ exchange->error, strlen (exchange->error) };
  oauth->host->observe (oauth->bad, 1);
  exchange->state = EXCHANGE_TOLD;
  return PTN_OK;
}

static ptn_status
fail (struct exchange *exchange, struct ptn_task *task, const struct ptn_identity **identity) {
  *identity = &exchange->identity;
  return exchange->oauth->host->fail (task, PTN_E_AUTHENTICATION, NULL, "%s", reason (exchange));
}

/* ---- Steps ------------------------------------------------------------------------------- */

static ptn_status
take (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes response,
      struct ptn_bytes *challenge) {
  if (!response.data && exchange->state == EXCHANGE_NEW) {
    *challenge = (struct ptn_bytes){ "", 0 };
    exchange->state = EXCHANGE_ASKED;
    return PTN_OK;
  }
  if (exchange->google ? message_xoauth2 (response, &exchange->message)
                       : message_oauthbearer (response, &exchange->message)) {
    identify (exchange);
    exchange->state = EXCHANGE_JUDGING;
    return PTN_OK;
  }
  exchange->state = EXCHANGE_OVER;
  return exchange->oauth->host->fail (task, PTN_E_INVALID, NULL, "malformed response");
}

static ptn_status
judge (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge,
       const struct ptn_identity **identity) {
  struct oauth *oauth = exchange->oauth;
  if (!exchange->message.token.size)
    return tell (exchange, challenge);
  const ptn_status status =
      judge_run (&exchange->judge, oauth, task, exchange->message.token, &exchange->grant);
  if (status == PTN_PENDING)
    return status;
  identify (exchange);
  if (status == PTN_OK)
    return exchange->grant.reason ? tell (exchange, challenge) : succeed (exchange, identity);
  oauth->host->observe (oauth->troubles, 1);
  exchange->state = EXCHANGE_OVER;
  *identity = &exchange->identity;
  return status;
}

static ptn_status
step (void *data, struct ptn_call *call, struct ptn_bytes response, struct ptn_bytes *challenge,
      const struct ptn_identity **identity) {
  struct exchange *exchange = data;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (exchange->state == EXCHANGE_OVER)
    return exchange->oauth->host->fail (call->task, PTN_E_INVALID, NULL, "the exchange is over");
  if (exchange->state == EXCHANGE_TOLD) {
    exchange->state = EXCHANGE_OVER;
    return fail (exchange, call->task, identity);
  }
  if (exchange->state != EXCHANGE_JUDGING) {
    const ptn_status status = take (exchange, call->task, response, challenge);
    if (status != PTN_OK || exchange->state != EXCHANGE_JUDGING)
      return status;
  }
  return judge (exchange, call->task, challenge, identity);
}

/* Once the client was told what is wrong with its token, nothing that it answers mends it. */
static ptn_status
failed (void *data, struct ptn_call *call, const struct ptn_identity **identity) {
  struct exchange *exchange = data;
  return exchange->state == EXCHANGE_TOLD ? fail (exchange, call->task, identity) : PTN_OK;
}

const struct ptn_sasl_mechanism oauth_oauthbearer = {
  .size = sizeof oauth_oauthbearer,
  .flags = PTN_SASL_PLAINTEXT,
  .name = "OAUTHBEARER",
  .start = oauthbearer_start,
  .step = step,
  .finish = finish,
  .failed = failed,
};

const struct ptn_sasl_mechanism oauth_xoauth2 = {
  .size = sizeof oauth_xoauth2,
  .flags = PTN_SASL_PLAINTEXT,
  .name = "XOAUTH2",
  .start = xoauth2_start,
  .step = step,
  .finish = finish,
  .failed = failed,
};
