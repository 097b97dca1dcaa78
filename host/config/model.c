/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - phases 1 and 2: from sections to struct config. */
#include "config/model.h"
#include "config/suggest.h"
#include "log/escape.h"

#include <string.h>
#include <unistd.h>

const char *
config_default_path (void) {
  return POSTERN_CONFIG_FILE;
}

struct value_source
model_source (struct model *model) {
  return (struct value_source){ model->config.folder, &model->options };
}

void *
model_own (struct model *model, void *memory) {
  g_ptr_array_add (model->owned, memory);
  return memory;
}

char *
model_print (struct model *model, const char *format, ...) {
  va_list list;
  va_start (list, format);
  char *text = g_strdup_vprintf (format, list);
  va_end (list);
  return model_own (model, text);
}

static void
unref_settings (void *data) {
  struct ptn_config *settings = data;
  settings_unref (&settings);
}

static struct model *
model_new (const char *file, const struct config_options *options) {
  struct model *model = g_new0 (struct model, 1);
  model->references = 1;
  model->raw = raw_new ();
  model->owned = g_ptr_array_new_with_free_func (g_free);
  model->settings = g_ptr_array_new_with_free_func (unref_settings);
  if (options)
    model->options = *options;
  model->config.file = model_own (model, g_canonicalize_filename (file, NULL));
  model->config.folder = model_own (model, g_path_get_dirname (model->config.file));
  return model;
}

struct config *
config_ref (struct config *config) {
  atomic_fetch_add (&model_of (config)->references, 1);
  return config;
}

void
config_unref (struct config **handle) {
  struct config *config = *handle;
  *handle = NULL;
  if (!config || atomic_fetch_sub (&model_of (config)->references, 1) != 1)
    return;
  struct model *model = model_of (config);
  for (size_t i = 0; i < config->plugin_count; i++)
    settings_unref (&config->plugins[i].settings);
  for (size_t i = 0; i < config->listener_count; i++)
    settings_unref (&config->listeners[i].settings);
  g_free (config->lanes);
  g_free (config->certificates);
  g_free (config->plugins);
  g_free (config->listeners);
  g_ptr_array_free (model->settings, true);
  g_ptr_array_free (model->owned, true);
  raw_free (&model->raw);
  g_free (model);
}

struct ptn_config *
model_check_host (struct model *model, struct raw_section *section, const char *kind,
                  struct config_errors *errors) {
  struct setting_set set, others[4];
  struct value_source source = model_source (model);
  bool good = true, shared = strcmp (kind, "plugin") == 0 || strcmp (kind, "listener") == 0;
  size_t other_count = 0;
  host_setting_set (kind, &set);
  for (const char *const *other = host_section_kinds; *other; other++)
    if (strcmp (*other, kind) != 0)
      host_setting_set (*other, &others[other_count++]);
  struct section_rules rules = { &set, 1, others, other_count,
                                 shared ? UNKNOWN_IGNORE : UNKNOWN_ERROR };
  struct ptn_config *settings =
      section_check (section, kind, model->config.file, &rules, &source, errors, &good);
  g_ptr_array_add (model->settings, settings);
  return settings;
}

/* --- [server] ---------------------------------------------------------------------------- */

static const char *
own_name (struct model *model) {
  char name[256] = "";
  gethostname (name, sizeof name - 1);
  return model_print (model, "%s", *name ? name : "localhost");
}

static const char *const *
directories (struct model *model, const char *text) {
  const char *environment = g_getenv ("POSTERN_PLUGIN_DIRECTORY");
  if (!text)
    text = environment && *environment ? environment : POSTERN_PLUGIN_DIRECTORY;
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  const char **list = model_own (model, g_new0 (const char *, g_strv_length (parts) + 1));
  size_t count = 0;
  for (char **part = parts; *part; part++)
    if (**part)
      list[count++] = model_own (model, g_canonicalize_filename (*part, model->config.folder));
  return list;
}

static enum log_format
log_format (const char *word) {
  return strcmp (word, "text") == 0       ? LOG_FORMAT_TEXT
         : strcmp (word, "json") == 0     ? LOG_FORMAT_JSON
         : strcmp (word, "journald") == 0 ? LOG_FORMAT_JOURNALD
                                          : LOG_FORMAT_AUTO;
}

