/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - the configuration as the host works with it.
 *
 * A GLib key file and the files conf.d/NAME.conf beside it.  Reading has three phases, because
 * plugins declare settings of their own:
 *   1  config_load             the files; [server], [lane], [certificate]; of [plugin] and
 *                              [listener] what the host itself declares
 *   2  config_check_plugin     one [plugin] section, when its table is at hand
 *   3  config_check_listeners  when all plugins are configured and their protocols are known
 * Each phase adds to the same list of errors and goes on, so that all of them can be shown at
 * once.  The loader (load/load.h) runs phases 2 and 3.
 *
 * Ownership: config_load gives a reference; config_ref and config_unref are [any].  All else is
 * [setup]; after phase 3 nothing changes, and any thread may read.  Strings and structs belong
 * to the config.  Times are milliseconds. */
#ifndef HOST_CONFIG_CONFIG_H
#define HOST_CONFIG_CONFIG_H

#include "config/errors.h"
#include "config/settings.h"
#include "log/log.h"

#include <postern/plugin.h>

struct config_place { /* where it stands in the files */
  const char *file;
  unsigned line;
};

struct config_endpoint {
  const char *text; /* as written */
  const char *host; /* name or address; "" for '*'; NULL: a UNIX socket */
  const char *path; /* of a UNIX socket, absolute */
  uint16_t port;    /* 0: any that is free */
};

struct config_network {      /* "10.0.0.0/8", "2001:db8::/32", "unix" */
  int family;                /* AF_INET, AF_INET6, AF_UNIX */
  unsigned prefix;           /* leading bits that count */
  unsigned char address[16]; /* network order; 4 octets for AF_INET */
};

struct config_server {
  struct config_place place;
  const char *name; /* our fully qualified name */
  const char *user;
  const char *state_directory, *run_directory;
  const char *const *plugin_directories; /* NULL ends */
  unsigned workers;                      /* 0: the engine decides */
  unsigned max_connections, max_connections_per_address;
  struct log_settings log;
  const char *certificate, *key; /* NULL: none */
  int64_t drain_time;
  struct ptn_config *settings; /* "store", "directory" ... and all the others */
};

struct config_lane {
  const char *name;
  unsigned threads, queue;
};

struct config_certificate { /* chosen by SNI, on every listener with TLS */
  struct config_place place;
  const char *name;
  const char *const *names; /* host names, "*.example.test" too; NULL ends */
  const char *certificate, *key;
};

struct config_plugin {
  struct config_place place;
  const char *name;            /* as in struct ptn_plugin */
  const char *instance;        /* "" for [plugin NAME] */
  const char *label;           /* "NAME" or "NAME-INSTANCE": log, metrics, state directory */
  const char *module;          /* file name to look for, or a path with '/' */
  const char *state_directory; /* absolute */
  bool required;
  struct ptn_config *settings; /* NULL before phase 2, or if that found errors */
};

enum config_tls { CONFIG_TLS_NONE, CONFIG_TLS_STARTTLS, CONFIG_TLS_IMPLICIT };
enum config_client { CONFIG_CLIENT_NONE, CONFIG_CLIENT_REQUEST, CONFIG_CLIENT_REQUIRE };

struct config_listener {
  struct config_place place;
  const char *name;
  const char *protocol;
  const struct config_endpoint *endpoints;
  size_t endpoint_count;
  enum config_tls tls;
  int tls_minimum;                         /* TLS1_2_VERSION or TLS1_3_VERSION of OpenSSL */
  bool tls_resumption;                     /* give session tickets */
  enum config_client client;               /* are clients asked for certificates? */
  const char *client_ca, *client_crl;      /* NULL: none */
  const char *certificate, *key;           /* the listener's own, else the server's; NULL: none */
  const struct config_network *proxy_from; /* peers that must send a PROXY header */
  size_t proxy_count;
  int64_t login_time, idle_time; /* 0: no limit; idle_time -1: the protocol's */
  unsigned max_connections, max_connections_per_address, max_connections_per_user;
  size_t max_line;             /* how far the input buffer may grow */
  size_t session_memory;       /* SIZE_MAX: no limit */
  struct ptn_config *settings; /* host's, PROTOCOL and LISTENER scope; NULL before phase 3 */
  bool off;                    /* enabled = no: it has no endpoints */
  bool disabled;               /* off, or its protocol went with a plugin that was left out: not served */
};

