/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - settings and life of the auth plugin; see README.md.  The host owns the instance from
 * configure to destroy. */
#include "check.h"
#include "commands.h"
#include "delegations.h"
#include "external/rules.h"
#include "mechanism.h"
#include "watch.h"

#include <string.h>

static const struct ptn_setting settings[] = {
  { "failure_delay", PTN_SETTING_DURATION, 0, "1s",
    "The wait after the second failure; half of it after the first, twice after the third and so "
    "on; 0: nobody waits.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "failure_delay_max", PTN_SETTING_DURATION, 0, "30s", "The longest wait.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "failure_forget", PTN_SETTING_DURATION, 0, "5m", "After this time one failure is forgotten.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "trusted_networks", PTN_SETTING_LIST, 0, NULL,
    "Addresses that many users share, such as webmail's and front ends': failures of one user "
    "there "
    "do not hold up the others.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "credentials", PTN_SETTING_LIST, 0, NULL,
    "Who verifies the users of a directory, where it is not the directory itself: "
    "DIRECTORY:SOURCE, or DIRECTORY:SOURCE+SOURCE, asked in that order.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "closed_mailboxes", PTN_SETTING_LIST, 0, "administrator",
    "Accounts whose mailbox opens neither over POP3 nor over IMAP, in any directory.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "cache_entries", PTN_SETTING_INTEGER, 0, "16384",
    "How many verdicts of slow sources on passwords are remembered; 0: none.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "cache_time", PTN_SETTING_DURATION, 0, "5m", "For how long, if the password was right.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "cache_negative_time", PTN_SETTING_DURATION, 0, "30s", "For how long, if it was wrong.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "delegation_check", PTN_SETTING_DURATION, 0, "1m",
    "How often it is looked whether sessions in another's mailbox may still be there; 0: at the "
    "login only.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "external_users", PTN_SETTING_PATH, 0, NULL,
    "A file that says whose certificate it is, for EXTERNAL: lines of LOGIN KIND VALUE.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "scram_iterations", PTN_SETTING_INTEGER, 0, "4096",
    "The iteration count of SCRAM that is told of users without stored keys; set it to what most "
    "stored keys have, so that the others do not stand out.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "sasl_mechanisms", PTN_SETTING_LIST, 0, "PLAIN LOGIN OAUTHBEARER XOAUTH2 EXTERNAL",
    "SASL mechanisms offered on this listener, in order, as far as they can be verified.",
    "=" PTN_SASL_ID, PTN_SCOPE_LISTENER, 0 },
  { "cleartext_login", PTN_SETTING_BOOLEAN, 0, "no", "Allow passwords to be sent without TLS.",
    NULL, PTN_SCOPE_LISTENER, 0 },
  { "integrated_windows_authentication", PTN_SETTING_BOOLEAN, 0, "no",
    "Offer NTLM, GSSAPI and GSS-SPNEGO on this listener.", NULL, PTN_SCOPE_LISTENER, 0 },
  { "extended_protection", PTN_SETTING_ENUM, 0, "allow",
    "Whether clients of NTLM and Kerberos must bind their proof to the TLS channel: none (not "
    "looked at), allow (checked if sent), require.",
    "none allow require", PTN_SCOPE_LISTENER, 0 },
  { "external_names", PTN_SETTING_LIST, 0, "upn email",
    "Which names in a client's certificate are a login name, for EXTERNAL: the first kind that it "
    "has decides.",
    "upn email cn dns", PTN_SCOPE_LISTENER, 0 },
  { "ntlmv1", PTN_SETTING_BOOLEAN, 0, "no",
    "Accept NTLMv1 and NTLM2 session responses of accounts that allow it (auth.ntlmv1 = yes).",
    NULL, PTN_SCOPE_LISTENER, 0 },
  { "ntlm_domain", PTN_SETTING_STRING, 0, NULL,
    "The NetBIOS name of the Windows domain, as NTLM clients are told it: some then send it back "
    "as "
    "the user's domain.",
    NULL, PTN_SCOPE_LISTENER, 0 },
  { "ntlm_computer", PTN_SETTING_STRING, 0, NULL,
    "The NetBIOS name of this machine, as NTLM clients are told it; default: the first label of "
    "the "
    "server's name.  A domain that verifies NTLMv2 wants the name that the machine joined by.",
    NULL, PTN_SCOPE_LISTENER, 0 },
};

