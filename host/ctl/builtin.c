/* SPDX-License-Identifier: Apache-2.0 */
/* builtin.c - see builtin.h. */
#include "ctl/builtin.h"

/* posternctl does not send these without a server; another client of a socket pair might. */
static ptn_status
run_nowhere (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  return PTN_E_UNSUPPORTED;
}

void
builtin_provide (struct loader *loader, const struct builtin_functions *functions, void *instance) {
  static const struct builtin_functions none = {
    run_nowhere, run_nowhere, run_nowhere, run_nowhere,
    run_nowhere, run_nowhere, run_nowhere, run_nowhere
  };
  const struct builtin_functions *run = functions ? functions : &none;
  const struct ptn_control commands[] = {
    { .name = "status",
      .help = "What the server is doing.",
      .columns = "name value",
      .run = run->status },
    { .name = "plugins",
      .help = "The configured plugins, their state, and why one is left out.",
      .columns = "plugin version state required module reason",
      .run = run->plugins },
    { .name = "sessions",
      .help = "How many sessions each listener serves.",
      .columns = "listener protocol sessions accepted",
      .run = run->sessions },
    { .name = "metrics",
      .help = "All metrics in Prometheus' text form.",
      .columns = "text",
      .run = run->metrics },
    { .name = "reload",
      .help = "Checks the configuration and, if it has no error, takes it over.",
      .run = run->reload },
    { .name = "log-level",
      .arguments = "[debug|info|notice|warning|error]",
      .help = "Shows or sets what is logged, until the next reload.",
      .columns = "level",
      .run = run->log_level },
    { .name = "conformance",
      .arguments = "[LISTENER] [--account ADDRESS]",
      .help = "Which standards each listener keeps, and why not where it does not; with an address "
              "as that account finds it.",
      .columns = "listener protocol document feature state title why",
      .run = run->conformance },
    { .name = "conformance page",
      .arguments = "[LISTENER] [--account ADDRESS]",
      .help = "The same as a page in Markdown.",
      .columns = "text",
      .run = run->conformance_page },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
    struct ptn_control table = commands[i];
    table.size = sizeof table;
    loader_provide (loader, PTN_CONTROL_ID, table.name, &table, instance);
  }
}
