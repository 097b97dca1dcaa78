/* SPDX-License-Identifier: Apache-2.0 */
/* entry.h - a user of the directory as the mapping of the settings reads it: immutable and counted.
 *
 * Everything reachable from an entry lives as long as it.  Any thread. */
#ifndef DIRECTORY_LDAP_ENTRY_H
#define DIRECTORY_LDAP_ENTRY_H

#include "record.h"
#include "rules.h"

enum { /* entry.protocols */
       PROTOCOL_POP = 1 << 0,
       PROTOCOL_IMAP = 1 << 1,
       PROTOCOL_SMTP = 1 << 2,
       PROTOCOL_HTTP = 1 << 3,
       PROTOCOL_ALL = 15
};

struct entry {
  gint references;
  char *dn, *dn_folded;
  char *account;               /* folded: its one name */
  char *address;               /* primary */
  char **logins;               /* folded; the account's name always among them */
  int *ranks;                  /* of them: whose attribute stands further left goes before others */
  char **addresses;            /* folded, domains as A-labels */
  char *server;                /* who holds the mailbox; NULL: nothing said */
  char **delegates, **readers; /* folded names, or distinguished names */
  char **attributes;           /* "name=value" */
  char **groups;               /* folded names, for rights */
  char **group_dns;            /* folded distinguished names: groups may be delegates */
  gsize attribute_count;       /* without the last one, if that is "server=NAME" */
  int64_t expires_ms;          /* the account */
  guint32 protocols;
  bool disabled, password_expired;
  bool never;  /* Guest and its like: as if it were not there */
  bool sole;   /* no other entry has this account: set before anybody else has the entry */
  bool nested; /* groups of groups are among them: see entry_with_groups */
};

/* NULL: it cannot be an account, for this reason (static). */
struct entry *entry_new (const struct rules *, const struct record *, const char **fault);
struct entry *entry_ref (struct entry *);
void entry_unref (struct entry *);
typedef struct entry entry_auto; /* for g_autoptr, which wants one word */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (entry_auto, entry_unref)

/* The same with these groups besides, by their distinguished names: all that there are. */
struct entry *entry_with_groups (const struct entry *, const GPtrArray *dns);

/* How well a folded name of a login fits, 0 best; -1: not at all, whatever the server's own rules
 * of comparison said.  `mail`: the mail domain that a bare name belongs to. */
int entry_rank (const struct rules *, const struct entry *, const char *folded, const char *mail);
/* Is it an address of the user's?  Folded, its domain as A-labels. */
bool entry_has_address (const struct entry *, const char *address);

/* What a user may do in a mailbox: PTN_ACCESS_UNTOLD: nothing. */
ptn_access entry_access (const struct entry *mailbox, const struct entry *user);
bool entry_allows (const struct entry *, const char *service);
/* Does another server hold the mailbox?  ours: the name of this one, or NULL. */
bool entry_is_elsewhere (const struct rules *, const struct entry *, const char *ours);

/* A distinguished name in a form that can be compared; NULL if it is none.  g_free it. */
char *dn_fold (const char *dn);
/* The value of its first part: the common name, as a rule.  NULL; g_free it. */
char *dn_first_value (const char *dn);

#endif
