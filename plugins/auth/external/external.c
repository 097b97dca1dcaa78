/* SPDX-License-Identifier: Apache-2.0 */
/* external.c - EXTERNAL (RFC 4422 appendix A): TLS has proved who the client is, by its certificate;
 * what is left is whose that is, and whose mailbox is wanted.
 *
 * An exchange belongs to its login; in its task. */
#include "external/external.h"

#include "external/owner.h"
#include "message.h"

#include <string.h>

struct exchange {
  struct attempt *attempt;
  bool prompted, taken;
  char *login, *authzid;
  char *detail; /* for the log: the certificate's subject */
};

/* Offered to those for whom it can work; a front end too. */
static bool
available (const struct auth *auth, const struct ptn_sasl_request *request) {
  g_autofree char *login = NULL;
  const owner_kind kind = owner_find (auth, request, &login);
  return kind == OWNER_USER || kind == OWNER_FRONT_END;
}

static ptn_status
start (struct attempt *attempt, void **result) {
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->attempt = attempt;
  *result = exchange;
  return PTN_OK;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  g_free (exchange->login);
  g_free (exchange->authzid);
  g_free (exchange->detail);
  g_free (exchange);
}

static void
describe (struct exchange *exchange, owner_kind kind) {
  struct attempt *attempt = exchange->attempt;
  const char *subject =
      auth_property (attempt->auth, attempt->request->stream, "tls.client-subject");
  exchange->detail = g_strconcat (kind == OWNER_FRONT_END ? "front end " : "", subject, NULL);
  attempt->detail = exchange->detail;
}

/* A front end stands for the user whom it names, and for nobody without a name. */
static ptn_status
settle (struct exchange *exchange) {
  struct attempt *attempt = exchange->attempt;
  const owner_kind kind = owner_find (attempt->auth, attempt->request, &exchange->login);
  describe (exchange, kind);
  switch (kind) {
  case OWNER_USER:
    if (message_name ((struct ptn_bytes){ exchange->login, strlen (exchange->login) }))
      return PTN_OK;
    attempt->reason = "the certificate's name is no login name";
    return PTN_E_AUTHENTICATION;
  case OWNER_FRONT_END:
    if (!exchange->authzid) {
      attempt->reason = "a front end named nobody";
      return PTN_E_AUTHENTICATION;
    }
    exchange->login = g_steal_pointer (&exchange->authzid);
    return PTN_OK;
  case OWNER_SEVERAL:
    attempt->reason = "the certificate has several owners";
    return PTN_E_AUTHENTICATION;
  case OWNER_UNKNOWN:
    attempt->reason = "nothing says whose certificate this is";
    return PTN_E_AUTHENTICATION;
  default:
    attempt->reason = "no verified certificate";
    return PTN_E_AUTHENTICATION;
  }
}

/* The one response: whose mailbox, or nothing. */
static ptn_status
take (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  if (!response.data && !exchange->prompted) {
    exchange->prompted = true;
    *challenge = (struct ptn_bytes){ "", 0 };
    return PTN_OK;
  }
  if (!response.data || (response.size && !message_name (response)))
    return PTN_E_INVALID;
  if (response.size)
    exchange->authzid = g_strndup (response.data, response.size);
  const ptn_status status = settle (exchange);
  return status == PTN_OK ? PTN_END : status;
}

static ptn_status
step (void *data, struct ptn_task *task, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct exchange *exchange = data;
  struct attempt *attempt = exchange->attempt;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (!exchange->taken) {
    const ptn_status status = take (exchange, response, challenge);
    if (status != PTN_END)
      return status;
    exchange->taken = true;
  }
  ptn_status status = attempt_find (attempt, task, exchange->login, exchange->authzid);
  if (status == PTN_OK)
    status = attempt_verdict (attempt, task, PTN_OK);
  return status == PTN_OK ? PTN_END : status;
}

const struct mechanism auth_external = {
  .name = "EXTERNAL",
  .available = available,
  .start = start,
  .step = step,
  .finish = finish,
};
