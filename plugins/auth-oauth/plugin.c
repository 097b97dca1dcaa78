/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - settings and life of an issuer; see README.md and oauth.h. */
#include "check.h"

#include <string.h>

#define BREAKER_FAILURES 3
#define BREAKER_NS G_GINT64_CONSTANT (5000000000)

static const struct ptn_setting settings[] = {
  { "issuer", PTN_SETTING_LIST, 0, NULL, "What the \"iss\" of its tokens may be.", NULL, 0, 0 },
  { "audience", PTN_SETTING_LIST, 0, NULL, "Whom its tokens must be for (\"aud\"): one of these.",
    NULL, 0, 0 },
  { "scope", PTN_SETTING_LIST, 0, NULL, "What they must have been granted for: all of these.", NULL,
    0, 0 },
  { "user_claim", PTN_SETTING_LIST, 0, "email",
    "The claim with the user's login name: the first that the token has.", NULL, 0, 0 },
  { "domains", PTN_SETTING_LIST, 0, NULL,
    "Mail domains whose users the issuer vouches for; names without a domain are of the first; "
    "default: all.",
    NULL, 0, 0 },
  { "algorithms", PTN_SETTING_LIST, 0, "RS256 PS256 ES256 ES384 EdDSA",
    "Signatures that are accepted.", ALGORITHM_NAMES, 0, 0 },
  { "leeway", PTN_SETTING_DURATION, 0, "1m", "By how much the clocks may differ.", NULL, 0, 0 },
  { "keys_file", PTN_SETTING_PATH, 0, NULL, "Its keys: a JWK set in a file.", NULL, 0, 0 },
  { "keys_url", PTN_SETTING_STRING, 0, NULL, "Its keys: the URL of a JWK set (jwks_uri).", NULL, 0,
    0 },
  { "keys_time", PTN_SETTING_DURATION, 0, "1h", "After this time they are fetched again.", NULL, 0,
    0 },
  { "introspection_url", PTN_SETTING_STRING, 0, NULL, "Where it tells what a token is (RFC 7662).",
    NULL, 0, 0 },
  { "introspection", PTN_SETTING_ENUM, 0, "opaque",
    "Ask about tokens that the keys cannot tell of, or always.", "opaque always", 0, 0 },
  { "introspection_time", PTN_SETTING_DURATION, 0, "1m",
    "How long an answer is remembered; 0: not at all.", NULL, 0, 0 },
  { "client_id", PTN_SETTING_STRING, 0, NULL, "Our name at the issuer, for introspection.", NULL, 0,
    0 },
  { "client_secret", PTN_SETTING_SECRET, 0, NULL, "Our secret there.", NULL, 0, 0 },
  { "ca_file", PTN_SETTING_PATH, 0, NULL,
    "Certificates that its certificate must lead to; default: the system's.", NULL, 0, 0 },
  { "timeout", PTN_SETTING_DURATION, 0, "5s", "How long one request may take.", NULL, 0, 0 },
  { "openid_configuration", PTN_SETTING_STRING, 0, NULL,
    "URL of its metadata, told to clients whose token does not do.", NULL, 0, 0 },
};

struct rules *
oauth_rules (struct oauth *oauth) {
  pthread_mutex_lock (&oauth->lock);
  struct rules *rules = rules_ref (oauth->rules);
  pthread_mutex_unlock (&oauth->lock);
  return rules;
}

bool
oauth_is_current (struct oauth *oauth, const struct rules *rules) {
  pthread_mutex_lock (&oauth->lock);
  const bool same = oauth->rules == rules;
  pthread_mutex_unlock (&oauth->lock);
  return same;
}

/* ---- Jobs -------------------------------------------------------------------------------- */

struct job {
  struct oauth *oauth;
  void (*work) (void *);
  void (*release) (void *);
  void *argument;
};

static void
job_work (void *data) {
  struct job *job = data;
  job->work (job->argument);
}

static void
job_release (void *data) {
  struct job *job = data;
  struct oauth *oauth = job->oauth;
  job->release (job->argument);
  g_free (job);
  pthread_mutex_lock (&oauth->lock);
  if (--oauth->jobs == 0)
    pthread_cond_broadcast (&oauth->quiet);
  pthread_mutex_unlock (&oauth->lock);
}

ptn_status
oauth_offload (struct oauth *oauth, struct ptn_task *task, const char *lane, void (*work) (void *),
               void (*release) (void *), void *argument) {
  struct job *job = g_new (struct job, 1);
  *job = (struct job){ oauth, work, release, argument };
  pthread_mutex_lock (&oauth->lock);
  oauth->jobs++;
  pthread_mutex_unlock (&oauth->lock);
  const ptn_status status = oauth->host->offload (task, lane, job_work, job_release, job);
  if (status != PTN_OK)
    job_release (job);
  return status;
}

/* ---- The breaker ------------------------------------------------------------------------- */

bool
oauth_may_ask (struct oauth *oauth) {
  const gint64 now_ns = oauth->host->monotonic_ns ();
  pthread_mutex_lock (&oauth->lock);
  const bool may = now_ns >= oauth->shut_until_ns;
  pthread_mutex_unlock (&oauth->lock);
  return may;
}

