/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - MODULE NAME=VALUE...: prints the accounts of a directory as list_accounts tells them, a
 * line each, and an empty line between its answers; for tests against real servers. */
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main (int count, char **arguments) {
  if (count < 2)
    return 2;
  struct harness *harness = harness_new ();
  const struct ptn_host *host = harness_host (harness);
  if (harness_load (harness, arguments[1], (const char *const *)arguments + 2) != PTN_OK
      || harness_start (harness) != PTN_OK)
    return 1;
  const struct ptn_binding found = harness_find (harness, PTN_DIRECTORY_ID, NULL);
  const struct ptn_directory *directory = found.table;
  struct ptn_call call = { .task = harness_task_new (harness) };
  char after[1024] = "";
  struct ptn_strings names;
  ptn_status status;
  while ((status = HARNESS_AWAIT (call.task,
                                  directory->list_accounts (found.instance, &call, after, &names)))
         == PTN_OK) {
    for (size_t i = 0; i < names.count; i++)
      puts (names.items[i]);
    puts ("");
    snprintf (after, sizeof after, "%s", names.items[names.count - 1]);
    host->call_end (&call);
  }
  if (status != PTN_END)
    fprintf (stderr, "%d: %s\n", status, host->failure_log (call.task));
  host->call_end (&call);
  harness_task_free (&call.task);
  harness_free (&harness);
  return status == PTN_END ? 0 : 1;
}
