/* SPDX-License-Identifier: MIT */
/* plugin.h - what a shared object must export to be a plugin.  */
#ifndef PTN_PLUGIN_H
#define PTN_PLUGIN_H

#include "base.h"

PTN_BEGIN_DECLS

typedef uint32_t ptn_setting_type;
enum {
  PTN_SETTING_STRING = 1, /* any UTF-8 text */
  PTN_SETTING_INTEGER,    /* decimal, 64 bits, may be negative */
  PTN_SETTING_BOOLEAN,    /* yes no true false on off */
  PTN_SETTING_SIZE,       /* octets: 10 kB is 10000, 10 KiB 10240, M G T likewise; or unlimited */
  PTN_SETTING_DURATION,   /* 500ms 10s 5m 2h 30d, or 0; read by `number` in milliseconds */
  PTN_SETTING_PATH,       /* absolute, or relative to the configuration file's folder */
  PTN_SETTING_ENDPOINT,   /* host:port, [v6]:port, *:port or unix:/path */
  PTN_SETTING_SECRET,     /* never logged, never shown; "file:PATH" reads it from a file */
  PTN_SETTING_ENUM,       /* one of `choices` */
  PTN_SETTING_LIST        /* words divided by spaces or commas, each of `choices` if given */
};

enum {                         /* ptn_setting.scope */
       PTN_SCOPE_PLUGIN = 0,   /* [plugin NAME] */
       PTN_SCOPE_PROTOCOL = 1, /* each [listener ...] whose protocol this plugin provides */
       PTN_SCOPE_LISTENER = 2  /* every [listener ...] */
};

/* The host checks and parses settings from this list, refuses unknown names, and
 * prints the list for `--describe PLUGIN`, from which the manual page is made. */
struct ptn_setting { /* grows: arrays have a stride, ptn_plugin.setting_size */
  const char *name;  /* [a-z0-9_]+ */
  ptn_setting_type type;
  uint32_t required;         /* 0 or 1 */
  const char *default_value; /* as written in the file; NULL: none */
  const char *help;          /* one sentence */
  const char *choices;       /* ENUM and LIST: allowed words, divided by spaces; or NULL.  LIST,
                                "=ID": names of providers of this interface, in any case; others
                                are allowed too, and warned about */
  uint32_t scope;            /* PTN_SCOPE_* */
  uint32_t reserved;
};

/* The setting's line, or where its section begins, is named with the text, both borrowed: "NTLM is not
 * offered without ...". */
typedef void ptn_warn (void *to, const char *setting, const char *text);

/* A plugin may be configured several times ([plugin NAME INSTANCE]): two directories of
 * one kind, say.  `configure` runs once for each.
 * Life: configure - start - { reload } - stop - destroy.  All [setup] but reload.
 * configure, start and reload fail by returning an error after host->log said why.  A
 * configure that fails has freed what it made; after a start that fails only destroy runs;
 * after a reload that fails the old settings hold. */
struct ptn_plugin { /* table */
  uint32_t size;
  uint32_t abi_major, abi_minor; /* PTN_ABI_MAJOR, PTN_ABI_MINOR */
  uint32_t reserved;
  const char *name; /* [a-z0-9-]+, unique, as in plugins/NAME */
  const char *version;
  const char *summary;
  const struct ptn_setting *settings;
  size_t setting_count;
  size_t setting_size; /* sizeof (struct ptn_setting) */

  /* Read settings, call host->provide for every interface.  Must not start threads nor
   * write anything.  Also run by `--check`.  `host` and `config` live until destroy (a
   * reload brings a new config, and the old one lives on until the next reload). */
  ptn_status (*configure) (const struct ptn_host *host, const struct ptn_config *config,
                           void **instance);
  /* All plugins are configured: call host->find, open databases, start threads.
   * Providers are started before those that find them. */
  ptn_status (*start) (void *instance);
  /* Settings changed.  Either all of them take effect or none.  When another plugin refuses its
   * new ones, this is called once more with the old.  Optional. [task] */
  ptn_status (*reload) (void *instance, struct ptn_task *task, const struct ptn_config *config);
  /* No new objects will be asked for; every old one has been closed.  Join threads,
   * drop wakers.  Afterwards no thread may be inside this shared object.  Optional. */
  void (*stop) (void *instance);
  void (*destroy) (void *instance);
  /* The lanes it uses with host->offload, divided by spaces; NULL: none.  A [lane NAME] that no
   * plugin names is warned about. */
  const char *lanes;
  /* Warns about what is allowed and can hardly be meant: settings that do nothing without others,
   * words that name what is not there.  Called with the plugin's own section (PTN_SCOPE_PLUGIN), then
   * with each listener that is switched on (PTN_SCOPE_LISTENER).  All plugins are configured, none is
   * started: host->list tells what they provide.  Also run by `--check`, not by a reload; not when a
   * plugin failed to be configured, who might be the one that is missed.  Optional. [setup] */
  void (*check) (void *instance, const struct ptn_config *config, uint32_t scope, ptn_warn *warn,
                 void *to);
};

/* The one exported symbol.  NULL: this plugin cannot serve such a host. */
PTN_PUBLIC const struct ptn_plugin *postern_plugin_entry (uint32_t host_abi_major,
                                                          uint32_t host_abi_minor);

PTN_END_DECLS
#endif
