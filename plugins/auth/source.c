/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - see source.h.  Verdicts of slow sources on passwords are remembered as keyed hashes,
 * for who comes back within minutes; nothing else of a source is kept. */
#include "source.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static bool
has_word (const char *words, const char *word, size_t length) {
  while (words && *words) {
    const size_t size = strcspn (words, " ");
    if (size == length && memcmp (words, word, size) == 0)
      return true;
    words += size + strspn (words + size, " ");
  }
  return false;
}

static bool
takes_passwords (const struct ptn_credentials *credentials) {
  return !(credentials->flags & PTN_CREDENTIALS_NO_PASSWORD);
}

static bool
source_knows (const struct ptn_credentials *credentials, const char *scheme, size_t length) {
  if (length == 8 && memcmp (scheme, "PASSWORD", length) == 0)
    return takes_passwords (credentials);
  if (!has_word (credentials->schemes, scheme, length))
    return false;
  return length == 4 && memcmp (scheme, "NTLM", length) == 0 ? PTN_CAN (credentials, verify_ntlm)
                                                             : PTN_CAN (credentials, with_secret);
}

/* What is broken is still offered: its users are told that it is temporary, not that there is no
 * such mechanism. */
bool
sources_know (const struct roster *roster, const char *schemes) {
  if (!schemes)
    return true;
  for (size_t i = 0; i < roster->directory_count; i++)
    if (roster->directories[i].broken)
      return true;
  for (const char *word = schemes; *word;) {
    const size_t length = strcspn (word, " ");
    for (size_t i = 0; length && i < roster->directory_count; i++)
      for (size_t k = 0; k < roster->directories[i].source_count; k++)
        if (source_knows (roster->directories[i].sources[k].credentials, word, length))
          return true;
    word += length + strspn (word + length, " ");
  }
  return false;
}

/* ---- One after the other ----------------------------------------------------------------- */

typedef bool is_fit (const struct ptn_credentials *, const void *argument);
typedef ptn_status ask_one (struct attempt *, const struct roster_source *, void *argument);

/* A number for the user, always the same, between 0 and 1; and a name that nobody has. */
static double
invent (struct attempt *attempt) {
  const struct auth *auth = attempt->auth;
  g_autofree char *text = g_strconcat ("judge\n", attempt_spelling (attempt), NULL);
  unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
  guint64 number;
  HMAC (EVP_sha256 (), auth->scram_secret, SCRAM_SECRET, (const void *)text, strlen (text), digest,
        NULL);
  for (size_t i = 0; i + 3 < sizeof attempt->stand_in; i += 2)
    g_snprintf (attempt->stand_in + i, 3, "%02x", digest[sizeof number + i / 2]);
  memcpy (&number, digest, sizeof number);
  return (double)(number >> 11) / (double)(G_GUINT64_CONSTANT (1) << 53);
}

/* Which source judges nobody.  Users are passed on by the sources that do not know them to the one
 * that does, and time tells which it is: so nobody has one too, always the same for a name, and as
 * often the one or the other as it is with users who have logged in. */
static size_t
judge_of_nobody (struct attempt *attempt, is_fit *fit, const void *argument) {
  const struct roster_directory *directory = &attempt->roster->directories[attempt->at];
  guint64 weights[ROSTER_SOURCE_LIMIT] = { 0 }, total = 0, sum = 0;
  size_t judge = 0;
  for (size_t i = 0; i < directory->source_count; i++)
    if (fit (directory->sources[i].credentials, argument)) {
      weights[i] = 1 + __atomic_load_n (&attempt->roster->judged[attempt->at][i], __ATOMIC_RELAXED);
      total += weights[i];
      judge = i;
    }
  if (total == weights[judge]) /* there is but one, or none */
    return judge;
  const double wanted = invent (attempt) * (double)total;
  for (judge = 0; judge < directory->source_count; judge++) {
    sum += weights[judge];
    if (weights[judge] && wanted < (double)sum)
      break;
  }
  return MIN (judge, directory->source_count - 1);
}