static void
check_pair (const char *certificate, const char *key, struct raw_section *section,
            struct config_errors *errors) {
  if (!certificate == !key)
    return;
  struct config_place place = raw_place (section, certificate ? "certificate" : "key");
  config_error (errors, place.file, place.line, "[%s] has a %s without its %s", section->title,
                certificate ? "certificate" : "key", certificate ? "key" : "certificate");
}

static void
read_server (struct model *model, struct config_errors *errors) {
  struct config_server *server = &model->config.server;
  struct raw_section *section = raw_find (model->raw, "server");
  struct ptn_config *settings = model_check_host (model, section, "server", errors);

  server->settings = settings;
  server->place = section ? section->place : (struct config_place){ model->config.file, 0 };
  server->name = settings_text (settings, "name");
  if (!server->name || !*server->name)
    server->name = own_name (model);
  server->user = settings_text (settings, "user");
  server->state_directory = settings_text (settings, "state_directory");
  server->run_directory = settings_text (settings, "run_directory");
  server->plugin_directories = directories (model, settings_text (settings, "plugin_directory"));
  server->workers = (unsigned)settings_number (settings, "workers");
  server->max_connections = (unsigned)settings_number (settings, "max_connections");
  server->max_connections_per_address =
      (unsigned)settings_number (settings, "max_connections_per_address");
  server->log.format = log_format (settings_text (settings, "log"));
  server->log.level = log_level_parse (settings_text (settings, "log_level"));
  server->log.file = settings_text (settings, "log_file");
  server->certificate = settings_text (settings, "certificate");
  server->key = settings_text (settings, "key");
  server->drain_time = settings_number (settings, "drain_time");
  if (section)
    check_pair (server->certificate, server->key, section, errors);
}

/* --- [lane], [certificate], [plugin] -------------------------------------------------------- */

static void
read_lane (struct model *model, struct raw_section *section, struct config_lane *lane,
           struct config_errors *errors) {
  struct ptn_config *settings = model_check_host (model, section, "lane", errors);
  lane->name = section->name;
  lane->threads = (unsigned)settings_number (settings, "threads");
  lane->queue = (unsigned)settings_number (settings, "queue");
}

static void
read_certificate (struct model *model, struct raw_section *section,
                  struct config_certificate *certificate, struct config_errors *errors) {
  static const char *const none[] = { NULL };
  struct ptn_config *settings = model_check_host (model, section, "certificate", errors);
  struct ptn_strings names = settings_words (settings, "names");
  certificate->place = section->place;
  certificate->name = section->name;
  certificate->names = names.items ? names.items : none;
  certificate->certificate = settings_text (settings, "certificate");
  certificate->key = settings_text (settings, "key");
}

static void
read_plugin (struct model *model, struct raw_section *section, struct config_plugin *plugin,
             struct config_errors *errors) {
  struct ptn_config *settings = model_check_host (model, section, "plugin", errors);
  const char *module = settings_text (settings, "module");
  plugin->place = section->place;
  plugin->name = section->name;
  plugin->instance = section->instance;
  plugin->label = *section->instance
                      ? model_print (model, "%s-%s", section->name, section->instance)
                      : section->name;
  if (!module || !*module)
    plugin->module = model_print (model, "%s.so", section->name);
  else if (strchr (module, '/'))
    plugin->module = model_own (model, g_canonicalize_filename (module, model->config.folder));
  else
    plugin->module = module;
  plugin->required = settings_number (settings, "required");
  plugin->state_directory =
      model_own (model,
                 g_build_filename (model->config.server.state_directory, plugin->label, NULL));
  for (size_t i = 0; &model->config.plugins[i] < plugin; i++)
    if (strcmp (model->config.plugins[i].label, plugin->label) == 0)
      config_error (errors, plugin->place.file, plugin->place.line,
                    "[%s] would share the name %s with the plugin of line %u", section->title,
                    plugin->label, model->config.plugins[i].place.line);
}

/* --- sections -------------------------------------------------------------------------------- */

static bool
kind_known (const struct raw_section *section, struct config_errors *errors) {
  struct suggestion suggestion;
  suggest_begin (&suggestion, section->kind);
  for (const char *const *kind = host_section_kinds; *kind; kind++) {
    if (strcmp (*kind, section->kind) == 0)
      return true;
    suggest_show (&suggestion, *kind);
  }
  g_autofree char *hint =
      suggestion.best ? g_strdup_printf ("; did you mean [%s%s%s]?", suggestion.best,
                                         section->words > 1 ? " " : "", section->name)
                      : g_strdup (": there are server, lane, certificate, plugin and listener");
  config_error (errors, section->place.file, section->place.line, "unknown section [%s]%s",
                section->title, hint);
  return false;
}

