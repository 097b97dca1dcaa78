/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - servers, connections, and which of them is used; see pool.h.  The pool owns its idle
 * connections; who uses one owns it meanwhile. */
#include "pool.h"

#include "breaker.h"
#include "verdict.h"

#include <pthread.h>
#include <string.h>

#define IDLE_LIMIT_NS \
  (INT64_C (60) * 1000000000) /* firewalls forget those that are silent longer */

struct server {
  const char *url;
  struct breaker breaker;
  GQueue idle[POOL_PURPOSES]; /* struct connection, the last used first */
};

struct pool {
  gint references;
  const struct ptn_host *host;
  struct rules *rules;
  pthread_mutex_t lock; /* of breakers and idle connections */
  size_t count;
  struct server servers[SERVER_LIMIT];
};

/* ---- Life -------------------------------------------------------------------------------- */

void
pool_hurry (struct connection *connection) {
  connection->guard.until_ns = guard_now_ns () + connection->rules->timeout_ms * 1000000;
  connection->guard.left = GUARD_ANSWER_LIMIT;
}

static void
close_connection (void *data) {
  struct connection *connection = data;
  pool_hurry (connection);
  ldap_unbind_ext (connection->ldap, NULL, NULL);
  g_free (connection);
}

struct pool *
pool_new (const struct ptn_host *host, struct rules *rules) {
  struct pool *pool = g_new0 (struct pool, 1);
  pool->references = 1;
  pool->host = host;
  pool->rules = rules_ref (rules);
  pthread_mutex_init (&pool->lock, NULL);
  for (char **url = rules->servers; *url; url++) {
    struct server *server = &pool->servers[pool->count++];
    server->url = *url;
    breaker_init (&server->breaker, rules->retry_ns);
    for (unsigned i = 0; i < POOL_PURPOSES; i++)
      g_queue_init (&server->idle[i]);
  }
  return pool;
}

struct pool *
pool_ref (struct pool *pool) {
  g_atomic_int_inc (&pool->references);
  return pool;
}

void
pool_unref (struct pool *pool) {
  if (!g_atomic_int_dec_and_test (&pool->references))
    return;
  for (size_t i = 0; i < pool->count; i++)
    for (unsigned purpose = 0; purpose < POOL_PURPOSES; purpose++)
      g_queue_clear_full (&pool->servers[i].idle[purpose], close_connection);
  pthread_mutex_destroy (&pool->lock);
  rules_unref (pool->rules);
  g_free (pool);
}

/* ---- Requests ---------------------------------------------------------------------------- */

bool
pool_is_trouble (int code) {
  switch (code) {
  case LDAP_SERVER_DOWN:
  case LDAP_TIMEOUT:
  case LDAP_CONNECT_ERROR:
  case LDAP_BUSY:
  case LDAP_UNAVAILABLE:
  case LDAP_LOCAL_ERROR:
  case LDAP_ENCODING_ERROR:
  case LDAP_DECODING_ERROR:
  case LDAP_NO_MEMORY:
    return true;
  default:
    return false;
  }
}

void
pool_complain (struct pool *pool, const char *event, const char *what, const char *text) {
  pool->host->log (pool->host, PTN_LOG_ERROR, NULL, event,
                   (struct ptn_field[]){ { "what", what }, { "text", text } }, 2);
}

static struct timeval
time_of (const struct rules *rules) {
  return (struct timeval){ rules->timeout_ms / 1000, rules->timeout_ms % 1000 * 1000 };
}

int
pool_await (struct connection *connection, int id, LDAPMessage **message) {
  LDAP *ldap = connection->ldap;
  struct timeval time = time_of (connection->rules);
  pool_hurry (connection);
  const int kind = ldap_result (ldap, id, LDAP_MSG_ALL, &time, message);
  if (kind > 0)
    return LDAP_SUCCESS;
  if (kind == 0) {
    ldap_abandon_ext (ldap, id, NULL, NULL);
    return LDAP_TIMEOUT;
  }
  int code = LDAP_SERVER_DOWN;
  ldap_get_option (ldap, LDAP_OPT_RESULT_CODE, &code);
  return pool_is_trouble (code) ? code : LDAP_SERVER_DOWN;
}

static int
policy_of (LDAP *ldap, LDAPControl **controls) {
  LDAPControl *control =
      controls ? ldap_control_find (LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL) : NULL;
  ber_int_t expire, grace;
  LDAPPasswordPolicyError error;
  if (!control
      || ldap_parse_passwordpolicy_control (ldap, control, &expire, &grace, &error) != LDAP_SUCCESS
      || error == PP_noError)
    return POLICY_SILENT;
  return (int)error;
}

