/* SPDX-License-Identifier: Apache-2.0 */
/* services.c - see services.h. */
#include "run/services.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct listening { /* a socket */
  char *listener, *endpoint;
  int fd;
};

struct
    pair { /* or the authorities and revocation lists that clients' certificates are held against */
  bool trust;
  char *certificate, *key;
  char *certificate_pem, *key_pem;
};

struct service {
  char *name, *protocol;
  char *sockets; /* endpoints it listens on, to tell whether they are the same */
  struct listener *listener;
};

struct services {
  struct services_settings settings;
  struct config *config; /* the one in use */
  GPtrArray *sockets;    /* struct listening */
  GPtrArray *pairs;      /* struct pair */
  pthread_mutex_t lock;  /* of `running`, against services_for_each */
  GPtrArray *running;    /* struct service */
  GPtrArray *stopped;    /* struct service: their sessions may live on */
};

static void
listening_free (void *element) {
  struct listening *socket = element;
  close (socket->fd);
  g_free (socket->listener);
  g_free (socket->endpoint);
  g_free (socket);
}

static void
pair_free (void *element) {
  struct pair *pair = element;
  explicit_bzero (pair->key_pem, strlen (pair->key_pem));
  g_free (pair->key_pem);
  g_free (pair->certificate_pem);
  g_free (pair->certificate);
  g_free (pair->key);
  g_free (pair);
}

static void
service_free (void *element) {
  struct service *service = element;
  listener_free (&service->listener);
  g_free (service->name);
  g_free (service->protocol);
  g_free (service->sockets);
  g_free (service);
}

struct services *
services_new (void) {
  struct services *services = g_new0 (struct services, 1);
  services->sockets = g_ptr_array_new_with_free_func (listening_free);
  services->pairs = g_ptr_array_new_with_free_func (pair_free);
  services->running = g_ptr_array_new_with_free_func (service_free);
  services->stopped = g_ptr_array_new_with_free_func (service_free);
  pthread_mutex_init (&services->lock, NULL);
  return services;
}

void
services_settle (struct services *services, const struct services_settings *settings) {
  services->settings = *settings;
}

void
services_free (struct services **services) {
  if (!*services)
    return;
  g_ptr_array_unref ((*services)->running);
  g_ptr_array_unref ((*services)->stopped);
  g_ptr_array_unref ((*services)->pairs);
  g_ptr_array_unref ((*services)->sockets);
  config_unref (&(*services)->config);
  pthread_mutex_destroy (&(*services)->lock);
  g_clear_pointer (services, g_free);
}

void
services_socket (struct services *services, const char *listener, const char *endpoint, int fd) {
  struct listening *socket = g_new (struct listening, 1);
  *socket = (struct listening){ g_strdup (listener), g_strdup (endpoint), fd };
  g_ptr_array_add (services->sockets, socket);
}

/* --- TLS ------------------------------------------------------------------------------------ */

static const struct pair *
find_pair (const struct services *services, bool trust, const char *certificate, const char *key) {
  for (guint i = 0; certificate && key && i < services->pairs->len; i++) {
    const struct pair *pair = services->pairs->pdata[i];
    if (pair->trust == trust && strcmp (pair->certificate, certificate) == 0
        && strcmp (pair->key, key) == 0)
      return pair;
  }
  return NULL;
}

static void
add_pair (GArray *pairs, const struct pair *pair, const char *const *names) {
  const struct tls_pair added = { .names = { names, names ? g_strv_length ((char **)names) : 0 },
                                  .certificate = { pair->certificate_pem,
                                                   strlen (pair->certificate_pem) },
                                  .key = { pair->key_pem, strlen (pair->key_pem) },
                                  .label = pair->certificate };
  g_array_append_val (pairs, added);
}

