/* SPDX-License-Identifier: Apache-2.0 */
/* failure.c - the two texts of a failure: one the client may see, one for the log.  They are
 * the last task_fail's, until the command is done. */
#include "internal.h"

/* A client text becomes part of a reply line: whatever came into it from a name or a path,
 * it must not end that line. */
static char *
one_line (const char *text) {
  char *copy = g_strdup (text);
  for (char *c = copy; c && *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      *c = '?';
  return copy;
}

ptn_status
task_failv (struct ptn_task *task, ptn_status status, const char *client_text,
            const char *log_format, va_list arguments) {
  /* The old texts may be among the arguments. */
  char *client = one_line (client_text);
  char *log = log_format ? g_strdup_vprintf (log_format, arguments) : NULL;
  failure_clear (task);
  task->client_text = client;
  task->log_text = log;
  return status;
}

ptn_status
task_fail (struct ptn_task *task, ptn_status status, const char *client_text,
           const char *log_format, ...) {
  va_list arguments;
  va_start (arguments, log_format);
  task_failv (task, status, client_text, log_format, arguments);
  va_end (arguments);
  return status;
}

void
failure_clear (struct ptn_task *task) {
  g_clear_pointer (&task->client_text, g_free);
  g_clear_pointer (&task->log_text, g_free);
}

const char *
task_failure_text (const struct ptn_task *task) {
  return task->client_text;
}

const char *
task_failure_log (const struct ptn_task *task) {
  return task->log_text;
}
