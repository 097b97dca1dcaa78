/* SPDX-License-Identifier: Apache-2.0 */
/* listeners.c - [listener NAME]: what the host itself declares (phase 1), and the settings that
 * plugins add (phase 3). */
#include "config/crosscheck.h"
#include "config/suggest.h"
#include "log/escape.h"

#include <openssl/ssl.h>
#include <string.h>

/* --- phase 1 ------------------------------------------------------------------------------ */

static void
read_addresses (struct model *model, struct raw_section *section, struct config_listener *listener,
                const struct ptn_config *settings, struct config_errors *errors) {
  struct ptn_strings words = settings_words (settings, "address");
  struct config_endpoint *endpoints = g_new0 (struct config_endpoint, words.count);
  struct config_place place = raw_place (section, "address");
  listener->endpoints = model_own (model, endpoints);
  for (size_t i = 0; i < words.count; i++) {
    struct config_endpoint *endpoint = &endpoints[listener->endpoint_count];
    const char *expected;
    if (!config_endpoint_parse (words.items[i], model->config.folder, endpoint, &expected)) {
      g_autofree char *shown = escape_dup (words.items[i]);
      config_error (errors, place.file, place.line, "address: %s, not \"%s\"", expected, shown);
      continue;
    }
    model_own (model, (char *)endpoint->text);
    if (endpoint->path)
      model_own (model, (char *)endpoint->path);
    if (endpoint->host)
      model_own (model, (char *)endpoint->host);
    listener->endpoint_count++;
  }
}

static void
read_networks (struct model *model, struct raw_section *section, struct config_listener *listener,
               const struct ptn_config *settings, struct config_errors *errors) {
  struct ptn_strings words = settings_words (settings, "proxy_from");
  struct config_network *networks = g_new0 (struct config_network, words.count);
  struct config_place place = raw_place (section, "proxy_from");
  listener->proxy_from = model_own (model, networks);
  for (size_t i = 0; i < words.count; i++) {
    if (config_network_parse (words.items[i], &networks[listener->proxy_count])) {
      listener->proxy_count++;
      continue;
    }
    g_autofree char *shown = escape_dup (words.items[i]);
    config_error (errors, place.file, place.line,
                  "proxy_from: expected a network, such as 10.0.0.0/8, 2001:db8::/32 or unix, not "
                  "\"%s\"",
                  shown);
  }
}

static unsigned
number_or (const struct ptn_config *settings, const char *name, unsigned otherwise) {
  return settings_given (settings, name) ? (unsigned)settings_number (settings, name) : otherwise;
}

static void
read_tls (struct model *model, struct raw_section *section, struct config_listener *listener,
          const struct ptn_config *settings, struct config_errors *errors) {
  const struct config_server *server = &model->config.server;
  const char *tls = settings_text (settings, "tls");
  listener->tls = strcmp (tls, "implicit") == 0   ? CONFIG_TLS_IMPLICIT
                  : strcmp (tls, "starttls") == 0 ? CONFIG_TLS_STARTTLS
                                                  : CONFIG_TLS_NONE;
  listener->tls_minimum = strcmp (settings_text (settings, "tls_minimum"), "1.3") == 0
                              ? TLS1_3_VERSION
                              : TLS1_2_VERSION;
  listener->tls_resumption = settings_number (settings, "tls_resumption") != 0;
  const char *client = settings_text (settings, "tls_client_certificates");
  listener->client = strcmp (client, "request") == 0   ? CONFIG_CLIENT_REQUEST
                     : strcmp (client, "require") == 0 ? CONFIG_CLIENT_REQUIRE
                                                       : CONFIG_CLIENT_NONE;
  listener->client_ca = settings_text (settings, "tls_client_ca");
  listener->client_crl = settings_text (settings, "tls_client_crl");
  listener->certificate = settings_text (settings, "certificate");
  listener->key = settings_text (settings, "key");
  if (!listener->certificate != !listener->key) {
    bool key = listener->key != NULL;
    struct config_place place = raw_place (section, key ? "key" : "certificate");
    config_error (errors, place.file, place.line, "[%s] has a %s without its %s", section->title,
                  key ? "key" : "certificate", key ? "certificate" : "key");
  } else if (!listener->certificate && server->certificate && server->key) {
    listener->certificate = server->certificate;
    listener->key = server->key;
  }
}

