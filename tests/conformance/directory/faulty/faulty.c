/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

#include <dlfcn.h>

struct ptn_directory good;
struct ptn_credentials good_credentials;
const struct ptn_host *host;

static struct ptn_directory broken;
static struct ptn_credentials broken_credentials;
static const struct fault *chosen; /* NULL: none */
static const struct ptn_plugin *good_plugin;
static struct ptn_host between; /* what the good one takes for the host */

const struct fault *const all_faults[] = { name_faults, secret_faults, waiting_faults, NULL };

const char *
keep (const char *text) {
  return g_intern_string (text);
}

/* ---- Between the good one and the host --------------------------------------------------- */

#define REPLACE(table, function)  \
  if (chosen && chosen->function) \
  (table).function = chosen->function

static void
break_directory (const struct ptn_directory *table) {
  memset (&good, 0, sizeof good);
  memcpy (&good, table, MIN (table->size, sizeof good));
  broken = good;
  broken.size = sizeof broken;
  REPLACE (broken, parse_login);
  REPLACE (broken, authorize);
  REPLACE (broken, resolve);
  REPLACE (broken, may_send_as);
  REPLACE (broken, list_accounts);
  REPLACE (broken, flush);
}

static void
break_credentials (const struct ptn_credentials *table) {
  memset (&good_credentials, 0, sizeof good_credentials);
  memcpy (&good_credentials, table, MIN (table->size, sizeof good_credentials));
  broken_credentials = good_credentials;
  broken_credentials.size = sizeof broken_credentials;
  broken_credentials.flags |= chosen ? chosen->flags : 0;
  REPLACE (broken_credentials, verify_password);
  REPLACE (broken_credentials, with_secret);
}

static ptn_status
between_provide (const struct ptn_host *own, const char *id, const char *name, const void *table,
                 void *instance) {
  if (strcmp (id, PTN_DIRECTORY_ID) == 0) {
    break_directory (table);
    return host->provide (host, id, name, &broken, instance);
  }
  if (strcmp (id, PTN_CREDENTIALS_ID) == 0) {
    break_credentials (table);
    return host->provide (host, id, name, &broken_credentials, instance);
  }
  return PTN_OK; /* commands of the good one are not tested here */
}

static ptn_status
between_find (const struct ptn_host *own, const char *id, const char *name,
              struct ptn_binding *found) {
  return host->find (host, id, name, found);
}

static ptn_status
between_list (const struct ptn_host *own, const char *id, struct ptn_strings *names) {
  return host->list (host, id, names);
}

static void
between_log (const struct ptn_host *own, ptn_level level, const struct ptn_task *task,
             const char *event, const struct ptn_field *fields, size_t count) {
  host->log (host, level, task, event, fields, count);
}

static int
between_logs (const struct ptn_host *own, ptn_level level) {
  return host->logs (host, level);
}

static struct ptn_metric *
between_metric (const struct ptn_host *own, ptn_metric_kind kind, const char *name,
                const char *help) {
  return host->metric (host, kind, name, help);
}

static ptn_status
between_spawn (const struct ptn_host *own, const char *name,
               ptn_status (*step) (void *, struct ptn_task *), void (*done) (void *),
               void *argument, struct ptn_task **task) {
  return host->spawn (host, name, step, done, argument, task);
}

/* ---- The plugin -------------------------------------------------------------------------- */

static bool
choose (const char *name) {
  chosen = NULL;
  for (size_t i = 0; all_faults[i]; i++)
    for (const struct fault *fault = all_faults[i]; fault->rule; fault++)
      if (strcmp (fault->rule, name) == 0)
        chosen = fault;
  return chosen || strcmp (name, "none") == 0;
}

static ptn_status
faulty_configure (const struct ptn_host *real, const struct ptn_config *config, void **instance) {
  const char *name = real->text (config, "fault");
  host = real;
  if (!name || !choose (name)) {
    const struct ptn_field fields[] = { { "fault", name ? name : "" } };
    host->log (host, PTN_LOG_ERROR, NULL, "faulty.unknown", fields, 1);
    return PTN_E_INVALID;
  }
  between = *real;
  between.size = MIN (real->size, sizeof between);
  between.provide = between_provide;
  between.find = between_find;
  between.list = between_list;
  between.log = between_log;
  between.logs = between_logs;
  between.metric = between_metric;
  between.spawn = between_spawn;
  return good_plugin->configure (&between, config, instance);
}

static ptn_status
faulty_start (void *instance) {
  return good_plugin->start ? good_plugin->start (instance) : PTN_OK;
}

static void
faulty_stop (void *instance) {
  if (PTN_CAN (good_plugin, stop))
    good_plugin->stop (instance);
}

static void
faulty_destroy (void *instance) {
  good_plugin->destroy (instance);
}

static struct ptn_setting settings[64] = {
  { .name = "fault",
    .type = PTN_SETTING_STRING,
    .default_value = "none",
    .help = "The id of the rule that is broken." },
};

static struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "directory-faulty",
  .version = "1",
  .summary = "A good directory with one fault: a test of tests.",
  .settings = settings,
  .setting_size = sizeof settings[0],
  .configure = faulty_configure,
  .start = faulty_start,
  .stop = faulty_stop,
  .destroy = faulty_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  const char *module = g_getenv ("FAULTY_DIRECTORY");
  void *handle = module ? dlopen (module, RTLD_NOW | RTLD_LOCAL) : NULL;
  const struct ptn_plugin *(*entry) (uint32_t, uint32_t) = NULL;
  if (handle)
    *(void **)&entry = dlsym (handle, "postern_plugin_entry");
  good_plugin = entry ? entry (host_abi_major, host_abi_minor) : NULL;
  if (!good_plugin)
    return NULL;
  plugin.setting_count = 1;
  for (size_t i = 0; i < good_plugin->setting_count && i + 1 < G_N_ELEMENTS (settings); i++) {
    memcpy (&settings[i + 1], (const char *)good_plugin->settings + i * good_plugin->setting_size,
            MIN (good_plugin->setting_size, sizeof settings[0]));
    plugin.setting_count++;
  }
  return &plugin;
}
