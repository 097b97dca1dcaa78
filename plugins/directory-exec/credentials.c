/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": the program judges passwords, or tells secrets for
 * mechanisms.
 *
 * Called in tasks, on any worker.  Questions and answers are wiped when the errand ends. */
#include "exec.h"

#include "common/base64.h"

#include <string.h>

#define PASSWORD_LIMIT 1024

/* ---- Questions --------------------------------------------------------------------------- */

/* What is said of the attempt besides.  "" is nobody's name: work of the same length. */
static struct question *
new_question (struct exec *exec, const struct ptn_sasl_request *request, const char *user) {
  const char *peer = exec->streams && request->stream
                         ? exec->streams->property (request->stream, "peer.address")
                         : NULL;
  struct question *question = question_new ();
  question_add (question, "name", user ? user : "");
  question_add (question, "service", request->service);
  question_add (question, "peer", peer ? peer : "");
  return question;
}

static ptn_status
ask (struct exec *exec, struct ptn_call *call, program_op op, struct question *question) {
  struct program *program = exec_program (exec);
  struct lookup *lookup = lookup_new (program, lookup_ask);
  program_unref (program);
  lookup->op = op;
  lookup->question = question;
  return exec_send (exec, call, lookup);
}

/* Nobody's password is never right, whatever the program says. */
static ptn_status
settle_nobody (struct exec *exec, struct ptn_task *task, const char *user, ptn_status status) {
  if (user || status == PTN_E_TEMPORARY || status == PTN_PENDING)
    return status;
  return exec->host->fail (task, PTN_E_AUTHENTICATION, NULL, "unknown user");
}

/* ---- Passwords --------------------------------------------------------------------------- */

/* JSON is UTF-8; some clients are not. */
static void
add_password (struct question *question, struct ptn_bytes password) {
  if (g_utf8_validate_len (password.data, password.size, NULL)) {
    question_add_octets (question, "password", password);
    return;
  }
  char encoded[BASE64_ENCODED_MAX (PASSWORD_LIMIT)];
  base64_encode (password.data, password.size, encoded);
  question_add (question, "password_base64", encoded);
  explicit_bzero (encoded, sizeof encoded);
}

static ptn_status
exec_verify_password (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                      const char *domain, const char *user, struct ptn_bytes password) {
  struct exec *exec = instance;
  if (errand_of (exec->host, call))
    return settle_nobody (exec, call->task, user, errand_back (exec->host, call));
  if (password.size == 0 || password.size > PASSWORD_LIMIT
      || memchr (password.data, '\0', password.size))
    return exec->host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "empty or overlong password");
  struct question *question = new_question (exec, request, user);
  add_password (question, password);
  return ask (exec, call, OP_VERIFY, question);
}

/* ---- Secrets ----------------------------------------------------------------------------- */