/* false: it asks for certificates of clients, and does not know by whom they may be signed. */
static bool
trust_settings (const struct services *services, const struct config_listener *listener,
                struct tls_settings *settings) {
  static const tls_client_mode modes[] = { [CONFIG_CLIENT_NONE] = TLS_CLIENT_NONE,
                                           [CONFIG_CLIENT_REQUEST] = TLS_CLIENT_REQUEST,
                                           [CONFIG_CLIENT_REQUIRE] = TLS_CLIENT_REQUIRE };
  const char *lists = listener->client_crl ? listener->client_crl : "";

  settings->client = modes[listener->client];
  if (settings->client == TLS_CLIENT_NONE)
    return true;
  const struct pair *found = find_pair (services, true, listener->client_ca, lists);
  if (!found)
    return false;
  settings->trust = (struct tls_trust){ .authorities = { found->certificate_pem,
                                                         strlen (found->certificate_pem) },
                                        .revoked = { found->key_pem, strlen (found->key_pem) },
                                        .label = found->certificate };
  return true;
}

/* NULL and an error, or NULL without one for a listener in clear. */
static struct tls_context *
make_context (const struct services *services, const struct config *config,
              const struct config_listener *listener, GError **error) {
  struct tls_settings settings = { .minimum = listener->tls_minimum,
                                   .resumption = listener->tls_resumption };
  g_autoptr (GArray) pairs = g_array_new (FALSE, FALSE, sizeof (struct tls_pair));

  if (listener->tls == CONFIG_TLS_NONE || listener->off)
    return NULL;
  const struct pair *own = find_pair (services, false, listener->certificate, listener->key);
  if (own)
    add_pair (pairs, own, NULL);
  for (size_t i = 0; i < config->certificate_count; i++) {
    const struct config_certificate *named = &config->certificates[i];
    const struct pair *pair = find_pair (services, false, named->certificate, named->key);
    if (pair)
      add_pair (pairs, pair, named->names);
  }
  if (!pairs->len) {
    g_set_error (error, TLS_ERROR, 0, "it has no certificate");
    return NULL;
  }
  if (!trust_settings (services, listener, &settings)) {
    g_set_error (error, TLS_ERROR, 0, "its tls_client_ca is not there");
    return NULL;
  }
  return tls_context_new ((const struct tls_pair *)pairs->data, pairs->len, &settings, error);
}

static void
renew_contexts (struct services *services) {
  for (size_t i = 0; services->config && i < services->config->listener_count; i++) {
    const struct config_listener *listener = &services->config->listeners[i];
    g_autoptr (GError) error = NULL;
    struct tls_context *context = make_context (services, services->config, listener, &error);
    if (error)
      logger_event (services->settings.logger, PTN_LOG_ERROR, "certificate.refused", "listener",
                    listener->name, "error", error->message, NULL);
    for (guint s = 0; context && s < services->running->len; s++) {
      struct service *service = services->running->pdata[s];
      if (strcmp (service->name, listener->name) == 0)
        listener_set_tls (service->listener, context);
    }
    if (context)
      tls_context_unref (context);
  }
}

static void
take_pair (struct services *services, bool trust, const char *const fields[4]) {
  const struct pair *old = find_pair (services, trust, fields[0], fields[1]);
  struct pair *pair;

  if (old && strcmp (old->certificate_pem, fields[2]) == 0 && strcmp (old->key_pem, fields[3]) == 0)
    return;
  if (old)
    g_ptr_array_remove (services->pairs, (void *)old);
  pair = g_new (struct pair, 1);
  *pair = (struct pair){ trust, g_strdup (fields[0]), g_strdup (fields[1]), g_strdup (fields[2]),
                         g_strdup (fields[3]) };
  g_ptr_array_add (services->pairs, pair);
  if (old)
    renew_contexts (services);
}

void
services_certificate (struct services *services, const char *certificate, const char *key,
                      const char *certificate_pem, const char *key_pem) {
  take_pair (services, false, (const char *[]){ certificate, key, certificate_pem, key_pem });
}

void
services_trust (struct services *services, const char *authorities, const char *lists,
                const char *authorities_pem, const char *lists_pem) {
  take_pair (services, true, (const char *[]){ authorities, lists, authorities_pem, lists_pem });
}

/* --- listeners -------------------------------------------------------------------------------- */