/* Goes on from attempt->source. */
static ptn_status
ask_sources (struct attempt *attempt, struct ptn_task *task, is_fit *fit, const void *fit_argument,
             ask_one *ask, void *argument) {
  const struct ptn_host *host = attempt->auth->host;
  const struct roster_directory *directory = &attempt->roster->directories[attempt->at];
  ptn_status status = PTN_E_NOT_FOUND;
  attempt->checking.task = task;
  if (directory->source_count == 0) {
    attempt->reason = "nobody verifies the users of this directory";
    return PTN_E_TEMPORARY;
  }
  if (attempt->nobody && !attempt->judged)
    attempt->judge = judge_of_nobody (attempt, fit, fit_argument);
  attempt->judged = true;
  for (; attempt->source < directory->source_count; attempt->source++) {
    const struct roster_source *source = &directory->sources[attempt->source];
    if (!fit (source->credentials, fit_argument))
      continue;
    status = ask (attempt, source, argument);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK && !attempt->nobody)
      __atomic_add_fetch (&attempt->roster->judged[attempt->at][attempt->source], 1,
                          __ATOMIC_RELAXED);
    if (status != PTN_OK)
      attempt->reason = attempt_their_reason (attempt, task);
    host->call_end (&attempt->checking);
    if ((attempt->nobody && attempt->source >= attempt->judge)
        || (status != PTN_E_NOT_FOUND && status != PTN_E_UNSUPPORTED))
      break;
  }
  attempt->source = 0;
  attempt->judged = false;
  return status;
}

/* Nobody's judge is asked about nobody, and those before about somebody whom they do not know. */
static const char *
user_of (const struct attempt *attempt) {
  if (!attempt->nobody)
    return attempt->identity.authcid;
  return attempt->source < attempt->judge ? attempt->stand_in : NULL;
}

/* ---- Passwords --------------------------------------------------------------------------- */

static bool
is_fit_for_passwords (const struct ptn_credentials *credentials, const void *argument) {
  return takes_passwords (credentials);
}

/* A verdict of this source holds for this user, service and address: it may have decided by them.  It
 * is found by all spellings of a name, and not by another name of the same user: of nobody's names it
 * is not known which are one user's, and a quick answer to the second would tell. */
static void
make_tag (struct attempt *attempt, const struct roster_source *source, struct ptn_bytes password,
          struct verdict_tag *tag) {
  const struct ptn_sasl_request *request = attempt->request;
  g_autofree char *depends_on =
      g_strdup_printf ("%s\n%zu\n%d\n%s\n%s\n%s\n%s\n%s", source->name, attempt->at,
                       attempt->nobody, attempt->identity.domain ? attempt->identity.domain : "",
                       attempt->nobody ? "" : attempt->identity.authcid, attempt_spelling (attempt),
                       request->service,
                       auth_property (attempt->auth, request->stream, "peer.address"));
  verdicts_tag (attempt->roster->verdicts, (struct ptn_bytes){ depends_on, strlen (depends_on) },
                password, tag);
}

static ptn_status
remember (struct attempt *attempt, const struct verdict_tag *tag, ptn_status status) {
  struct auth *auth = attempt->auth;
  if (status == PTN_OK || status == PTN_E_AUTHENTICATION)
    verdicts_add_since (attempt->roster->verdicts, attempt->flushes, tag,
                        attempt->nobody ? attempt->login : attempt->identity.authcid,
                        status == PTN_OK ? VERDICT_RIGHT : VERDICT_WRONG,
                        auth->host->monotonic_ns ());
  return status;
}

static ptn_status
ask_password (struct attempt *attempt, const struct roster_source *source, void *argument) {
  const struct ptn_bytes *password = argument;
  struct auth *auth = attempt->auth;
  const struct ptn_host *host = auth->host;
  const bool remembered = (source->credentials->flags & PTN_CREDENTIALS_SLOW) != 0;
  struct verdict_tag tag;
  if (remembered)
    make_tag (attempt, source, *password, &tag);
  if (remembered && !attempt->asking) {
    const verdict known = verdicts_find (attempt->roster->verdicts, &tag, host->monotonic_ns ());
    attempt->flushes = verdicts_flushes (attempt->roster->verdicts);
    if (known != VERDICT_NONE) {
      host->observe (auth->remembered, 1);
      return known == VERDICT_RIGHT ? PTN_OK
                                    : host->fail (attempt->checking.task, PTN_E_AUTHENTICATION,
                                                  NULL, "wrong password, as before");
    }
  }
  const ptn_status status =
      source->credentials->verify_password (source->instance, &attempt->checking, attempt->request,
                                            attempt->identity.domain, user_of (attempt), *password);
  attempt->asking = status == PTN_PENDING;
  return remembered ? remember (attempt, &tag, status) : status;
}

