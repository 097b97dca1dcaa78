/* SPDX-License-Identifier: Apache-2.0 */
/* directory-ldap.c - settings and life of the plugin; see README.md.  The host owns the instance
 * from configure to destroy. */
#include "directory.h"

#include <string.h>

struct client *
directory_client (struct directory *directory) {
  pthread_mutex_lock (&directory->lock);
  struct client *client = client_ref (directory->client);
  pthread_mutex_unlock (&directory->lock);
  return client;
}

void
directory_flush (void *instance, const char *account) {
  struct directory *directory = instance;
  pthread_mutex_lock (&directory->lock);
  GPtrArray *accounts = g_steal_pointer (&directory->accounts);
  cache_flush (directory->client->cache, account);
  pthread_mutex_unlock (&directory->lock);
  g_clear_pointer (&accounts, g_ptr_array_unref);
}

/* ---- Life -------------------------------------------------------------------------------- */

static void
log_settings (const struct ptn_host *host, const char *text) {
  host->log (host, PTN_LOG_ERROR, NULL, "ldap.settings", &(struct ptn_field){ "text", text }, 1);
}

static struct rules *
read_settings (const struct ptn_host *host, const struct ptn_config *config) {
  g_autofree char *fault = NULL;
  struct rules *rules = rules_new (host, config, &fault);
  if (!rules)
    log_settings (host, fault);
  return rules;
}

static void
directory_destroy (void *instance) {
  struct directory *directory = instance;
  g_clear_pointer (&directory->accounts, g_ptr_array_unref);
  client_unref (directory->client);
  pthread_mutex_destroy (&directory->lock);
  g_free (directory);
}

/* libldap reads its global options when it is first asked for one, which only one thread may do: and
 * it shall find none, neither in ldap.conf nor in the environment. */
static void
wake_library (void) {
  int version;
  const bool set = g_getenv ("LDAPNOINIT") != NULL;
  g_setenv ("LDAPNOINIT", "1", FALSE);
  ldap_get_option (NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
  if (!set)
    g_unsetenv ("LDAPNOINIT");
}

static ptn_status
directory_configure (const struct ptn_host *host, const struct ptn_config *config,
                     void **instance) {
  struct rules *rules = read_settings (host, config);
  if (!rules)
    return PTN_E_INVALID;
  wake_library ();
  struct directory *directory = g_new0 (struct directory, 1);
  directory->host = host;
  pthread_mutex_init (&directory->lock, NULL);
  directory->client = client_new (host, rules);
  struct ptn_credentials credentials = credentials_table;
  credentials.schemes = rules_schemes (rules);
  rules_unref (rules);
  ptn_status status = host->provide (host, PTN_DIRECTORY_ID, NULL, &directory_table, directory);
  if (status == PTN_OK)
    status = host->provide (host, PTN_CREDENTIALS_ID, NULL, &credentials, directory);
  if (status != PTN_OK) {
    directory_destroy (directory);
    return status;
  }
  *instance = directory;
  return PTN_OK;
}

static ptn_status
directory_start (void *instance) {
  return PTN_OK;
}

/* New settings begin with new connections and nothing remembered.  What mechanisms may be offered is
 * told once, so that may not change. */
static ptn_status
directory_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct rules *rules = read_settings (host, config);
  if (!rules)
    return PTN_E_INVALID;
  g_autoptr (client_auto) before = directory_client (directory);
  if (g_strcmp0 (rules_schemes (rules), rules_schemes (before->rules)) != 0) {
    log_settings (host, "verify, nt_attribute and scram_attribute take a restart to change");
    rules_unref (rules);
    return PTN_E_INVALID;
  }
  struct client *client = client_new (host, rules);
  rules_unref (rules);
  pthread_mutex_lock (&directory->lock);
  struct client *old = directory->client;
  directory->client = client;
  GPtrArray *accounts = g_steal_pointer (&directory->accounts);
  pthread_mutex_unlock (&directory->lock);
  g_clear_pointer (&accounts, g_ptr_array_unref);
  client_unref (old);
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "directory-ldap",
  .version = POSTERN_VERSION,
  .summary = "Accounts and passwords of Active Directory, OpenLDAP and their like",
  .settings = rules_settings,
  .setting_count = RULES_SETTINGS,
  .setting_size = sizeof (struct ptn_setting),
  .configure = directory_configure,
  .start = directory_start,
  .reload = directory_reload,
  .destroy = directory_destroy,
  .lanes = LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
