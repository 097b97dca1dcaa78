/* SPDX-License-Identifier: Apache-2.0 */
/* wrapper.h - a good plugin with one fault: what the negative controls of the kits share.
 *
 * The plugin loads a good one (a variable of the environment names the module) and stands between it
 * and the host: what the good one provides goes through `provide` of the kit's own faulty.c, which
 * replaces functions of its tables.  The setting `fault` names the rule that is broken.  There is one
 * instance in a process, so that all this is static; one thread, before serving. */
#ifndef CONFORMANCE_WRAPPER_H
#define CONFORMANCE_WRAPPER_H

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

extern const struct ptn_host *host; /* the real one */

struct wrapper {
  const char *name, *summary; /* of the faulty plugin */
  const char *variable;       /* of the environment: where the good one is */
  /* Before anything is provided: which fault is wanted; never "none".  false: there is no such. */
  bool (*choose) (const char *fault);
  /* In place of the host's; `own` is not the real one. */
  ptn_status (*provide) (const struct ptn_host *own, const char *id, const char *name,
                         const void *table, void *instance);
  void (*publish) (const struct ptn_host *own, const struct ptn_event *); /* NULL: the host's */
};

/* For postern_plugin_entry.  NULL: the good one cannot be loaded. */
const struct ptn_plugin *wrapper_entry (const struct wrapper *, uint32_t host_abi_major,
                                        uint32_t host_abi_minor);

#endif
