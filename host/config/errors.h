/* SPDX-License-Identifier: Apache-2.0 */
/* errors.h - all that is wrong with a configuration, each with its file and line.
 *
 * Collected, not thrown: a check goes on after an error, so that a person can mend all of them
 * at once.  Ownership: config_errors_new/config_errors_free.  One thread. */
#ifndef HOST_CONFIG_ERRORS_H
#define HOST_CONFIG_ERRORS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct config_error {
  char *file;    /* NULL: of no file (a plugin that cannot be loaded from its default place) */
  unsigned line; /* from 1; 0: of the whole file */
  bool warning;
  char *message; /* one line; text from the file is escaped in it */
};
struct config_errors;

struct config_errors *config_errors_new (void);
void config_errors_free (struct config_errors **);

void config_error (struct config_errors *, const char *file, unsigned line, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
void config_warning (struct config_errors *, const char *file, unsigned line, const char *format,
                     ...) G_GNUC_PRINTF (4, 5);

size_t config_errors_count (const struct config_errors *); /* errors without warnings */
size_t config_warnings_count (const struct config_errors *);
/* By index, errors and warnings in order of file and line; NULL behind the last. */
const struct config_error *config_errors_get (struct config_errors *, size_t index);
/* "FILE:LINE: message\n" for each, warnings with "warning: " before the message; g_free it. */
char *config_errors_text (struct config_errors *);

#endif