static bool
read_octets (const char *hex, size_t length, unsigned char *octets, size_t size) {
  if (length != 2 * size)
    return false;
  for (size_t i = 0; i < size; i++) {
    const int high = g_ascii_xdigit_value (hex[2 * i]), low = g_ascii_xdigit_value (hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    octets[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static ptn_status
use_one (const json_t *text, const char *scheme, ptn_use_secret *use, void *argument) {
  const char *secret = json_string_value (text);
  const size_t size = json_string_length (text);
  if (!secret || !size)
    return PTN_E_AUTHENTICATION;
  if (strcmp (scheme, "NT") != 0)
    return use (argument, (struct ptn_bytes){ secret, size });
  unsigned char nt[16];
  if (!read_octets (secret, size, nt, sizeof nt))
    return PTN_E_AUTHENTICATION;
  const ptn_status status = use (argument, (struct ptn_bytes){ nt, sizeof nt });
  explicit_bzero (nt, sizeof nt);
  return status;
}

/* `status` is what the program says of the account: it holds when a secret was right. */
static ptn_status
use_secrets (struct exec *exec, struct ptn_task *task, const struct lookup *lookup,
             const char *scheme, ptn_status status, ptn_use_secret *use, void *argument) {
  const struct ptn_host *host = exec->host;
  const json_t *secrets = json_object_get (lookup->answer.fields, "secrets");
  if (json_array_size (secrets) == 0)
    return host->fail (task, PTN_E_NOT_FOUND, NULL, "no %s secret is known of this user", scheme);
  ptn_status used = PTN_E_AUTHENTICATION;
  for (size_t i = 0; i < json_array_size (secrets) && used == PTN_E_AUTHENTICATION; i++)
    used = use_one (json_array_get (secrets, i), scheme, use, argument);
  if (used != PTN_OK)
    return host->fail (task, used, NULL, "wrong password");
  return status == PTN_OK ? PTN_OK : host->fail (task, status, NULL, "%s", lookup->errand.reason);
}

static ptn_status
exec_with_secret (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                  const char *domain, const char *user, const char *scheme, ptn_use_secret *use,
                  void *argument) {
  struct exec *exec = instance;
  const struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    struct question *question = new_question (exec, request, user);
    question_add (question, "scheme", scheme);
    return ask (exec, call, OP_SECRET, question);
  }
  const ptn_status status = errand_back (exec->host, call);
  if (!user)
    return settle_nobody (exec, call->task, user, status);
  switch (status) {
  case PTN_OK:
  case PTN_E_PASSWORD_EXPIRED:
  case PTN_E_DISABLED:
    return use_secrets (exec, call->task, lookup, scheme, status, use, argument);
  case PTN_E_UNSUPPORTED:
    return exec->host->fail (call->task, PTN_E_NOT_FOUND, NULL, "the program tells no secrets");
  default:
    return status;
  }
}

/* ---- NTLM -------------------------------------------------------------------------------- */

static void
add_octets (struct question *question, const char *name, struct ptn_bytes octets) {
  static const char digits[] = "0123456789abcdef";
  const unsigned char *from = octets.data;
  g_autofree char *hex = g_malloc (octets.size * 2 + 1);
  for (size_t i = 0; i < octets.size; i++) {
    hex[2 * i] = digits[from[i] >> 4];
    hex[2 * i + 1] = digits[from[i] & 15];
  }
  question_add_octets (question, name, (struct ptn_bytes){ hex, octets.size * 2 });
}

/* The client's own texts: names are checked where they come in, but not that they are UTF-8. */
static void
add_text (struct question *question, const char *name, const char *text) {
  question_add (question, name, text && g_utf8_validate (text, -1, NULL) ? text : "");
}

static ptn_status
exec_verify_ntlm (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                  const char *domain, const char *user, const struct ptn_ntlm_response *response,
                  struct ptn_ntlm_proof *proof) {
  struct exec *exec = instance;
  const struct lookup *lookup = errand_of (exec->host, call);
  if (!lookup) {
    struct question *question = new_question (exec, request, user);
    add_text (question, "ntlm_domain", response->domain);
    add_text (question, "ntlm_user", response->user);
    add_text (question, "workstation", response->workstation);
    add_octets (question, "challenge", response->challenge);
    add_octets (question, "lm", response->lm);
    add_octets (question, "nt", response->nt);
    return ask (exec, call, OP_NTLM, question);
  }
  const ptn_status status = settle_nobody (exec, call->task, user, errand_back (exec->host, call));
  if (status != PTN_OK)
    return status;
  const json_t *key = json_object_get (lookup->answer.fields, "session_base_key");
  *proof = (struct ptn_ntlm_proof){ .has_session_base_key = 0 };
  proof->has_session_base_key =
      json_is_string (key)
      && read_octets (json_string_value (key), json_string_length (key), proof->session_base_key,
                      sizeof proof->session_base_key);
  return PTN_OK;
}

const struct ptn_credentials exec_credentials = {
  .size = sizeof exec_credentials,
  .flags = PTN_CREDENTIALS_SLOW,
  .verify_password = exec_verify_password,
  .with_secret = exec_with_secret,
  .verify_ntlm = exec_verify_ntlm,
};
