/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.c - the way from a name and a password to an identity; see attempt.h.  An attempt owns
 * its three calls, which hold what the identity points to. */
#include "attempt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

void
attempt_init (struct attempt *attempt, struct auth *auth, const struct ptn_sasl_request *request) {
  *attempt = (struct attempt){ .auth = auth, .request = request };
}

void
attempt_clear (struct attempt *attempt) {
  const struct ptn_host *host = attempt->auth->host;
  host->call_end (&attempt->finding);
  host->call_end (&attempt->on_behalf);
  host->call_end (&attempt->checking);
  g_free (attempt->adopted);
}

static ptn_status
fail_for (struct attempt *attempt, ptn_status status, const char *reason) {
  attempt->reason = reason;
  return status;
}

/* What the other plugin told of its failure: a copy, because the next failure takes its place. */
static const char *
their_reason (struct attempt *attempt, struct ptn_task *task) {
  const char *text = attempt->auth->host->failure_log (task);
  g_strlcpy (attempt->text, text ? text : "no reason was given", sizeof attempt->text);
  return attempt->text;
}

/* ---- The gate ---------------------------------------------------------------------------- */

static void
make_keys (struct attempt *attempt, const char *login) {
  size_t length;
  const char *user = message_user_part (login, &length);
  attempt->keys =
      gate_keys (attempt->auth->gate, user, length,
                 auth_property (attempt->auth, attempt->request->stream, "peer.address"));
  attempt->counted = true;
}

void
attempt_failed (struct attempt *attempt) {
  if (attempt->counted)
    gate_failed (attempt->auth->gate, &attempt->keys, attempt->auth->host->monotonic_ns ());
}

void
attempt_succeeded (struct attempt *attempt) {
  if (attempt->counted)
    gate_succeeded (attempt->auth->gate, &attempt->keys, attempt->auth->host->monotonic_ns ());
}

static ptn_status
enter (struct attempt *attempt, struct ptn_task *task, const char *login) {
  const struct ptn_host *host = attempt->auth->host;
  const gint64 now_ns = host->monotonic_ns ();
  make_keys (attempt, login);
  attempt->turn_ns = gate_admit (attempt->auth->gate, &attempt->keys, now_ns);
  if (attempt->turn_ns == G_MAXINT64)
    return fail_for (attempt, PTN_E_TOO_MANY, "too many failures");
  if (attempt->turn_ns <= now_ns)
    return PTN_OK;
  host->observe (attempt->auth->waits, 1);
  host->wake_at (host->waker (task), attempt->turn_ns);
  attempt->state = ATTEMPT_WAITING;
  return PTN_PENDING;
}

/* ---- Finding the user -------------------------------------------------------------------- */

static struct auth_directory *
directory_of (struct attempt *attempt) {
  return &attempt->auth->directories[attempt->at];
}

/* The first directory that knows the name.  PTN_E_NOT_FOUND: none; the reason is the first one's. */
static ptn_status
find_user (struct attempt *attempt, struct ptn_task *task, const char *login) {
  const struct ptn_host *host = attempt->auth->host;
  for (; attempt->at < attempt->auth->directory_count; attempt->at++) {
    struct auth_directory *directory = directory_of (attempt);
    attempt->finding.task = task;
    attempt->identity = (struct ptn_identity){ .size = sizeof attempt->identity };
    const ptn_status status =
        directory->directory->parse_login (directory->instance, &attempt->finding, login,
                                           &attempt->identity);
    if (status == PTN_OK || status == PTN_PENDING)
      return status;
    attempt->reason = their_reason (attempt, task);
    host->call_end (&attempt->finding);
    if (status != PTN_E_NOT_FOUND)
      return PTN_E_TEMPORARY;
  }
  attempt->at = 0;
  return PTN_E_NOT_FOUND;
}

/* The authorization identity: another name for the mailbox to be opened, in the same directory.
 * What is wrong with it shows only after the password was checked. */
static ptn_status
find_on_behalf (struct attempt *attempt, struct ptn_task *task, const char *authzid) {
  struct auth_directory *directory = directory_of (attempt);
  struct ptn_identity *identity = &attempt->identity;
  struct ptn_identity other = { .size = sizeof other };
  attempt->on_behalf.task = task;
  const ptn_status status =
      directory->directory->parse_login (directory->instance, &attempt->on_behalf, authzid, &other);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return fail_for (attempt, PTN_E_TEMPORARY, their_reason (attempt, task));
  if (status == PTN_E_NOT_FOUND)
    attempt->refusal = "unknown authorization identity";
  else if (strcmp (other.authcid, other.account) != 0
           || (strcmp (identity->authcid, identity->account) != 0
               && strcmp (identity->account, other.account) != 0))
    attempt->refusal = "two mailboxes are named";
  else
    identity->authzid = identity->account = other.account;
  return PTN_OK;
}

