/* SPDX-License-Identifier: Apache-2.0 */
/* directory-pam.c - settings and life of the plugin; see README.md.  The host owns the instance from
 * configure to destroy. */
#include "pam.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct ptn_setting settings[] = {
  { "domains", PTN_SETTING_LIST, 1, NULL,
    "Mail domains of the system's users; the first is the primary one.", NULL, 0, 0 },
  { "nt_domains", PTN_SETTING_LIST, 0, NULL, "Windows names of these domains, in the same order.",
    NULL, 0, 0 },
  { "provides", PTN_SETTING_LIST, 0, "directory credentials",
    "The users of the system as accounts, PAM for passwords, or both.", "directory credentials", 0,
    0 },
  { "service", PTN_SETTING_STRING, 0, "postern", "The PAM service, as in /etc/pam.d.", NULL, 0, 0 },
  { "service_directory", PTN_SETTING_PATH, 0, NULL,
    "Where the service's file is; default: where PAM looks itself.", NULL, 0, 0 },
  { "min_uid", PTN_SETTING_INTEGER, 0, "1000", "Users with lesser numbers have no mailbox.", NULL,
    0, 0 },
  { "max_uid", PTN_SETTING_INTEGER, 0, "60000", "Nor have those with greater ones.", NULL, 0, 0 },
  { "postmaster", PTN_SETTING_STRING, 0, NULL, "The user who gets postmaster's mail.", NULL, 0, 0 },
  { "attributes", PTN_SETTING_LIST, 0, NULL,
    "Attributes of every account, as name=value: quota.octets=5000000000.", NULL, 0, 0 },
};

struct rules *
pam_rules (struct pam *pam) {
  pthread_mutex_lock (&pam->lock);
  struct rules *rules = rules_ref (pam->rules);
  pthread_mutex_unlock (&pam->lock);
  return rules;
}

static struct rules *
read_settings (struct pam *pam, const struct ptn_config *config) {
  const char *fault;
  struct rules *rules = rules_new (pam->host, config, &fault);
  if (!rules)
    pam->host->log (pam->host, PTN_LOG_ERROR, NULL, "pam.settings",
                    &(struct ptn_field){ "text", fault }, 1);
  return rules;
}

static void
pam_destroy (void *instance) {
  struct pam *pam = instance;
  g_clear_pointer (&pam->rules, rules_unref);
  pthread_mutex_destroy (&pam->lock);
  g_free (pam);
}

static bool
has_word (struct ptn_strings words, const char *word) {
  for (size_t i = 0; i < words.count; i++)
    if (strcmp (words.items[i], word) == 0)
      return true;
  return false;
}

static ptn_status
provide (struct pam *pam, const struct ptn_config *config) {
  const struct ptn_host *host = pam->host;
  const struct ptn_strings wanted = host->words (config, "provides");
  ptn_status status = PTN_OK;
  if (has_word (wanted, "directory"))
    status = host->provide (host, PTN_DIRECTORY_ID, NULL, &pam_directory, pam);
  if (status == PTN_OK && has_word (wanted, "credentials"))
    status = host->provide (host, PTN_CREDENTIALS_ID, NULL, &pam_credentials, pam);
  return status;
}

static ptn_status
pam_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct pam *pam = g_new0 (struct pam, 1);
  pam->host = host;
  pthread_mutex_init (&pam->lock, NULL);
  pam->checks = host->metric (host, PTN_METRIC_COUNTER, "postern_pam_checks",
                              "Passwords that PAM was asked about.");
  pam->troubles = host->metric (host, PTN_METRIC_COUNTER, "postern_pam_troubles",
                                "Times that PAM could not tell.");
  pam->rules = read_settings (pam, config);
  const ptn_status status = pam->rules ? provide (pam, config) : PTN_E_INVALID;
  if (status != PTN_OK) {
    pam_destroy (pam);
    return status;
  }
  *instance = pam;
  return PTN_OK;
}

/* PAM says of both no more than that every password is wrong. */
static void
warn (struct pam *pam, const struct rules *rules) {
  const struct ptn_host *host = pam->host;
  g_autofree char *local = g_build_filename ("/etc/pam.d", rules->service, NULL);
  g_autofree char *packaged = g_build_filename ("/usr/lib/pam.d", rules->service, NULL);
  if (!rules->service_directory && access (local, F_OK) != 0 && access (packaged, F_OK) != 0)
    host->log (host, PTN_LOG_WARNING, NULL, "pam.service",
               (struct ptn_field[]){
                   { "service", rules->service },
                   { "text", "it has no file in /etc/pam.d: PAM takes that of \"other\"" } },
               2);
  if (access ("/etc/shadow", R_OK) != 0 && errno == EACCES)
    host->log (host, PTN_LOG_NOTICE, NULL, "pam.shadow",
               &(struct ptn_field){ "text",
                                    "the server's user cannot read /etc/shadow: pam_unix will call "
                                    "every password wrong, unless that user is in group shadow" },
               1);
}

static ptn_status
pam_begin (void *instance) {
  people_begin ();
  struct pam *pam = instance;
  warn (pam, pam->rules);
  struct ptn_binding streams;
  if (pam->host->find (pam->host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    pam->streams = streams.table;
  return PTN_OK;
}

static ptn_status
pam_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct pam *pam = instance;
  struct rules *rules = read_settings (pam, config);
  if (!rules)
    return PTN_E_INVALID;
  if (strcmp (rules->service, pam->rules->service) != 0)
    warn (pam, rules);
  pthread_mutex_lock (&pam->lock);
  struct rules *before = pam->rules;
  pam->rules = rules;
  pthread_mutex_unlock (&pam->lock);
  rules_unref (before);
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "directory-pam",
  .version = POSTERN_VERSION,
  .summary = "The users of the system, with their passwords checked by PAM",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = pam_configure,
  .start = pam_begin,
  .reload = pam_reload,
  .destroy = pam_destroy,
  .lanes = PAM_LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
