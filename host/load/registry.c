/* SPDX-License-Identifier: Apache-2.0 */
/* registry.c - who provides what.  Filled while plugins are configured; afterwards it only
 * shrinks, when a plugin fails to start.  After loader_start it is read without a lock. */
#include "load/internal.h"
#include "config/suggest.h"

#include <string.h>

static void
provider_free (void *data) {
  struct provider *provider = data;
  g_free (provider->id);
  g_free (provider->name);
  g_free (provider->copy);
  g_free (provider);
}

static void
names_free (void *data) {
  struct names *names = data;
  g_free (names->id);
  g_ptr_array_free (names->items, true);
  g_free (names);
}

void
registry_free (struct loader *loader) {
  for (unsigned i = 0; i < loader->providers->len; i++)
    provider_free (loader->providers->pdata[i]);
  for (unsigned i = 0; i < loader->lists->len; i++)
    names_free (loader->lists->pdata[i]);
  g_ptr_array_free (loader->providers, true);
  g_ptr_array_free (loader->lists, true);
}

static bool
id_good (const char *id) {
  const char *slash = id ? strchr (id, '/') : NULL;
  return slash && slash != id && strlen (id) <= 128 && g_ascii_isdigit (slash[1])
         && g_str_is_ascii (id);
}

/* A protocol and a mechanism are found by the name in their table; `name` may be NULL. */
static const char *
own_name (const char *id, const char *name, const void *copy, const struct plugin *plugin) {
  if (strcmp (id, PTN_PROTOCOL_ID) == 0)
    return ((const struct ptn_protocol *)copy)->name;
  if (strcmp (id, PTN_SASL_ID) == 0)
    return ((const struct ptn_sasl_mechanism *)copy)->name;
  if (strcmp (id, PTN_CONTROL_ID) == 0)
    return ((const struct ptn_control *)copy)->name;
  if (name && *name)
    return name;
  return plugin ? plugin->config->label : "host";
}

/* What the failure of configure will be put down to, if it fails. */
static void
complain (struct loader *loader, struct plugin *plugin, const char *problem) {
  pthread_mutex_lock (&loader->lock);
  g_free (plugin->complaint);
  plugin->complaint = g_strdup (problem);
  pthread_mutex_unlock (&loader->lock);
}

static ptn_status
refuse_provide (struct loader *loader, struct plugin *plugin, const char *id, const char *problem) {
  const struct ptn_field fields[] = { { "interface", id }, { "error", problem } };
  logger_write (loader->settings.logger, PTN_LOG_ERROR, plugin ? plugin->config->label : NULL,
                "plugin.provide-refused", NULL, 0, fields, 2);
  if (plugin)
    complain (loader, plugin, problem);
  return PTN_E_INVALID;
}

/* Instances of one plugin may share a name between them: they settle it with PTN_E_EXISTS, which is
 * no news to the log unless one of them does not know how. */
static ptn_status
refuse_twin (struct loader *loader, struct plugin *plugin, const struct plugin *other,
             const char *id, const char *problem) {
  if (plugin && other && strcmp (plugin->config->name, other->config->name) == 0)
    complain (loader, plugin, problem);
  else
    refuse_provide (loader, plugin, id, problem);
  return PTN_E_EXISTS;
}

ptn_status
registry_provide (struct loader *loader, struct plugin *plugin, const char *id, const char *name,
                  const void *table, void *instance) {
  char *problem = NULL;
  if (!id_good (id))
    return refuse_provide (loader, plugin, "?", "the id is not of the form name/revision");
  void *copy = interface_copy (id, table, &problem);
  if (!copy) {
    ptn_status status = refuse_provide (loader, plugin, id, problem);
    g_free (problem);
    return status;
  }
  name = own_name (id, name, copy, plugin);
  for (unsigned i = 0; i < loader->providers->len; i++) {
    const struct provider *other = loader->providers->pdata[i];
    if (!other->withdrawn && strcmp (other->id, id) == 0 && strcmp (other->name, name) == 0) {
      g_autofree char *text =
          g_strdup_printf ("%s is provided by %s already", name,
                           other->plugin ? other->plugin->config->label : "the host");
      g_free (copy);
      return refuse_twin (loader, plugin, other->plugin, id, text);
    }
  }
  struct provider *provider = g_new0 (struct provider, 1);
  provider->id = g_strdup (id);
  provider->name = g_strdup (name);
  provider->copy = copy;
  provider->plugin = plugin;
  provider->public = (struct load_provider){ provider->id, provider->name, copy, instance,
                                             plugin ? plugin->number : 0 };
  g_ptr_array_add (loader->providers, provider);
  loader->generation++;
  return PTN_OK;
}

