/* SPDX-License-Identifier: Apache-2.0 */
/* texts.c - the configuration's files: postern.conf and conf.d beside it. */
#include "config/values.h"
#include "log/escape.h"

#include <string.h>

#define FILE_LIMIT (4 * 1024 * 1024)

static void
add_file (GArray *items, const char *path, const struct config_options *options,
          struct config_errors *errors) {
  g_autoptr (GError) error = NULL;
  char *data = NULL;
  size_t size = 0;
  if (!config_read_file (options, path, &data, &size, &error)) {
    g_autofree char *shown = escape_dup (error->message);
    config_error (errors, path, 0, "%s", shown);
    return;
  }
  if (size > FILE_LIMIT) {
    config_error (errors, path, 0, "is larger than 4 MiB");
    g_free (data);
    return;
  }
  struct config_text text = { g_strdup (path), data, size };
  g_array_append_val (items, text);
}

static int
by_name (const void *a, const void *b) {
  return strcmp (*(char *const *)a, *(char *const *)b);
}

static void
add_folder (GArray *items, const char *folder, const struct config_options *options,
            struct config_errors *errors) {
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &error);
  if (!dir) {
    if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      config_error (errors, folder, 0, "%s", error->message);
    return;
  }
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  for (const char *name; (name = g_dir_read_name (dir));)
    if (*name != '.' && g_str_has_suffix (name, ".conf"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, by_name);
  for (unsigned i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);
    add_file (items, path, options, errors);
  }
}

struct config_texts *
config_texts_read (const char *path, const struct config_options *options,
                   struct config_errors *errors) {
  g_autofree char *file = g_canonicalize_filename (path, NULL);
  g_autofree char *parent = g_path_get_dirname (file);
  g_autofree char *folder = g_build_filename (parent, "conf.d", NULL);
  GArray *items = g_array_new (false, false, sizeof (struct config_text));
  add_file (items, file, options, errors);
  if (items->len == 0) { /* paths still begin beside it */
    struct config_text text = { g_strdup (file), g_strdup (""), 0 };
    g_array_append_val (items, text);
  }
  add_folder (items, folder, options, errors);
  struct config_texts *texts = g_new0 (struct config_texts, 1);
  texts->count = items->len;
  texts->items = (struct config_text *)g_array_free (items, false);
  return texts;
}

void
config_texts_free (struct config_texts **handle) {
  struct config_texts *texts = *handle;
  if (!texts)
    return;
  *handle = NULL;
  for (size_t i = 0; i < texts->count; i++) {
    explicit_bzero ((char *)texts->items[i].data, texts->items[i].size);
    g_free ((char *)texts->items[i].data);
    g_free ((char *)texts->items[i].file);
  }
  g_free (texts->items);
  g_free (texts);
}

struct config *
config_load (const char *path, const struct config_options *options, struct config_errors *errors) {
  struct config_texts *texts = config_texts_read (path, options, errors);
  struct config *config = config_parse (texts->items, texts->count, options, errors);
  config_texts_free (&texts);
  return config;
}
