/* SPDX-License-Identifier: Apache-2.0 */
/* trouble.c - how the store says that something went wrong. */
#include "maildir.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

ptn_status
trouble (const struct store *store, struct ptn_task *task, ptn_status status, const char *format,
         ...) {
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (task)
    return store->host->fail (task, status, NULL, "%s", text);
  struct ptn_field field = { "error", text };
  store->host->log (store->host, PTN_LOG_ERROR, NULL, "maildir.failed", &field, 1);
  return status;
}

ptn_status
trouble_errno (const struct store *store, struct ptn_task *task, const char *what,
               const char *path) {
  return trouble (store, task, PTN_E_TEMPORARY, "%s %s: %s", what, path, strerror (errno));
}

void
complain (const struct store *store, ptn_level level, const char *event, const char *account,
          const char *path, const char *error) {
  struct ptn_field fields[] = { { "account", account }, { "path", path }, { "error", error } };
  store->host->log (store->host, level, NULL, event, fields, G_N_ELEMENTS (fields));
}
