/* SPDX-License-Identifier: Apache-2.0 */
/* ntlm.c - the dialogue: an empty challenge if the client waits for one, its NEGOTIATE_MESSAGE, our
 * CHALLENGE_MESSAGE, its AUTHENTICATE_MESSAGE ([MS-NLMP], with the framings of [MS-POP3],
 * [MS-OXIMAP] and [MS-SMTPNTLM] in the protocols).  Verified here with an NT hash, or by whoever
 * has one.
 *
 * An exchange belongs to its attempt; in its task.  One challenge, from the generator, for one
 * answer. */
#include "ntlm/ntlm.h"
#include "ntlm/protection.h"
#include "ntlm/response.h"

#include <openssl/rand.h>
#include <string.h>

typedef enum {
  STATE_NEW,
  STATE_PROMPTED,   /* an empty challenge was sent */
  STATE_CHALLENGED, /* the answer is awaited */
  STATE_FINDING,
  STATE_LOCAL,
  STATE_PASSING_ON, /* to who has the hash */
  STATE_OVER
} exchange_state;

struct exchange {
  struct attempt *attempt;
  exchange_state state;
  unsigned char nonce[8];
  unsigned char mixed[8]; /* of an NTLM2 session response: what was really answered */
  guint32 flags;          /* of our challenge */
  GByteArray *negotiate;  /* both kept for the MIC */
  GByteArray *challenge;
  struct ntlm_authenticate message; /* leads into the response */
  ntlm_version version;
  bool has_mic;        /* says the client, under its proof */
  const char *refusal; /* why even a right proof will not do; static */
  char *login, *other; /* how the user may be called */
  struct ptn_ntlm_response response;
  struct ptn_ntlm_proof proof;
  bool judged; /* a stored hash was tried */
};

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
  if (exchange->negotiate)
    g_byte_array_unref (exchange->negotiate);
  if (exchange->challenge)
    g_byte_array_unref (exchange->challenge);
  ntlm_authenticate_clear (&exchange->message);
  g_free (exchange->login);
  g_free (exchange->other);
  explicit_bzero (exchange, sizeof *exchange);
  g_free (exchange);
}

/* ---- The challenge ----------------------------------------------------------------------- */

/* What we are called.  The NetBIOS name of the computer, if none is set, is the first label in
 * capitals, 15 octets at most, as Windows makes it.  Clients repeat it under their proof, and a
 * domain controller compares it with the machine that asks. */
static void
make_challenge (struct exchange *exchange, guint32 client_flags) {
  const struct attempt *attempt = exchange->attempt;
  const struct ptn_sasl_request *request = attempt->request;
  const char *name = request->server_name ? request->server_name : "";
  const char *dot = strchr (name, '.');
  const char *domain = mechanism_text (attempt, "ntlm_domain");
  const char *set = mechanism_text (attempt, "ntlm_computer");
  g_autofree char *label =
      set && *set ? g_strdup (set) : g_strndup (name, MIN (strcspn (name, "."), 15));
  g_autofree char *computer = g_ascii_strup (label, -1);
  const struct ntlm_server server = {
    .nb_domain = domain ? domain : "",
    .nb_computer = computer,
    .dns_domain = dot ? dot + 1 : "",
    .dns_computer = name,
  };
  exchange->challenge = ntlm_make_challenge (&server, client_flags, exchange->nonce,
                                             attempt->auth->host->realtime_ms (), &exchange->flags);
}

static ptn_status
send_challenge (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  guint32 client_flags;
  if (!ntlm_read_negotiate (response, &client_flags))
    return PTN_E_INVALID;
  if (RAND_bytes (exchange->nonce, sizeof exchange->nonce) != 1) {
    exchange->attempt->reason = "no random numbers";
    return PTN_E_TEMPORARY;
  }
  exchange->negotiate = g_byte_array_new ();
  g_byte_array_append (exchange->negotiate, response.data, (guint)response.size);
  make_challenge (exchange, client_flags);
  *challenge = (struct ptn_bytes){ exchange->challenge->data, exchange->challenge->len };
  exchange->state = STATE_CHALLENGED;
  return PTN_OK;
}

/* ---- The answer -------------------------------------------------------------------------- */

/* Clients put the domain into a field of its own, or a workstation's name, or what our challenge
 * said, or nothing; and some take a mailbox for part of the user.  So: with it, and without. */
static void
make_logins (struct exchange *exchange) {
  const struct ntlm_authenticate *message = &exchange->message;
  if (*message->domain) {
    exchange->login = g_strconcat (message->domain, "\\", message->user, NULL);
    exchange->other = g_strdup (message->user);
  } else {
    exchange->login = g_strdup (message->user);
  }
}