void
registry_withdraw (struct loader *loader, const struct plugin *plugin) {
  for (unsigned i = 0; i < loader->providers->len; i++) {
    struct provider *provider = loader->providers->pdata[i];
    if (provider->plugin == plugin)
      provider->withdrawn = true;
  }
  loader->generation++;
}

/* --- choosing ------------------------------------------------------------------------------ */

/* "store" of "postern.store/1", if [server] knows that word. */
static char *
choice_word (struct config *config, const char *id) {
  static const char *const words[] = { "store", "directory", "credentials", "login", "delivery" };
  const char *slash = strchr (id, '/');
  if (!g_str_has_prefix (id, "postern.") || !slash)
    return NULL;
  g_autofree char *word = g_strndup (id + 8, (size_t)(slash - id) - 8);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (words[i], word) == 0)
      return g_steal_pointer (&word);
  return NULL;
}

static const char *
chosen_in (struct config *config, const char *id) {
  g_autofree char *word = choice_word (config, id);
  const char *value = word ? settings_text (config->server.settings, word) : NULL;
  return value && *value ? value : NULL;
}

const char *
registry_chosen (struct loader *loader, const char *id) {
  return chosen_in (loader->config, id);
}

/* The provider's own name, or that of its plugin. */
static bool
answers_to (const struct provider *provider, const char *name) {
  return strcmp (provider->name, name) == 0
         || (provider->plugin
             && (strcmp (provider->plugin->config->label, name) == 0
                 || strcmp (provider->plugin->config->name, name) == 0));
}

static bool
matches (const struct provider *provider, const char *id, const char *name, bool chosen) {
  if (provider->withdrawn || strcmp (provider->id, id) != 0)
    return false;
  if (!name)
    return true;
  return chosen ? answers_to (provider, name) : strcmp (provider->name, name) == 0;
}

/* A binding may be used once its plugin has been started; while plugins start, this starts it. */
static bool
make_ready (struct loader *loader, struct plugin *seeker, struct provider *provider) {
  struct plugin *plugin = provider->plugin;
  if (!plugin || plugin == seeker || plugin->state == LOAD_STATE_RUNNING)
    return true;
  if (plugin->state == LOAD_STATE_CONFIGURED && loader->starting)
    return plugin_start (plugin);
  if (plugin->state == LOAD_STATE_STARTING) {
    const struct ptn_field fields[] = { { "interface", provider->id },
                                        { "provider", plugin->config->label } };
    logger_write (loader->settings.logger, PTN_LOG_ERROR, seeker ? seeker->config->label : NULL,
                  "plugin.find-cycle", NULL, 0, fields, 2);
  }
  return false;
}

ptn_status
registry_find (struct loader *loader, struct plugin *seeker, const char *id, const char *name,
               struct ptn_binding *found) {
  bool chosen = false;
  if (!name) {
    name = registry_chosen (loader, id);
    chosen = name != NULL;
  }
  for (unsigned i = 0; i < loader->providers->len; i++) {
    struct provider *provider = loader->providers->pdata[i];
    if (matches (provider, id, name, chosen) && make_ready (loader, seeker, provider)) {
      *found = (struct ptn_binding){ provider->copy, provider->public.instance };
      return PTN_OK;
    }
  }
  return PTN_E_NOT_FOUND;
}

