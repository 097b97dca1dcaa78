/* SPDX-License-Identifier: Apache-2.0 */
/* scram.c - SCRAM-SHA-1 and SCRAM-SHA-256, and both with -PLUS: the dialogue joined to an attempt,
 * which finds the user and the keys.
 *
 * An exchange belongs to its login; in its task.  Between the steps it keeps no key: the second step
 * asks for them again, and what the source says then counts.  Whoever fails has cost the same work,
 * whether the name exists, has keys, or has a password in clear. */
#include "scram/scram.h"

#include "common/base64.h"
#include "offer.h"
#include "scram/derivation.h"
#include "scram/invention.h"
#include "source.h"

#include <openssl/rand.h>
#include <string.h>

typedef enum {
  SCRAM_FIRST,      /* waits for the first message */
  SCRAM_FINDING,    /* the user */
  SCRAM_SALTING,    /* with what salt are the keys? */
  SCRAM_FINAL,      /* waits for the final message */
  SCRAM_PROVING,    /* with stored keys */
  SCRAM_GATHERING,  /* passwords in clear */
  SCRAM_DERIVING,   /* keys of them, in the lane */
  SCRAM_CONFIRMING, /* which it was, to the source */
  SCRAM_OVER
} scram_state;

struct exchange {
  struct attempt *attempt;
  const char *plus_name; /* the mechanism that binds with this hash */
  bool plus;
  scram_state state;
  bool prompted;
  bool salted;            /* a key is stored, and its salt told */
  bool gathered;          /* a password is stored in clear */
  ptn_status turned_away; /* the proof was right, of who is turned away all the same; else 0 */
  char *why;              /* they are */
  struct scram_dialogue dialogue;
  struct scram_salt salt;
  struct scram_derivation *derivation;
};

/* ---- Channel binding --------------------------------------------------------------------- */

static const char *const binding_types[] = { "tls-exporter", "tls-server-end-point", NULL };

/* tls-unique is none: it does not exist in TLS 1.3, and is broken before it (RFC 9266). */
static bool
binding_value (const struct auth *auth, const struct ptn_sasl_request *request, const char *type,
               struct ptn_bytes *value) {
  if (!auth->streams || !request->stream || !g_strv_contains (binding_types, type))
    return false;
  return PTN_CAN (auth->streams, channel_binding)
         && auth->streams->channel_binding (request->stream, type, value) == PTN_OK;
}

static bool
can_bind (const struct auth *auth, const struct ptn_sasl_request *request) {
  struct ptn_bytes value;
  for (size_t i = 0; binding_types[i]; i++)
    if (binding_value (auth, request, binding_types[i], &value))
      return true;
  return false;
}

static bool
value_for_dialogue (void *argument, const char *type, struct ptn_bytes *value) {
  const struct exchange *exchange = argument;
  return binding_value (exchange->attempt->auth, exchange->attempt->request, type, value);
}

static struct scram_channel
channel_of (struct exchange *exchange) {
  const struct attempt *attempt = exchange->attempt;
  const char *why;
  return (struct scram_channel){
    .plus = exchange->plus,
    .offered =
        attempt->request->config
        && offer_find (attempt->auth, attempt->roster, attempt->request, exchange->plus_name, &why),
    .value = value_for_dialogue,
    .argument = exchange,
  };
}

/* For the log: which binding was used. */
static const char *
binding_detail (const struct exchange *exchange) {
  for (size_t i = 0; exchange->plus && binding_types[i]; i++)
    if (strcmp (binding_types[i], exchange->dialogue.first.type) == 0)
      return binding_types[i];
  return NULL;
}

/* ---- The first message ------------------------------------------------------------------- */

static bool
is_about_binding (const char *fault) {
  return strstr (fault, "channel-binding") != NULL;
}

/* A client that was led to another mechanism than it wanted, or binds in a way that we can not, is
 * refused as one with a wrong password is. */
