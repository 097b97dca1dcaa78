/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - the loader's insides, shared by the files of host/load. */
#ifndef HOST_LOAD_INTERNAL_H
#define HOST_LOAD_INTERNAL_H

#include "load/load.h"
#include "load/table.h"

#include <pthread.h>

struct plugin;

/* What a plugin's `host` argument points to: the table first. */
struct plugin_host {
  struct ptn_host table;
  struct plugin *plugin;
};

struct plugin {
  struct loader *loader;
  uint32_t number;
  const struct config_plugin *config; /* of the config the loader began with */
  char *path;
  _Atomic int state; /* enum load_state; written by the setup thread */
  char *reason;      /* NULL unless FAILED or LEFT_OUT */
  char *complaint;   /* its warnings and errors while it is configured or started */
  char *missing;     /* the interface it looked for last in its start, and did not find */
  struct plugin_table table;
  struct plugin_host host;
  struct ptn_config *settings, *previous; /* in use; before the last reload */
  void *instance;
  bool reloaded;          /* in the reload in flight */
  bool configured;        /* instance is there: destroy must run */
  _Atomic uint32_t tasks; /* spawned and not yet done */
  struct ptn_metric *up;
};

struct provider {
  struct load_provider public; /* first */
  char *id, *name;
  void *copy;
  struct plugin *plugin; /* NULL: the host */
  bool withdrawn;
};

struct names { /* what host->list gives; kept until the loader goes */
  char *id;
  unsigned generation;
  GPtrArray *items;
};

struct loader {
  struct loader_settings settings;
  struct config *config;
  struct plugin *plugins;
  size_t count;
  GPtrArray *providers;         /* struct provider, in order of providing: configured order */
  GPtrArray *started;           /* struct plugin, in order of starting */
  unsigned generation;          /* of the set of providers that are not withdrawn */
  struct event_hub *events;     /* NULL without an engine */
  pthread_mutex_t lock;         /* of `lists`, and of plugins' complaints */
  GPtrArray *lists;             /* struct names */
  struct config_errors *errors; /* during load and start */
  bool starting;
  /* A reload in flight. */
  struct config *reloading;
  size_t reload_next;
  bool reload_refused;
};

/* note.c: what the setup thread is about, for the supervisor.  begin returns what end puts back. */
struct note_state {
  uint32_t plugin, phase, entered;
};
struct note_state note_begin (struct loader *, const struct plugin *, enum load_phase);
void note_end (struct loader *, struct note_state);

/* registry.c */
ptn_status registry_provide (struct loader *, struct plugin *, const char *id, const char *name,
                             const void *table, void *instance);
/* Starts providers on the way, while the loader is starting. */
ptn_status registry_find (struct loader *, struct plugin *seeker, const char *id, const char *name,
                          struct ptn_binding *);
ptn_status registry_list (struct loader *, const char *id, struct ptn_strings *);
void registry_withdraw (struct loader *, const struct plugin *);
void registry_free (struct loader *);
/* The word behind "postern." of an id that [server] may choose a provider for: its value. */
const char *registry_chosen (struct loader *, const char *id);
void registry_check_choices (struct loader *, struct config *, struct config_errors *);

/* host.c */
void host_assemble (struct plugin *);

/* life.c */
bool plugin_start (struct plugin *);
void plugin_fail (struct plugin *, const char *format, ...) G_GNUC_PRINTF (2, 3);
void plugin_destroy (struct plugin *);

/* scopes.c: what plugins add to listeners. */
bool scopes_check (struct loader *, struct config *, bool check_files, struct config_errors *);
/* Does the plugin declare a listener setting that an earlier one has?  g_free it; NULL: no. */
char *scopes_collision (struct loader *, const struct plugin *);

#endif
