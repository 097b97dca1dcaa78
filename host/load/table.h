/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - tables of plugins, taken over with suspicion (DESIGN: the host copies each table into
 * zeroed memory, cut to min(sizes)).  Internal to host/load.  [setup] */
#ifndef HOST_LOAD_TABLE_H
#define HOST_LOAD_TABLE_H

#include "config/config.h"

#include <postern/postern.h>

struct plugin_table {
  void *object; /* of dlopen; never closed: code is not unloaded from a running process */
  struct ptn_plugin plugin;     /* our copy; `settings` is NULL in it */
  struct ptn_setting *settings; /* in our layout; NULL help became "" */
  size_t setting_count;
};

/* Opens the module and takes its table.  name: what the configuration calls the plugin; NULL:
 * any.  False: *problem (g_free it) says why.  The object stays loaded in any case. */
bool table_open (const char *path, const char *name, struct plugin_table *, char **problem);
/* The same for a table at hand; for tests. */
bool table_take (const struct ptn_plugin *, const char *name, struct plugin_table *,
                 char **problem);
void table_clear (struct plugin_table *);

/* Where a module is: a path with '/' as it is, else the first of the directories that has it,
 * else a path in the first directory.  g_free it. */
char *table_find_module (const char *module, const char *const *directories);

/* A copy of an interface's table, as large as this host knows it (or as it is, for an id that
 * the host does not know); g_free it.  NULL: *problem says what is wrong. */
void *interface_copy (const char *id, const void *table, char **problem);

#endif