static void
convert_network (const struct config_network *from, struct net_network *to) {
  static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

  *to = (struct net_network){ .unix_peers = from->family == AF_UNIX };
  if (from->family == AF_INET) { /* as ::ffff:a.b.c.d */
    memcpy (to->ip, mapped, sizeof mapped);
    memcpy (to->ip + sizeof mapped, from->address, 4);
    to->bits = (uint8_t)(96 + from->prefix);
  } else if (from->family == AF_INET6) {
    memcpy (to->ip, from->address, 16);
    to->bits = (uint8_t)from->prefix;
  }
}

static void
release_config (void *owner) {
  struct config *config = owner;
  config_unref (&config);
}

struct plan { /* a listener to be made or changed, when all of them can be */
  const struct config_listener *wanted;
  struct listener_spec spec;
  struct net_network *networks;
  struct service *old; /* runs on the same sockets; NULL: it is made */
  char *sockets;
};

static void
plan_free (void *element) {
  struct plan *plan = element;
  if (plan->spec.context)
    tls_context_unref (plan->spec.context);
  g_free (plan->networks);
  g_free (plan->sockets);
  g_free (plan);
}

/* In milliseconds.  The host's copy of the table has zeros where the plugin's ended. */
static int64_t
idle_time (const struct config_listener *wanted, const struct ptn_protocol *protocol) {
  if (wanted->idle_time >= 0)
    return wanted->idle_time;
  return protocol->idle_time_ms ? protocol->idle_time_ms : 600000;
}

static void
fill_spec (struct plan *plan, const struct load_provider *provider) {
  static const listener_tls modes[] = { [CONFIG_TLS_NONE] = LISTENER_CLEAR,
                                        [CONFIG_TLS_STARTTLS] = LISTENER_STARTTLS,
                                        [CONFIG_TLS_IMPLICIT] = LISTENER_TLS };
  const struct config_listener *wanted = plan->wanted;

  plan->networks = g_new0 (struct net_network, wanted->proxy_count + 1);
  for (size_t i = 0; i < wanted->proxy_count; i++)
    convert_network (&wanted->proxy_from[i], &plan->networks[i]);
  plan->spec = (struct listener_spec){
    .name = wanted->name,
    .protocol = provider->table,
    .instance = provider->instance,
    .plugin = provider->plugin,
    .config = wanted->settings,
    .tls = modes[wanted->tls],
    .max_connections = wanted->max_connections,
    .max_connections_per_address = wanted->max_connections_per_address,
    .max_connections_per_user = wanted->max_connections_per_user,
    .login_time_ns = wanted->login_time * 1000000,
    .idle_time_ns = idle_time (wanted, provider->table) * 1000000,
    .max_line = wanted->max_line,
    .session_memory = wanted->session_memory == SIZE_MAX ? 0 : wanted->session_memory,
    .proxy_from = plan->networks,
    .proxy_from_count = wanted->proxy_count,
    .release = release_config,
  };
}

static struct service *
find_service (const struct services *services, const char *name, const char *sockets) {
  for (guint i = 0; i < services->running->len; i++) {
    struct service *service = services->running->pdata[i];
    if (strcmp (service->name, name) == 0 && strcmp (service->sockets, sockets) == 0)
      return service;
  }
  return NULL;
}

static char *
sockets_text (const struct config_listener *listener) {
  GString *text = g_string_new (NULL);
  for (size_t i = 0; i < listener->endpoint_count; i++)
    g_string_append_printf (text, "%s\n", listener->endpoints[i].text);
  return g_string_free (text, FALSE);
}

static struct plan *
plan_listener (struct services *services, struct config *config,
               const struct config_listener *wanted, struct config_errors *errors) {
  g_autoptr (GError) error = NULL;
  const struct load_provider *provider =
      loader_find (services->settings.loader, PTN_PROTOCOL_ID, wanted->protocol);
  struct tls_context *context = make_context (services, config, wanted, &error);

  if (!provider || error) {
    config_error (errors, wanted->place.file, wanted->place.line, "listener %s: %s", wanted->name,
                  error ? error->message : "no plugin provides its protocol");
    if (context)
      tls_context_unref (context);
    return NULL;
  }
  struct plan *plan = g_new0 (struct plan, 1);
  plan->wanted = wanted;
  plan->sockets = sockets_text (wanted);
  plan->old = find_service (services, wanted->name, plan->sockets);
  fill_spec (plan, provider);
  plan->spec.context = context;
  return plan;
}