struct config {
  const char *file;   /* the main one, absolute */
  const char *folder; /* of `file`: relative paths begin here, in conf.d too */
  struct config_server server;
  struct config_lane *lanes;
  size_t lane_count;
  struct config_certificate *certificates;
  size_t certificate_count;
  struct config_plugin *plugins; /* in the order of the files */
  size_t plugin_count;
  struct config_listener *listeners;
  size_t listener_count;
};

/* How files are read: a worker that has dropped its rights can have the supervisor do it.
 * False and a GError: it cannot be read.  *data is g_free'd by the config. */
typedef bool config_read (void *user, const char *path, char **data, size_t *size, GError **);
struct config_options {
  config_read *read; /* NULL: from disk */
  void *user;
};

/* The files as they are: the main file first, then conf.d/NAME.conf in order.  A file that cannot
 * be read is an error and is left out.  For who reads in one process and parses in another. */
struct config_text {
  const char *file; /* absolute */
  const char *data;
  size_t size;
};
struct config_texts {
  struct config_text *items;
  size_t count;
};
struct config_texts *config_texts_read (const char *path, const struct config_options *,
                                        struct config_errors *);
void config_texts_free (struct config_texts **); /* wipes them */

/* Phase 1.  options may be NULL; they are used in phase 2 and 3 too.  Never NULL: with errors in
 * *errors it holds what could be understood, good enough to go on checking with, not to serve
 * with.  Nothing of the texts is kept. */
struct config *config_parse (const struct config_text *files, size_t count,
                             const struct config_options *, struct config_errors *);
/* Both in one. */
struct config *config_load (const char *path, const struct config_options *,
                            struct config_errors *);
struct config *config_ref (struct config *);
void config_unref (struct config **);

/* <sysconfdir>/postern/postern.conf, where nothing else is said. */
const char *config_default_path (void);

/* Phase 2: checks the section against the plugin's own settings (host layout, see load/table.h)
 * and makes plugin->settings.  False: there were errors. */
bool config_check_plugin (struct config *, struct config_plugin *, const struct ptn_setting *,
                          size_t count, struct config_errors *);
/* The section of a plugin that was left out cannot be checked; it is passed over. */

/* Phase 3. */
struct config_scope { /* what one loaded plugin adds to listeners */
  const char *plugin;
  const struct ptn_setting *settings; /* all of them: PLUGIN scope is passed over */
  size_t count;
  const char *const *protocols; /* names it provides; NULL ends */
  bool unconfigured;            /* its section has errors: what it would provide is not known */
};
struct config_checks {
  const struct config_scope *scopes;
  size_t scope_count;
  bool incomplete;  /* a plugin was left out: what only it may know is a warning */
  bool check_files; /* certificates and keys are read by this process: are they there? */
  bool failed;      /* a required plugin failed, which has been said: not even a warning */
  bool unloaded;    /* of those plugins not even the settings are known */
};
bool config_check_listeners (struct config *, const struct config_checks *, struct config_errors *);

/* The settings the host itself declares: "server", "listener", "lane", "certificate",
 * "plugin"; NULL for another word. */
const struct ptn_setting *config_host_settings (const char *section, size_t *count);

/* Where the key stands in the section, else where the section begins, else the main file. */
struct config_place config_place_of (const struct config *, const char *section_title,
                                     const char *key);
/* What is wrong with the default of a setting (not the contents of a secret's file); g_free it.
 * NULL: nothing. */
char *config_setting_mistake (const struct ptn_setting *);

/* "host:port", "[v6]:port", "*:port", "unix:/path".  Relative UNIX paths begin in `folder`.
 * Fills *endpoint with g_malloc'd strings (free them with config_endpoint_clear).
 * False: *expected is a static text that says what was expected. [any] */
bool config_endpoint_parse (const char *text, const char *folder, struct config_endpoint *,
                            const char **expected);
void config_endpoint_clear (struct config_endpoint *);

#endif
