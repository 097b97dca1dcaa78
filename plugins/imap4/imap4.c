/* SPDX-License-Identifier: Apache-2.0 */
/* imap4.c - the plugin: settings of a listener, life of an instance. */
#include "capability.h"
#include "imap4.h"

#include "mailbox/folders.h"
#include "selected/merge.h"

#define CAPABILITY_NAME(name, text, ...) text " "

static const struct ptn_setting settings[] = {
  { .name = "admin_contact",
    .type = PTN_SETTING_STRING,
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "A URI, such as mailto:postmaster@example.org, that clients show as the way to the "
            "administrator (RFC 5464: /shared/admin)." },
  { .name = "folder_names",
    .type = PTN_SETTING_ENUM,
    .default_value = "en",
    .choices = folders_languages,
    .help =
        "In which language the folders are named that an account gets at its first login; none: "
        "only INBOX is made." },
  { .name = "folder_archive",
    .type = PTN_SETTING_STRING,
    .help =
        "Another name for the \\Archive folder than that of folder_names; - : it is not made." },
  { .name = "folder_calendar",
    .type = PTN_SETTING_STRING,
    .help =
        "Another name for the folder of calendar than that of folder_names; - : it is not made." },
  { .name = "folder_contacts",
    .type = PTN_SETTING_STRING,
    .help =
        "Another name for the folder of contacts than that of folder_names; - : it is not made." },
  { .name = "folder_drafts",
    .type = PTN_SETTING_STRING,
    .help = "Another name for the \\Drafts folder than that of folder_names; - : it is not made." },
  { .name = "folder_junk",
    .type = PTN_SETTING_STRING,
    .help = "Another name for the \\Junk folder than that of folder_names; - : it is not made." },
  { .name = "folder_sent",
    .type = PTN_SETTING_STRING,
    .help = "Another name for the \\Sent folder than that of folder_names; - : it is not made." },
  { .name = "folder_tasks",
    .type = PTN_SETTING_STRING,
    .help = "Another name for the folder of tasks than that of folder_names; - : it is not made." },
  { .name = "folder_trash",
    .type = PTN_SETTING_STRING,
    .help = "Another name for the \\Trash folder than that of folder_names; - : it is not made." },
  { .name = "idle_keepalive",
    .type = PTN_SETTING_DURATION,
    .default_value = "5m",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "How often a client in IDLE is told that the connection still stands, so that routers "
            "do not forget it; 0: never." },
  { .name = "message_limit",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .scope = PTN_SCOPE_PROTOCOL,
    .help =
        "How many messages one command does (RFC 9738: MESSAGELIMIT); 0: as many as there are." },
  { .name = "save_limit",
    .type = PTN_SETTING_INTEGER,
    .default_value = "0",
    .scope = PTN_SCOPE_PROTOCOL,
    .help =
        "How many messages one COPY or APPEND may add (RFC 9738: SAVELIMIT); 0: as many as there "
        "are." },
  { .name = "append_limit",
    .type = PTN_SETTING_SIZE,
    .default_value = "64M",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "The greatest message that APPEND takes (RFC 7889: APPENDLIMIT)." },
  { .name = "hide",
    .type = PTN_SETTING_LIST,
    .choices = CAPABILITIES (CAPABILITY_NAME),
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Capabilities that this listener does not tell, and whose commands it does not know, "
            "because some client goes wrong with them. The attribute imap.hide does it for one "
            "account." },
  { .name = "hide_why",
    .type = PTN_SETTING_STRING,
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Why they are hidden, for posternctl conformance and for those who come after you." },
  { .name = "include_public_folders",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "LIST tells of public folders; no: only where a client asks for them by name." },
  { .name = "quota_administrators",
    .type = PTN_SETTING_LIST,
    .help = "Accounts that may change quotas with SETQUOTA, of mailboxes that they may open as "
            "delegates." },
  { .name = "server_comment",
    .type = PTN_SETTING_STRING,
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "A note on this server that clients may show (RFC 5464: /shared/comment)." },
  { .name = "urlauth_submitters",
    .type = PTN_SETTING_LIST,
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Accounts of submission servers: they may fetch URLs that were made for submission "
            "(RFC 4467, access \"submit+user\")." },
  { .name = "id",
    .type = PTN_SETTING_LIST,
    .default_value = "name",
    .choices = "name version os os-version",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "What the ID command (RFC 2971) tells of the server; empty: nothing." },
  { .name = "other_users_namespace",
    .type = PTN_SETTING_STRING,
    .default_value = "Other Users",
    .scope = PTN_SCOPE_PROTOCOL,
    .help =
        "Below this name are the mailboxes of others that the user may see; empty: they are not "
        "shown." },
  { .name = "public_namespace",
    .type = PTN_SETTING_STRING,
    .default_value = "Public Folders",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Below this name are the public folders; empty: they are not shown." },
};

static ptn_status
imap4_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct imap4 *imap4 = g_new0 (struct imap4, 1);
  imap4->host = host;
  imap4->config = config;
  imap4->differences = differences_new ();
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, "imap4", &imap4_protocol, imap4);
  if (status == PTN_OK)
    status = host->provide (host, PTN_CONFORMANCE_ID, "imap4", &imap4_conformance, imap4);
  if (status != PTN_OK) {
    differences_free (&imap4->differences);
    g_free (imap4);
    return status;
  }
  *instance = imap4;
  return PTN_OK;
}

static ptn_status
find (const struct imap4 *imap4, const char *id, const void **table, void **instance) {
  struct ptn_binding binding;
  ptn_status status = imap4->host->find (imap4->host, id, NULL, &binding);
  if (status != PTN_OK) {
    struct ptn_field fields[] = { { "interface", id } };
    imap4->host->log (imap4->host, PTN_LOG_ERROR, NULL, "imap4.start-failed", fields, 1);
    return status;
  }
  *table = binding.table;
  if (instance)
    *instance = binding.instance;
  return PTN_OK;
}

static ptn_status
imap4_start (void *instance) {
  struct imap4 *imap4 = instance;
  const struct ptn_host *host = imap4->host;
  const void *table = NULL;
  ptn_status status = find (imap4, PTN_STREAM_ID, &table, NULL);
  imap4->stream = table;
  if (status == PTN_OK)
    status = find (imap4, PTN_STORE_ID, &table, &imap4->store_instance);
  imap4->store = table;
  if (status == PTN_OK)
    status = find (imap4, PTN_LOGIN_ID, &table, &imap4->login_instance);
  imap4->login = table;
  struct ptn_binding index;
  if (host->find (host, PTN_SEARCH_INDEX_ID, NULL, &index) == PTN_OK) {
    imap4->search_index = index.table;
    imap4->search_index_instance = index.instance;
  }
  imap4->sessions = host->metric (host, PTN_METRIC_GAUGE, "postern_imap4_sessions",
                                  "IMAP connections that are open.");
  imap4->commands = host->metric (host, PTN_METRIC_COUNTER, "postern_imap4_commands_total",
                                  "Commands that were carried out.");
  return status;
}

static void
imap4_destroy (void *instance) {
  struct imap4 *imap4 = instance;
  differences_free (&imap4->differences);
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "imap4",
  .version = PLUGIN_VERSION,
  .summary = "IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051) and their extensions.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = imap4_configure,
  .start = imap4_start,
  .destroy = imap4_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
