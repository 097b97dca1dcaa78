/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the settings the host itself declares, in the same form as plugins do, so that they
 * are checked and described by the same code. */
#include "config/check.h"

#include <string.h>

#define TEXT(name, value, help) \
  { name, PTN_SETTING_STRING, 0, value, help, NULL, 0, 0 }
#define TYPED(name, type, value, help) \
  { name, PTN_SETTING_##type, 0, value, help, NULL, 0, 0 }
#define NEEDED(name, type, help) \
  { name, PTN_SETTING_##type, 1, NULL, help, NULL, 0, 0 }
#define CHOICE(name, value, choices, help) \
  { name, PTN_SETTING_ENUM, 0, value, help, choices, 0, 0 }

static const struct ptn_setting server_settings[] = {
  TEXT ("name", NULL, "Our fully qualified name, as clients see it. Without it: the host's name."),
  TEXT ("user", "postern", "The user to become after binding, when started as root."),
  TYPED ("state_directory", PATH, POSTERN_STATE_DIRECTORY,
         "Where plugins keep what lasts, each in a folder PLUGIN or PLUGIN-INSTANCE below it."),
  TYPED ("run_directory", PATH, "/run/postern", "Where the control socket control.sock is."),
  TEXT ("plugin_directory", NULL,
        "Folders with plugins, divided by ':'. Without it: the variable "
        "POSTERN_PLUGIN_DIRECTORY, else " POSTERN_PLUGIN_DIRECTORY "."),
  TYPED ("workers", INTEGER, "0", "Worker threads; 0: twice the number of processors."),
  TYPED ("max_connections", INTEGER, "10000",
         "Connections at once on all listeners together; a listener may have less."),
  TYPED ("max_connections_per_address", INTEGER, "100",
         "Connections at once from one address; a listener may have another number."),
  CHOICE ("log", "auto", "auto text json journald",
          "Form of the log; auto: text on a terminal, journald under systemd, else JSON lines."),
  CHOICE ("log_level", "info", "debug info notice warning error",
          "The least level that is logged."),
  TYPED ("log_file", PATH, NULL,
         "File to append the log to, opened again at SIGHUP. Without it: standard error."),
  TYPED ("certificate", PATH, NULL,
         "Certificate chain (PEM) of listeners that name none of their own."),
  TYPED ("key", PATH, NULL, "Private key (PEM) of `certificate`."),
  TEXT ("store", NULL,
        "The store to use, if there are several: the name of its plugin, with -INSTANCE."),
  TEXT ("directory", NULL, "The directory to ask first, if there are several."),
  TEXT ("credentials", NULL, "The keeper of passwords to use, if there are several."),
  TEXT ("login", NULL, "The login service to use, if there are several."),
  TEXT ("delivery", NULL, "The first delivery to ask, if there are several."),
  TYPED ("drain_time", DURATION, "30s",
         "How long sessions may go on after the request to stop, before they are ended."),
  TYPED (
      "start_time", DURATION, "30s",
      "How long a plugin may take to start before it counts as hanging; 0: as long as it likes."),
  TEXT ("control_group", NULL,
        "Members of this group may use posternctl, beside root and the server's user."),
};
static const struct setting_range server_ranges[] = {
  { "workers", 0, 1024, "a number from 0 to 1024" },
  { "max_connections", 1, 1000000, "a number from 1 to 1000000" },
  { "max_connections_per_address", 1, 1000000, "a number from 1 to 1000000" },
  { "drain_time", 0, 86400000, "a duration of at most 1d" },
  { NULL, 0, 0, NULL },
};

static const struct ptn_setting lane_settings[] = {
  TYPED ("threads", INTEGER, "2", "Threads that do the work of this lane."),
  TYPED ("queue", INTEGER, "200",
         "Pieces of work that may wait; what comes on top fails at once (\"try again later\")."),
};
static const struct setting_range lane_ranges[] = {
  { "threads", 1, 256, "a number from 1 to 256" },
  { "queue", 1, 1000000, "a number from 1 to 1000000" },
  { NULL, 0, 0, NULL },
};

static const struct ptn_setting certificate_settings[] = {
  NEEDED ("names", LIST,
          "Host names (SNI) that get this certificate; *.example.test stands for one label."),
  NEEDED ("certificate", PATH, "Certificate chain (PEM)."),
  NEEDED ("key", PATH, "Private key (PEM)."),
};

static const struct ptn_setting plugin_settings[] = {
  TEXT ("module", NULL,
        "File of the plugin, looked for in plugin_directory, or a path with '/'. Without it: "
        "NAME.so."),
  TYPED ("required", BOOLEAN, "yes",
         "no: when the plugin cannot be loaded, configured or started, or keeps crashing, mail "
         "goes on without it."),
};

static const struct ptn_setting listener_settings[] = {
  NEEDED ("protocol", STRING, "What is spoken: a protocol that a plugin provides, such as pop3."),
  NEEDED ("address", LIST,
          "Where to listen: host:port, [v6]:port, *:port or unix:/path; several are allowed."),
  TYPED (
      "enabled", BOOLEAN, "yes",
      "no: nobody can connect here. The section is read and checked all the same, but it needs no "
      "certificate yet."),
  CHOICE ("tls", "none", "none starttls implicit",
          "none: in clear; starttls: in clear until the client asks; implicit: TLS from the first "
          "octet."),
  TYPED ("certificate", PATH, NULL,
         "Certificate chain (PEM). Without it: that of [server]. [certificate NAME] sections are "
         "chosen before it, by the name the client asks for."),
  TYPED ("key", PATH, NULL, "Private key (PEM) of `certificate`."),
  CHOICE ("tls_minimum", "1.2", "1.2 1.3", "The oldest version of TLS that is accepted."),
  TYPED ("tls_resumption", BOOLEAN, "yes",
         "Give session tickets, so that a client that comes back needs no full handshake."),
  CHOICE ("tls_client_certificates", "none", "none request require",
          "Ask clients for certificates; request: one that cannot be verified counts as none; "
          "require: no TLS without a verified one."),
  TYPED ("tls_client_ca", PATH, NULL,
         "Certificates (PEM, 80 kB at most) of the authorities that may sign those of clients."),
  TYPED ("tls_client_crl", PATH, NULL,
         "Revocation lists (PEM, 80 kB at most) of these authorities; one that is missing or has "
         "expired refuses all certificates of its authority."),
  TYPED ("proxy_from", LIST, NULL,
         "Networks (10.0.0.0/8, 2001:db8::/32, or the word unix) whose connections must begin "
         "with a PROXY header, version 1 or 2. From elsewhere none is accepted."),
  TYPED ("login_time", DURATION, "60s", "Time a client has to log in; 0: no limit."),
  TYPED (
      "idle_time", DURATION, NULL,
      "Time after which a logged-in client that is silent is sent away; 0: no limit. Without it: "
      "what the protocol wants, 10 minutes for POP3 and SMTP, 30 for IMAP4."),
  TYPED ("max_connections", INTEGER, NULL,
         "Connections at once on this listener. Without it: the number of [server]."),
  TYPED ("max_connections_per_address", INTEGER, NULL,
         "Connections at once from one address. Without it: the number of [server]."),
  TYPED ("max_connections_per_user", INTEGER, "20", "Connections at once of one account."),
  TYPED ("max_line", SIZE, "64 KiB",
         "How much input may wait to be understood: the longest line or command."),
  TYPED ("session_memory", SIZE, "1 MiB", "Memory that one session may use."),
};
static const struct setting_range listener_ranges[] = {
  { "login_time", 0, 86400000, "a duration of at most 1d" },
  { "idle_time", 0, INT64_C (2592000000), "a duration of at most 30d" },
  { "max_connections", 1, 1000000, "a number from 1 to 1000000" },
  { "max_connections_per_address", 1, 1000000, "a number from 1 to 1000000" },
  { "max_connections_per_user", 1, 1000000, "a number from 1 to 1000000" },
  { "max_line", 1024, 64 << 20, "a size from 1 KiB to 64 MiB" },
  { "session_memory", 65536, INT64_MAX, "a size of at least 64 KiB, or unlimited" },
  { NULL, 0, 0, NULL },
};

static const struct {
  const char *kind, *belongs;
  const struct ptn_setting *settings;
  size_t count;
  const struct setting_range *ranges;
} tables[] = {
  { "server", "[server]", server_settings, G_N_ELEMENTS (server_settings), server_ranges },
  { "lane", "[lane NAME]", lane_settings, G_N_ELEMENTS (lane_settings), lane_ranges },
  { "certificate", "[certificate NAME]", certificate_settings, G_N_ELEMENTS (certificate_settings),
    NULL },
  { "plugin", "[plugin NAME]", plugin_settings, G_N_ELEMENTS (plugin_settings), NULL },
  { "listener", "[listener NAME]", listener_settings, G_N_ELEMENTS (listener_settings),
    listener_ranges },
};

const char *const host_section_kinds[] = { "server", "lane",     "certificate",
                                           "plugin", "listener", NULL };

bool
host_setting_set (const char *kind, struct setting_set *set) {
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    if (strcmp (tables[i].kind, kind) == 0) {
      *set = (struct setting_set){ .settings = tables[i].settings,
                                   .count = tables[i].count,
                                   .scopes = 1u << PTN_SCOPE_PLUGIN,
                                   .belongs = tables[i].belongs,
                                   .ranges = tables[i].ranges };
      return true;
    }
  return false;
}

const struct ptn_setting *
config_host_settings (const char *section, size_t *count) {
  struct setting_set set;
  if (!host_setting_set (section, &set))
    return NULL;
  *count = set.count;
  return set.settings;
}