int
pool_bind (struct connection *connection, const char *dn, struct ptn_bytes password, char **text,
           int *policy) {
  LDAP *ldap = connection->ldap;
  LDAPControl *asked[2] = { NULL };
  LDAPMessage *message = NULL;
  LDAPControl **controls = NULL;
  struct berval secret = { password.size, (char *)password.data };
  int id, code, result = LDAP_LOCAL_ERROR;
  if (password.size == 0 || !*dn)
    return LDAP_INVALID_CREDENTIALS;
  if (ldap_create_passwordpolicy_control (ldap, &asked[0]) != LDAP_SUCCESS)
    return LDAP_LOCAL_ERROR;
  pool_hurry (connection);
  code = ldap_sasl_bind (ldap, dn, LDAP_SASL_SIMPLE, &secret, asked, NULL, &id);
  ldap_control_free (asked[0]);
  if (code == LDAP_SUCCESS)
    code = pool_await (connection, id, &message);
  if (code == LDAP_SUCCESS)
    code = ldap_parse_result (ldap, message, &result, NULL, text, NULL, &controls, 1);
  if (code != LDAP_SUCCESS)
    return code;
  if (policy)
    *policy = policy_of (ldap, controls);
  ldap_controls_free (controls);
  return result;
}

/* ---- Connecting -------------------------------------------------------------------------- */

/* What libldap says of a certificate that it does not take is "(unknown error code)". */
#define CERTIFICATE_HINT \
  "; is its certificate from an authority of ca_file, for the name in the URL?"

static void
tell (char reason[POOL_REASON], LDAP *ldap, const char *what, int code) {
  char *text = NULL;
  if (ldap)
    ldap_get_option (ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  g_snprintf (reason, POOL_REASON, "%s: %s%s%s", what, ldap_err2string (code),
              text && *text ? ": " : "", text ? text : "");
  ldap_memfree (text);
}

/* The system's authorities, where /etc/ldap/ldap.conf does not name them. */
#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* Everything is set, so that neither ldap.conf nor the environment has a say in it. */
static bool
set_options (LDAP *ldap, const struct rules *rules) {
  const int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER, none = LDAP_NO_LIMIT;
  const int demand = LDAP_OPT_X_TLS_HARD, client = 0, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
  const int idle = 30, probes = 3, interval = 10;
  const struct timeval time = time_of (rules);
  const char *authorities = rules->ca_file ? rules->ca_file : SYSTEM_AUTHORITIES;
  ldap_set_option (ldap, LDAP_OPT_X_KEEPALIVE_IDLE, &idle);
  ldap_set_option (ldap, LDAP_OPT_X_KEEPALIVE_PROBES, &probes);
  ldap_set_option (ldap, LDAP_OPT_X_KEEPALIVE_INTERVAL, &interval);
  return ldap_set_option (ldap, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_RESTART, LDAP_OPT_ON) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_DEREF, &never) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_SIZELIMIT, &none) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_TIMELIMIT, &none) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_NETWORK_TIMEOUT, &time) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_TIMEOUT, &time) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_X_TLS_CACERTFILE, authorities) == LDAP_OPT_SUCCESS
         && ldap_set_option (ldap, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
}

/* ldap_start_tls_s would wait without end. */
static int
start_tls (struct connection *connection) {
  LDAP *ldap = connection->ldap;
  LDAPMessage *message = NULL;
  int id, result = LDAP_LOCAL_ERROR;
  int code = ldap_start_tls (ldap, NULL, NULL, &id);
  if (code == LDAP_SUCCESS)
    code = pool_await (connection, id, &message);
  if (code == LDAP_SUCCESS)
    code = ldap_parse_result (ldap, message, &result, NULL, NULL, NULL, NULL, 1);
  if (code == LDAP_SUCCESS)
    code = result;
  return code == LDAP_SUCCESS ? ldap_install_tls (ldap) : code;
}

static int
open_connection (struct connection *connection, const char *url, pool_purpose purpose,
                 char reason[POOL_REASON]) {
  const struct rules *rules = connection->rules;
  LDAP *ldap = connection->ldap;
  int code = LDAP_SUCCESS;
  if (rules->start_tls && g_ascii_strncasecmp (url, "ldap://", 7) == 0) {
    code = start_tls (connection);
    if (code != LDAP_SUCCESS) {
      tell (reason, ldap, "StartTLS", code);
      if (code == LDAP_CONNECT_ERROR)
        g_strlcat (reason, CERTIFICATE_HINT, POOL_REASON);
      return code;
    }
  }
  if (purpose == POOL_SEARCH && rules->bind_dn) {
    const struct ptn_bytes password = { rules->bind_password, strlen (rules->bind_password) };
    code = pool_bind (connection, rules->bind_dn, password, NULL, NULL);
    if (code != LDAP_SUCCESS)
      tell (reason, ldap, "bind as bind_dn", code);
  }
  return code;
}

/* NULL after telling why.  A refusal of bind_dn is trouble too: asking again and again would have
 * the account locked. */
static struct connection *
connect_to (struct pool *pool, struct server *server, pool_purpose purpose,
            char reason[POOL_REASON]) {
  struct connection *connection = g_new0 (struct connection, 1);
  connection->rules = pool->rules;
  int code = ldap_initialize (&connection->ldap, server->url);
  if (code != LDAP_SUCCESS) {
    tell (reason, NULL, "URL", code);
    g_free (connection);
    return NULL;
  }
  pool_hurry (connection);
  if (!set_options (connection->ldap, pool->rules)
      || !guard_attach (&connection->guard, connection->ldap)) {
    g_snprintf (reason, POOL_REASON, "TLS cannot be set up: is ca_file readable?");
    code = LDAP_LOCAL_ERROR;
  } else {
    code = open_connection (connection, server->url, purpose, reason);
  }
  if (code == LDAP_SUCCESS)
    return connection;
  close_connection (connection);
  return NULL;
}

