/* SPDX-License-Identifier: Apache-2.0 */
/* harness.c - loading, the registry and the host table of the harness. */
#include "internal.h"

#include "event/hub.h"

#include <dlfcn.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_KEPT (1024 * 1024)

struct provider {
  char *id, *name;
  struct ptn_binding binding;
};

struct loaded {
  struct ptn_host host; /* first: the plugin's host pointer leads back here */
  struct harness *harness;
  const struct ptn_plugin *plugin;
  struct ptn_config *config;
  void *instance;
  char *state;
  bool configured, started;
};

struct harness {
  struct loaded bare;
  GPtrArray *plugins;   /* struct loaded */
  GPtrArray *providers; /* struct provider */
  GPtrArray *configs;   /* of listeners */
  GPtrArray *lists;
  char *state;
  bool remove_state;
  bool verbose;
  struct event_hub *events;
  pthread_mutex_t lock; /* of log and metrics: plugins' own threads come here too */
  GString *log;
  GHashTable *metrics; /* name, struct metric */
};

struct metric {
  int64_t sum;
};

/* As the host: a protocol, a mechanism and a command have the name that is in their table. */
static const char *
own_name (const char *id, const char *name, const void *table, const struct loaded *loaded) {
  if (strcmp (id, PTN_PROTOCOL_ID) == 0)
    return ((const struct ptn_protocol *)table)->name;
  if (strcmp (id, PTN_SASL_ID) == 0)
    return ((const struct ptn_sasl_mechanism *)table)->name;
  if (strcmp (id, PTN_CONTROL_ID) == 0)
    return ((const struct ptn_control *)table)->name;
  return name && *name ? name : loaded->plugin->name;
}

static ptn_status
host_provide (const struct ptn_host *host, const char *id, const char *name, const void *table,
              void *instance) {
  const struct loaded *loaded = (const struct loaded *)host;
  struct provider *provider = g_new0 (struct provider, 1);
  name = own_name (id, name, table, loaded);
  uint32_t size;
  memcpy (&size, table, sizeof size);
  *provider =
      (struct provider){ g_strdup (id), g_strdup (name), { g_memdup2 (table, size), instance } };
  g_ptr_array_add (loaded->harness->providers, provider);
  return PTN_OK;
}

static ptn_status
host_find (const struct ptn_host *host, const char *id, const char *name,
           struct ptn_binding *found) {
  const struct loaded *loaded = (const struct loaded *)host;
  if (strcmp (id, PTN_STREAM_ID) == 0) {
    *found = (struct ptn_binding){ &harness_stream_service, NULL };
    return PTN_OK;
  }
  for (guint i = 0; i < loaded->harness->providers->len; i++) {
    struct provider *provider = loaded->harness->providers->pdata[i];
    if (strcmp (provider->id, id) == 0 && (!name || g_strcmp0 (provider->name, name) == 0)) {
      *found = provider->binding;
      return PTN_OK;
    }
  }
  return PTN_E_NOT_FOUND;
}

static ptn_status
host_list (const struct ptn_host *host, const char *id, struct ptn_strings *names) {
  const struct loaded *loaded = (const struct loaded *)host;
  GPtrArray *list = g_ptr_array_new ();
  for (guint i = 0; i < loaded->harness->providers->len; i++) {
    struct provider *provider = loaded->harness->providers->pdata[i];
    if (strcmp (provider->id, id) == 0)
      g_ptr_array_add (list, provider->name);
  }
  g_ptr_array_add (loaded->harness->lists, list);
  *names = (struct ptn_strings){ (const char *const *)list->pdata, list->len };
  return PTN_OK;
}

static void
host_log (const struct ptn_host *host, ptn_level level, const struct ptn_task *task,
          const char *event, const struct ptn_field *fields, size_t count) {
  const struct loaded *loaded = (const struct loaded *)host;
  struct harness *harness = loaded->harness;
  (void)task;
  g_autoptr (GString) line = g_string_new (event);
  for (size_t i = 0; i < count; i++)
    g_string_append_printf (line, " %s=%s", fields[i].name, fields[i].value);
  pthread_mutex_lock (&harness->lock);
  if (harness->log->len > LOG_KEPT)
    g_string_truncate (harness->log, 0); /* nobody takes it */
  g_string_append_printf (harness->log, "%s\n", line->str);
  pthread_mutex_unlock (&harness->lock);
  if (harness->verbose)
    fprintf (stderr, "log %u %s: %s\n", level, loaded->plugin ? loaded->plugin->name : "-",
             line->str);
}

static int
host_logs (const struct ptn_host *host, ptn_level level) {
  (void)host;
  return level >= PTN_LOG_INFO;
}

