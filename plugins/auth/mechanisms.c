/* SPDX-License-Identifier: Apache-2.0 */
/* mechanisms.c - the table of mechanisms, and the table as "postern.sasl/1" for who asks for one by
 * name.  Protocols come by login.c, which knows the rows themselves.
 *
 * An exchange belongs to who started it, until finish; all in its task. */
#include "mechanism.h"
#include "cram/cram.h"
#include "external/external.h"
#include "ntlm/ntlm.h"
#include "password/password.h"
#include "scram/scram.h"

#include <string.h>

const struct mechanism *const auth_mechanisms[] = {
  &auth_external,      &auth_scram_sha_256_plus,
  &auth_scram_sha_256, &auth_scram_sha_1_plus,
  &auth_scram_sha_1,   &auth_plain,
  &auth_login,         &auth_ntlm,
  &auth_cram_md5,      NULL,
};

const char *
mechanism_text (const struct attempt *attempt, const char *setting) {
  const struct ptn_config *config = attempt->request->config;
  return config ? attempt->auth->host->text (config, setting) : NULL;
}

bool
mechanism_is_on (const struct attempt *attempt, const char *setting) {
  const struct ptn_config *config = attempt->request->config;
  return config && attempt->auth->host->number (config, setting);
}

/* ---- As postern.sasl/1 ------------------------------------------------------------------- */

struct provided {
  const struct mechanism *mechanism;
  struct ptn_sasl_request request; /* a copy */
  struct attempt attempt;
  void *exchange;
};

static ptn_status
provided_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                void **result) {
  const struct auth_own *own = instance;
  struct provided *provided = g_new0 (struct provided, 1);
  provided->mechanism = own->mechanism;
  memcpy (&provided->request, request, MIN (request->size, sizeof provided->request));
  provided->request.size = sizeof provided->request;
  attempt_init (&provided->attempt, own->auth, &provided->request);
  const ptn_status status = own->mechanism->start (&provided->attempt, &provided->exchange);
  if (status != PTN_OK) {
    attempt_clear (&provided->attempt);
    g_free (provided);
    return status;
  }
  *result = provided;
  return PTN_OK;
}

static ptn_status
provided_step (void *data, struct ptn_call *call, struct ptn_bytes response,
               struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct provided *provided = data;
  struct attempt *attempt = &provided->attempt;
  *challenge = (struct ptn_bytes){ NULL, 0 };
  const ptn_status status =
      provided->mechanism->step (provided->exchange, call->task, response, challenge);
  if (status == PTN_END) {
    attempt_succeeded (attempt);
    *identity = &attempt->identity;
  } else if (status < 0) {
    attempt->auth->host->fail (call->task, status, NULL, "%s",
                               attempt->reason ? attempt->reason : "malformed response");
  }
  return status;
}

static void
provided_finish (void *data) {
  struct provided *provided = data;
  provided->mechanism->finish (provided->exchange);
  attempt_clear (&provided->attempt);
  g_free (provided);
}

static int32_t
provided_available (void *instance, const struct ptn_sasl_request *request) {
  const struct auth_own *own = instance;
  return !own->mechanism->available || own->mechanism->available (own->auth, request);
}

ptn_status
mechanisms_provide (struct auth *auth) {
  for (size_t i = 0; auth_mechanisms[i]; i++) {
    const struct mechanism *mechanism = auth_mechanisms[i];
    g_assert (i < G_N_ELEMENTS (auth->own));
    auth->own[i] = (struct auth_own){ auth, mechanism };
    const struct ptn_sasl_mechanism table = {
      .size = sizeof table,
      .flags = mechanism->flags,
      .name = mechanism->name,
      .start = provided_start,
      .step = provided_step,
      .finish = provided_finish,
      .schemes = mechanism->schemes,
      .available = provided_available,
    };
    const ptn_status status =
        auth->host->provide (auth->host, PTN_SASL_ID, NULL, &table, &auth->own[i]);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}