/* ---- Keeping ----------------------------------------------------------------------------- */

static struct connection *
take_idle (struct pool *pool, struct server *server, pool_purpose purpose) {
  const int64_t oldest_ns = pool->host->monotonic_ns () - IDLE_LIMIT_NS;
  GQueue stale = G_QUEUE_INIT;
  pthread_mutex_lock (&pool->lock);
  struct connection *connection = g_queue_pop_head (&server->idle[purpose]);
  if (connection && connection->since_ns < oldest_ns) /* and so are all behind it */
    for (; connection; connection = g_queue_pop_head (&server->idle[purpose]))
      g_queue_push_head (&stale, connection);
  pthread_mutex_unlock (&pool->lock);
  g_queue_clear_full (&stale, close_connection);
  return connection;
}

static void
keep (struct pool *pool, struct server *server, pool_purpose purpose,
      struct connection *connection) {
  GQueue *idle = &server->idle[purpose];
  connection->since_ns = pool->host->monotonic_ns ();
  pthread_mutex_lock (&pool->lock);
  g_queue_push_head (idle, connection);
  connection = idle->length > pool->rules->connections ? g_queue_pop_tail (idle) : NULL;
  pthread_mutex_unlock (&pool->lock);
  if (connection)
    close_connection (connection);
}

static void
drop_idle (struct pool *pool, struct server *server) {
  GQueue dropped = G_QUEUE_INIT;
  pthread_mutex_lock (&pool->lock);
  for (unsigned purpose = 0; purpose < POOL_PURPOSES; purpose++)
    for (void *connection; (connection = g_queue_pop_head (&server->idle[purpose]));)
      g_queue_push_head (&dropped, connection);
  pthread_mutex_unlock (&pool->lock);
  g_queue_clear_full (&dropped, close_connection);
}

/* ---- Running ----------------------------------------------------------------------------- */

static bool
admits (struct pool *pool, struct server *server) {
  pthread_mutex_lock (&pool->lock);
  const bool yes = breaker_admits (&server->breaker, pool->host->monotonic_ns ());
  pthread_mutex_unlock (&pool->lock);
  return yes;
}

static void
worked (struct pool *pool, struct server *server) {
  pthread_mutex_lock (&pool->lock);
  const bool changed = breaker_worked (&server->breaker);
  pthread_mutex_unlock (&pool->lock);
  if (changed)
    pool->host->log (pool->host, PTN_LOG_NOTICE, NULL, "ldap.up",
                     (struct ptn_field[]){ { "server", server->url } }, 1);
}

static void
failed (struct pool *pool, struct server *server, const char *reason) {
  pthread_mutex_lock (&pool->lock);
  const bool changed = breaker_failed (&server->breaker, pool->host->monotonic_ns ());
  pthread_mutex_unlock (&pool->lock);
  drop_idle (pool, server);
  pool->host->log (pool->host, changed ? PTN_LOG_ERROR : PTN_LOG_WARNING, NULL,
                   changed ? "ldap.down" : "ldap.trouble",
                   (struct ptn_field[]){ { "server", server->url }, { "text", reason } }, 2);
}

static int
run_with (struct pool *pool, struct server *server, pool_purpose purpose,
          struct connection *connection, pool_work *work, void *argument,
          char reason[POOL_REASON]) {
  const int code = work (connection, argument);
  if (!pool_is_trouble (code)) {
    keep (pool, server, purpose, connection);
    return code;
  }
  tell (reason, connection->ldap, "request", code);
  close_connection (connection);
  return code;
}

/* An idle connection may have been closed by the server meanwhile: that says nothing about the
 * server, and a new one is tried. */
static int
run_at (struct pool *pool, struct server *server, pool_purpose purpose, pool_work *work,
        void *argument, char reason[POOL_REASON]) {
  struct connection *connection = take_idle (pool, server, purpose);
  if (connection) {
    const int code = run_with (pool, server, purpose, connection, work, argument, reason);
    if (!pool_is_trouble (code) || code == LDAP_TIMEOUT)
      return code;
    drop_idle (pool, server);
  }
  connection = connect_to (pool, server, purpose, reason);
  return connection ? run_with (pool, server, purpose, connection, work, argument, reason)
                    : LDAP_SERVER_DOWN;
}

int
pool_run (struct pool *pool, pool_purpose purpose, pool_work *work, void *argument,
          char reason[POOL_REASON]) {
  g_strlcpy (reason, "all directory servers are down", POOL_REASON);
  for (size_t i = 0; i < pool->count; i++) {
    struct server *server = &pool->servers[i];
    if (!admits (pool, server))
      continue;
    const int code = run_at (pool, server, purpose, work, argument, reason);
    if (!pool_is_trouble (code)) {
      worked (pool, server);
      return code;
    }
    failed (pool, server, reason);
  }
  return LDAP_UNAVAILABLE;
}
