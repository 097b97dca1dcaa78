/* SPDX-License-Identifier: Apache-2.0 */
/* directory.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy. */
#ifndef DIRECTORY_LDAP_DIRECTORY_H
#define DIRECTORY_LDAP_DIRECTORY_H

#include "question.h"

struct directory {
  const struct ptn_host *host;
  pthread_mutex_t lock; /* of what follows */
  struct client *client;
  GPtrArray *accounts; /* of list_accounts, between its pages; NULL */
  int64_t accounts_until_ns;
};

struct client *directory_client (struct directory *); /* a reference [any] */
typedef struct client client_auto;                    /* for g_autoptr, which wants one word */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (client_auto, client_unref)

/* Forgets all that leads to an account; NULL: everything. [any] */
void directory_flush (void *instance, const char *account);

/* provide.c, credentials.c: the tables, to be provided with a struct directory */
extern const struct ptn_directory directory_table;
extern const struct ptn_credentials credentials_table; /* schemes and all are filled in */
/* listing.c */
ptn_status directory_list_accounts (void *instance, struct ptn_call *, const char *after,
                                    struct ptn_strings *);

#endif
