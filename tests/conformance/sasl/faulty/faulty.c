/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

struct ptn_sasl_mechanism good;
void *good_instance;

static struct ptn_sasl_mechanism broken;
static const struct fault *chosen;

/* ---- Wrapped exchanges ------------------------------------------------------------------- */

static ptn_status
start (void *instance, struct ptn_call *call, const struct ptn_sasl_request *request,
       void **exchange) {
  struct wrapped *wrapped = g_new0 (struct wrapped, 1);
  const ptn_status status = good.start (instance, call, request, &wrapped->inner);
  if (status == PTN_OK)
    *exchange = wrapped;
  else
    g_free (wrapped);
  return status;
}

ptn_status
good_step (struct wrapped *wrapped, struct ptn_call *call, struct ptn_bytes response,
           struct ptn_bytes *challenge, const struct ptn_identity **identity) {
  return good.step (wrapped->inner, call, response, challenge, identity);
}

static ptn_status
step (void *exchange, struct ptn_call *call, struct ptn_bytes response, struct ptn_bytes *challenge,
      const struct ptn_identity **identity) {
  struct wrapped *wrapped = exchange;
  wrapped->steps++;
  wrapped->task = call->task;
  return (chosen && chosen->step ? chosen->step : good_step) (wrapped, call, response, challenge,
                                                              identity);
}

static void
finish (void *exchange) {
  struct wrapped *wrapped = exchange;
  if (chosen && chosen->finish)
    chosen->finish (wrapped);
  good.finish (wrapped->inner);
  if (wrapped->copy)
    explicit_bzero (wrapped->copy, wrapped->size);
  g_free (wrapped->copy);
  explicit_bzero (wrapped, sizeof *wrapped);
  g_free (wrapped);
}

/* ---- The plugin -------------------------------------------------------------------------- */

static ptn_status
between_provide (const struct ptn_host *own, const char *id, const char *name, const void *table,
                 void *instance) {
  (void)own;
  if (strcmp (id, PTN_SASL_ID) != 0)
    return host->provide (host, id, name, table, instance);
  memcpy (&good, table, MIN (sizeof good, *(const uint32_t *)table));
  good_instance = instance;
  broken = good;
  broken.start = start;
  broken.step = step;
  broken.finish = finish;
  if (chosen && chosen->change)
    chosen->change (&broken);
  return host->provide (host, id, NULL, &broken, instance);
}

static bool
choose (const char *rule) {
  const struct fault *const lists[] = { table_faults, step_faults };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const struct fault *fault = lists[i]; fault->rule; fault++)
      if (strcmp (fault->rule, rule) == 0)
        chosen = fault;
  return chosen != NULL;
}

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  static const struct wrapper wrapper = {
    .name = "sasl-faulty",
    .summary = "A good mechanism with one fault: a test of tests.",
    .variable = "FAULTY_SASL",
    .choose = choose,
    .provide = between_provide,
  };
  return wrapper_entry (&wrapper, host_abi_major, host_abi_minor);
}
