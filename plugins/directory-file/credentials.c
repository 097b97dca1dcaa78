/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": is this the password?
 *
 * Called in tasks, on any worker.  What is cheap (a comparison, a remembered check) happens in the
 * step; a hash goes to the lane "password" as a job that owns all it touches, so that the session
 * may go away meanwhile. */
#include "secrets.h"
#include "verdict.h"

#include <openssl/crypto.h>
#include <string.h>

/* What a check of one user is made of.  An unknown user, and one without a password, is checked
 * against the dummy, and `real` is false. */
struct check {
  const struct account *account; /* NULL: nobody; the work is done all the same */
  const struct password *passwords;
  size_t count;
  bool real; /* the passwords are the account's, not the dummy */
  /* The right one that was compared already, of somebody who is turned away all the same. */
  const struct password *known;
  bool for_time; /* what is hashed in the lane is the dummy, and says nothing */
};

/* ---- Jobs for the lane ------------------------------------------------------------------- */

struct job {
  gint references; /* the call's and the lane's */
  gint done;
  struct accounts *accounts;
  struct check check;
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

/* Nobody waits any more for whom the lane's reference is the last: whoever sends passwords and goes
 * away at once must not fill the lane with hashes for nothing. */
static void
job_work (void *data) {
  struct job *job = data;
  const struct check *check = &job->check;
  const struct ptn_bytes guess = { job->guess, job->size };
  for (size_t i = 0; i < check->count && !job->right && g_atomic_int_get (&job->references) > 1;
       i++)
    if (password_is_slow (&check->passwords[i]) && password_matches (&check->passwords[i], guess))
      job->right = &check->passwords[i];
  g_atomic_int_set (&job->done, 1);
}

/* ---- Checking ---------------------------------------------------------------------------- */

static bool
has_checkable (const struct password *passwords, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (passwords[i].scheme != SCHEME_NT)
      return true;
  return false;
}

static bool
has_slow (const struct password *passwords, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (password_is_slow (&passwords[i]))
      return true;
  return false;
}

static struct check
check_of (const struct accounts *accounts, const struct account *account) {
  struct check check = { .account = account };
  check.real = account && has_checkable (account->passwords, account->password_count);
  check.passwords = check.real ? account->passwords : accounts->dummy;
  check.count = check.real ? account->password_count : accounts->dummy_count;
  return check;
}

/* Whoever will be turned away although the password is right must not be turned away faster for
 * that: no cache for them, and no comparison that spares a hash. */
static bool
is_welcome (struct directory *directory, const struct ptn_sasl_request *request,
            const struct accounts *accounts, const struct check *check,
            const struct password *right) {
  const char *why;
  return check->real && account_allows (check->account, request->service)
         && !account_is_closed (accounts, check->account, request->service)
         && verdict_of (directory, request, check->account, right, &why) == PTN_OK;
}

static ptn_status
settle (struct directory *directory, struct ptn_task *task, const struct ptn_sasl_request *request,
        const struct check *check, const struct password *right) {
  if (right && check->real)
    return verdict_settle (directory, task, request, check->account, right);
  return directory->host->fail (task, PTN_E_AUTHENTICATION, NULL,
                                check->account ? "wrong password" : "unknown user");
}

/* What a remembered verdict depends on: a changed hash is not found. */
static struct ptn_bytes
stored_octets (const struct password *password) {
  return (struct ptn_bytes){ password->whole, strlen (password->whole) };
}

static bool
is_remembered (struct directory *directory, const struct accounts *accounts,
               const struct password *password, struct ptn_bytes guess) {
  struct verdicts *cache = accounts->rules->cache;
  struct verdict_tag tag;
  verdicts_tag (cache, stored_octets (password), guess, &tag);
  return verdicts_find (cache, &tag, directory->host->monotonic_ns ()) == VERDICT_RIGHT;
}

/* Who has app passwords alone, which are quick, must not stand out from nobody. */
static bool
add_time (const struct accounts *accounts, struct check *check) {
  if (!check->real || has_checkable (check->account->passwords, check->account->own_count)
      || !has_slow (accounts->dummy, accounts->dummy_count))
    return false;
  check->passwords = accounts->dummy;
  check->count = accounts->dummy_count;
  return check->for_time = true;
}

/* Everything that fits into a step: *right, or NULL.  false: a hash has to decide, or to be waited
 * for. */
static bool
check_in_step (struct directory *directory, const struct ptn_sasl_request *request,
               const struct accounts *accounts, struct check *check, struct ptn_bytes guess,
               const struct password **right) {
  const struct ptn_host *host = directory->host;
  bool slow = false;
  for (size_t i = 0; i < check->count; i++) {
    const struct password *password = &check->passwords[i];
    if (!password_is_slow (password)) {
      if (password_matches (password, guess) && check->real && !check->known)
        check->known = password;
      continue;
    }
    slow = true;
    if (is_remembered (directory, accounts, password, guess)
        && is_welcome (directory, request, accounts, check, password)) {
      host->observe (directory->cached_metric, 1);
      *right = password;
      return true;
    }
  }
  *right = check->known;
  if (*right && is_welcome (directory, request, accounts, check, *right))
    slow = false;
  else if (!slow)
    slow = add_time (accounts, check);
  if (!slow)
    host->observe (directory->compared_metric, 1);
  return !slow;
}

static ptn_status
start_job (struct directory *directory, struct ptn_call *call, struct accounts *accounts,
           const struct check *check, struct ptn_bytes guess) {
  const struct ptn_host *host = directory->host;
  struct job *job = g_new0 (struct job, 1);
  job->references = 2;
  job->accounts = accounts_ref (accounts);
  job->check = *check;
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
finish_job (struct directory *directory, struct ptn_call *call,
            const struct ptn_sasl_request *request) {
  struct job *job = call->state;
  if (!g_atomic_int_get (&job->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  const struct check *check = &job->check;
  if (check->for_time)
    job->right = NULL;
  if (job->right && is_welcome (directory, request, job->accounts, check, job->right)) {
    struct verdicts *cache = job->accounts->rules->cache;
    struct verdict_tag tag;
    verdicts_tag (cache, stored_octets (job->right), (struct ptn_bytes){ job->guess, job->size },
                  &tag);
    verdicts_add (cache, &tag, check->account->name, VERDICT_RIGHT,
                  directory->host->monotonic_ns ());
  }
  const ptn_status status =
      settle (directory, call->task, request, check, check->known ? check->known : job->right);
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
    return finish_job (directory, call, request);
  g_autoptr (accounts_auto) accounts = directory_get (directory, call->task);
  if (!accounts)
    return PTN_E_TEMPORARY;
  const struct account *account = user ? accounts_find (accounts, user) : NULL;
  if (user && !account)
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "unknown user");
  if (account && account->password_count == 0) /* another source may have one */
    return host->fail (call->task, PTN_E_NOT_FOUND, NULL, "no password is stored for this user");
  if (password.size == 0 || password.size > PASSWORD_LIMIT)
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "empty or overlong password");

  struct check check = check_of (accounts, account);
  const struct password *right = NULL;
  if (check_in_step (directory, request, accounts, &check, password, &right))
    return settle (directory, call->task, request, &check, right);
  return start_job (directory, call, accounts, &check, password);
}

static void
credentials_flush (void *instance, const char *user) {
  struct directory *directory = instance;
  struct rules *rules = directory_rules (directory);
  verdicts_flush (rules->cache, user);
  rules_unref (rules);
}

const struct ptn_credentials credentials_table = {
  .size = sizeof credentials_table,
  .schemes = SECRETS_SCHEMES,
  .verify_password = credentials_verify,
  .with_secret = secrets_with,
  .flush = credentials_flush,
};
