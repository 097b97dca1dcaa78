/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

#include <dlfcn.h>

struct ptn_store good;
void *good_instance;
const struct ptn_host *host;

static struct ptn_store broken;
static const struct fault *chosen[4];
static const struct ptn_plugin *good_plugin;
static struct ptn_host between; /* what the good store takes for the host */
static uint32_t lost, claims;

const struct fault *const all_faults[] = { mailbox_faults, message_faults, change_faults,
                                           waiting_faults, sharing_faults, NULL };

void *
keep (const void *data, size_t size) {
  static GPtrArray *kept;
  static GMutex lock;
  g_mutex_lock (&lock);
  if (!kept)
    kept = g_ptr_array_new ();
  void *copy = g_malloc (size);
  memcpy (copy, data, size);
  g_ptr_array_add (kept, copy);
  g_mutex_unlock (&lock);
  return copy;
}

/* --- a source for deliver_now ------------------------------------------------------------- */

struct text_source {
  struct ptn_source source;
  const char *text;
};

static ptn_status
text_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct text_source *text = (struct text_source *)source;
  size_t size = MIN (strlen (text->text), max);
  *chunk = (struct ptn_chunk){ .data = text->text, .size = size, .fd = -1 };
  text->text += size;
  return size ? PTN_OK : PTN_END;
}

static void
text_close (struct ptn_source *source) {
  (void)source;
}

void
deliver_now (struct ptn_call *c, const char *account, const char *text) {
  static const struct ptn_source_ops ops = { .size = sizeof ops,
                                             .read = text_read,
                                             .close = text_close };
  struct text_source source = { { &ops, (int64_t)strlen (text) }, text };
  const struct ptn_append append = { .size = sizeof append, .source = &source.source };
  const struct ptn_target target = { account, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  QUIETLY (c, good.deliver (good_instance, &call, &append, &target, 1, &result));
}

/* --- between the good store and the host ---------------------------------------------------- */

static void
replace (const struct fault *fault) {
  lost |= fault->lost;
  claims |= fault->claims;
  if (fault->member != SIZE_MAX)
    memcpy ((char *)&broken + fault->member, &fault->function, sizeof fault->function);
}

static ptn_status
between_provide (const struct ptn_host *own, const char *id, const char *name, const void *table,
                 void *instance) {
  (void)own;
  if (strcmp (id, PTN_STORE_ID) != 0)
    return PTN_OK; /* commands of the good store are not tested here */
  const struct ptn_store *store = table;
  memset (&good, 0, sizeof good);
  memcpy (&good, store, MIN (store->size, sizeof good));
  good_instance = instance;
  broken = good;
  for (size_t i = 0; i < G_N_ELEMENTS (chosen) && chosen[i]; i++)
    replace (chosen[i]);
  broken.capabilities |= claims;
  return host->provide (host, id, name, &broken, instance);
}

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
  struct ptn_event copy = *event;
  (void)own;
  copy.kinds &= ~lost;
  if (copy.kinds)
    host->publish (host, &copy);
}

/* --- the plugin ------------------------------------------------------------------------------- */

static bool
choose (const char *name) {
  size_t count = 0;
  memset (chosen, 0, sizeof chosen);
  for (size_t i = 0; all_faults[i]; i++)
    for (const struct fault *fault = all_faults[i]; fault->rule; fault++)
      if (strcmp (fault->rule, name) == 0 && count < G_N_ELEMENTS (chosen))
        chosen[count++] = fault;
  return count > 0;
}

static ptn_status
faulty_configure (const struct ptn_host *real, const struct ptn_config *config, void **instance) {
  const char *name = real->text (config, "fault");
  host = real;
  lost = claims = 0;
  if (!name || (strcmp (name, "none") != 0 && !choose (name))) {
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
  between.publish = between_publish;
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
  .name = "storage-faulty",
  .version = "1",
  .summary = "A good store with one fault: a test of tests.",
  .settings = settings,
  .setting_size = sizeof settings[0],
  .configure = faulty_configure,
  .start = faulty_start,
  .stop = faulty_stop,
  .destroy = faulty_destroy,
};

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  const char *module = g_getenv ("FAULTY_STORE");
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
