/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy; from start on everything but the gate (which locks)
 * and the metrics is read only. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "gate.h"
#include "message.h"

#include <postern/postern.h>

#define AUTH_DIRECTORY_LIMIT 16
#define AUTH_MECHANISM_LIMIT 32

/* A directory, and who checks the passwords of its users. */
struct auth_directory {
  const struct ptn_directory *directory;
  void *instance;
  const struct ptn_credentials *credentials;
  void *credentials_instance;
};

/* A provider of a SASL mechanism, our own among them. */
struct auth_mechanism {
  const struct ptn_sasl_mechanism *mechanism;
  void *instance;
};

struct auth {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams;
  struct auth_directory directories[AUTH_DIRECTORY_LIMIT]; /* in configured order */
  size_t directory_count;
  struct auth_mechanism mechanisms[AUTH_MECHANISM_LIMIT];
  size_t mechanism_count;
  struct gate *gate;
  struct ptn_metric *successes, *failures, *troubles, *waits;
};

/* "" if the stream does not tell. */
const char *auth_property (const struct auth *, struct ptn_stream *, const char *name);
/* May a secret be sent in clear here: under TLS, over a UNIX socket, or by the listener's
 * settings? */
bool auth_is_private (const struct auth *, const struct ptn_sasl_request *);

extern const struct ptn_sasl_mechanism auth_plain, auth_login; /* mechanisms.c */
extern const struct ptn_login auth_login_table;                /* login.c */

#endif