char *
harness_log_take (struct harness *harness) {
  pthread_mutex_lock (&harness->lock);
  char *text = g_string_free (harness->log, FALSE);
  harness->log = g_string_new (NULL);
  pthread_mutex_unlock (&harness->lock);
  return text;
}

static struct ptn_metric *
host_metric (const struct ptn_host *host, ptn_metric_kind kind, const char *name,
             const char *help) {
  struct harness *harness = ((const struct loaded *)host)->harness;
  (void)kind;
  (void)help;
  pthread_mutex_lock (&harness->lock);
  struct metric *metric = g_hash_table_lookup (harness->metrics, name);
  if (!metric) {
    metric = g_new0 (struct metric, 1);
    g_hash_table_insert (harness->metrics, g_strdup (name), metric);
  }
  pthread_mutex_unlock (&harness->lock);
  return (struct ptn_metric *)metric;
}

static void
host_observe (struct ptn_metric *handle, int64_t value) {
  struct metric *metric = (struct metric *)handle;
  __atomic_add_fetch (&metric->sum, value, __ATOMIC_RELAXED);
}

int64_t
harness_metric (struct harness *harness, const char *name) {
  pthread_mutex_lock (&harness->lock);
  const struct metric *metric = g_hash_table_lookup (harness->metrics, name);
  pthread_mutex_unlock (&harness->lock);
  return metric ? __atomic_load_n (&metric->sum, __ATOMIC_RELAXED) : 0;
}

static void
fill_host (struct loaded *loaded, struct harness *harness) {
  struct ptn_host *host = &loaded->host;
  loaded->harness = harness;
  host->size = sizeof *host;
  host->abi_major = PTN_ABI_MAJOR;
  host->abi_minor = PTN_ABI_MINOR;
  host->version = "harness";
  host->state_directory = loaded->state;
  host->provide = host_provide;
  host->find = host_find;
  host->list = host_list;
  host->log = host_log;
  host->logs = host_logs;
  host->metric = host_metric;
  host->observe = host_observe;
  harness_fill_task_services (host);
  harness_fill_config_services (host);
}

struct harness *
harness_of (const struct ptn_host *host) {
  return ((const struct loaded *)host)->harness;
}

struct event_hub *
harness_hub (struct harness *harness) {
  return harness->events;
}

static void
provider_free (gpointer data) {
  struct provider *provider = data;
  g_free (provider->id);
  g_free (provider->name);
  g_free ((void *)provider->binding.table);
  g_free (provider);
}

struct harness *
harness_new (void) {
  struct harness *harness = g_new0 (struct harness, 1);
  harness->plugins = g_ptr_array_new ();
  harness->providers = g_ptr_array_new_with_free_func (provider_free);
  harness->configs = g_ptr_array_new_with_free_func ((GDestroyNotify)config_free);
  harness->lists = g_ptr_array_new_with_free_func ((GDestroyNotify)g_ptr_array_unref);
  harness->verbose = g_getenv ("HARNESS_LOG") != NULL;
  pthread_mutex_init (&harness->lock, NULL);
  harness->log = g_string_new (NULL);
  harness->metrics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  harness->events = harness_hub_new ();
  fill_host (&harness->bare, harness);
  return harness;
}

void
harness_set_state (struct harness *harness, const char *directory) {
  g_free (harness->state);
  harness->state = g_strdup (directory);
  harness->remove_state = false;
}

static const char *
state_of (struct harness *harness) {
  if (!harness->state) {
    harness->state = g_dir_make_tmp ("postern-harness-XXXXXX", NULL);
    harness->remove_state = true;
  }
  g_assert_nonnull (harness->state);
  return harness->state;
}

static void *
open_module (const char *module) {
  const char *folders = g_getenv ("POSTERN_PLUGIN_DIRECTORY");
  g_autofree char *error = NULL;
  if (strchr (module, '/') || !folders)
    folders = "";
  g_auto (GStrv) list = g_strsplit (folders, ":", -1);
  static char *none[] = { (char *)"", NULL };
  for (char **folder = *list ? list : none; *folder; folder++) {
    g_autofree char *path = **folder
                                ? g_strdup_printf ("%s/%s%s", *folder, module,
                                                   g_str_has_suffix (module, ".so") ? "" : ".so")
                                : g_strdup (module);
    void *handle = dlopen (path, RTLD_NOW | RTLD_LOCAL);
    if (handle)
      return handle;
    g_free (error);
    error = g_strdup (dlerror ());
  }
  g_error ("harness: %s: %s", module, error);
}

