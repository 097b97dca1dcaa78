/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - "postern.credentials/1": PAM judges passwords.
 *
 * Called in tasks, on any worker; each check is an errand for the lane.  The instance outlives the
 * lane's threads. */
#include "check.h"
#include "pam.h"

#include <string.h>

#define PASSWORD_LIMIT 512 /* PAM_MAX_RESP_SIZE */
#define NS_A_SECOND G_GINT64_CONSTANT (1000000000)
#define NOBODY "postern-nobody" /* whom PAM is asked for in the place of unknown users */
#define LONGEST_US 500000

struct attempt {
  struct errand errand; /* first */
  struct pam *pam;
  struct rules *rules;
  bool nobody;
  char *user, *service, *peer;
  char password[PASSWORD_LIMIT + 1];
};

static void
attempt_clear (struct errand *errand) {
  struct attempt *attempt = (struct attempt *)errand;
  rules_unref (attempt->rules);
  g_free (attempt->user);
  g_free (attempt->service);
  g_free (attempt->peer);
}

static void
log_trouble (struct pam *pam, const struct check *check) {
  const struct ptn_host *host = pam->host;
  const gint64 now_ns = host->monotonic_ns ();
  host->observe (pam->troubles, 1);
  pthread_mutex_lock (&pam->lock);
  const bool tell = !pam->troubled_ns || now_ns - pam->troubled_ns > NS_A_SECOND;
  if (tell)
    pam->troubled_ns = now_ns;
  pthread_mutex_unlock (&pam->lock);
  const struct ptn_field fields[] = { { "service", check->rules->service },
                                      { "text", check->reason } };
  if (tell)
    host->log (host, PTN_LOG_ERROR, NULL, "pam.trouble", fields, G_N_ELEMENTS (fields));
}

/* Modules that find no user are done sooner than those that compare a password.  What is missing to
 * the time of a wrong one is waited for, in the place of the work. */
static void
even_out (struct pam *pam, const struct attempt *attempt, const struct check *check,
          gint64 took_us) {
  const gint usual_us = g_atomic_int_get (&pam->wrong_us);
  if (!attempt->nobody && check->status == PTN_E_AUTHENTICATION && took_us < LONGEST_US)
    g_atomic_int_set (&pam->wrong_us,
                      usual_us ? (gint)((7 * (gint64)usual_us + took_us) / 8) : (gint)took_us);
  if (attempt->nobody && took_us < usual_us)
    g_usleep ((gulong)(usual_us - took_us));
}

static void
attempt_work (struct errand *errand) {
  struct attempt *attempt = (struct attempt *)errand;
  struct check check = {
    .rules = attempt->rules,
    .user = attempt->user,
    .password = attempt->password,
    .service = attempt->service,
    .peer = attempt->peer,
  };
  const gint64 began_us = g_get_monotonic_time ();
  check_run (&check);
  attempt->pam->host->observe (attempt->pam->checks, 1);
  if (check.broken)
    log_trouble (attempt->pam, &check);
  even_out (attempt->pam, attempt, &check, g_get_monotonic_time () - began_us);
  if (attempt->nobody && check.status != PTN_E_TEMPORARY)
    errand_fail (errand, PTN_E_AUTHENTICATION, "unknown user");
  else if (check.status != PTN_OK)
    errand_fail (errand, check.status, "%s", check.reason);
}

static ptn_status
pam_verify_password (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                     const char *domain, const char *user, struct ptn_bytes password) {
  struct pam *pam = instance;
  const struct ptn_host *host = pam->host;
  if (errand_of (host, call))
    return errand_back (host, call);
  if (password.size == 0 || password.size >= PASSWORD_LIMIT
      || memchr (password.data, '\0', password.size))
    return host->fail (call->task, PTN_E_AUTHENTICATION, NULL, "empty or overlong password");
  const char *peer = pam->streams && request->stream
                         ? pam->streams->property (request->stream, "peer.address")
                         : NULL;
  struct attempt *attempt = errand_new (sizeof *attempt, attempt_work, attempt_clear);
  attempt->pam = pam;
  attempt->rules = pam_rules (pam);
  attempt->nobody = !user;
  attempt->user = g_strdup (user ? user : NOBODY);
  attempt->service = g_strdup (request->service);
  attempt->peer = g_strdup (peer ? peer : "");
  memcpy (attempt->password, password.data, password.size);
  return errand_send (host, call, PAM_LANE, attempt);
}

static ptn_status
pam_with_secret (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                 const char *domain, const char *user, const char *scheme, ptn_use_secret *use,
                 void *argument) {
  struct pam *pam = instance;
  return pam->host->fail (call->task, user ? PTN_E_NOT_FOUND : PTN_E_AUTHENTICATION, NULL,
                          "PAM tells no secrets");
}

const struct ptn_credentials pam_credentials = {
  .size = sizeof pam_credentials,
  .flags = PTN_CREDENTIALS_SLOW,
  .schemes = "",
  .verify_password = pam_verify_password,
  .with_secret = pam_with_secret,
};