static ptn_status
take_first (struct exchange *exchange, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct attempt *attempt = exchange->attempt;
  if (!response.data && !exchange->prompted) {
    exchange->prompted = true;
    *challenge = (struct ptn_bytes){ "", 0 };
    return PTN_OK;
  }
  const struct scram_channel channel = channel_of (exchange);
  const char *fault = response.data ? scram_dialogue_first (&exchange->dialogue, response, &channel)
                                    : "malformed response";
  if (!fault) {
    exchange->state = SCRAM_FINDING;
    attempt->detail = binding_detail (exchange);
    return PTN_OK;
  }
  exchange->state = SCRAM_OVER;
  attempt_claim (attempt, exchange->dialogue.first.login);
  attempt_failed (attempt);
  attempt->reason = fault;
  return is_about_binding (fault) ? PTN_E_AUTHENTICATION : PTN_E_INVALID;
}

/* ---- The salt ---------------------------------------------------------------------------- */

/* The first that is stored.  Nothing is proved yet, and the source is told so. */
static ptn_status
look_at_salt (void *argument, struct ptn_bytes secret) {
  struct exchange *exchange = argument;
  struct scram_salt salt;
  struct scram_keys keys;
  if (!exchange->salted && scram_keys_read (exchange->dialogue.hash, secret, &salt, &keys)) {
    exchange->salt = salt;
    exchange->salted = true;
  }
  scram_keys_wipe (&keys);
  return PTN_E_AUTHENTICATION;
}

/* Of nobody, and of who has no keys, some are read as well: microseconds can be counted too. */
static void
read_nothing (const struct exchange *exchange, struct scram_keys *keys) {
  static const char of_sha_1[] = "SCRAM-SHA-1$4096:AAAAAAAAAAAAAAAAAAAAAA==$"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  static const char of_sha_256[] =
      "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  const struct scram_hash *hash = exchange->dialogue.hash;
  g_autofree char *copy = g_strdup (hash == &scram_sha_1 ? of_sha_1 : of_sha_256);
  struct scram_salt salt;
  scram_keys_read (hash, (struct ptn_bytes){ copy, strlen (copy) }, &salt, keys);
}

static ptn_status
send_challenge (struct exchange *exchange, struct ptn_bytes *challenge) {
  struct attempt *attempt = exchange->attempt;
  unsigned char random[18];
  char nonce[BASE64_ENCODED_MAX (sizeof random)];
  if (RAND_bytes (random, sizeof random) != 1) {
    attempt->reason = "the system gives no random numbers";
    return PTN_E_TEMPORARY;
  }
  base64_encode (random, sizeof random, nonce);
  *challenge = scram_dialogue_challenge (&exchange->dialogue, &exchange->salt, nonce);
  attempt->reason = NULL;
  exchange->state = SCRAM_FINAL;
  return PTN_OK;
}

static ptn_status
salt (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge) {
  struct attempt *attempt = exchange->attempt;
  const struct auth *auth = attempt->auth;
  const struct scram_hash *hash = exchange->dialogue.hash;
  const ptn_status status = attempt_secret (attempt, task, hash->mechanism, look_at_salt, exchange);
  if (status == PTN_PENDING)
    return status;
  if (status <= PTN_E_TEMPORARY) {
    exchange->state = SCRAM_OVER;
    return attempt_verdict (attempt, task, status);
  }
  struct scram_salt invented;
  scram_salt_invent (auth->scram_secret, hash, attempt_spelling (attempt),
                     attempt->roster->scram_iterations, &invented);
  if (!exchange->salted) {
    struct scram_keys keys;
    exchange->salt = invented;
    read_nothing (exchange, &keys);
  }
  return send_challenge (exchange, challenge);
}

/* ---- The proof --------------------------------------------------------------------------- */

static ptn_status
prove (void *argument, struct ptn_bytes secret) {
  struct exchange *exchange = argument;
  struct scram_salt salt;
  struct scram_keys keys;
  const bool right = scram_keys_read (exchange->dialogue.hash, secret, &salt, &keys)
                     && scram_salt_equal (&salt, &exchange->dialogue.salt)
                     && scram_dialogue_prove (&exchange->dialogue, &keys);
  scram_keys_wipe (&keys);
  return right ? PTN_OK : PTN_E_AUTHENTICATION;
}

