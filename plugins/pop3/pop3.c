/* SPDX-License-Identifier: Apache-2.0 */
/* pop3.c - the plugin: settings of a listener, life of an instance. */
#include "pop3.h"

static const struct ptn_setting settings[] = {
  { .name = "apop",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "no",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Offer APOP; it needs passwords that the server can read, and MD5." },
  { .name = "login_delay",
    .type = PTN_SETTING_DURATION,
    .default_value = "0",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Time that must pass between two logins to one mailbox (LOGIN-DELAY)." },
  { .name = "expire",
    .type = PTN_SETTING_INTEGER,
    .default_value = "-1",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Days of the shortest pop3.retention of any account, told by CAPA before login; "
            "-1: what those have who have logged in since the start." },
  { .name = "utf8",
    .type = PTN_SETTING_BOOLEAN,
    .default_value = "yes",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "Offer the UTF8 command." },
  { .name = "implementation",
    .type = PTN_SETTING_STRING,
    .default_value = "Postern",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "What CAPA says of the server after login; empty: nothing." },
  { .name = "uidl_format",
    .type = PTN_SETTING_ENUM,
    .default_value = "postern",
    .choices = "postern dovecot",
    .scope = PTN_SCOPE_PROTOCOL,
    .help = "How UIDL names a message: as we do, or as Dovecot does by default, for clients that "
            "come from there." },
};

static ptn_status
pop3_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct pop3 *pop3 = g_new0 (struct pop3, 1);
  pop3->host = host;
  pop3->shortest_keep = -1;
  locks_init (pop3);
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, "pop3", &pop3_protocol, pop3);
  if (status == PTN_OK)
    status = host->provide (host, PTN_CONFORMANCE_ID, "pop3", &pop3_conformance, pop3);
  if (status != PTN_OK) {
    locks_clear (pop3);
    g_free (pop3);
    return status;
  }
  *instance = pop3;
  return PTN_OK;
}

static ptn_status
find (const struct pop3 *pop3, const char *id, const void **table, void **instance) {
  struct ptn_binding binding;
  ptn_status status = pop3->host->find (pop3->host, id, NULL, &binding);
  if (status != PTN_OK) {
    struct ptn_field fields[] = { { "interface", id } };
    pop3->host->log (pop3->host, PTN_LOG_ERROR, NULL, "pop3.start-failed", fields, 1);
    return status;
  }
  *table = binding.table;
  if (instance)
    *instance = binding.instance;
  return PTN_OK;
}

static ptn_status
pop3_start (void *instance) {
  struct pop3 *pop3 = instance;
  const struct ptn_host *host = pop3->host;
  const void *table = NULL;
  ptn_status status = find (pop3, PTN_STREAM_ID, &table, NULL);
  pop3->stream = table;
  if (status == PTN_OK)
    status = find (pop3, PTN_STORE_ID, &table, &pop3->store_instance);
  pop3->store = table;
  if (status == PTN_OK)
    status = find (pop3, PTN_LOGIN_ID, &table, &pop3->login_instance);
  pop3->login = table;
  pop3->sessions = host->metric (host, PTN_METRIC_GAUGE, "postern_pop3_sessions",
                                 "POP3 connections that are open.");
  pop3->retrieved = host->metric (host, PTN_METRIC_COUNTER, "postern_pop3_retrieved_total",
                                  "Messages sent by RETR.");
  pop3->octets = host->metric (host, PTN_METRIC_COUNTER, "postern_pop3_retrieved_octets_total",
                               "Octets of messages sent by RETR.");
  pop3->deleted = host->metric (host, PTN_METRIC_COUNTER, "postern_pop3_removed_total",
                                "Messages deleted or hidden by QUIT.");
  pop3->in_use = host->metric (host, PTN_METRIC_COUNTER, "postern_pop3_in_use_total",
                               "Logins refused because another session had the mailbox open.");
  return status;
}

static void
pop3_stop (void *instance) {
  struct pop3 *pop3 = instance;
  pthread_mutex_lock (&pop3->lock);
  while (pop3->background)
    pthread_cond_wait (&pop3->idle, &pop3->lock);
  pthread_mutex_unlock (&pop3->lock);
}

static void
pop3_destroy (void *instance) {
  struct pop3 *pop3 = instance;
  locks_clear (pop3);
  g_free (pop3);
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "pop3",
  .version = PLUGIN_VERSION,
  .summary = "POP3: RFC 1939, 2449, 2595, 3206, 5034 and 6856.",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof settings[0],
  .configure = pop3_configure,
  .start = pop3_start,
  .stop = pop3_stop,
  .destroy = pop3_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