const struct load_provider *
loader_find (struct loader *loader, const char *id, const char *name) {
  bool chosen = false;
  if (!name) {
    name = registry_chosen (loader, id);
    chosen = name != NULL;
  }
  for (unsigned i = 0; i < loader->providers->len; i++) {
    struct provider *provider = loader->providers->pdata[i];
    if (matches (provider, id, name, chosen))
      return &provider->public;
  }
  return NULL;
}

const struct load_provider *
loader_next (struct loader *loader, const char *id, const struct load_provider *previous) {
  bool behind = previous == NULL;
  for (unsigned i = 0; i < loader->providers->len; i++) {
    struct provider *provider = loader->providers->pdata[i];
    if (behind && matches (provider, id, NULL, false))
      return &provider->public;
    behind |= &provider->public == previous;
  }
  return NULL;
}

/* --- names ----------------------------------------------------------------------------------- */

static struct names *
names_new (struct loader *loader, const char *id) {
  struct names *names = g_new0 (struct names, 1);
  names->id = g_strdup (id);
  names->generation = loader->generation;
  names->items = g_ptr_array_new ();
  for (unsigned i = 0; i < loader->providers->len; i++) {
    struct provider *provider = loader->providers->pdata[i];
    if (matches (provider, id, NULL, false))
      g_ptr_array_add (names->items, provider->name);
  }
  g_ptr_array_add (loader->lists, names);
  return names;
}

ptn_status
registry_list (struct loader *loader, const char *id, struct ptn_strings *result) {
  struct names *names = NULL;
  pthread_mutex_lock (&loader->lock);
  for (unsigned i = 0; i < loader->lists->len && !names; i++) {
    struct names *known = loader->lists->pdata[i];
    if (known->generation == loader->generation && strcmp (known->id, id) == 0)
      names = known;
  }
  if (!names)
    names = names_new (loader, id);
  pthread_mutex_unlock (&loader->lock);
  *result = (struct ptn_strings){ (const char *const *)names->items->pdata, names->items->len };
  return names->items->len ? PTN_OK : PTN_E_NOT_FOUND;
}

/* It is there, and its own error says why it is of no use. */
static bool
has_failed (const struct loader *loader, const char *name) {
  for (size_t i = 0; i < loader->count; i++) {
    const struct plugin *plugin = &loader->plugins[i];
    if (plugin->state == LOAD_STATE_FAILED
        && (strcmp (plugin->config->label, name) == 0 || strcmp (plugin->config->name, name) == 0))
      return true;
  }
  return false;
}

/* [server] store = X: is there such a store? */
void
registry_check_choices (struct loader *loader, struct config *config,
                        struct config_errors *errors) {
  static const char *const ids[] = { PTN_STORE_ID, PTN_DIRECTORY_ID, PTN_CREDENTIALS_ID,
                                     PTN_LOGIN_ID, PTN_DELIVERY_ID };
  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
    const char *chosen = chosen_in (config, ids[i]);
    struct suggestion suggestion;
    GString *known = g_string_new (NULL);
    bool found = false;
    suggest_begin (&suggestion, chosen ? chosen : "");
    for (unsigned j = 0; chosen && j < loader->providers->len; j++) {
      const struct provider *provider = loader->providers->pdata[j];
      if (!matches (provider, ids[i], NULL, false))
        continue;
      found |= answers_to (provider, chosen);
      g_string_append_printf (known, "%s%s", known->len ? ", " : "", provider->name);
      suggest_show (&suggestion, provider->name);
    }
    if (chosen && !found) {
      g_autofree char *word = choice_word (config, ids[i]);
      struct config_place place = config_place_of (config, "server", word);
      if (has_failed (loader, chosen))
        config_error (errors, place.file, place.line, "%s: [plugin %s] has errors", word, chosen);
      else
        config_error (errors, place.file, place.line,
                      "%s: no plugin provides one named \"%s\"; known are: %s%s%s%s", word, chosen,
                      known->len ? known->str : "none", suggestion.best ? "; did you mean " : "",
                      suggestion.best ? suggestion.best : "", suggestion.best ? "?" : "");
    }
    g_string_free (known, true);
  }
}