static const char *
refusal_of_version (const struct exchange *exchange) {
  const bool allowed = mechanism_is_on (exchange->attempt, "ntlmv1");
  switch (exchange->version) {
  case NTLM_V2:
    return NULL;
  case NTLM_V1_SESSION:
    return allowed ? NULL : "NTLM2 session responses are switched off on this listener";
  case NTLM_V1:
    return allowed ? NULL : "NTLMv1 is switched off on this listener";
  default:
    return "no NTLM response was sent";
  }
}

/* The flags and the bindings stand under the proof: what they say is the client's word as soon as
 * the proof is right. */
static bool
judge_form (struct exchange *exchange) {
  struct ntlm_client_challenge client = { 0 };
  if (exchange->version == NTLM_V2 && !ntlm_read_client_challenge (exchange->message.nt, &client))
    return false;
  exchange->has_mic = client.flags & NTLM_AV_FLAG_MIC;
  exchange->refusal = refusal_of_version (exchange);
  if (!exchange->refusal)
    exchange->refusal = ntlm_protection_refusal (exchange->attempt, client.bindings);
  return true;
}

static void
log_answer (const struct exchange *exchange, struct ptn_task *task) {
  const struct ptn_host *host = exchange->attempt->auth->host;
  const struct ntlm_authenticate *message = &exchange->message;
  struct ntlm_client_challenge client = { 0 };
  if (!host->logs (host, PTN_LOG_DEBUG))
    return;
  if (exchange->version == NTLM_V2)
    ntlm_read_client_challenge (message->nt, &client);
  g_autofree char *target = ntlm_text_from_unicode (client.target);
  const struct ptn_field fields[] = {
    { "version", ntlm_version_name (exchange->version) },
    { "user", message->user },
    { "domain", message->domain },
    { "workstation", message->workstation },
    { "target", target ? target : "" },
    { "bound", client.bindings.data ? "yes" : "no" },
    { "mic", exchange->has_mic ? "yes" : "no" },
  };
  host->log (host, PTN_LOG_DEBUG, task, "login.ntlm", fields, G_N_ELEMENTS (fields));
}

/* For who judges in our place.  An NTLM2 session response is one of NTLMv1 to a challenge that both
 * sides have made, as every server passes it on.  An LM response never is: a domain takes LMv2
 * instead of NTLMv2, and it is under no integrity code and bound to no channel, so that who stands
 * between could write what he likes beside it. */
static bool
make_response (struct exchange *exchange) {
  const struct ntlm_authenticate *message = &exchange->message;
  const bool session = exchange->version == NTLM_V1_SESSION;
  if (session && !ntlm_session_challenge (message, exchange->nonce, exchange->mixed))
    return false;
  exchange->response = (struct ptn_ntlm_response){
    .size = sizeof exchange->response,
    .flags = message->flags ? message->flags : exchange->flags,
    .domain = message->domain,
    .user = message->user,
    .workstation = message->workstation,
    .challenge = { session ? exchange->mixed : exchange->nonce, 8 },
    .lm = { "", 0 },
    .nt = message->nt,
  };
  return true;
}

static ptn_status
take_answer (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes response) {
  struct attempt *attempt = exchange->attempt;
  struct ntlm_authenticate *message = &exchange->message;
  if (!ntlm_read_authenticate (response, exchange->flags, message))
    return PTN_E_INVALID;
  if (!*message->user || message->flags & NTLM_ANONYMOUS) {
    attempt->reason = "anonymous is always refused";
    return PTN_E_AUTHENTICATION;
  }
  exchange->version = ntlm_version_of (message, exchange->flags);
  attempt->detail = ntlm_version_name (exchange->version);
  if (!judge_form (exchange))
    return PTN_E_INVALID;
  if (exchange->version == NTLM_V1 || exchange->version == NTLM_V1_SESSION)
    attempt->demand = "auth.ntlmv1";
  make_logins (exchange);
  log_answer (exchange, task);
  return make_response (exchange) ? PTN_OK : PTN_E_TEMPORARY;
}

/* ---- The proof --------------------------------------------------------------------------- */

static bool
is_whole (const struct exchange *exchange, const unsigned char session_base_key[16]) {
  const struct ptn_bytes negotiate = { exchange->negotiate->data, exchange->negotiate->len };
  const struct ptn_bytes challenge = { exchange->challenge->data, exchange->challenge->len };
  return ntlm_mic_is_right (&exchange->message, negotiate, challenge, session_base_key);
}

static ptn_status
try_hash (void *argument, struct ptn_bytes secret) {
  struct exchange *exchange = argument;
  unsigned char key[16];
  if (secret.size != 16)
    return PTN_E_AUTHENTICATION;
  exchange->judged = true;
  ptn_status status = PTN_E_AUTHENTICATION;
  if (ntlm_response_is_right (&exchange->message, exchange->version, exchange->nonce, secret.data,
                              key)) {
    status = PTN_OK;
    if (exchange->has_mic && !is_whole (exchange, key)) {
      exchange->refusal = "messages were changed on the way (MIC)";
      status = PTN_E_AUTHENTICATION;
    }
  }
  explicit_bzero (key, sizeof key);
  return status;
}

