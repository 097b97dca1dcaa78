/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": is this the password, and secrets for mechanisms.
 *
 * Called in tasks, on any worker.  What is cheap (a comparison, a remembered check) happens in the
 * step; a hash goes to the lane "password" as a job that owns all it touches, so that the session
 * may go away meanwhile. */
#include "directory.h"

#include "common/base64.h"

#include <openssl/crypto.h>
#include <string.h>

/* ---- Jobs for the lane ------------------------------------------------------------------- */

struct job {
  gint references; /* the call's and the lane's */
  gint done;
  struct accounts *accounts;
  const struct account *account; /* NULL: nobody; the work is done all the same */
  bool real;                     /* the passwords are the account's, not the dummy */
  bool remembered;
  const struct password *passwords;
  size_t count;
  const struct password *right; /* which of them it was; NULL: none */
  size_t size;
  unsigned char guess[PASSWORD_LIMIT];
};

static void
job_unref (void *data) {
  struct job *job = data;
  if (!g_atomic_int_dec_and_test (&job->references))
    return;
  accounts_unref (job->accounts);
  explicit_bzero (job->guess, sizeof job->guess);
  g_free (job);
}

static void
job_work (void *data) {
  struct job *job = data;
  for (size_t i = 0; i < job->count && !job->right; i++)
    if (password_is_slow (&job->passwords[i])
        && password_matches (&job->passwords[i], (struct ptn_bytes){ job->guess, job->size }))
      job->right = &job->passwords[i];
  g_atomic_int_set (&job->done, 1);
}

/* ---- Checking ---------------------------------------------------------------------------- */

/* What a check of one user is made of.  An unknown user, and one without a password, is checked
 * against the dummy, and `real` is false. */
struct check {
  const struct account *account;
  const struct password *passwords;
  size_t count;
  bool real;
  bool remembered; /* may a right one come from the cache, and go there? */
};

static bool
has_checkable (const struct account *account) {
  for (size_t i = 0; i < account->password_count; i++)
    if (account->passwords[i].scheme != SCHEME_NT)
      return true;
  return false;
}

/* Whoever will be turned away although the password is right must not be turned away faster for
 * that: no cache for them. */
static struct check
check_of (const struct accounts *accounts, const struct account *account, const char *service,
          int64_t now_ms) {
  if (!account || !has_checkable (account))
    return (struct check){ account, accounts->dummy, 1, false, false };
  const bool welcome =
      !account_is_disabled (account, now_ms) && !account_has_expired (account, now_ms)
      && account_allows (account, service) && !account_is_closed (accounts, account, service);
  return (struct check){ account, account->passwords, account->password_count, true, welcome };
}

/* The verdict after the right password, or a wrong one. */
static ptn_status
settle (struct directory *directory, struct ptn_task *task, const struct account *account,
        bool right) {
  const struct ptn_host *host = directory->host;
  if (!right)
    return host->fail (task, PTN_E_AUTHENTICATION, NULL,
                       account ? "wrong password" : "unknown user");
  const int64_t now_ms = host->realtime_ms ();
  if (account_is_disabled (account, now_ms))
    return host->fail (task, PTN_E_DISABLED, NULL, "account is disabled");
  if (account_has_expired (account, now_ms))
    return host->fail (task, PTN_E_PASSWORD_EXPIRED, NULL, "password has expired");
  return PTN_OK;
}

/* What a remembered verdict depends on: a changed hash is not found. */
static struct ptn_bytes
stored_octets (const struct password *password) {
  return (struct ptn_bytes){ password->whole, strlen (password->whole) };
}

/* Everything that fits into a step.  false: a hash has to decide. */
static bool
check_in_step (struct directory *directory, const struct accounts *accounts,
               const struct check *check, struct ptn_bytes guess, bool *right) {
  const struct ptn_host *host = directory->host;
  bool slow = false;
  *right = false;
  for (size_t i = 0; i < check->count; i++) {
    const struct password *password = &check->passwords[i];
    if (!password_is_slow (password)) {
      *right |= password_matches (password, guess) & check->real;
      continue;
    }
    slow = true;
    struct verdict_tag tag;
    verdicts_tag (accounts->rules->cache, stored_octets (password), guess, &tag);
    if (verdicts_find (accounts->rules->cache, &tag, host->monotonic_ns ()) == VERDICT_RIGHT
        && check->remembered) {
      host->observe (directory->cached_metric, 1);
      *right = true;
      return true;
    }
  }
  if (!slow)
    host->observe (directory->compared_metric, 1);
  return *right || !slow;
}

