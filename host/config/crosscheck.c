/* SPDX-License-Identifier: Apache-2.0 */
/* crosscheck.c - see crosscheck.h. */
#include "config/crosscheck.h"
#include "log/escape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config_place
listener_place (const struct model *model, const struct config_listener *listener,
                const char *key) {
  g_autofree char *title = g_strdup_printf ("listener %s", listener->name);
  return raw_place (raw_find (model->raw, title), key);
}

/* --- addresses ---------------------------------------------------------------------------- */

enum family { FAMILY_ANY, FAMILY_4, FAMILY_6, FAMILY_NAME };

static enum family
family_of (const char *host, bool *wildcard) {
  struct in_addr v4;
  struct in6_addr v6;
  *wildcard = false;
  if (!*host) {
    *wildcard = true;
    return FAMILY_ANY;
  }
  if (inet_pton (AF_INET, host, &v4) == 1) {
    *wildcard = v4.s_addr == 0;
    return FAMILY_4;
  }
  if (inet_pton (AF_INET6, host, &v6) == 1) {
    *wildcard = IN6_IS_ADDR_UNSPECIFIED (&v6);
    return FAMILY_6;
  }
  return FAMILY_NAME;
}

static bool
same_address (const char *a, const char *b) {
  unsigned char one[16], two[16];
  if (inet_pton (AF_INET6, a, one) == 1 && inet_pton (AF_INET6, b, two) == 1)
    return memcmp (one, two, 16) == 0;
  return g_ascii_strcasecmp (a, b) == 0;
}

static bool
endpoints_collide (const struct config_endpoint *a, const struct config_endpoint *b) {
  bool any_a, any_b;
  if (a->path || b->path)
    return a->path && b->path && strcmp (a->path, b->path) == 0;
  if (a->port != b->port || a->port == 0)
    return false;
  enum family one = family_of (a->host, &any_a), two = family_of (b->host, &any_b);
  if (one == FAMILY_ANY || two == FAMILY_ANY)
    return true;
  if (one == two && (any_a || any_b))
    return true;
  return same_address (a->host, b->host);
}

static void
check_collisions (const struct model *model, size_t index, struct config_errors *errors) {
  const struct config_listener *listener = &model->config.listeners[index];
  for (size_t i = 0; i < listener->endpoint_count; i++)
    for (size_t j = 0; j <= index; j++) {
      const struct config_listener *other = &model->config.listeners[j];
      size_t count = j == index ? i : other->endpoint_count;
      for (size_t k = 0; k < count; k++)
        if (endpoints_collide (&listener->endpoints[i], &other->endpoints[k])) {
          struct config_place place = listener_place (model, listener, "address");
          config_error (errors, place.file, place.line,
                        "address: %s is taken: [listener %s] (line %u) has %s",
                        listener->endpoints[i].text, other->name,
                        listener_place (model, other, "address").line, other->endpoints[k].text);
        }
    }
}

/* --- TLS ------------------------------------------------------------------------------------ */