/* Nobody, or nothing stored: the same work. */
static void
try_nothing (struct exchange *exchange) {
  static const unsigned char nothing[16] = { 0 };
  if (!exchange->judged)
    try_hash (exchange, (struct ptn_bytes){ nothing, sizeof nothing });
}

static ptn_status
try_local (struct exchange *exchange, struct ptn_task *task) {
  return attempt_secret (exchange->attempt, task, "NT", try_hash, exchange);
}

static ptn_status
try_passing_on (struct exchange *exchange, struct ptn_task *task) {
  ptn_status status = attempt_ntlm (exchange->attempt, task, &exchange->response, &exchange->proof);
  if (status == PTN_OK && exchange->has_mic
      && (!exchange->proof.has_session_base_key
          || !is_whole (exchange, exchange->proof.session_base_key))) {
    exchange->refusal = "messages were changed on the way (MIC)";
    status = PTN_E_AUTHENTICATION;
  }
  explicit_bzero (&exchange->proof, sizeof exchange->proof);
  return status;
}

static void
log_old (const struct exchange *exchange, struct ptn_task *task) {
  const struct ptn_host *host = exchange->attempt->auth->host;
  const struct ptn_field fields[] = {
    { "user", exchange->attempt->identity.authcid },
    { "version", ntlm_version_name (exchange->version) },
    { "workstation", exchange->message.workstation },
  };
  host->log (host, PTN_LOG_NOTICE, task, "login.ntlmv1", fields, G_N_ELEMENTS (fields));
}

static ptn_status
settle (struct exchange *exchange, struct ptn_task *task, ptn_status proof) {
  struct attempt *attempt = exchange->attempt;
  exchange->state = STATE_OVER;
  if (proof != PTN_OK && proof != PTN_E_TEMPORARY)
    try_nothing (exchange);
  if (exchange->refusal && proof != PTN_E_INVALID && proof > PTN_E_TEMPORARY) {
    attempt->reason = exchange->refusal;
    proof = PTN_E_AUTHENTICATION;
  }
  const ptn_status status = attempt_verdict (attempt, task, proof);
  if (status == PTN_OK && attempt->demand)
    log_old (exchange, task);
  return status == PTN_OK ? PTN_END : status;
}

static ptn_status
prove (struct exchange *exchange, struct ptn_task *task) {
  ptn_status status;
  if (exchange->state == STATE_FINDING) {
    status = attempt_find_either (exchange->attempt, task, exchange->login, exchange->other, NULL);
    if (status != PTN_OK)
      return status;
    if (exchange->refusal)
      return settle (exchange, task, PTN_E_AUTHENTICATION);
    exchange->state = STATE_LOCAL;
  }
  if (exchange->state == STATE_LOCAL) {
    status = try_local (exchange, task);
    if (status != PTN_E_NOT_FOUND && status != PTN_E_UNSUPPORTED)
      return status == PTN_PENDING ? status : settle (exchange, task, status);
    exchange->state = STATE_PASSING_ON;
  }
  status = try_passing_on (exchange, task);
  return status == PTN_PENDING ? status : settle (exchange, task, status);
}

/* ---- The dialogue ------------------------------------------------------------------------ */

static ptn_status
reject (struct exchange *exchange, struct ptn_task *task, ptn_status status) {
  exchange->state = STATE_OVER;
  return attempt_verdict (exchange->attempt, task, status);
}

static ptn_status
step (void *data, struct ptn_task *task, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct exchange *exchange = data;
  ptn_status status;
  switch (exchange->state) {
  case STATE_NEW:
    if (!response.data || response.size == 0) {
      *challenge = (struct ptn_bytes){ "", 0 };
      exchange->state = STATE_PROMPTED;
      return PTN_OK;
    }
    /* fallthrough */
  case STATE_PROMPTED:
    status = send_challenge (exchange, response, challenge);
    return status == PTN_OK ? status : reject (exchange, task, status);
  case STATE_CHALLENGED:
    status = take_answer (exchange, task, response);
    if (status != PTN_OK)
      return reject (exchange, task, status);
    exchange->state = STATE_FINDING;
    return prove (exchange, task);
  case STATE_OVER:
    return reject (exchange, task, PTN_E_INVALID);
  default:
    return prove (exchange, task);
  }
}

const struct mechanism auth_ntlm = {
  .name = "NTLM",
  .flags = PTN_SASL_LEGACY | PTN_SASL_CHANNEL_BINDING,
  .schemes = "NT NTLM",
  .available = ntlm_protection_is_possible,
  .start = start,
  .step = step,
  .finish = finish,
};
