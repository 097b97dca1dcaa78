/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - settings and life of the plugin; see README.md.  The host owns the instance from
 * configure to destroy. */
#include "gssapi.h"
#include "names.h"

#include <string.h>

static const struct ptn_setting settings[] = {
  { "keytab", PTN_SETTING_PATH, 0, "krb5.keytab", "The file with the services' keys.", NULL, 0, 0 },
  { "accept", PTN_SETTING_ENUM, 0, "service",
    "Which of its keys tickets may be for: service: that of the protocol (imap, pop, smtp, HTTP) "
    "on "
    "any host; host: the same on the server's own name; any: every key.",
    "service host any", 0, 0 },
  { "realms", PTN_SETTING_LIST, 0, NULL,
    "Realms whose users may log in: REALM, REALM=DOMAIN (asked for as DOMAIN\\user) or "
    "REALM=@mail.domain; default: the realms of the keytab.",
    NULL, 0, 0 },
};

static struct rules *
refuse (struct gssapi *gssapi, const char *word, const char *fault) {
  const struct ptn_field fields[] = { { "setting", "realms" },
                                      { "word", word },
                                      { "text", fault } };
  gssapi->host->log (gssapi->host, PTN_LOG_ERROR, NULL, "gssapi.settings", fields,
                     G_N_ELEMENTS (fields));
  return NULL;
}

/* NULL after logging what is wrong. */
static struct rules *
read_settings (struct gssapi *gssapi, const struct ptn_config *config) {
  const struct ptn_host *host = gssapi->host;
  const char *accept = host->text (config, "accept");
  /* Ours, because the usual folder is closed to a server that systemd has locked in. */
  g_autofree char *replay = g_build_filename (host->state_directory, "replay", NULL);
  const struct rules_input input = {
    .keytab_path = host->text (config, "keytab"),
    .replay_path = replay,
    .names = strcmp (accept, "host") == 0  ? NAMES_HOST
             : strcmp (accept, "any") == 0 ? NAMES_ANY
                                           : NAMES_SERVICE,
    .realms = host->words (config, "realms"),
  };
  for (size_t i = 0; i < input.realms.count; i++) {
    const char *fault = realm_fault (input.realms.items[i]);
    if (fault)
      return refuse (gssapi, input.realms.items[i], fault);
  }
  return rules_new (&input);
}

static void
gssapi_destroy (void *instance) {
  struct gssapi *gssapi = instance;
  g_clear_pointer (&gssapi->keytab, keytab_unref);
  g_clear_pointer (&gssapi->rules, rules_unref);
  pthread_mutex_destroy (&gssapi->lock);
  g_free (gssapi);
}

/* Reads the keytab too.  That there is none is no error: the other mechanisms go on. */
static ptn_status
gssapi_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct gssapi *gssapi = g_new0 (struct gssapi, 1);
  gssapi->host = host;
  pthread_mutex_init (&gssapi->lock, NULL);
  struct rules *rules = read_settings (gssapi, config);
  ptn_status status = PTN_E_INVALID;
  if (rules) {
    gssapi_set_rules (gssapi, rules);
    rules_unref (rules);
    status = host->provide (host, PTN_SASL_ID, NULL, &mechanism_gssapi, gssapi);
  }
  if (status == PTN_OK)
    status = host->provide (host, PTN_SASL_ID, NULL, &mechanism_spnego, gssapi);
  if (status != PTN_OK) {
    gssapi_destroy (gssapi);
    return status;
  }
  *instance = gssapi;
  return PTN_OK;
}

static ptn_status
gssapi_start (void *instance) {
  struct gssapi *gssapi = instance;
  struct ptn_binding streams;
  if (gssapi->host->find (gssapi->host, PTN_STREAM_ID, NULL, &streams) == PTN_OK)
    gssapi->streams = streams.table;
  return PTN_OK;
}

static ptn_status
gssapi_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct gssapi *gssapi = instance;
  struct rules *rules = read_settings (gssapi, config);
  if (!rules)
    return PTN_E_INVALID;
  gssapi->host->blocking (task, 1);
  gssapi_set_rules (gssapi, rules);
  gssapi->host->blocking (task, 0);
  rules_unref (rules);
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "auth-gssapi",
  .version = POSTERN_VERSION,
  .summary = "Logins with Kerberos tickets: GSSAPI and GSS-SPNEGO",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = gssapi_configure,
  .start = gssapi_start,
  .reload = gssapi_reload,
  .destroy = gssapi_destroy,
  .lanes = "gssapi",
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