const char *
auth_property (const struct auth *auth, struct ptn_stream *stream, const char *name) {
  const char *value = auth->streams && stream ? auth->streams->property (stream, name) : NULL;
  return value ? value : "";
}

bool
auth_is_private (const struct auth *auth, const struct ptn_sasl_request *request) {
  return *auth_property (auth, request->stream, "tls.version")
         || strcmp (auth_property (auth, request->stream, "peer.address"), "unix") == 0
         || (request->config && auth->host->number (request->config, "cleartext_login"));
}

/* ---- Life -------------------------------------------------------------------------------- */

static struct gate_settings
read_gate (const struct ptn_host *host, const struct ptn_config *config) {
  return (struct gate_settings){
    .delay_ns = host->number (config, "failure_delay") * 1000000,
    .max_ns = host->number (config, "failure_delay_max") * 1000000,
    .forget_ns = host->number (config, "failure_forget") * 1000000,
  };
}

static void
make_metrics (struct auth *auth) {
  const struct ptn_host *host = auth->host;
  static const char help[] = "Logins by their end.";
  auth->successes =
      host->metric (host, PTN_METRIC_COUNTER, "postern_logins{result=\"success\"}", help);
  auth->failures =
      host->metric (host, PTN_METRIC_COUNTER, "postern_logins{result=\"failure\"}", help);
  auth->troubles =
      host->metric (host, PTN_METRIC_COUNTER, "postern_logins{result=\"trouble\"}", help);
  auth->waits = host->metric (host, PTN_METRIC_COUNTER, "postern_login_waits",
                              "Logins that had to wait after failures.");
  auth->remembered = host->metric (host, PTN_METRIC_COUNTER, "postern_login_remembered",
                                   "Passwords judged by an earlier verdict of a slow source.");
}

static void
auth_destroy (void *instance) {
  struct auth *auth = instance;
  g_clear_pointer (&auth->roster, roster_unref);
  delegations_free (&auth->delegations);
  external_rules_free (&auth->external_rules);
  gate_free (&auth->gate);
  explicit_bzero (auth->scram_secret, sizeof auth->scram_secret);
  pthread_mutex_destroy (&auth->lock);
  pthread_mutex_destroy (&auth->watching);
  pthread_cond_destroy (&auth->unwatched);
  g_free (auth);
}

static ptn_status
refuse (struct auth *auth, const char *event, const char *text) {
  auth->host->log (auth->host, PTN_LOG_ERROR, NULL, event, &(struct ptn_field){ "text", text }, 1);
  return PTN_E_NOT_FOUND;
}

static ptn_status
read_files (struct auth *auth) {
  g_autofree char *why = NULL;
  auth->external_rules = external_rules_new ();
  if (!external_rules_load (auth->external_rules, auth->host->text (auth->config, "external_users"),
                            &why))
    return refuse (auth, "login.settings", why);
  auth->delegations = delegations_new (auth->host->state_directory, &why);
  return auth->delegations ? PTN_OK : refuse (auth, "login.delegations", why);
}

static ptn_status
auth_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct auth *auth = g_new0 (struct auth, 1);
  const struct gate_settings gate = read_gate (host, config);
  auth->host = host;
  auth->config = config;
  pthread_mutex_init (&auth->lock, NULL);
  pthread_mutex_init (&auth->watching, NULL);
  pthread_cond_init (&auth->unwatched, NULL);
  auth->gate = gate_new (&gate);
  make_metrics (auth);
  ptn_status status = read_files (auth);
  if (status == PTN_OK)
    status = mechanisms_provide (auth);
  if (status == PTN_OK)
    status = commands_provide (auth);
  if (status == PTN_OK)
    status = host->provide (host, PTN_LOGIN_ID, NULL, &auth_login_table, auth);
  if (status != PTN_OK) {
    auth_destroy (auth);
    return status;
  }
  *instance = auth;
  return PTN_OK;
}

/* ---- Directories, their sources, and mechanisms -------------------------------------------- */

static ptn_status
list_directories (struct auth *auth) {
  const struct ptn_host *host = auth->host;
  struct everybody *everybody = &auth->everybody;
  struct ptn_strings names;
  struct ptn_binding found;
  if (host->list (host, PTN_DIRECTORY_ID, &names) != PTN_OK || names.count == 0)
    return refuse (auth, "login.no_directory", "no plugin provides a directory");
  if (names.count > ROSTER_DIRECTORY_LIMIT)
    return refuse (auth, "login.no_directory", "there are more than 16 directories");
  for (size_t i = 0; i < names.count; i++)
    if (host->find (host, PTN_DIRECTORY_ID, names.items[i], &found) == PTN_OK)
      everybody->directories[everybody->directory_count++] = (struct roster_directory){
        .directory = found.table, .instance = found.instance, .name = names.items[i]
      };
  return PTN_OK;
}