void
oauth_asked (struct oauth *oauth, bool answered, const char *url, const char *error) {
  const gint64 now_ns = oauth->host->monotonic_ns ();
  pthread_mutex_lock (&oauth->lock);
  oauth->failures = answered ? 0 : oauth->failures + 1;
  const bool shut = oauth->failures >= BREAKER_FAILURES && now_ns >= oauth->shut_until_ns;
  if (shut)
    oauth->shut_until_ns = now_ns + BREAKER_NS;
  pthread_mutex_unlock (&oauth->lock);
  const struct ptn_field fields[] = { { "from", url }, { "error", error } };
  if (shut)
    oauth->host->log (oauth->host, PTN_LOG_WARNING, NULL, "oauth.unreachable", fields, 2);
}

/* ---- Life -------------------------------------------------------------------------------- */

static void
make_metrics (struct oauth *oauth) {
  const struct ptn_host *host = oauth->host;
  static const char help[] = "Tokens shown, by what became of them.";
  oauth->good =
      host->metric (host, PTN_METRIC_COUNTER, "postern_oauth_tokens{result=\"good\"}", help);
  oauth->bad =
      host->metric (host, PTN_METRIC_COUNTER, "postern_oauth_tokens{result=\"bad\"}", help);
  oauth->troubles =
      host->metric (host, PTN_METRIC_COUNTER, "postern_oauth_tokens{result=\"trouble\"}", help);
  oauth->requests =
      host->metric (host, PTN_METRIC_COUNTER, "postern_oauth_requests", "Requests to issuers.");
  oauth->remembered = host->metric (host, PTN_METRIC_COUNTER, "postern_oauth_remembered",
                                    "Answers of issuers that were remembered.");
}

static void
oauth_destroy (void *instance) {
  struct oauth *oauth = instance;
  keyring_free (&oauth->keyring);
  answers_free (&oauth->answers);
  fetch_pool_free (&oauth->pool);
  rules_unref (oauth->rules);
  pthread_cond_destroy (&oauth->quiet);
  pthread_mutex_destroy (&oauth->lock);
  g_free (oauth);
}

/* PTN_E_EXISTS: another instance has them, and will find this one. */
static ptn_status
provide (const struct ptn_host *host, struct oauth *oauth) {
  static const struct issuer_table { uint32_t size, reserved; } table = { sizeof table, 0 };
  ptn_status status = host->provide (host, OAUTH_ISSUER_ID, NULL, &table, oauth);
  if (status == PTN_OK)
    status = host->provide (host, PTN_SASL_ID, NULL, &oauth_oauthbearer, oauth);
  if (status == PTN_OK)
    status = host->provide (host, PTN_SASL_ID, NULL, &oauth_xoauth2, oauth);
  return status == PTN_E_EXISTS ? PTN_OK : status;
}

static ptn_status
oauth_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct rules *rules = rules_read (host, config);
  if (!rules)
    return PTN_E_INVALID;
  struct oauth *oauth = g_new0 (struct oauth, 1);
  oauth->host = host;
  oauth->rules = rules;
  pthread_mutex_init (&oauth->lock, NULL);
  pthread_cond_init (&oauth->quiet, NULL);
  oauth->keyring = keyring_new (oauth);
  oauth->pool = fetch_pool_new ();
  oauth->answers = answers_new ();
  make_metrics (oauth);
  const ptn_status status = oauth->answers ? provide (host, oauth) : PTN_E_TEMPORARY;
  if (status != PTN_OK) {
    oauth_destroy (oauth);
    return status;
  }
  *instance = oauth;
  return PTN_OK;
}

/* Only the instance that has the mechanisms looks for the others. */
static ptn_status
oauth_start (void *instance) {
  struct oauth *oauth = instance;
  const struct ptn_host *host = oauth->host;
  struct ptn_binding found;
  struct ptn_strings names;
  oauth->issuers[oauth->issuer_count++] = oauth;
  if (host->find (host, PTN_SASL_ID, oauth_oauthbearer.name, &found) != PTN_OK
      || found.instance != oauth || host->list (host, OAUTH_ISSUER_ID, &names) != PTN_OK)
    return PTN_OK;
  for (size_t i = 0; i < names.count && oauth->issuer_count < OAUTH_ISSUER_LIMIT; i++)
    if (host->find (host, OAUTH_ISSUER_ID, names.items[i], &found) == PTN_OK
        && found.instance != oauth)
      oauth->issuers[oauth->issuer_count++] = found.instance;
  return PTN_OK;
}

static ptn_status
oauth_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct oauth *oauth = instance;
  struct rules *rules = rules_read (oauth->host, config);
  if (!rules)
    return PTN_E_INVALID;
  pthread_mutex_lock (&oauth->lock);
  struct rules *old = oauth->rules;
  oauth->rules = rules;
  oauth->shut_until_ns = 0;
  oauth->failures = 0;
  pthread_mutex_unlock (&oauth->lock);
  rules_unref (old);
  keyring_forget (oauth->keyring);
  answers_flush (oauth->answers);
  return PTN_OK;
}

static void
oauth_stop (void *instance) {
  struct oauth *oauth = instance;
  fetch_pool_close (oauth->pool);
  pthread_mutex_lock (&oauth->lock);
  while (oauth->jobs)
    pthread_cond_wait (&oauth->quiet, &oauth->lock);
  pthread_mutex_unlock (&oauth->lock);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "auth-oauth",
  .version = POSTERN_VERSION,
  .summary = "Logins with OAuth 2 tokens: OAUTHBEARER and XOAUTH2",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = oauth_configure,
  .start = oauth_start,
  .reload = oauth_reload,
  .stop = oauth_stop,
  .destroy = oauth_destroy,
  .lanes = OAUTH_LANE " " CHECK_LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
