/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy; from start on everything but the gate, the
 * roster and the delegations (which lock) and the metrics is read only. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "gate.h"
#include "roster.h"
#include "scram/invention.h"

#include <postern/postern.h>
#include <pthread.h>

#define AUTH_MECHANISM_LIMIT 32

struct delegations;
struct external_rules;
struct mechanism;

/* A mechanism of ours, as it is provided to others. */
struct auth_own {
  struct auth *auth;
  const struct mechanism *mechanism;
};

/* A mechanism that can be offered: a row of ours, or another plugin's. */
struct auth_mechanism {
  const struct ptn_sasl_mechanism *table;
  void *instance;
  const struct mechanism *own; /* NULL: another's */
};

struct auth {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams;
  const struct ptn_config *config; /* in force */
  struct everybody everybody;
  pthread_mutex_t lock;  /* of roster: taken to exchange or to reference it */
  struct roster *roster; /* in force, from start on */
  struct auth_own own[AUTH_MECHANISM_LIMIT];
  struct auth_mechanism mechanisms[AUTH_MECHANISM_LIMIT];
  size_t mechanism_count;
  struct gate *gate;
  struct delegations *delegations;
  struct external_rules *external_rules;    /* locks */
  unsigned char scram_secret[SCRAM_SECRET]; /* of invented salts; wiped */
  pthread_mutex_t watching;                 /* of watches, and what watch.c says */
  pthread_cond_t unwatched;
  unsigned watches; /* tasks */
  struct ptn_metric *successes, *failures, *troubles, *waits, *remembered;
};

struct roster *auth_roster (struct auth *); /* the one in force: a reference [any, from start on] */

/* "" if the stream does not tell. */
const char *auth_property (const struct auth *, struct ptn_stream *, const char *name);
/* May a secret be sent in clear here: under TLS, over a UNIX socket, or by the listener's
 * settings? */
bool auth_is_private (const struct auth *, const struct ptn_sasl_request *);

extern const struct ptn_login auth_login_table; /* login.c */

#endif
