/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy; from start on everything but the gate, the verdicts
 * and the delegations (which lock) and the metrics is read only. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "common/secret/verdicts.h"
#include "gate.h"
#include "scram/invention.h"

#include <postern/postern.h>

#define AUTH_DIRECTORY_LIMIT 16
#define AUTH_SOURCE_LIMIT 4 /* of one directory */
#define AUTH_MECHANISM_LIMIT 32

struct delegations;
struct external_rules;
struct mechanism;

/* Who verifies what proves the users of a directory. */
struct auth_source {
  const struct ptn_credentials *credentials;
  void *instance;
  const char *name; /* of its plugin; owned */
};

struct auth_directory {
  const struct ptn_directory *directory;
  void *instance;
  const char *name;                              /* owned */
  struct auth_source sources[AUTH_SOURCE_LIMIT]; /* in the order they are asked */
  size_t source_count;
};

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
  struct auth_directory directories[AUTH_DIRECTORY_LIMIT]; /* in configured order */
  size_t directory_count;
  struct auth_own own[AUTH_MECHANISM_LIMIT];
  struct auth_mechanism mechanisms[AUTH_MECHANISM_LIMIT];
  size_t mechanism_count;
  struct gate *gate;
  struct verdicts *verdicts; /* of slow sources on passwords */
  struct delegations *delegations;
  struct external_rules *external_rules;    /* locks */
  unsigned char scram_secret[SCRAM_SECRET]; /* of invented salts; wiped */
  unsigned scram_iterations;
  char **chains;             /* the setting `credentials` */
  const char *const *closed; /* accounts whose mailbox is not opened over POP and IMAP; owned */
  struct ptn_metric *successes, *failures, *troubles, *waits, *remembered;
};

/* "" if the stream does not tell. */
const char *auth_property (const struct auth *, struct ptn_stream *, const char *name);
/* May a secret be sent in clear here: under TLS, over a UNIX socket, or by the listener's
 * settings? */
bool auth_is_private (const struct auth *, const struct ptn_sasl_request *);

extern const struct ptn_login auth_login_table; /* login.c */

#endif