/* ---- Checking ---------------------------------------------------------------------------- */

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
ask (struct attempt *attempt, struct ptn_task *task, const struct message *message,
     const char *user) {
  struct auth_directory *directory = directory_of (attempt);
  const struct ptn_credentials *credentials = directory->credentials;
  attempt->checking.task = task;
  if (!message->timestamp)
    return credentials->verify_password (directory->credentials_instance, &attempt->checking,
                                         attempt->request, attempt->identity.domain, user,
                                         message->secret);
  if (!user)
    return compare_digest ((void *)message, (struct ptn_bytes){ "", 0 }), PTN_E_AUTHENTICATION;
  return credentials->with_secret (directory->credentials_instance, &attempt->checking,
                                   attempt->request, attempt->identity.domain, user, "PLAIN",
                                   compare_digest, (void *)message);
}

static ptn_status
refuse (struct attempt *attempt, const char *reason) {
  attempt->reason = reason;
  attempt_failed (attempt);
  return PTN_E_AUTHENTICATION;
}

static ptn_status
check_nobody (struct attempt *attempt, struct ptn_task *task, const struct message *message) {
  const ptn_status status = ask (attempt, task, message, NULL);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_E_TEMPORARY) /* a full lane says no to everybody */
    return fail_for (attempt, status, their_reason (attempt, task));
  return refuse (attempt, attempt->refusal);
}

static ptn_status
check (struct attempt *attempt, struct ptn_task *task, const struct message *message) {
  const struct ptn_host *host = attempt->auth->host;
  const ptn_status status = ask (attempt, task, message, attempt->identity.authcid);
  switch (status) {
  case PTN_PENDING:
    return status;
  case PTN_OK:
    return attempt->refusal ? refuse (attempt, attempt->refusal) : PTN_OK;
  case PTN_E_PASSWORD_EXPIRED:
    return attempt->refusal ? refuse (attempt, attempt->refusal)
                            : fail_for (attempt, status, "password has expired");
  case PTN_E_NOT_FOUND:
    attempt->refusal = "no password is stored for this user";
    host->call_end (&attempt->checking);
    attempt->state = ATTEMPT_CHECKING_NOBODY;
    return check_nobody (attempt, task, message);
  case PTN_E_AUTHENTICATION:
  case PTN_E_DISABLED:
  case PTN_E_DENIED:
    return refuse (attempt, their_reason (attempt, task));
  default:
    return fail_for (attempt, PTN_E_TEMPORARY, their_reason (attempt, task));
  }
}

/* ---- The whole way ----------------------------------------------------------------------- */

/* What follows when find_user has come to an end. */
static ptn_status
found (struct attempt *attempt, ptn_status status, const struct message *message) {
  if (status == PTN_E_NOT_FOUND) {
    attempt->refusal = attempt->reason ? attempt->reason : "unknown user";
    attempt->identity.domain = "";
    attempt->state = ATTEMPT_CHECKING_NOBODY;
    return PTN_OK;
  }
  attempt->state = message->authzid ? ATTEMPT_FINDING_ON_BEHALF : ATTEMPT_CHECKING;
  return status;
}

ptn_status
attempt_run (struct attempt *attempt, struct ptn_task *task, const struct message *message) {
  ptn_status status;
  for (;;)
    switch (attempt->state) {
    case ATTEMPT_NEW:
      status = enter (attempt, task, message->login);
      if (status != PTN_OK)
        return status;
      attempt->state = ATTEMPT_FINDING;
      break;
    case ATTEMPT_WAITING:
      if (attempt->auth->host->monotonic_ns () < attempt->turn_ns)
        return PTN_PENDING;
      attempt->state = ATTEMPT_FINDING;
      break;
    case ATTEMPT_FINDING:
      status = find_user (attempt, task, message->login);
      if (status == PTN_PENDING || (status = found (attempt, status, message)) != PTN_OK)
        return status;
      break;
    case ATTEMPT_FINDING_ON_BEHALF:
      status = find_on_behalf (attempt, task, message->authzid);
      if (status != PTN_OK)
        return status;
      attempt->state = ATTEMPT_CHECKING;
      break;
    case ATTEMPT_CHECKING:
      return check (attempt, task, message);
    case ATTEMPT_CHECKING_NOBODY:
      return check_nobody (attempt, task, message);
    }
}

ptn_status
attempt_adopt (struct attempt *attempt, struct ptn_task *task, const struct ptn_identity *proved) {
  if (attempt->state == ATTEMPT_NEW) {
    make_keys (attempt, proved->authcid);
    attempt->state = ATTEMPT_FINDING;
  }
  ptn_status status;
  if (attempt->state == ATTEMPT_FINDING) {
    if (!attempt->adopted)
      attempt->adopted = proved->domain && *proved->domain
                             ? g_strconcat (proved->domain, "\\", proved->authcid, NULL)
                             : g_strdup (proved->authcid);
    status = find_user (attempt, task, attempt->adopted);
    if (status == PTN_E_NOT_FOUND)
      return refuse (attempt, "unknown user");
    if (status != PTN_OK)
      return status;
    attempt->state = ATTEMPT_FINDING_ON_BEHALF;
  }
  const char *wanted = proved->account && *proved->account ? proved->account : proved->authzid;
  if (wanted && *wanted && strcmp (wanted, proved->authcid) != 0) {
    status = find_on_behalf (attempt, task, wanted);
    if (status != PTN_OK)
      return status;
  }
  return attempt->refusal ? refuse (attempt, attempt->refusal) : PTN_OK;
}
