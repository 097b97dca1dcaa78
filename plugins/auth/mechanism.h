/* SPDX-License-Identifier: Apache-2.0 */
/* mechanism.h - one SASL mechanism of this plugin: a row of the table in mechanisms.c.
 *
 * A mechanism is a folder with a state machine for what goes over the line; who somebody is, which
 * secrets there are, delays and counts are the attempt's business (attempt.h).  An exchange belongs
 * to one attempt and lives shorter than it; all calls in its task. */
#ifndef AUTH_MECHANISM_H
#define AUTH_MECHANISM_H

#include "attempt.h"

struct mechanism {
  const char *name;
  ptn_sasl_flags flags;
  const char *schemes; /* as ptn_sasl_mechanism.schemes */
  /* May it be used on this connection?  NULL: it may. */
  bool (*available) (const struct auth *, const struct ptn_sasl_request *);
  /* The attempt is initialised, and stays until finish. */
  ptn_status (*start) (struct attempt *, void **exchange);
  /* As ptn_sasl_mechanism.step, but PTN_END leaves the identity in attempt.identity; a failure
   * leaves attempt.reason, and has been counted (attempt_verdict does). */
  ptn_status (*step) (void *exchange, struct ptn_task *, struct ptn_bytes response,
                      struct ptn_bytes *challenge);
  void (*finish) (void *exchange); /* also aborts; wipes secrets */
};

/* The table, in the order of preference; ends with NULL. */
extern const struct mechanism *const auth_mechanisms[];
/* The dialogues that are no SASL mechanisms: user and password in commands, and APOP. */
extern const struct mechanism auth_password_commands, auth_apop;

/* Provides all of the table as "postern.sasl/1". [setup] */
ptn_status mechanisms_provide (struct auth *);

/* ---- What the rows share ----------------------------------------------------------------- */

/* The listener's setting; NULL or 0 where a test gave no configuration. */
const char *mechanism_text (const struct attempt *, const char *setting);
bool mechanism_is_on (const struct attempt *, const char *setting);

#endif