ptn_status
harness_load (struct harness *harness, const char *module, const char *const *settings) {
  void *handle = open_module (module);
  const struct ptn_plugin *(*entry) (uint32_t, uint32_t) = NULL;
  *(void **)&entry = dlsym (handle, "postern_plugin_entry");
  if (!entry)
    g_error ("harness: %s exports no postern_plugin_entry", module);
  struct loaded *loaded = g_new0 (struct loaded, 1);
  loaded->plugin = entry (PTN_ABI_MAJOR, PTN_ABI_MINOR);
  g_assert_nonnull (loaded->plugin);
  loaded->state = g_strdup_printf ("%s/%s", state_of (harness), loaded->plugin->name);
  g_mkdir_with_parents (loaded->state, 0700);
  fill_host (loaded, harness);
  loaded->config = config_new ();
  config_declare (loaded->config, loaded->plugin, false);
  for (; settings && *settings; settings++)
    config_set (loaded->config, *settings);
  g_ptr_array_add (harness->plugins, loaded);
  const ptn_status status =
      loaded->plugin->configure (&loaded->host, loaded->config, &loaded->instance);
  loaded->configured = status == PTN_OK;
  return status;
}

ptn_status
harness_reload (struct harness *harness, const char *plugin, const char *const *settings) {
  struct loaded *loaded = NULL;
  for (guint i = 0; i < harness->plugins->len; i++) {
    struct loaded *one = harness->plugins->pdata[i];
    if (strcmp (one->plugin->name, plugin) == 0)
      loaded = one;
  }
  if (!loaded || !PTN_CAN (loaded->plugin, reload))
    g_error ("harness: no plugin %s that can be reloaded", plugin);
  struct ptn_config *fresh = config_new ();
  config_declare (fresh, loaded->plugin, false);
  for (; settings && *settings; settings++)
    config_set (fresh, *settings);
  struct ptn_task *task = harness_task_new (harness);
  const ptn_status status = loaded->plugin->reload (loaded->instance, task, fresh);
  harness_task_free (&task);
  config_free (fresh);
  return status;
}

ptn_status
harness_start (struct harness *harness) {
  for (guint i = 0; i < harness->plugins->len; i++) {
    struct loaded *loaded = harness->plugins->pdata[i];
    if (loaded->started)
      continue;
    ptn_status status = loaded->plugin->start ? loaded->plugin->start (loaded->instance) : PTN_OK;
    if (status != PTN_OK)
      return status;
    loaded->started = true;
  }
  return PTN_OK;
}

void
harness_stop (struct harness *harness) {
  for (guint i = harness->plugins->len; i-- > 0;) {
    struct loaded *loaded = harness->plugins->pdata[i];
    if (loaded->started && PTN_CAN (loaded->plugin, stop))
      loaded->plugin->stop (loaded->instance);
  }
  harness_join_threads ();
  for (guint i = harness->plugins->len; i-- > 0;) {
    struct loaded *loaded = harness->plugins->pdata[i];
    if (loaded->configured && loaded->plugin->destroy)
      loaded->plugin->destroy (loaded->instance);
    config_free (loaded->config);
    g_free (loaded->state);
    g_free (loaded);
  }
  g_ptr_array_set_size (harness->plugins, 0);
  g_ptr_array_set_size (harness->providers, 0);
}

static int
remove_entry (const char *path, const struct stat *status, int kind, struct FTW *ftw) {
  (void)status;
  (void)kind;
  (void)ftw;
  return remove (path);
}

void
harness_free (struct harness **pointer) {
  struct harness *harness = *pointer;
  if (!harness)
    return;
  harness_stop (harness);
  if (harness->remove_state)
    nftw (harness->state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  if (event_hub_count (harness->events))
    g_error ("harness: %u subscriptions were not ended", event_hub_count (harness->events));
  event_hub_free (&harness->events);
  g_ptr_array_unref (harness->plugins);
  g_ptr_array_unref (harness->providers);
  g_ptr_array_unref (harness->configs);
  g_ptr_array_unref (harness->lists);
  g_string_free (harness->log, TRUE);
  g_hash_table_unref (harness->metrics);
  pthread_mutex_destroy (&harness->lock);
  g_free (harness->state);
  g_free (harness);
  *pointer = NULL;
}

struct ptn_binding
harness_find (struct harness *harness, const char *id, const char *name) {
  struct ptn_binding found;
  if (host_find (&harness->bare.host, id, name, &found) != PTN_OK)
    g_error ("harness: nobody provides %s %s", id, name ? name : "");
  return found;
}

const struct ptn_host *
harness_host (struct harness *harness) {
  return &harness->bare.host;
}

const struct ptn_config *
harness_listener (struct harness *harness, const char *const *settings) {
  struct ptn_config *config = config_new ();
  for (guint i = 0; i < harness->plugins->len; i++)
    config_declare (config, ((struct loaded *)harness->plugins->pdata[i])->plugin, true);
  for (; settings && *settings; settings++)
    config_set (config, *settings);
  g_ptr_array_add (harness->configs, config);
  return config;
}