static bool
words_good (const struct raw_section *section, struct config_errors *errors) {
  bool server = strcmp (section->kind, "server") == 0;
  unsigned most = server ? 1 : strcmp (section->kind, "plugin") == 0 ? 3 : 2;
  if (section->words >= (server ? 1u : 2u) && section->words <= most)
    return true;
  if (server)
    config_error (errors, section->place.file, section->place.line,
                  "[%s]: there is one [server], without a name", section->title);
  else
    config_error (errors, section->place.file, section->place.line,
                  section->words == 1 ? "[%s] needs a name: [%s NAME]"
                                      : "[%s] has too many words: "
                                        "[%s NAME]",
                  section->title, section->kind);
  return false;
}

static size_t
count_kind (const struct raw *raw, const char *kind) {
  size_t count = 0;
  for (unsigned i = 0; i < raw->sections->len; i++)
    count += strcmp (((struct raw_section *)raw->sections->pdata[i])->kind, kind) == 0;
  return count;
}

static void
read_sections (struct model *model, struct config_errors *errors) {
  struct config *config = &model->config;
  const struct raw *raw = model->raw;
  config->lanes = g_new0 (struct config_lane, count_kind (raw, "lane"));
  config->certificates = g_new0 (struct config_certificate, count_kind (raw, "certificate"));
  config->plugins = g_new0 (struct config_plugin, count_kind (raw, "plugin"));
  config->listeners = g_new0 (struct config_listener, count_kind (raw, "listener"));
  for (unsigned i = 0; i < raw->sections->len; i++) {
    struct raw_section *section = raw->sections->pdata[i];
    if (!kind_known (section, errors) || !words_good (section, errors))
      continue;
    if (strcmp (section->kind, "lane") == 0)
      read_lane (model, section, &config->lanes[config->lane_count++], errors);
    else if (strcmp (section->kind, "certificate") == 0)
      read_certificate (model, section, &config->certificates[config->certificate_count++], errors);
    else if (strcmp (section->kind, "plugin") == 0)
      read_plugin (model, section, &config->plugins[config->plugin_count++], errors);
    else if (strcmp (section->kind, "listener") == 0)
      listener_read (model, section, &config->listeners[config->listener_count++], errors);
  }
}

struct config *
config_parse (const struct config_text *files, size_t count, const struct config_options *options,
              struct config_errors *errors) {
  struct model *model = model_new (count ? files[0].file : "postern.conf", options);
  for (size_t i = 0; i < count; i++)
    raw_add (model->raw, &files[i], errors);
  read_server (model, errors);
  read_sections (model, errors);
  return &model->config;
}

struct config_place
config_place_of (const struct config *config, const char *title, const char *key) {
  const struct raw_section *section = raw_find (model_of ((struct config *)config)->raw, title);
  return section ? raw_place (section, key) : (struct config_place){ config->file, 0 };
}

bool
config_check_plugin (struct config *config, struct config_plugin *plugin,
                     const struct ptn_setting *settings, size_t count,
                     struct config_errors *errors) {
  struct model *model = model_of (config);
  struct setting_set sets[2], others[4];
  size_t other_count = 0;
  host_setting_set ("plugin", &sets[0]);
  sets[0].quiet = true;
  sets[1] = (struct setting_set){ .settings = settings,
                                  .count = count,
                                  .scopes = 1u << PTN_SCOPE_PLUGIN };
  others[other_count++] = (struct setting_set){
    .settings = settings,
    .count = count,
    .scopes = 1u << PTN_SCOPE_PROTOCOL | 1u << PTN_SCOPE_LISTENER,
    .belongs = "[listener NAME]",
  };
  host_setting_set ("server", &others[other_count++]);
  host_setting_set ("listener", &others[other_count++]);
  struct section_rules rules = { sets, 2, others, other_count, UNKNOWN_ERROR };
  struct value_source source = model_source (model);
  g_autofree char *title =
      g_strjoin (" ", "plugin", plugin->name, *plugin->instance ? plugin->instance : NULL, NULL);
  bool good = true;
  settings_unref (&plugin->settings);
  plugin->settings = section_check (raw_find (model->raw, title), title, config->file, &rules,
                                    &source, errors, &good);
  if (!good)
    settings_unref (&plugin->settings);
  return good;
}