static bool
is_local (const struct config_endpoint *endpoint) {
  struct in_addr v4;
  struct in6_addr v6;
  if (endpoint->path || g_ascii_strcasecmp (endpoint->host, "localhost") == 0)
    return true;
  if (inet_pton (AF_INET, endpoint->host, &v4) == 1)
    return ntohl (v4.s_addr) >> 24 == 127;
  return inet_pton (AF_INET6, endpoint->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK (&v6);
}

static void
check_tls (const struct model *model, const struct config_listener *listener,
           struct config_errors *errors) {
  struct config_place place = listener_place (model, listener, "tls");
  const char *word = listener->tls == CONFIG_TLS_IMPLICIT ? "implicit" : "starttls";
  if (listener->tls != CONFIG_TLS_NONE && !listener->certificate && !listener->off)
    config_error (errors, place.file, place.line,
                  "[listener %s] with tls = %s needs a certificate and a key, its own or those of "
                  "[server]",
                  listener->name, word);
  if (listener->tls == CONFIG_TLS_NONE && listener->settings
      && settings_given (listener->settings, "certificate")) {
    place = listener_place (model, listener, "certificate");
    config_warning (errors, place.file, place.line,
                    "the certificate is not used: tls = none; did you mean starttls or implicit?");
  }
}

static void
check_client (const struct model *model, const struct config_listener *listener,
              struct config_errors *errors) {
  struct config_place place = listener_place (model, listener, "tls_client_certificates");
  if (listener->client != CONFIG_CLIENT_NONE && listener->tls == CONFIG_TLS_NONE)
    config_error (errors, place.file, place.line,
                  "tls_client_certificates: there are none without TLS, and [listener %s] has "
                  "tls = none",
                  listener->name);
  else if (listener->client != CONFIG_CLIENT_NONE && !listener->client_ca)
    config_error (
        errors, place.file, place.line,
        "tls_client_certificates: [listener %s] needs tls_client_ca, the authorities that "
        "may sign them",
        listener->name);
  if (listener->client == CONFIG_CLIENT_NONE && (listener->client_ca || listener->client_crl)) {
    const char *key = listener->client_ca ? "tls_client_ca" : "tls_client_crl";
    place = listener_place (model, listener, key);
    config_warning (errors, place.file, place.line,
                    "%s is not used: tls_client_certificates = none; did you mean request or "
                    "require?",
                    key);
  }
}

static void
warn_of_clear (const struct model *model, const struct config_listener *listener,
               struct config_errors *errors) {
  bool remote = false;
  for (size_t i = 0; i < listener->endpoint_count; i++)
    remote |= !is_local (&listener->endpoints[i]);
  if (!remote || listener->tls == CONFIG_TLS_IMPLICIT)
    return;
  if (settings_number (listener->settings, "cleartext_login")) {
    struct config_place place = listener_place (model, listener, "cleartext_login");
    config_warning (errors, place.file, place.line,
                    "cleartext_login: passwords may cross the network in clear on [listener %s]",
                    listener->name);
  } else if (listener->tls == CONFIG_TLS_NONE) {
    struct config_place place = listener_place (model, listener, "tls");
    config_warning (errors, place.file, place.line,
                    "[listener %s] is reachable from the network without TLS: mail crosses it in "
                    "clear, and clients that want TLS cannot log in",
                    listener->name);
  }
}

/* --- files ---------------------------------------------------------------------------------- */

/* what: the setting, "key" is secret. */
static void
check_file (const char *path, const char *what, struct config_place place,
            struct config_errors *errors) {
  struct stat st;
  if (!path)
    return;
  if (access (path, R_OK) != 0 || stat (path, &st) != 0)
    config_error (errors, place.file, place.line, "%s: %s: %s", what, path, g_strerror (errno));
  else if (!S_ISREG (st.st_mode))
    config_error (errors, place.file, place.line, "%s: %s is not a file", what, path);
  else if (strcmp (what, "key") == 0 && st.st_mode & S_IROTH)
    config_warning (errors, place.file, place.line, "key: everybody on this machine may read %s",
                    path);
}

static void
check_files (struct model *model, struct config_errors *errors) {
  struct config *config = &model->config;
  struct raw_section *server = raw_find (model->raw, "server");
  if (server) {
    check_file (config->server.certificate, "certificate", raw_place (server, "certificate"),
                errors);
    check_file (config->server.key, "key", raw_place (server, "key"), errors);
  }
  for (size_t i = 0; i < config->certificate_count; i++) {
    const struct config_certificate *certificate = &config->certificates[i];
    g_autofree char *title = g_strdup_printf ("certificate %s", certificate->name);
    const struct raw_section *section = raw_find (model->raw, title);
    check_file (certificate->certificate, "certificate", raw_place (section, "certificate"),
                errors);
    check_file (certificate->key, "key", raw_place (section, "key"), errors);
  }
  for (size_t i = 0; i < config->listener_count; i++) {
    const struct config_listener *listener = &config->listeners[i];
    if (listener->off)
      continue;
    check_file (listener->client_ca, "tls_client_ca",
                listener_place (model, listener, "tls_client_ca"), errors);
    check_file (listener->client_crl, "tls_client_crl",
                listener_place (model, listener, "tls_client_crl"), errors);
    if (listener->certificate == config->server.certificate)
      continue;
    check_file (listener->certificate, "certificate",
                listener_place (model, listener, "certificate"), errors);
    check_file (listener->key, "key", listener_place (model, listener, "key"), errors);
  }
}

/* A name in two [certificate] sections: only the first would ever be shown. */
static void
check_names (struct model *model, struct config_errors *errors) {
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  for (size_t i = 0; i < model->config.certificate_count; i++) {
    struct config_certificate *certificate = &model->config.certificates[i];
    for (const char *const *name = certificate->names; *name; name++) {
      const struct config_certificate *other = g_hash_table_lookup (seen, *name);
      if (!other) {
        g_hash_table_insert (seen, (char *)*name, certificate);
        continue;
      }
      g_autofree char *title = g_strdup_printf ("certificate %s", certificate->name);
      struct config_place place = raw_place (raw_find (model->raw, title), "names");
      config_error (errors, place.file, place.line, "names: %s belongs to [certificate %s] already",
                    *name, other->name);
    }
  }
}

/* Only root becomes somebody else. */
static void
warn_of_user (const struct model *model, struct config_errors *errors) {
  const char *user = model->config.server.user;
  if (geteuid () != 0 || !settings_given (model->config.server.settings, "user") || !*user
      || getpwnam (user))
    return;
  struct config_place place = config_place_of (&model->config, "server", "user");
  g_autofree char *shown = escape_dup (user);
  config_warning (errors, place.file, place.line,
                  "user: there is no user %s; one for services is made by systemd-sysusers or "
                  "useradd --system",
                  shown);
}

void
crosscheck (struct model *model, const struct config_checks *checks, struct config_errors *errors) {
  const struct config *config = &model->config;
  size_t on = 0;
  for (size_t i = 0; i < config->listener_count; i++) {
    on += !config->listeners[i].off;
    check_collisions (model, i, errors);
    check_tls (model, &config->listeners[i], errors);
    check_client (model, &config->listeners[i], errors);
    if (config->listeners[i].settings)
      warn_of_clear (model, &config->listeners[i], errors);
  }
  if (checks->check_files)
    warn_of_user (model, errors);
  bool unread = model->raw->sections->len == 0 && config_errors_count (errors) > 0;
  if (on == 0 && !unread)
    config_warning (errors, config->file, 0, "%s: nobody can connect",
                    config->listener_count ? "no listener is enabled"
                                           : "there is no [listener NAME]");
  check_names (model, errors);
  if (checks->check_files)
    check_files (model, errors);
}
