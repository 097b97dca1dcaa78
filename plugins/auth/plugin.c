/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - settings and life of the auth plugin; see README.md.  The host owns the instance from
 * configure to destroy. */
#include "auth.h"

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
  { "sasl_mechanisms", PTN_SETTING_LIST, 0, "PLAIN LOGIN",
    "SASL mechanisms offered on this listener, in order.", "=" PTN_SASL_ID, PTN_SCOPE_LISTENER, 0 },
  { "cleartext_login", PTN_SETTING_BOOLEAN, 0, "no", "Allow passwords to be sent without TLS.",
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
}

static void
auth_destroy (void *instance) {
  struct auth *auth = instance;
  gate_free (&auth->gate);
  g_free (auth);
}

static ptn_status
auth_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct auth *auth = g_new0 (struct auth, 1);
  const struct gate_settings gate = read_gate (host, config);
  auth->host = host;
  auth->gate = gate_new (&gate);
  make_metrics (auth);
  ptn_status status = host->provide (host, PTN_SASL_ID, NULL, &auth_plain, auth);
  if (status == PTN_OK)
    status = host->provide (host, PTN_SASL_ID, NULL, &auth_login, auth);
  if (status == PTN_OK)
    status = host->provide (host, PTN_LOGIN_ID, NULL, &auth_login_table, auth);
  if (status != PTN_OK) {
    auth_destroy (auth);
    return status;
  }
  *instance = auth;
  return PTN_OK;
}

static ptn_status
refuse (struct auth *auth, const char *text, const char *name) {
  const struct ptn_field fields[] = { { "text", text }, { "directory", name } };
  auth->host->log (auth->host, PTN_LOG_ERROR, NULL, "login.no_directory", fields, name ? 2 : 1);
  return PTN_E_NOT_FOUND;
}

/* A directory's users are checked by the credentials of the same name, else by the first there
 * are. */
static ptn_status
add_directory (struct auth *auth, const char *name) {
  const struct ptn_host *host = auth->host;
  struct ptn_binding directory, credentials;
  if (auth->directory_count == AUTH_DIRECTORY_LIMIT)
    return refuse (auth, "there are more than 16 directories", name);
  if (host->find (host, PTN_DIRECTORY_ID, name, &directory) != PTN_OK)
    return refuse (auth, "the directory is not there", name);
  if (host->find (host, PTN_CREDENTIALS_ID, name, &credentials) != PTN_OK
      && host->find (host, PTN_CREDENTIALS_ID, NULL, &credentials) != PTN_OK)
    return refuse (auth, "nobody checks passwords of the directory", name);
  auth->directories[auth->directory_count++] =
      (struct auth_directory){ directory.table, directory.instance, credentials.table,
                               credentials.instance };
  return PTN_OK;
}

static void
add_mechanism (struct auth *auth, const char *name) {
  struct ptn_binding found;
  if (auth->mechanism_count < AUTH_MECHANISM_LIMIT
      && auth->host->find (auth->host, PTN_SASL_ID, name, &found) == PTN_OK)
    auth->mechanisms[auth->mechanism_count++] =
        (struct auth_mechanism){ found.table, found.instance };
}

static ptn_status
auth_start (void *instance) {
  struct auth *auth = instance;
  const struct ptn_host *host = auth->host;
  struct ptn_binding streams;
  struct ptn_strings names;
  if (host->find (host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    auth->streams = streams.table;
  if (host->list (host, PTN_SASL_ID, &names) == PTN_OK)
    for (size_t i = 0; i < names.count; i++)
      add_mechanism (auth, names.items[i]);
  if (host->list (host, PTN_DIRECTORY_ID, &names) != PTN_OK || names.count == 0)
    return refuse (auth, "no plugin provides a directory", NULL);
  for (size_t i = 0; i < names.count; i++) {
    const ptn_status status = add_directory (auth, names.items[i]);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}

static ptn_status
auth_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct auth *auth = instance;
  const struct gate_settings gate = read_gate (auth->host, config);
  gate_set (auth->gate, &gate);
  return PTN_OK;
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
  .destroy = auth_destroy,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
