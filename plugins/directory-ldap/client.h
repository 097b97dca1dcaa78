/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - one instance of the settings with all that hangs on them, and the questions that are
 * put to the directory.
 *
 * Counted: jobs in the lane hold one, and a reload makes another.  The questions block, for at most
 * the timeout of every server, and are asked on threads of the lane "ldap" only.  They return PTN_OK,
 * PTN_E_NOT_FOUND or PTN_E_TEMPORARY, with a reason for the log. */
#ifndef DIRECTORY_LDAP_CLIENT_H
#define DIRECTORY_LDAP_CLIENT_H

#include "cache.h"
#include "pace.h"
#include "pool.h"
#include "verdict.h"

#include "common/login/names.h"

struct client {
  gint references;
  const struct ptn_host *host;
  struct rules *rules;
  struct pool *pool;
  struct cache *cache;
  struct pace pace; /* of wrong passwords */
  struct ptn_metric *searches, *checks, *hits;
};

struct client *client_new (const struct ptn_host *, struct rules *);
struct client *client_ref (struct client *);
void client_unref (struct client *);

/* A user or mailbox of a login, folded.  `mail`: the mail domain that a bare name belongs to, or
 * NULL for the primary one. */
ptn_status ask_login (struct client *, const char *folded, const char *mail, struct entry **,
                      char reason[POOL_REASON]);
/* An account by its one name. */
ptn_status ask_account (struct client *, const char *account, struct entry **,
                        char reason[POOL_REASON]);
/* The entry with the groups that its groups are in: two searches. */
ptn_status ask_groups (struct client *, const struct entry *, struct entry **,
                       char reason[POOL_REASON]);
/* An address of ours, already split: a user's or a group's, with and without what stands behind
 * the '+'. */
ptn_status ask_address (struct client *, const struct address_parts *, struct found **,
                        char reason[POOL_REASON]);
/* The names of all accounts, sorted. */
ptn_status ask_accounts (struct client *, GPtrArray **names, char reason[POOL_REASON]);
/* The attributes of rules->secrets_wanted.  entry NULL: of somebody who does not exist. */
ptn_status ask_secrets (struct client *, const struct entry *, struct record **,
                        char reason[POOL_REASON]);
/* Is this the password?  A verdict as verify_password's.  entry NULL: of somebody who does not
 * exist. */
ptn_status ask_password (struct client *, const struct entry *, struct ptn_bytes password,
                         char reason[POOL_REASON]);

#endif