static ptn_status
gather (void *argument, struct ptn_bytes secret) {
  struct exchange *exchange = argument;
  scram_derivation_add (exchange->derivation, secret);
  exchange->gathered = true;
  return PTN_E_AUTHENTICATION;
}

static ptn_status
confirm (void *argument, struct ptn_bytes secret) {
  struct exchange *exchange = argument;
  return scram_derivation_was (exchange->derivation, secret) ? PTN_OK : PTN_E_AUTHENTICATION;
}

static ptn_status
over (struct exchange *exchange, struct ptn_task *task, ptn_status proof,
      struct ptn_bytes *challenge) {
  exchange->state = SCRAM_OVER;
  const ptn_status status = attempt_verdict (exchange->attempt, task, proof);
  if (status != PTN_OK)
    return status;
  *challenge = scram_dialogue_verifier (&exchange->dialogue);
  return PTN_END;
}

static ptn_status
take_final (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes response,
            struct ptn_bytes *challenge) {
  const char *fault =
      response.data ? scram_dialogue_final (&exchange->dialogue, response) : "malformed response";
  if (!fault) {
    exchange->state = SCRAM_PROVING;
    return PTN_OK;
  }
  exchange->attempt->reason = fault;
  return over (exchange, task, is_about_binding (fault) ? PTN_E_AUTHENTICATION : PTN_E_INVALID,
               challenge);
}

/* Who has keys and proves them is done.  Everybody else, and who is turned away in any case, goes
 * through the work of a derivation, if there may be passwords in clear: those who have one must not
 * stand out, nor those who have not. */
static ptn_status
prove_with_keys (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge) {
  struct attempt *attempt = exchange->attempt;
  const ptn_status status =
      attempt_secret (attempt, task, exchange->dialogue.hash->mechanism, prove, exchange);
  if (status == PTN_PENDING)
    return status;
  if (!exchange->salted) { /* no keys were tried: nobody's are */
    struct scram_keys keys;
    read_nothing (exchange, &keys);
    scram_dialogue_prove (&exchange->dialogue, &keys);
  }
  const bool refused = status == PTN_E_DISABLED || status == PTN_E_DENIED;
  const bool failed = refused || status == PTN_E_AUTHENTICATION || status == PTN_E_NOT_FOUND
                      || status == PTN_E_UNSUPPORTED;
  if (!failed || !sources_know (attempt->roster, "PLAIN"))
    return over (exchange, task, status, challenge);
  if (refused) {
    exchange->turned_away = status;
    exchange->why = g_strdup (attempt->reason);
  }
  exchange->derivation =
      scram_derivation_new (&exchange->dialogue, attempt->roster->scram_iterations);
  exchange->state = SCRAM_GATHERING;
  return PTN_OK;
}

/* Also of who has keys: another password may be in clear, and the salt serves for it too. */
static ptn_status
gather_passwords (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge) {
  struct attempt *attempt = exchange->attempt;
  ptn_status status = attempt_secret (attempt, task, "PLAIN", gather, exchange);
  if (status == PTN_PENDING)
    return status;
  if (status <= PTN_E_TEMPORARY)
    return over (exchange, task, status, challenge);
  status = scram_derivation_start (exchange->derivation, attempt->auth->host, task);
  if (status != PTN_OK) {
    attempt->reason = "the lane of passwords is full";
    return over (exchange, task, PTN_E_TEMPORARY, challenge);
  }
  exchange->state = SCRAM_DERIVING;
  return PTN_OK;
}