void
listener_read (struct model *model, struct raw_section *section, struct config_listener *listener,
               struct config_errors *errors) {
  const struct config_server *server = &model->config.server;
  struct ptn_config *settings = model_check_host (model, section, "listener", errors);
  int64_t memory = settings_number (settings, "session_memory");
  const char *protocol = settings_text (settings, "protocol");

  listener->place = section->place;
  listener->name = section->name;
  listener->protocol = protocol ? protocol : "";
  read_addresses (model, section, listener, settings, errors);
  listener->off = listener->disabled = settings_number (settings, "enabled") == 0;
  if (listener->off)
    listener->endpoint_count = 0;
  read_networks (model, section, listener, settings, errors);
  read_tls (model, section, listener, settings, errors);
  listener->login_time = settings_number (settings, "login_time");
  listener->idle_time =
      settings_given (settings, "idle_time") ? settings_number (settings, "idle_time") : -1;
  listener->max_connections = number_or (settings, "max_connections", server->max_connections);
  listener->max_connections_per_address =
      number_or (settings, "max_connections_per_address", server->max_connections_per_address);
  listener->max_connections_per_user =
      (unsigned)settings_number (settings, "max_connections_per_user");
  listener->max_line = (size_t)settings_number (settings, "max_line");
  listener->session_memory = memory == INT64_MAX ? SIZE_MAX : (size_t)memory;
}

/* --- phase 3: plugins' settings ------------------------------------------------------------- */

static bool
provides (const struct config_scope *scope, const char *protocol) {
  for (const char *const *name = scope->protocols; name && *name; name++)
    if (strcmp (*name, protocol) == 0)
      return true;
  return false;
}

static bool
provided (const struct config_checks *checks, const char *protocol) {
  for (size_t i = 0; i < checks->scope_count; i++)
    if (provides (&checks->scopes[i], protocol))
      return true;
  return false;
}

/* A plugin that could not say what it provides: a protocol that nobody else provides is taken for
 * its own, if it has that name or no other plugin could not say. */
static bool
may_provide (const struct config_checks *checks, const struct config_scope *scope,
             const char *protocol) {
  size_t silent = 0;
  if (!scope->unconfigured || !*protocol || provided (checks, protocol))
    return false;
  for (size_t i = 0; i < checks->scope_count; i++)
    silent += checks->scopes[i].unconfigured;
  return silent == 1 || strcmp (scope->plugin, protocol) == 0;
}

/* One set a plugin, however often it is configured. */
static void
gather_sets (const struct config_checks *checks, const char *protocol, GArray *sets, GArray *others,
             GPtrArray *names) {
  const uint32_t listener = 1u << PTN_SCOPE_LISTENER, own = 1u << PTN_SCOPE_PROTOCOL;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (size_t i = 0; i < checks->scope_count; i++) {
    const struct config_scope *scope = &checks->scopes[i];
    struct setting_set set = { .settings = scope->settings,
                               .count = scope->count,
                               .scopes = listener };
    if (!g_hash_table_add (seen, (char *)scope->plugin))
      continue;
    for (size_t j = i; j < checks->scope_count; j++)
      if (strcmp (checks->scopes[j].plugin, scope->plugin) == 0
          && (provides (&checks->scopes[j], protocol)
              || may_provide (checks, &checks->scopes[j], protocol)))
        set.scopes |= own;
    g_array_append_val (sets, set);
    if (set.scopes & own)
      continue;
    char *belongs = g_strdup_printf ("listeners whose protocol plugin %s provides", scope->plugin);
    g_ptr_array_add (names, belongs);
    set.scopes = own;
    set.belongs = belongs;
    g_array_append_val (others, set);
    set.scopes = 1u << PTN_SCOPE_PLUGIN;
    set.belongs = g_strdup_printf ("[plugin %s]", scope->plugin);
    g_ptr_array_add (names, (char *)set.belongs);
    g_array_append_val (others, set);
  }
}

