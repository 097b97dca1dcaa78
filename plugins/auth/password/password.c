/* SPDX-License-Identifier: Apache-2.0 */
/* password.c - the dialogues that end in a name and a password: PLAIN (RFC 4616), LOGIN
 * (draft-murchison-sasl-login), the USER/PASS and LOGIN commands, and APOP (RFC 1939 section 7).
 *
 * An exchange belongs to its login; in its task.  Passwords are never copied: they stay in the
 * response, which its owner wipes. */
#include "password/password.h"
#include "message.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

typedef enum { KIND_PLAIN, KIND_LOGIN, KIND_COMMANDS, KIND_APOP } exchange_kind;

struct exchange {
  exchange_kind kind;
  struct attempt *attempt;
  struct message message; /* leads into the response, and for LOGIN into `name` */
  bool parsed, found;
  char *name; /* LOGIN: the first answer */
};

static ptn_status
start (struct attempt *attempt, exchange_kind kind, void **result) {
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->kind = kind;
  exchange->attempt = attempt;
  *result = exchange;
  return PTN_OK;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  g_free (exchange->name);
  g_free (exchange);
}

static ptn_status
prompt (struct ptn_bytes *challenge, const char *text) {
  *challenge = (struct ptn_bytes){ text, strlen (text) };
  return PTN_OK;
}

/* ---- What was sent ----------------------------------------------------------------------- */

/* Two answers, the first of which may come unasked. */
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
  if (exchange->kind == KIND_LOGIN)
    return take_login (exchange, response, challenge);
  if (!response.data)
    return exchange->kind == KIND_PLAIN ? prompt (challenge, "") : PTN_E_INVALID;
  bool sound;
  switch (exchange->kind) {
  case KIND_PLAIN:
    sound = message_plain (response, &exchange->message);
    break;
  case KIND_APOP:
    sound = message_apop (response, &exchange->message);
    break;
  default:
    sound = message_password (response, &exchange->message);
    break;
  }
  return sound ? PTN_END : PTN_E_INVALID;
}

/* ---- The check --------------------------------------------------------------------------- */

/* RFC 1939 section 7: MD5 of timestamp and secret. */
static ptn_status
compare_digest (void *argument, struct ptn_bytes secret) {
  const struct message *message = argument;
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *context = EVP_MD_CTX_new ();
  const bool done = context && EVP_DigestInit_ex (context, EVP_md5 (), NULL)
                    && EVP_DigestUpdate (context, message->timestamp, strlen (message->timestamp))
                    && EVP_DigestUpdate (context, secret.data, secret.size)
                    && EVP_DigestFinal_ex (context, digest, NULL);
  EVP_MD_CTX_free (context);
  if (!done)
    return PTN_E_TEMPORARY;
  return CRYPTO_memcmp (digest, message->secret.data, 16) == 0 ? PTN_OK : PTN_E_AUTHENTICATION;
}

static ptn_status
check (struct exchange *exchange, struct ptn_task *task) {
  struct attempt *attempt = exchange->attempt;
  if (exchange->kind != KIND_APOP)
    return attempt_password (attempt, task, exchange->message.secret);
  const ptn_status status =
      attempt_secret (attempt, task, "PLAIN", compare_digest, &exchange->message);
  if (status == PTN_E_NOT_FOUND) /* the same work */
    compare_digest (&exchange->message, (struct ptn_bytes){ "", 0 });
  return status;
}

static ptn_status
step (void *data, struct ptn_task *task, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct exchange *exchange = data;
  struct attempt *attempt = exchange->attempt;
  ptn_status status;
  if (!exchange->parsed) {
    status = take (exchange, response, challenge);
    if (status == PTN_E_INVALID)
      attempt->reason = "malformed response";
    if (status != PTN_END)
      return status;
    exchange->parsed = true;
  }
  if (!exchange->found) {
    status = attempt_find (attempt, task, exchange->message.login, exchange->message.authzid);
    if (status != PTN_OK)
      return status;
    exchange->found = true;
  }
  status = check (exchange, task);
  if (status == PTN_PENDING)
    return status;
  status = attempt_verdict (attempt, task, status);
  return status == PTN_OK ? PTN_END : status;
}

/* ---- The rows ---------------------------------------------------------------------------- */

static ptn_status
plain_start (struct attempt *attempt, void **exchange) {
  return start (attempt, KIND_PLAIN, exchange);
}

static ptn_status
login_start (struct attempt *attempt, void **exchange) {
  return start (attempt, KIND_LOGIN, exchange);
}

static ptn_status
commands_start (struct attempt *attempt, void **exchange) {
  return start (attempt, KIND_COMMANDS, exchange);
}

static ptn_status
apop_start (struct attempt *attempt, void **exchange) {
  return start (attempt, KIND_APOP, exchange);
}

const struct mechanism auth_plain = {
  .name = "PLAIN",
  .flags = PTN_SASL_PLAINTEXT,
  .schemes = "PASSWORD",
  .start = plain_start,
  .step = step,
  .finish = finish,
};

const struct mechanism auth_login = {
  .name = "LOGIN",
  .flags = PTN_SASL_PLAINTEXT | PTN_SASL_SERVER_FIRST | PTN_SASL_LEGACY,
  .schemes = "PASSWORD",
  .start = login_start,
  .step = step,
  .finish = finish,
};

const struct mechanism auth_password_commands = {
  .name = "password", /* in the log; no SASL mechanism */
  .flags = PTN_SASL_PLAINTEXT,
  .schemes = "PASSWORD",
  .start = commands_start,
  .step = step,
  .finish = finish,
};

const struct mechanism auth_apop = {
  .name = "APOP",
  .flags = PTN_SASL_LEGACY,
  .schemes = "PLAIN",
  .start = apop_start,
  .step = step,
  .finish = finish,
};
