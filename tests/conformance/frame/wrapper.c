/* SPDX-License-Identifier: Apache-2.0 */
/* wrapper.c - see wrapper.h. */
#include "wrapper.h"

#include <dlfcn.h>

const struct ptn_host *host;

static const struct wrapper *wrapper;
static const struct ptn_plugin *good_plugin;
static struct ptn_host between; /* what the good plugin takes for the host */

/* ---- Between the good one and the host --------------------------------------------------- */

static ptn_status
between_find (const struct ptn_host *own, const char *id, const char *name,
              struct ptn_binding *found) {
  (void)own;
  return host->find (host, id, name, found);
}

static ptn_status
between_list (const struct ptn_host *own, const char *id, struct ptn_strings *names) {
  (void)own;
  return host->list (host, id, names);
}

static void
between_log (const struct ptn_host *own, ptn_level level, const struct ptn_task *task,
             const char *event, const struct ptn_field *fields, size_t count) {
  (void)own;
  host->log (host, level, task, event, fields, count);
}

static int
between_logs (const struct ptn_host *own, ptn_level level) {
  (void)own;
  return host->logs (host, level);
}

static struct ptn_metric *
between_metric (const struct ptn_host *own, ptn_metric_kind kind, const char *name,
                const char *help) {
  (void)own;
  return host->metric (host, kind, name, help);
}

static ptn_status
between_spawn (const struct ptn_host *own, const char *name,
               ptn_status (*step) (void *, struct ptn_task *), void (*done) (void *),
               void *argument, struct ptn_task **task) {
  (void)own;
  return host->spawn (host, name, step, done, argument, task);
}

static void
between_publish (const struct ptn_host *own, const struct ptn_event *event) {
  (void)own;
  host->publish (host, event);
}

/* ---- The plugin -------------------------------------------------------------------------- */

static ptn_status
configure (const struct ptn_host *real, const struct ptn_config *config, void **instance) {
  const char *fault = real->text (config, "fault");
  host = real;
  if (!fault || (strcmp (fault, "none") != 0 && !wrapper->choose (fault))) {
    const struct ptn_field fields[] = { { "fault", fault ? fault : "" } };
    host->log (host, PTN_LOG_ERROR, NULL, "faulty.unknown", fields, 1);
    return PTN_E_INVALID;
  }
  between = *real;
  between.size = MIN (real->size, sizeof between);
  between.provide = wrapper->provide;
  between.find = between_find;
  between.list = between_list;
  between.log = between_log;
  between.logs = between_logs;
  between.metric = between_metric;
  between.spawn = between_spawn;
  between.publish = wrapper->publish ? wrapper->publish : between_publish;
  return good_plugin->configure (&between, config, instance);
}

/* The instance is the good one's: all else is, too. */
const struct ptn_plugin *
wrapper_entry (const struct wrapper *wanted, uint32_t host_abi_major, uint32_t host_abi_minor) {
  static struct ptn_setting settings[64] = {
    { .name = "fault",
      .type = PTN_SETTING_STRING,
      .default_value = "none",
      .help = "The id of the rule that is broken." },
  };
  static struct ptn_plugin plugin;
  const char *module = g_getenv (wanted->variable);
  void *handle = module ? dlopen (module, RTLD_NOW | RTLD_LOCAL) : NULL;
  const struct ptn_plugin *(*entry) (uint32_t, uint32_t) = NULL;
  if (handle)
    *(void **)&entry = dlsym (handle, "postern_plugin_entry");
  good_plugin = entry ? entry (host_abi_major, host_abi_minor) : NULL;
  if (!good_plugin || good_plugin->setting_count >= G_N_ELEMENTS (settings))
    return NULL;
  wrapper = wanted;
  memcpy (&plugin, good_plugin, MIN (good_plugin->size, sizeof plugin));
  plugin.size = sizeof plugin;
  plugin.name = wanted->name;
  plugin.summary = wanted->summary;
  for (size_t i = 0; i < good_plugin->setting_count; i++)
    memcpy (&settings[i + 1], (const char *)good_plugin->settings + i * good_plugin->setting_size,
            MIN (good_plugin->setting_size, sizeof settings[0]));
  plugin.settings = settings;
  plugin.setting_count = good_plugin->setting_count + 1;
  plugin.setting_size = sizeof settings[0];
  plugin.configure = configure;
  return &plugin;
}