/* With a protocol misspelt, or of a plugin that is not there, every setting of it looks unknown. */
static enum unknown_rule
unknown_rule (const struct config_checks *checks, const char *protocol) {
  bool known = provided (checks, protocol);
  if (known && !checks->unloaded)
    return UNKNOWN_ERROR;
  if (checks->incomplete && !checks->failed)
    return UNKNOWN_WARN;
  return UNKNOWN_NEAR;
}

static bool
check_settings (struct model *model, struct config_listener *listener,
                const struct config_checks *checks, struct config_errors *errors) {
  g_autoptr (GArray) sets = g_array_new (false, true, sizeof (struct setting_set));
  g_autoptr (GArray) others = g_array_new (false, true, sizeof (struct setting_set));
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *title = g_strdup_printf ("listener %s", listener->name);
  struct setting_set set;
  bool good = true;

  host_setting_set ("listener", &set);
  set.quiet = true;
  g_array_append_val (sets, set);
  gather_sets (checks, listener->protocol, sets, others, names);
  host_setting_set ("server", &set);
  g_array_append_val (others, set);
  struct section_rules rules = { (struct setting_set *)(void *)sets->data, sets->len,
                                 (struct setting_set *)(void *)others->data, others->len,
                                 unknown_rule (checks, listener->protocol) };
  struct value_source source = model_source (model);
  settings_unref (&listener->settings);
  listener->settings = section_check (raw_find (model->raw, title), title, model->config.file,
                                      &rules, &source, errors, &good);
  return good;
}

static void
protocol_check (struct model *model, struct config_listener *listener,
                const struct config_checks *checks, struct config_errors *errors) {
  struct suggestion suggestion;
  GString *known = g_string_new (NULL);
  bool found = false;
  suggest_begin (&suggestion, listener->protocol);
  const char *meant = NULL; /* who names the plugin instead gets its protocol */
  for (size_t i = 0; i < checks->scope_count; i++)
    for (const char *const *name = checks->scopes[i].protocols; name && *name; name++) {
      if (!meant && strcmp (checks->scopes[i].plugin, listener->protocol) == 0)
        meant = *name;
      found |= strcmp (*name, listener->protocol) == 0;
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", *name);
      suggest_show (&suggestion, *name);
    }
  g_autofree char *list = g_string_free (known, false);
  listener->disabled = !found || listener->off;
  if (found || !*listener->protocol || checks->failed)
    return;
  g_autofree char *title = g_strdup_printf ("listener %s", listener->name);
  g_autofree char *shown = escape_dup (listener->protocol);
  if (!meant)
    meant = suggestion.best;
  g_autofree char *hint = meant ? g_strdup_printf ("; did you mean %s?", meant) : g_strdup ("");
  struct config_place place = raw_place (raw_find (model->raw, title), "protocol");
  if (checks->incomplete)
    config_warning (
        errors, place.file, place.line,
        "protocol: no plugin that could be loaded provides \"%s\" (known are: %s%s); the "
        "listener is closed",
        shown, *list ? list : "none", hint);
  else
    config_error (errors, place.file, place.line,
                  "protocol: no plugin provides \"%s\"; known are: %s%s", shown,
                  *list ? list : "none", hint);
}

bool
config_check_listeners (struct config *config, const struct config_checks *checks,
                        struct config_errors *errors) {
  struct model *model = model_of (config);
  size_t before = config_errors_count (errors);
  for (size_t i = 0; i < config->listener_count; i++) {
    struct config_listener *listener = &config->listeners[i];
    protocol_check (model, listener, checks, errors);
    check_settings (model, listener, checks, errors);
  }
  crosscheck (model, checks, errors);
  return config_errors_count (errors) == before;
}
