/* SPDX-License-Identifier: Apache-2.0 */
/* submission.c - the plugin: SMTP on submission (587, 465) and receiving (25) listeners, and
 * LMTP.  README.md lists commands, answers, settings and events. */
#include "session.h"

static const struct ptn_setting settings[] = {
  { .name = "kind",
    .type = PTN_SETTING_ENUM,
    .default_value = "submission",
    .choices = "submission receive lmtp",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "What the listener is for: submission (ports 587 and 465: whoever sends must log in), "
            "receive (port 25: mail for local recipients only), lmtp (RFC 2033: from a mail "
            "server that we trust)." },
  { .name = "max_message",
    .type = PTN_SETTING_SIZE,
    .default_value = "50M",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "The largest mail that is taken, as announced by SIZE." },
  { .name = "max_recipients",
    .type = PTN_SETTING_INTEGER,
    .default_value = "1000",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Recipients of one mail; further ones are told to come with a second one." },
  { .name = "max_errors",
    .type = PTN_SETTING_INTEGER,
    .default_value = "20",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "After so many refused commands the connection is closed." },
  { .name = "max_hops",
    .type = PTN_SETTING_INTEGER,
    .default_value = "100",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "A mail with more Received fields than this is in a loop and is refused." },
  { .name = "check_sender",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "On submission: MAIL FROM must be an address of the account that logged in, or one it "
            "may send as." },
};

static const struct ptn_protocol protocol = {
  .size = sizeof protocol,
  .name = "smtp", /* in `protocol =` of a listener; its `kind` says which of the three */
  .open = session_open,
  .step = session_step,
  .goodbye = session_goodbye,
  .close = session_close,
};

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct submission *plugin = g_new0 (struct submission, 1);
  plugin->host = host;
  plugin->accepted = host->metric (host, PTN_METRIC_COUNTER, "postern_smtp_mails_accepted_total",
                                   "Mails taken by SMTP and LMTP.");
  plugin->refused = host->metric (host, PTN_METRIC_COUNTER, "postern_smtp_refused_total",
                                  "Mails and recipients refused by SMTP and LMTP.");
  plugin->octets = host->metric (host, PTN_METRIC_COUNTER, "postern_smtp_octets_total",
                                 "Octets of the mails taken by SMTP and LMTP.");
  *instance = plugin;
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, protocol.name, &protocol, plugin);
  if (status == PTN_OK)
    status =
        host->provide (host, PTN_CONFORMANCE_ID, protocol.name, &submission_conformance, plugin);
  return status;
}

static ptn_status
start (void *instance) {
  struct submission *plugin = instance;
  const struct ptn_host *host = plugin->host;
  struct ptn_binding stream;
  if (host->find (host, PTN_STREAM_ID, NULL, &stream) != PTN_OK)
    return PTN_E_NOT_FOUND;
  plugin->stream = stream.table;
  if (host->find (host, PTN_DELIVERY_ID, NULL, &plugin->delivery) != PTN_OK) {
    const struct ptn_field reason = { "reason",
                                      "no delivery plugin is loaded: add [plugin delivery]" };
    host->log (host, PTN_LOG_ERROR, NULL, "submission.start-failed", &reason, 1);
    return PTN_E_NOT_FOUND;
  }
  /* Only submission listeners need these; their sessions say so when they are missing. */
  if (host->find (host, PTN_LOGIN_ID, NULL, &plugin->login) != PTN_OK)
    plugin->login = (struct ptn_binding){ 0 };
  if (directories_find (host, &plugin->directories, &plugin->directory) != PTN_OK)
    plugin->directory = (struct ptn_binding){ 0 };
  return PTN_OK;
}

static void
destroy (void *instance) {
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "submission",
  .version = PLUGIN_VERSION,
  .summary = "SMTP submission and receiving, LMTP",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = configure,
  .start = start,
  .destroy = destroy,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