static ptn_status
derive (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge) {
  if (!scram_derivation_done (exchange->derivation))
    return PTN_PENDING;
  if (exchange->turned_away) {
    exchange->attempt->reason = exchange->why;
    return over (exchange, task, exchange->turned_away, challenge);
  }
  const struct scram_keys *keys = scram_derivation_keys (exchange->derivation);
  exchange->attempt->reason = exchange->salted || exchange->gathered
                                  ? "wrong password"
                                  : "neither keys nor a password in clear are stored";
  if (!keys || !scram_dialogue_prove (&exchange->dialogue, keys))
    return over (exchange, task, PTN_E_AUTHENTICATION, challenge);
  exchange->state = SCRAM_CONFIRMING;
  return PTN_OK;
}

static ptn_status
confirm_password (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes *challenge) {
  const ptn_status status = attempt_secret (exchange->attempt, task, "PLAIN", confirm, exchange);
  return status == PTN_PENDING ? status : over (exchange, task, status, challenge);
}

/* ---- The exchange ------------------------------------------------------------------------ */

/* PTN_OK without a challenge: go on. */
static ptn_status
advance (struct exchange *exchange, struct ptn_task *task, struct ptn_bytes response,
         struct ptn_bytes *challenge) {
  const struct scram_first *first = &exchange->dialogue.first;
  ptn_status status;
  switch (exchange->state) {
  case SCRAM_FIRST:
    return take_first (exchange, response, challenge);
  case SCRAM_FINDING:
    status = attempt_find (exchange->attempt, task, first->login, first->authzid);
    exchange->state = status == PTN_OK        ? SCRAM_SALTING
                      : status == PTN_PENDING ? SCRAM_FINDING
                                              : SCRAM_OVER;
    return status;
  case SCRAM_SALTING:
    return salt (exchange, task, challenge);
  case SCRAM_FINAL:
    return take_final (exchange, task, response, challenge);
  case SCRAM_PROVING:
    return prove_with_keys (exchange, task, challenge);
  case SCRAM_GATHERING:
    return gather_passwords (exchange, task, challenge);
  case SCRAM_DERIVING:
    return derive (exchange, task, challenge);
  case SCRAM_CONFIRMING:
    return confirm_password (exchange, task, challenge);
  default:
    return PTN_E_INVALID;
  }
}

static ptn_status
step (void *data, struct ptn_task *task, struct ptn_bytes response, struct ptn_bytes *challenge) {
  struct exchange *exchange = data;
  ptn_status status;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  do
    status = advance (exchange, task, response, challenge);
  while (status == PTN_OK && !challenge->data);
  return status;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  g_free (exchange->why);
  scram_derivation_free (&exchange->derivation);
  scram_dialogue_clear (&exchange->dialogue);
  g_free (exchange);
}

/* ---- The rows ---------------------------------------------------------------------------- */

static ptn_status
start (struct attempt *attempt, const struct scram_hash *hash, const char *plus_name, bool plus,
       void **result) {
  struct exchange *exchange = g_new0 (struct exchange, 1);
  attempt->tells = true;
  exchange->attempt = attempt;
  exchange->plus_name = plus_name;
  exchange->plus = plus;
  scram_dialogue_init (&exchange->dialogue, hash);
  *result = exchange;
  return PTN_OK;
}

#define ROW(variable, hash, family, is_plus)                                      \
  static ptn_status variable##_start (struct attempt *attempt, void **exchange) { \
    return start (attempt, &hash, family "-PLUS", is_plus, exchange);             \
  }                                                                               \
  const struct mechanism auth_##variable = {                                      \
    .name = is_plus ? family "-PLUS" : family,                                    \
    .flags = is_plus ? PTN_SASL_CHANNEL_BINDING : 0,                              \
    .schemes = family " PLAIN",                                                   \
    .available = is_plus ? can_bind : NULL,                                       \
    .start = variable##_start,                                                    \
    .step = step,                                                                 \
    .finish = finish,                                                             \
  }

ROW (scram_sha_256_plus, scram_sha_256, "SCRAM-SHA-256", true);
ROW (scram_sha_256, scram_sha_256, "SCRAM-SHA-256", false);
ROW (scram_sha_1_plus, scram_sha_1, "SCRAM-SHA-1", true);
ROW (scram_sha_1, scram_sha_1, "SCRAM-SHA-1", false);
