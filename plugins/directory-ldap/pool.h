/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - the directory servers, and connections to them that are kept.
 *
 * Everything that waits runs on a thread of the lane "ldap", and has one connection for itself as
 * long.  A connection serves one of two purposes: searching, bound as bind_dn once, or checking
 * passwords, bound anew by each check.  Counted: a reload makes another pool. */
#ifndef DIRECTORY_LDAP_POOL_H
#define DIRECTORY_LDAP_POOL_H

#include "guard.h"
#include "rules.h"

#include "common/errand.h"

#include <ldap.h>

#define POOL_REASON ERRAND_REASON /* octets of a reason, with its NUL */

typedef enum { POOL_SEARCH, POOL_CHECK, POOL_PURPOSES } pool_purpose;

struct connection {
  LDAP *ldap;
  const struct rules *rules; /* the pool's */
  struct guard guard;
  int64_t since_ns; /* idle */
};

struct pool;

struct pool *pool_new (const struct ptn_host *, struct rules *);
struct pool *pool_ref (struct pool *);
void pool_unref (struct pool *);

/* Runs `work` with a connection to the first server that answers.  work returns an LDAP result
 * code; one that speaks of the server and not of the question (pool_is_trouble) has it run again at
 * the next server.  Returns what it returned, or LDAP_UNAVAILABLE if there is no server left.
 * reason: what was wrong with the last one. */
typedef int pool_work (struct connection *, void *argument);
int pool_run (struct pool *, pool_purpose, pool_work *, void *argument, char reason[POOL_REASON]);

bool pool_is_trouble (int code);
/* What an administrator has to know of: one line of the log. */
void pool_complain (struct pool *, const char *event, const char *what, const char *text);

/* Before a request is sent: from now on it has the time of one. */
void pool_hurry (struct connection *);
/* Waits for the answer to a request, at most for the pool's timeout; then it is given up.
 * *message is to be freed with ldap_msgfree.  LDAP_SUCCESS, LDAP_TIMEOUT, LDAP_SERVER_DOWN. */
int pool_await (struct connection *, int id, LDAPMessage **message);

/* A simple bind, with the request for a password policy's response.  *text: the diagnostic message,
 * to be freed with ldap_memfree; *policy: as in verdict.h.  Both may be NULL.  An empty password
 * is refused here, whoever asks: a server takes it for "anonymous" and says yes (RFC 4513 section
 * 5.1.2). */
int pool_bind (struct connection *, const char *dn, struct ptn_bytes password, char **text,
               int *policy);

#endif
