/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - GSSAPI and GSS-SPNEGO as "postern.sasl/1".
 *
 * An exchange belongs to who started it, until finish; all in its task.  Each response goes to the
 * lane "gssapi" as a job that owns all it touches, so that the session may go away meanwhile: the
 * library reads the keytab and writes the replay cache. */
#include "gssapi.h"

#include <string.h>

struct job {
  gint references; /* the exchange's and the lane's */
  gint done;
  struct negotiation *negotiation;
  struct ptn_bytes response; /* `octets` */
  struct ptn_bytes challenge;
  ptn_status status;
  unsigned char octets[];
};

struct exchange {
  struct gssapi *gssapi;
  struct negotiation *negotiation;
  struct job *job; /* NULL: none runs */
  struct ptn_identity claimed;
};

/* ---- Jobs -------------------------------------------------------------------------------- */

static void
job_unref (void *data) {
  struct job *job = data;
  if (!g_atomic_int_dec_and_test (&job->references))
    return;
  negotiation_unref (job->negotiation);
  explicit_bzero (job->octets, job->response.size);
  g_free (job);
}

static void
job_work (void *data) {
  struct job *job = data;
  if (g_atomic_int_get (&job->references) > 1) /* else nobody waits for it any more */
    job->status = negotiation_step (job->negotiation, job->response, &job->challenge);
  g_atomic_int_set (&job->done, 1);
}

static struct job *
job_new (struct negotiation *negotiation, struct ptn_bytes response) {
  const size_t size = response.data ? response.size : 0;
  struct job *job = g_malloc0 (sizeof *job + size);
  job->references = 2;
  job->negotiation = negotiation_ref (negotiation);
  job->response = (struct ptn_bytes){ response.data ? job->octets : NULL, size };
  if (size)
    memcpy (job->octets, response.data, size);
  return job;
}

/* ---- What is asked of the client --------------------------------------------------------- */

typedef enum { PROTECTION_NONE, PROTECTION_ALLOW, PROTECTION_REQUIRE } protection;

/* The listener's setting is declared by the auth plugin; without it: allow. */
static protection
protection_of (const struct gssapi *gssapi, const struct ptn_sasl_request *request) {
  const char *word =
      request->config ? gssapi->host->text (request->config, "extended_protection") : NULL;
  if (word && strcmp (word, "none") == 0)
    return PROTECTION_NONE;
  return word && strcmp (word, "require") == 0 ? PROTECTION_REQUIRE : PROTECTION_ALLOW;
}

static const char *
service_of (const struct ptn_sasl_request *request) {
  return strcmp (request->service, "http") == 0 ? "HTTP" : request->service;
}

static bool
has_tls (const struct gssapi *gssapi, const struct ptn_sasl_request *request) {
  return gssapi->streams && request->stream
         && gssapi->streams->property (request->stream, "tls.version");
}

/* The hash of our certificate.  false: no TLS, or a signature that RFC 5929 has no hash for. */
static bool
get_end_point (const struct gssapi *gssapi, const struct ptn_sasl_request *request,
               struct ptn_bytes *hash) {
  const bool found =
      has_tls (gssapi, request)
      && gssapi->streams->channel_binding (request->stream, "tls-server-end-point", hash) == PTN_OK;
  if (!found)
    *hash = (struct ptn_bytes){ NULL, 0 };
  return found;
}

static int32_t
available (void *instance, const struct ptn_sasl_request *request) {
  struct gssapi *gssapi = instance;
  struct rules *rules;
  struct keytab *keytab;
  if (!gssapi_get (gssapi, &rules, &keytab))
    return 0;
  const acceptor_names names = rules_names (rules);
  const bool has_key = names == NAMES_ANY
                       || keytab_find (keytab, service_of (request),
                                       names == NAMES_HOST ? request->server_name : NULL);
  struct ptn_bytes hash;
  rules_unref (rules);
  keytab_unref (keytab);
  return has_key
         && (protection_of (gssapi, request) != PROTECTION_REQUIRE
             || get_end_point (gssapi, request, &hash));
}

/* ---- Exchanges --------------------------------------------------------------------------- */

