/* SPDX-License-Identifier: Apache-2.0 */
/* oauth.h - one instance of the plugin: one issuer.  The first instance provides the mechanisms and
 * knows the others, which provide themselves as "auth-oauth.issuer/1".
 *
 * The host owns an instance from configure to destroy.  Rules are read under the lock and counted;
 * the list of issuers is made in start. */
#ifndef OAUTH_OAUTH_H
#define OAUTH_OAUTH_H

#include "answers.h"
#include "fetch.h"
#include "keyring.h"
#include "rules.h"

#include <pthread.h>

#define OAUTH_LANE "oauth"
#define OAUTH_ISSUER_ID "auth-oauth.issuer/1"
#define OAUTH_ISSUER_LIMIT 32

struct oauth {
  const struct ptn_host *host;
  pthread_mutex_t lock; /* of rules, jobs and the breaker */
  pthread_cond_t quiet; /* no job is left */
  struct rules *rules;
  unsigned jobs;           /* in the lane, or on the way there */
  struct keyring *keyring; /* locks by itself, as do pool and answers */
  struct fetch_pool *pool;
  struct answers *answers;
  unsigned failures;                         /* requests in a row that got no answer */
  gint64 shut_until_ns;                      /* the breaker: nobody is sent there before */
  struct oauth *issuers[OAUTH_ISSUER_LIMIT]; /* itself first; of the one with the mechanisms */
  size_t issuer_count;
  struct ptn_metric *good, *bad, *troubles, *requests, *remembered;
};

struct rules *oauth_rules (struct oauth *); /* a reference */
/* false: a reload has made others, and what is found out by these is not to be kept. */
bool oauth_is_current (struct oauth *, const struct rules *);

/* Jobs are counted, so that stop can wait for them.  oauth_offload: as host->offload; `release` runs
 * in any case. */
ptn_status oauth_offload (struct oauth *, struct ptn_task *, const char *lane,
                          void (*work) (void *), void (*release) (void *), void *argument);

/* Is the issuer thought to be there?  And what came of a request. */
bool oauth_may_ask (struct oauth *);
void oauth_asked (struct oauth *, bool answered, const char *url, const char *error);

extern const struct ptn_sasl_mechanism oauth_oauthbearer, oauth_xoauth2; /* exchange.c */

#endif
