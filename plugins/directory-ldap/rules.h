/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - the plugin's settings, the preset's and those that override it: immutable and counted,
 * because a reload makes new ones while the old are in use.
 *
 * Any thread. */
#ifndef DIRECTORY_LDAP_RULES_H
#define DIRECTORY_LDAP_RULES_H

#include "conditions.h"

#include "common/login/domains.h"

#include <glib.h>
#include <stdbool.h>

#include <postern/postern.h>

#define SERVER_LIMIT 8

/* An attribute that addresses stand in, and what stands before them ("smtp:"); "" if nothing. */
struct address_attribute {
  char *name, *prefix;
};

/* An attribute whose value becomes the host's attribute `word`. */
struct passed_attribute {
  char *word, *name;
};

struct mapping {
  char **logins;                       /* in order: what stands first wins */
  struct address_attribute *addresses; /* the first value found is the primary address */
  gsize address_count;
  char *account, *quota, *server;
  char **delegates, **readers, *groups, *protocols, *expires;
  struct condition *disabled, *expired; /* ended by one without a name */
  struct passed_attribute *passed;
  gsize passed_count;
  char *password, *nt, *scram; /* NULL: not to be had */
};

struct rules {
  gint references;
  bool active_directory;
  /* Where and how */
  char **servers;
  bool start_tls, cleartext;
  char *ca_file;                 /* NULL: libldap's own */
  char *bind_dn, *bind_password; /* NULL: anonymous */
  char *base, *filter, *group_filter;
  int64_t timeout_ms, retry_ns;
  unsigned connections;
  int page_size;
  bool nested;  /* groups within groups count */
  bool compare; /* passwords are compared here, and not by binding as the user */
  /* Names */
  struct domains *domains;
  char **login_domains; /* folded: further ones behind the '@' of a login */
  char *postmaster;     /* or NULL */
  char *node;
  int64_t quota_unit, quota_octets; /* the latter of accounts without a quota */
  struct mapping map;
  char **wanted;         /* all attributes that an entry is made of */
  char **secrets_wanted; /* and those of its secrets */
  /* What is remembered */
  int64_t cache_ns, cache_negative_ns;
  gsize cache_entries;
};

#define RULES_SETTINGS 42
extern const struct ptn_setting rules_settings[RULES_SETTINGS];

/* NULL and *fault (to be g_free'd) if the settings make no sense. */
struct rules *rules_new (const struct ptn_host *, const struct ptn_config *, char **fault);
struct rules *rules_ref (struct rules *);
void rules_unref (struct rules *);

/* May the folded domain stand behind the '@' of a login? */
bool rules_is_login_domain (const struct rules *, const char *folded);
/* What with_secret can know, for ptn_credentials.schemes: static. */
const char *rules_schemes (const struct rules *);

#endif
