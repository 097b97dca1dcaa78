/* SPDX-License-Identifier: Apache-2.0 */
/* directories.h - all directories there are as one: a name, an address or a sender is looked for in
 * the chosen one ([server] directory), then in the others in the order of the configuration.
 *
 * Of ptn_directory it offers parse_login, resolve and may_send_as; the calls and their results follow
 * the rules of auth.h. */
#ifndef PLUGINS_COMMON_DIRECTORIES_H
#define PLUGINS_COMMON_DIRECTORIES_H

#include <postern/postern.h>

#define DIRECTORIES_LIMIT 16

struct directories {
  const struct ptn_host *host;
  struct ptn_binding list[DIRECTORIES_LIMIT];
  size_t count;
};

/* [setup, from start] *found: the only one itself, or all of them through `all`, which lives as long
 * as the plugin.  PTN_E_NOT_FOUND: there is none. */
ptn_status directories_find (const struct ptn_host *, struct directories *all,
                             struct ptn_binding *found);

#endif