static ptn_status
start (struct gssapi *gssapi, struct ptn_call *call, const struct ptn_sasl_request *request,
       bool layers, void **result) {
  struct negotiation_input input = {
    .layers = layers,
    .service = service_of (request),
    .host = request->server_name,
  };
  const protection wanted = protection_of (gssapi, request);
  if (!gssapi_get (gssapi, &input.rules, &input.keytab))
    return gssapi->host->fail (call->task, PTN_E_TEMPORARY, NULL, "the keytab cannot be read");
  if (wanted != PROTECTION_NONE) {
    get_end_point (gssapi, request, &input.server);
    input.no_channel = !has_tls (gssapi, request);
  }
  input.require_binding = wanted == PROTECTION_REQUIRE;
  struct exchange *exchange = g_new0 (struct exchange, 1);
  exchange->gssapi = gssapi;
  exchange->negotiation = negotiation_new (&input);
  rules_unref (input.rules);
  keytab_unref (input.keytab);
  *result = exchange;
  return PTN_OK;
}

static ptn_status
gssapi_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
              void **exchange) {
  return start (instance, call, request, true, exchange);
}

/* Neither a layer nor an authorization identity is talked about: the flags of the context tell what
 * layer there is, and must tell of none here. */
static ptn_status
spnego_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
              void **exchange) {
  return start (instance, call, request, false, exchange);
}

/* What the administrator has to mend is told in full; login.failure tells it to who reads logins. */
static void
log_trouble (const struct exchange *exchange, struct ptn_task *task) {
  const struct ptn_host *host = exchange->gssapi->host;
  const char *advice = negotiation_advice (exchange->negotiation);
  const struct ptn_field fields[] = {
    { "error", negotiation_reason (exchange->negotiation) },
    { "advice", advice ? advice : "" },
  };
  host->log (host, PTN_LOG_WARNING, task, "gssapi.trouble", fields, advice ? 2 : 1);
}

static ptn_status
failed (struct exchange *exchange, struct ptn_task *task, ptn_status status,
        const struct ptn_identity **identity) {
  const struct ptn_host *host = exchange->gssapi->host;
  const char *principal = negotiation_principal (exchange->negotiation);
  if (principal) {
    exchange->claimed = (struct ptn_identity){
      .size = sizeof exchange->claimed,
      .authcid = principal,
      .authzid = "",
      .domain = "",
      .account = "",
    };
    *identity = &exchange->claimed;
  }
  if (negotiation_advice (exchange->negotiation) || status == PTN_E_TEMPORARY)
    log_trouble (exchange, task);
  return host->fail (task, status, NULL, "%s", negotiation_reason (exchange->negotiation));
}

static ptn_status
step (void *data, struct ptn_call *call, struct ptn_bytes response, struct ptn_bytes *challenge,
      const struct ptn_identity **identity) {
  struct exchange *exchange = data;
  const struct ptn_host *host = exchange->gssapi->host;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  if (!exchange->job) {
    exchange->job = job_new (exchange->negotiation, response);
    if (host->offload (call->task, "gssapi", job_work, job_unref, exchange->job) != PTN_OK) {
      job_unref (exchange->job); /* the lane's */
      job_unref (exchange->job);
      exchange->job = NULL;
      return host->fail (call->task, PTN_E_TEMPORARY, NULL, "the lane gssapi is full");
    }
    return PTN_PENDING;
  }
  if (!g_atomic_int_get (&exchange->job->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  const ptn_status status = exchange->job->status;
  *challenge = exchange->job->challenge; /* the negotiation's */
  job_unref (g_steal_pointer (&exchange->job));
  if (status == PTN_END)
    *identity = negotiation_identity (exchange->negotiation);
  return status < 0 ? failed (exchange, call->task, status, identity) : status;
}

static void
finish (void *data) {
  struct exchange *exchange = data;
  g_clear_pointer (&exchange->job, job_unref);
  negotiation_unref (exchange->negotiation);
  g_free (exchange);
}

const struct ptn_sasl_mechanism mechanism_gssapi = {
  .size = sizeof mechanism_gssapi,
  .name = "GSSAPI",
  .start = gssapi_start,
  .step = step,
  .finish = finish,
  .available = available,
};

const struct ptn_sasl_mechanism mechanism_spnego = {
  .size = sizeof mechanism_spnego,
  .name = "GSS-SPNEGO",
  .start = spnego_start,
  .step = step,
  .finish = finish,
  .available = available,
};