static ptn_status
start_job (struct directory *directory, struct ptn_call *call, struct accounts *accounts,
           const struct check *check, struct ptn_bytes guess) {
  const struct ptn_host *host = directory->host;
  struct job *job = g_new0 (struct job, 1);
  job->references = 2;
  job->accounts = accounts_ref (accounts);
  job->account = check->account;
  job->real = check->real;
  job->remembered = check->remembered;
  job->passwords = check->passwords;
  job->count = check->count;
  job->size = guess.size;
  memcpy (job->guess, guess.data, guess.size);
  if (host->offload (call->task, "password", job_work, job_unref, job) != PTN_OK) {
    job_unref (job);
    job_unref (job);
    host->observe (directory->busy_metric, 1);
    return host->fail (call->task, PTN_E_TEMPORARY, NULL, "the lane of passwords is full");
  }
  host->observe (directory->hashed_metric, 1);
  call->state = job;
  call->cancel = call->release = job_unref;
  return PTN_PENDING;
}

static ptn_status
finish_job (struct directory *directory, struct ptn_call *call) {
  struct job *job = call->state;
  if (!g_atomic_int_get (&job->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  const bool right = job->right && job->real;
  if (right && job->remembered) {
    struct verdicts *cache = job->accounts->rules->cache;
    struct verdict_tag tag;
    verdicts_tag (cache, stored_octets (job->right), (struct ptn_bytes){ job->guess, job->size },
                  &tag);
    verdicts_add (cache, &tag, job->account->name, VERDICT_RIGHT, directory->host->monotonic_ns ());
  }
  const ptn_status status = settle (directory, call->task, job->account, right);
  call->state = NULL;
  call->cancel = call->release = NULL;
  job_unref (job);
  return status;
}

static ptn_status
credentials_verify (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                    const char *domain, const char *user, struct ptn_bytes password) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  if (call->state)
    return finish_job (directory, call);
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  const struct account *account = user ? accounts_find (accounts, user) : NULL;
  if (user && !account)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown user");
  if (password.size == 0 || password.size > PASSWORD_LIMIT)
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "empty or overlong password");

  const struct check check = check_of (accounts, account, request->service, host->realtime_ms ());
  bool right;
  if (check_in_step (directory, accounts, &check, password, &right))
    return settle (directory, call->task, account, right);
  return start_job (directory, call, accounts, &check, password);
}

/* ---- Secrets for mechanisms -------------------------------------------------------------- */

static const struct password *
find_scheme (const struct account *account, password_scheme scheme) {
  for (size_t i = 0; i < account->password_count; i++)
    if (account->passwords[i].scheme == scheme)
      return &account->passwords[i];
  return NULL;
}

static ptn_status
use_nt (const struct account *account, ptn_use_secret *use, void *argument) {
  unsigned char nt[16];
  const struct password *stored = find_scheme (account, SCHEME_NT);
  if (stored) {
    for (unsigned i = 0; i < sizeof nt; i++)
      nt[i] = (unsigned char)(g_ascii_xdigit_value (stored->text[2 * i]) << 4
                              | g_ascii_xdigit_value (stored->text[2 * i + 1]));
  } else {
    stored = find_scheme (account, SCHEME_PLAIN);
    if (!stored || !password_nt ((struct ptn_bytes){ stored->text, strlen (stored->text) }, nt))
      return PTN_E_NOT_FOUND;
  }
  const ptn_status status = use (argument, (struct ptn_bytes){ nt, sizeof nt });
  explicit_bzero (nt, sizeof nt);
  return status;
}

static ptn_status
use_text (const struct password *stored, const char *prefix, ptn_use_secret *use, void *argument) {
  if (!stored)
    return PTN_E_NOT_FOUND;
  char *secret = g_strconcat (prefix, stored->text, NULL);
  const size_t size = strlen (secret);
  const ptn_status status = use (argument, (struct ptn_bytes){ secret, size });
  explicit_bzero (secret, size);
  g_free (secret);
  return status;
}

static ptn_status
credentials_with_secret (void *instance, struct ptn_call *call,
                         const struct ptn_sasl_request *request, const char *domain,
                         const char *user, const char *scheme, ptn_use_secret *use,
                         void *argument) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  if (!user)
    return PTN_E_AUTHENTICATION;
  const struct account *account = accounts_find (accounts, user);
  if (!account)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown user");

  ptn_status status = PTN_E_NOT_FOUND;
  if (strcmp (scheme, "PLAIN") == 0)
    status = use_text (find_scheme (account, SCHEME_PLAIN), "", use, argument);
  else if (strcmp (scheme, "NT") == 0)
    status = use_nt (account, use, argument);
  else if (strcmp (scheme, "SCRAM-SHA-256") == 0)
    status =
        use_text (find_scheme (account, SCHEME_SCRAM_SHA_256), "SCRAM-SHA-256$", use, argument);
  if (status == PTN_E_NOT_FOUND)
    return host->fail (call->task, status, NULL, "no %s secret is stored for this user", scheme);
  if (status != PTN_OK)
    return host->fail (call->task, status, NULL, "wrong password");
  return settle (directory, call->task, account, true);
}

const struct ptn_credentials credentials_table = {
  .size = sizeof credentials_table,
  .schemes = "PLAIN NT SCRAM-SHA-256",
  .verify_password = credentials_verify,
  .with_secret = credentials_with_secret,
};