static void
list_sources (struct auth *auth) {
  const struct ptn_host *host = auth->host;
  struct everybody *everybody = &auth->everybody;
  struct ptn_strings names;
  struct ptn_binding found;
  if (host->find (host, PTN_CREDENTIALS_ID, NULL, &found) == PTN_OK)
    everybody->usual = (struct roster_source){ found.table, found.instance, "" };
  if (host->list (host, PTN_CREDENTIALS_ID, &names) != PTN_OK)
    return;
  for (size_t i = 0; i < names.count && i < G_N_ELEMENTS (everybody->sources); i++)
    if (host->find (host, PTN_CREDENTIALS_ID, names.items[i], &found) == PTN_OK)
      everybody->sources[everybody->source_count++] =
          (struct roster_source){ found.table, found.instance, names.items[i] };
}

static void
add_mechanism (struct auth *auth, const char *name) {
  struct ptn_binding found;
  if (auth->mechanism_count == AUTH_MECHANISM_LIMIT
      || auth->host->find (auth->host, PTN_SASL_ID, name, &found) != PTN_OK)
    return;
  const struct mechanism *own = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (auth->own) && !own; i++)
    if (found.instance == &auth->own[i])
      own = auth->own[i].mechanism;
  auth->mechanisms[auth->mechanism_count++] =
      (struct auth_mechanism){ found.table, found.instance, own };
}

/* Settings take effect for logins that begin from now on. */
static ptn_status
exchange_roster (struct auth *auth, const struct ptn_config *config) {
  struct roster *fresh = roster_new (auth->host, &auth->everybody, config, auth->roster);
  if (!fresh)
    return PTN_E_NOT_FOUND;
  pthread_mutex_lock (&auth->lock);
  struct roster *old = auth->roster;
  auth->roster = fresh;
  pthread_mutex_unlock (&auth->lock);
  g_clear_pointer (&old, roster_unref);
  return PTN_OK;
}

struct roster *
auth_roster (struct auth *auth) {
  pthread_mutex_lock (&auth->lock);
  struct roster *roster = roster_ref (auth->roster);
  pthread_mutex_unlock (&auth->lock);
  return roster;
}

/* Without its file the secret ends with the process, and users without keys can be told apart then:
 * no reason to keep everybody out. */
static void
load_scram_secret (struct auth *auth) {
  g_autofree char *why = scram_secret_load (auth->host->state_directory, auth->scram_secret);
  const struct ptn_field fields[] = { { "text", why } };
  if (why)
    auth->host->log (auth->host, PTN_LOG_WARNING, NULL, "login.scram_secret", fields, 1);
}

static ptn_status
auth_start (void *instance) {
  struct auth *auth = instance;
  const struct ptn_host *host = auth->host;
  struct ptn_binding streams;
  struct ptn_strings names;
  if (host->find (host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    auth->streams = streams.table;
  load_scram_secret (auth);
  if (host->list (host, PTN_SASL_ID, &names) == PTN_OK)
    for (size_t i = 0; i < names.count; i++)
      add_mechanism (auth, names.items[i]);
  const ptn_status status = list_directories (auth);
  if (status != PTN_OK)
    return status;
  list_sources (auth);
  return exchange_roster (auth, auth->config);
}

static ptn_status
auth_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct auth *auth = instance;
  const struct gate_settings gate = read_gate (auth->host, config);
  g_autofree char *why = NULL;
  const char *users = auth->host->text (config, "external_users");
  if (!external_rules_check (users, &why))
    return refuse (auth, "login.settings", why);
  if (exchange_roster (auth, config) != PTN_OK)
    return PTN_E_INVALID;
  external_rules_load (auth->external_rules, users, &why);
  gate_set (auth->gate, &gate);
  return PTN_OK;
}

static void
auth_stop (void *instance) {
  watch_wait (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "auth",
  .version = POSTERN_VERSION,
  .summary = "Logins: mechanisms, names, delays after failures",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = auth_configure,
  .start = auth_start,
  .reload = auth_reload,
  .stop = auth_stop,
  .destroy = auth_destroy,
  .lanes = "password",
  .check = auth_check,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