static bool
open_listener (struct services *services, struct plan *plan, struct config *config,
               struct config_errors *errors) {
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));

  for (guint i = 0; i < services->sockets->len; i++) {
    const struct listening *socket = services->sockets->pdata[i];
    if (strcmp (socket->listener, plan->wanted->name) == 0)
      g_array_append_val (fds, socket->fd);
  }
  plan->spec.owner = config_ref (config);
  struct listener *listener =
      listener_new (services->settings.net, &plan->spec, (const int *)fds->data, fds->len, &error);
  if (!listener) {
    release_config (plan->spec.owner);
    config_error (errors, plan->wanted->place.file, plan->wanted->place.line, "listener %s: %s",
                  plan->wanted->name, error->message);
    return false;
  }
  struct service *service = g_new0 (struct service, 1);
  service->name = g_strdup (plan->wanted->name);
  service->protocol = g_strdup (plan->wanted->protocol);
  service->sockets = g_strdup (plan->sockets);
  service->listener = listener;
  g_ptr_array_add (services->running, service);
  return true;
}

static bool
is_planned (const GPtrArray *plans, const struct service *service) {
  for (guint i = 0; i < plans->len; i++)
    if (((const struct plan *)plans->pdata[i])->old == service)
      return true;
  return false;
}

static void
retire (struct services *services, guint index) {
  struct service *service = g_ptr_array_steal_index (services->running, index);
  listener_stop (service->listener);
  g_ptr_array_add (services->stopped, service);
}

static bool
carry_out (struct services *services, GPtrArray *plans, struct config *config,
           struct config_errors *errors) {
  bool good = true;

  for (guint i = services->running->len; i-- > 0;)
    if (!is_planned (plans, services->running->pdata[i]))
      retire (services, i);
  for (guint i = 0; i < plans->len; i++) {
    struct plan *plan = plans->pdata[i];
    if (plan->old) {
      plan->spec.owner = config_ref (config);
      listener_update (plan->old->listener, &plan->spec);
    } else {
      good = open_listener (services, plan, config, errors) && good;
    }
  }
  return good;
}

bool
services_apply (struct services *services, struct config *config, struct config_errors *errors) {
  g_autoptr (GPtrArray) plans = g_ptr_array_new_with_free_func (plan_free);
  bool good = true;

  for (size_t i = 0; i < config->listener_count; i++) {
    if (config->listeners[i].disabled)
      continue;
    struct plan *plan = plan_listener (services, config, &config->listeners[i], errors);
    if (plan)
      g_ptr_array_add (plans, plan);
    good = good && plan;
  }
  if (!good) {
    g_ptr_array_set_size (services->sockets, 0);
    return false;
  }
  pthread_mutex_lock (&services->lock);
  good = carry_out (services, plans, config, errors);
  pthread_mutex_unlock (&services->lock);
  config_unref (&services->config);
  services->config = config_ref (config);
  g_ptr_array_set_size (services->sockets, 0); /* listeners have copies of theirs */
  return good;
}

void
services_stop (struct services *services) {
  pthread_mutex_lock (&services->lock);
  while (services->running->len)
    retire (services, services->running->len - 1);
  pthread_mutex_unlock (&services->lock);
}

void
services_for_each (struct services *services, services_each *each, void *user) {
  pthread_mutex_lock (&services->lock);
  for (guint i = 0; i < services->running->len; i++) {
    const struct service *service = services->running->pdata[i];
    struct listener_counts counts;
    listener_count (service->listener, &counts);
    each (user, service->name, service->protocol, &counts);
  }
  pthread_mutex_unlock (&services->lock);
}