static void
start_with_last (struct attempt *attempt) {
  const struct roster_directory *directory = &attempt->roster->directories[attempt->at];
  for (size_t i = 0; i < directory->source_count; i++)
    if (takes_passwords (directory->sources[i].credentials))
      attempt->source = attempt->judge = i;
  attempt->judged = true;
}

/* Who has no password stored is checked like nobody, for the sake of time.  No password at all proves
 * nothing, whatever a source thinks of it: some servers say yes to it (RFC 4513 section 5.1.2). */
ptn_status
attempt_password (struct attempt *attempt, struct ptn_task *task, struct ptn_bytes password) {
  if (password.size == 0) {
    attempt->reason = "empty password";
    return PTN_E_AUTHENTICATION;
  }
  ptn_status status =
      ask_sources (attempt, task, is_fit_for_passwords, NULL, ask_password, &password);
  if (status == PTN_E_NOT_FOUND && !attempt->nobody) {
    attempt->nobody = true;
    attempt->refusal = "no password is stored for this user";
    start_with_last (attempt); /* all others have passed the user on already */
    status = ask_sources (attempt, task, is_fit_for_passwords, NULL, ask_password, &password);
  }
  return status;
}

/* ---- Secrets ----------------------------------------------------------------------------- */

struct secret_question {
  const char *scheme;
  ptn_use_secret *use;
  void *argument;
};

static bool
is_fit_for_secrets (const struct ptn_credentials *credentials, const void *argument) {
  const struct secret_question *question = argument;
  return source_knows (credentials, question->scheme, strlen (question->scheme));
}

static ptn_status
ask_secret (struct attempt *attempt, const struct roster_source *source, void *argument) {
  const struct secret_question *question = argument;
  return source->credentials->with_secret (source->instance, &attempt->checking, attempt->request,
                                           attempt->identity.domain, user_of (attempt),
                                           question->scheme, question->use, question->argument);
}

ptn_status
attempt_secret (struct attempt *attempt, struct ptn_task *task, const char *scheme,
                ptn_use_secret *use, void *argument) {
  struct secret_question question = { scheme, use, argument };
  const ptn_status status =
      ask_sources (attempt, task, is_fit_for_secrets, &question, ask_secret, &question);
  return attempt->nobody && status == PTN_E_AUTHENTICATION ? PTN_E_NOT_FOUND : status;
}

/* ---- NTLM -------------------------------------------------------------------------------- */

struct ntlm_question {
  const struct ptn_ntlm_response *response;
  struct ptn_ntlm_proof *proof;
};

static bool
is_fit_for_ntlm (const struct ptn_credentials *credentials, const void *argument) {
  return source_knows (credentials, "NTLM", 4);
}

static ptn_status
ask_ntlm (struct attempt *attempt, const struct roster_source *source, void *argument) {
  const struct ntlm_question *question = argument;
  struct ptn_ntlm_response response = *question->response;
  if (attempt->nobody && user_of (attempt))
    response.user = attempt->stand_in; /* not to count as a failure of somebody who is there */
  return source->credentials->verify_ntlm (source->instance, &attempt->checking, attempt->request,
                                           attempt->identity.domain, user_of (attempt), &response,
                                           question->proof);
}

ptn_status
attempt_ntlm (struct attempt *attempt, struct ptn_task *task,
              const struct ptn_ntlm_response *response, struct ptn_ntlm_proof *proof) {
  struct ntlm_question question = { response, proof };
  return ask_sources (attempt, task, is_fit_for_ntlm, NULL, ask_ntlm, &question);
}
