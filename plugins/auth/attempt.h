/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.h - one attempt to prove a name with a password: waits its turn, finds the user, has the
 * password checked, and fails in the same way and time whatever is wrong.
 *
 * Belongs to an exchange; called in its task.  attempt_run may return PENDING and is called again
 * with the same message. */
#ifndef AUTH_ATTEMPT_H
#define AUTH_ATTEMPT_H

#include "auth.h"

typedef enum {
  ATTEMPT_NEW,
  ATTEMPT_WAITING,           /* for its turn */
  ATTEMPT_FINDING,           /* in which directory the user is */
  ATTEMPT_FINDING_ON_BEHALF, /* whom the authorization identity names */
  ATTEMPT_CHECKING,
  ATTEMPT_CHECKING_NOBODY /* the work of a check, for a user who does not exist */
} attempt_state;

struct attempt {
  struct auth *auth;
  const struct ptn_sasl_request *request;
  attempt_state state;
  bool counted;   /* keys are made */
  gint64 turn_ns; /* when it goes on */
  struct gate_keys keys;
  size_t at;           /* directory */
  const char *refusal; /* why it fails even if the password is right; NULL: it does not */
  const char *reason;  /* of a failure, for the log; static, or `text` */
  char text[80];       /* a reason that somebody else gave */
  char *adopted;       /* the name that attempt_adopt looks for */
  struct ptn_call finding, on_behalf, checking;
  struct ptn_identity identity; /* after PTN_OK; lives as long as the attempt */
};

void attempt_init (struct attempt *, struct auth *, const struct ptn_sasl_request *);
void attempt_clear (struct attempt *); /* also while PENDING */

/* PTN_OK: proved, and `identity` says who asks for whose mailbox.  PTN_E_AUTHENTICATION,
 * PTN_E_PASSWORD_EXPIRED, PTN_E_TEMPORARY, PTN_E_TOO_MANY, each with `reason`. */
ptn_status attempt_run (struct attempt *, struct ptn_task *, const struct message *);

/* For whoever proved an identity in another way: finds its directory and names. */
ptn_status attempt_adopt (struct attempt *, struct ptn_task *, const struct ptn_identity *);

void attempt_failed (struct attempt *); /* counts */
void attempt_succeeded (struct attempt *);

#endif
