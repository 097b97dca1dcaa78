/* SPDX-License-Identifier: Apache-2.0 */
/* parrot-plugin.c - "postern.login/1" for tests of the protocols' framing and answers, in the place
 * of the auth plugin.
 *
 * Its one mechanism, PARROT, answers a response with the same octets as challenge, but for
 * "status:-5" (fails so) and "end:DATA" (alice has proved it; DATA is the additional data).  The
 * password commands take "status:-5" as user name, with any password, and else let alice in.
 * An exchange belongs to the session. */
#include <postern/postern.h>

#include <stdlib.h>
#include <string.h>

#define ECHO_LIMIT (64 * 1024)

struct parrot {
  const struct ptn_host *host;
};

struct exchange {
  struct parrot *parrot;
  int password;
  size_t size;
  char said[ECHO_LIMIT];
};

static const struct ptn_identity alice = {
  .size = sizeof alice,
  .authcid = "alice",
  .authzid = "alice",
  .domain = "",
  .account = "alice",
};

static ptn_status
parrot_mechanisms (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
                   struct ptn_strings *names, uint32_t *plaintext) {
  static const char *const all[] = { "PARROT", "LOGIN", "NTLM" };
  *names = (struct ptn_strings){ all, 3 };
  *plaintext = 1;
  return PTN_OK;
}

static ptn_status
parrot_start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
              const char *mechanism, void **result) {
  struct parrot *parrot = instance;
  if (mechanism && strcmp (mechanism, "PARROT") != 0)
    return parrot->host->fail (call->task, PTN_E_UNSUPPORTED, NULL, "only PARROT");
  struct exchange *exchange = calloc (1, sizeof *exchange);
  if (!exchange)
    return PTN_E_NO_MEMORY;
  exchange->parrot = parrot;
  exchange->password = !mechanism;
  *result = exchange;
  return PTN_OK;
}

static ptn_status
parrot_step (void *state, struct ptn_call *call, struct ptn_bytes response,
             struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  struct exchange *exchange = state;
  const struct ptn_host *host = exchange->parrot->host;
  if (response.size >= sizeof exchange->said)
    return host->fail (call->task, PTN_E_INVALID, NULL, "too much");
  exchange->size = response.size;
  if (response.size)
    memcpy (exchange->said, response.data, response.size);
  exchange->said[response.size] = '\0';
  if (strncmp (exchange->said, "status:", 7) == 0)
    return host->fail (call->task, (ptn_status)atoi (exchange->said + 7), NULL, "it was asked for");
  if (strncmp (exchange->said, "end:", 4) == 0 || exchange->password) {
    *identity = &alice;
    if (!exchange->password)
      *challenge = (struct ptn_bytes){ exchange->said + 4, exchange->size - 4 };
    return PTN_END;
  }
  *challenge = (struct ptn_bytes){ exchange->said, exchange->size };
  return PTN_OK;
}

static const struct ptn_login table = {
  .size = sizeof table,
  .mechanisms = parrot_mechanisms,
  .start = parrot_start,
  .step = parrot_step,
  .finish = free,
};

static ptn_status
parrot_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct parrot *parrot = calloc (1, sizeof *parrot);
  if (!parrot)
    return PTN_E_NO_MEMORY;
  parrot->host = host;
  *instance = parrot;
  return host->provide (host, PTN_LOGIN_ID, "parrot", &table, parrot);
}

static ptn_status
parrot_start_up (void *instance) {
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "parrot",
  .version = "0",
  .summary = "Says what it is told.",
  .configure = parrot_configure,
  .start = parrot_start_up,
  .destroy = free,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return &plugin;
}
