/* SPDX-License-Identifier: Apache-2.0 */
/* errors.c - see errors.h.  Sorted when somebody looks. */
#include "config/errors.h"

#include <string.h>

struct config_errors {
  GPtrArray *all;
  size_t errors, warnings;
  bool sorted;
};

static void
error_free (void *data) {
  struct config_error *error = data;
  g_free (error->file);
  g_free (error->message);
  g_free (error);
}

struct config_errors *
config_errors_new (void) {
  struct config_errors *errors = g_new0 (struct config_errors, 1);
  errors->all = g_ptr_array_new_with_free_func (error_free);
  return errors;
}

void
config_errors_free (struct config_errors **handle) {
  if (!*handle)
    return;
  g_ptr_array_free ((*handle)->all, true);
  g_free (*handle);
  *handle = NULL;
}

static void
G_GNUC_PRINTF (5, 0) add (struct config_errors *errors, const char *file, unsigned line,
                          bool warning, const char *format, va_list list) {
  struct config_error *error = g_new0 (struct config_error, 1);
  error->file = g_strdup (file);
  error->line = line;
  error->warning = warning;
  error->message = g_strdup_vprintf (format, list);
  g_ptr_array_add (errors->all, error);
  errors->sorted = false;
  if (warning)
    errors->warnings++;
  else
    errors->errors++;
}

void
config_error (struct config_errors *errors, const char *file, unsigned line, const char *format,
              ...) {
  va_list list;
  va_start (list, format);
  add (errors, file, line, false, format, list);
  va_end (list);
}

void
config_warning (struct config_errors *errors, const char *file, unsigned line, const char *format,
                ...) {
  va_list list;
  va_start (list, format);
  add (errors, file, line, true, format, list);
  va_end (list);
}

size_t
config_errors_count (const struct config_errors *errors) {
  return errors->errors;
}

size_t
config_warnings_count (const struct config_errors *errors) {
  return errors->warnings;
}

/* g_ptr_array_sort is stable: what has the same place stays in the order of finding. */
static int
by_place (const void *a, const void *b) {
  const struct config_error *one = *(struct config_error *const *)a;
  const struct config_error *two = *(struct config_error *const *)b;
  int order = g_strcmp0 (one->file, two->file);
  return order ? order : (one->line > two->line) - (one->line < two->line);
}

const struct config_error *
config_errors_get (struct config_errors *errors, size_t index) {
  if (!errors->sorted)
    g_ptr_array_sort (errors->all, by_place);
  errors->sorted = true;
  return index < errors->all->len ? errors->all->pdata[index] : NULL;
}

char *
config_errors_text (struct config_errors *errors) {
  GString *text = g_string_new (NULL);
  const struct config_error *error;
  for (size_t i = 0; (error = config_errors_get (errors, i)); i++) {
    if (error->file && error->line)
      g_string_append_printf (text, "%s:%u: ", error->file, error->line);
    else if (error->file)
      g_string_append_printf (text, "%s: ", error->file);
    g_string_append_printf (text, "%s%s\n", error->warning ? "warning: " : "", error->message);
  }
  return g_string_free (text, false);
}
