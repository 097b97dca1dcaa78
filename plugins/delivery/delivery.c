/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.c - the plugin "delivery": mail into the local store.  README.md tells about settings,
 * answers and events. */
#include "delivery.h"

static const struct ptn_setting settings[] = {
  { .name = "detail_mailboxes",
    .type = PTN_SETTING_ENUM,
    .default_value = "no",
    .choices = "no yes create",
    .help = "Where mail for user+detail goes: no: INBOX; yes: the mailbox of that name if there "
            "is one, else INBOX; create: that mailbox, made if it is not there (then strangers "
            "can make mailboxes)." },
  { .name = "check_quota",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .help = "Look at a recipient's quota before its mail is taken; after it the store looks in "
            "any case." },
};

static const struct ptn_delivery table = {
  .size = sizeof table,
  .verify = delivery_verify,
  .deliver = delivery_deliver,
};

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct delivery *plugin = g_new0 (struct delivery, 1);
  const char *details = host->text (config, "detail_mailboxes");
  plugin->host = host;
  plugin->details = g_strcmp0 (details, "create") == 0 ? DETAILS_CREATE
                    : g_strcmp0 (details, "yes") == 0  ? DETAILS_YES
                                                       : DETAILS_NO;
  plugin->check_quota = host->number (config, "check_quota") != 0;
  *instance = plugin;
  return host->provide (host, PTN_DELIVERY_ID, "local", &table, plugin);
}

static ptn_status
start (void *instance) {
  struct delivery *plugin = instance;
  const struct ptn_host *host = plugin->host;
  const char *missing = NULL;
  if (directories_find (host, &plugin->directories, &plugin->directory) != PTN_OK)
    missing = "no directory plugin is loaded: add [plugin directory-file]";
  else if (host->find (host, PTN_STORE_ID, NULL, &plugin->store) != PTN_OK)
    missing = "no store plugin is loaded: add [plugin storage-kyoto]";
  if (!missing)
    return PTN_OK;
  const struct ptn_field reason = { "reason", missing };
  host->log (host, PTN_LOG_ERROR, NULL, "delivery.start-failed", &reason, 1);
  return PTN_E_NOT_FOUND;
}

static void
destroy (void *instance) {
  g_free (instance);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "delivery",
  .version = PLUGIN_VERSION,
  .summary = "Delivery into the local store",
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
