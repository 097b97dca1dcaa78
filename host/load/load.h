/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - plugins: loading, configuring, starting, finding each other, stopping.
 *
 * Life of a loader, all of it on one thread [setup]:
 *   loader_new - loader_load - loader_start - { loader_reload } - loader_stop - loader_free
 * A shared object is never unloaded; loader_free frees what is ours.
 *
 * Plugins are started in configured order, but a plugin that is found by another one's start
 * is started before `find` returns: providers are always up before those that find them.  They
 * are stopped in the reverse of that order.
 *
 * A plugin that is not required and cannot be loaded, configured or started is left out: what
 * it provided disappears, the log and postern_plugin_up say so, and the rest goes on.  Those
 * that the supervisor has seen crash or hang are named in `left_out` and not even opened.
 *
 * Plugin numbers (engine_enter, struct load_note) count from 1 in the order of
 * config.plugins of the config the loader began with; 0 is the host. */
#ifndef HOST_LOAD_LOAD_H
#define HOST_LOAD_LOAD_H

#include "config/config.h"
#include "engine/engine.h"
#include "log/log.h"
#include "log/metrics.h"

#include <postern/postern.h>

struct loader;

/* In memory shared with the supervisor: what the setup thread is about. */
enum load_phase {
  LOAD_NOTHING,
  LOAD_LOADING, /* dlopen and the entry function */
  LOAD_CONFIGURING,
  LOAD_STARTING,
  LOAD_RELOADING,
  LOAD_STOPPING
};
struct load_note {
  _Atomic uint32_t plugin; /* number; 0: none */
  _Atomic uint32_t phase;  /* enum load_phase; stored after `plugin` and `since` */
  _Atomic int64_t since;   /* monotonic ns */
};
const char *load_phase_name (uint32_t phase);

struct load_left_out {
  const char *label;  /* config_plugin.label */
  const char *reason; /* for people: "crashed in start (SIGSEGV)" */
};

struct loader_settings {
  struct config *config; /* of phase 1; the loader takes a reference */
  struct logger *logger; /* outlives the loader, as do the others */
  struct metrics *metrics;
  struct engine *engine; /* NULL: --check, --describe: nothing is started */
  ptn_status (*claim) (struct ptn_task *, const char *account); /* session_claim of host/net */
  void (*unclaim) (struct ptn_task *);                          /* session_unclaim */
  const struct load_left_out *left_out; /* borrowed until loader_load returns */
  size_t left_out_count;
  struct load_note *note; /* NULL: nobody is watching */
  bool check_files;       /* see struct config_checks */
  bool strict;            /* a person asks: mistakes in the section of a plugin that is not
                             required are errors too, not only a reason to leave it out */
};
struct loader *loader_new (const struct loader_settings *);
void loader_free (struct loader **);

/* An interface of the host itself ("postern.stream/1"); before loader_load.  The table is
 * copied as a plugin's is. */
void loader_provide (struct loader *, const char *id, const char *name, const void *table,
                     void *instance);

/* Opens, checks and configures every plugin, and phases 2 and 3 of the configuration.  Writes
 * nothing but log lines.  False: errors say why; loader_start must not follow. */
bool loader_load (struct loader *, struct config_errors *);
/* Makes the state directories, then starts.  False: a required plugin failed (it is in the
 * log and in errors); those that were started have been stopped again. */
bool loader_start (struct loader *, struct config_errors *);
/* Instead of loader_start: starts this one plugin (its number), and on the way those it finds;
 * several may be started so, one after the other.  Number 0: nothing to do.  False: errors. */
bool loader_start_one (struct loader *, uint32_t plugin, struct config_errors *);
/* Every session is closed.  Stops and destroys, last started first. */
void loader_stop (struct loader *);

/* Phases 2 and 3 for a new config, against the plugins that are loaded.  True: it could be
 * taken over.  What needs a restart (another list of plugins, a module, settings of a plugin
 * without `reload`) is a warning. */
bool loader_check (struct loader *, struct config *, struct config_errors *);
/* Takes a checked config over, in a task of the caller's: called again after PTN_PENDING with
 * the same config.  Plugins whose settings are as before are not called.  All or nothing: when
 * one refuses (in the log), those that have taken theirs get the old ones back, and PTN_E_INVALID
 * is returned. [task] */
ptn_status loader_reload (struct loader *, struct ptn_task *, struct config *);

/* --- what is there [any, from loader_load on; the set changes only in load, start, stop] --- */

struct load_provider {
  const char *id, *name;
  const void *table; /* our copy: as large as this host's header says, zeroed behind size */
  void *instance;
  uint32_t plugin; /* number for engine_enter; 0: the host itself */
};
/* As ptn_host.find; name NULL: the chosen or the first.  NULL: none. */
const struct load_provider *loader_find (struct loader *, const char *id, const char *name);
/* The next provider of an id after `previous` (NULL: the first), in configured order. */
const struct load_provider *loader_next (struct loader *, const char *id,
                                         const struct load_provider *previous);

enum load_state {
  LOAD_STATE_NEW,
  LOAD_STATE_LOADED,
  LOAD_STATE_CONFIGURED,
  LOAD_STATE_STARTING,
  LOAD_STATE_RUNNING,
  LOAD_STATE_STOPPED,
  LOAD_STATE_FAILED,  /* reason says why */
  LOAD_STATE_LEFT_OUT /* by the supervisor's wish */
};
struct load_info {
  const char *label, *name, *version, *summary; /* version, summary: "" before LOADED */
  const char *module;                           /* path that was opened, or looked for */
  enum load_state state;
  const char *reason; /* "" unless FAILED or LEFT_OUT */
  bool required;
};
size_t loader_count (const struct loader *);
void loader_info (const struct loader *, size_t index, struct load_info *); /* plugin index + 1 */
const char *load_state_name (enum load_state);

#endif
