/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - see exchange.h.  Passwords are never copied: they stay in the response, which its
 * owner wipes. */
#include "exchange.h"

#include <string.h>

void
exchange_init (struct exchange *exchange, struct auth *auth, const struct ptn_sasl_request *request,
               exchange_kind kind) {
  *exchange = (struct exchange){ .kind = kind };
  memcpy (&exchange->request, request, MIN (request->size, sizeof exchange->request));
  exchange->request.size = sizeof exchange->request;
  attempt_init (&exchange->attempt, auth, &exchange->request);
}

void
exchange_clear (struct exchange *exchange) {
  attempt_clear (&exchange->attempt);
  g_clear_pointer (&exchange->name, g_free);
}

static ptn_status
prompt (struct ptn_bytes *challenge, const char *text) {
  *challenge = (struct ptn_bytes){ text, strlen (text) };
  return PTN_OK;
}

/* LOGIN (draft-murchison-sasl-login): two answers, the first of which may come unasked. */
static ptn_status
take_login (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  if (!response.data && !exchange->name)
    return prompt (challenge, "Username:");
  if (!exchange->name) {
    if (!message_name (response))
      return PTN_E_INVALID;
    exchange->name = g_strndup (response.data, response.size);
    return prompt (challenge, "Password:");
  }
  if (!response.data || response.size > MESSAGE_PASSWORD_LIMIT
      || (response.size && memchr (response.data, '\0', response.size)))
    return PTN_E_INVALID;
  exchange->message = (struct message){ .login = exchange->name, .secret = response };
  return PTN_END;
}

static ptn_status
take (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  if (exchange->kind == EXCHANGE_LOGIN)
    return take_login (exchange, response, challenge);
  if (!response.data)
    return exchange->kind == EXCHANGE_PLAIN ? prompt (challenge, "") : PTN_E_INVALID;
  bool sound;
  switch (exchange->kind) {
  case EXCHANGE_PLAIN:
    sound = message_plain (response, &exchange->message);
    break;
  case EXCHANGE_APOP:
    sound = message_apop (response, &exchange->message);
    break;
  default:
    sound = message_password (response, &exchange->message);
    break;
  }
  return sound ? PTN_END : PTN_E_INVALID;
}

ptn_status
exchange_step (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes response,
               struct ptn_bytes *challenge) {
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (!exchange->parsed) {
    const ptn_status status = take (exchange, response, challenge);
    if (status == PTN_E_INVALID)
      exchange->attempt.reason = "malformed response";
    if (status != PTN_END)
      return status;
    exchange->parsed = true;
  }
  const ptn_status status = attempt_run (&exchange->attempt, task, &exchange->message);
  return status == PTN_OK ? PTN_END : status;
}
