/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

#include <dlfcn.h>

struct ptn_sasl_mechanism good;
void *good_instance;
const struct ptn_host *host;

static struct ptn_sasl_mechanism broken;
static const struct fault *chosen;
static const struct ptn_plugin *good_plugin;
static struct ptn_host between; /* what the good plugin takes for the host */

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

static const struct fault *
find (const char *rule) {
  const struct fault *const lists[] = { table_faults, step_faults };
  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const struct fault *fault = lists[i]; fault->rule; fault++)
      if (strcmp (fault->rule, rule) == 0)
        return fault;
  return NULL;
}

static ptn_status
configure (const struct ptn_host *real, const struct ptn_config *config, void **instance) {
  host = real;
  between = *real;
  between.provide = between_provide;
  chosen = find (real->text (config, "fault"));
  return good_plugin->configure (&between, config, instance);
}

const struct ptn_plugin *
postern_plugin_entry (uint32_t major, uint32_t minor) {
  static struct ptn_plugin plugin;
  static struct ptn_setting settings[32];
  void *module = dlopen (g_getenv ("FAULTY_SASL"), RTLD_NOW | RTLD_LOCAL);
  const struct ptn_plugin *(*entry) (uint32_t, uint32_t) = NULL;
  if (module)
    *(void **)&entry = dlsym (module, "postern_plugin_entry");
  good_plugin = entry ? entry (major, minor) : NULL;
  if (!good_plugin || good_plugin->setting_count + 1 > G_N_ELEMENTS (settings))
    return NULL;
  memcpy (settings, good_plugin->settings, good_plugin->setting_count * sizeof *settings);
  settings[good_plugin->setting_count] = (struct ptn_setting){
    "fault", PTN_SETTING_STRING, 0, "none", "The rule that is broken.", NULL, 0, 0
  };
  plugin = *good_plugin;
  plugin.name = "sasl-faulty";
  plugin.settings = settings;
  plugin.setting_count++;
  plugin.configure = configure;
  return &plugin;
}
