/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.h - one attempt to prove a name: waits its turn, finds the user, asks the sources for
 * what proves it, and fails in the same way and time whatever is wrong.
 *
 * Belongs to a login; called in its task.  Every function may return PENDING and is then called
 * again with the same arguments. */
#ifndef AUTH_ATTEMPT_H
#define AUTH_ATTEMPT_H

#include "auth.h"

typedef enum {
  ATTEMPT_NEW,
  ATTEMPT_WAITING,           /* for its turn */
  ATTEMPT_FINDING,           /* in which directory the user is */
  ATTEMPT_FINDING_ON_BEHALF, /* whom the authorization identity names */
  ATTEMPT_FOUND,             /* or known to be nobody */
} attempt_state;

struct attempt {
  struct auth *auth;
  const struct ptn_sasl_request *request;
  struct roster *roster; /* a reference */
  attempt_state state;
  bool tells;     /* the mechanism tells something of the user before the proof: a salt */
  bool counted;   /* keys are made */
  bool nobody;    /* no directory knows the name; all goes on as if one did */
  gint64 turn_ns; /* when it goes on */
  struct gate_keys keys;
  char *login;           /* what the client called itself, for the log; owned */
  size_t at;             /* directory */
  size_t source;         /* of that directory: which one is being asked */
  size_t judge;          /* of nobody: which source is asked about nobody; those before pass on */
  bool judged;           /* it is chosen, for the question under way */
  char stand_in[33];     /* whom those before are asked about */
  bool asking;           /* it has not answered yet */
  uint64_t flushes;      /* of what is remembered, when it was asked */
  const char *candidate; /* which of the spellings is being looked for */
  char *alone;           /* the login without its mailbox, which nobody has; owned, or NULL */
  char *spelling;        /* of the user, as a directory told it; owned, or NULL */
  const char *refusal;   /* why it fails even if the proof is right; NULL: it does not */
  const char *reason;    /* of a failure, for the log; static, or `text` */
  const char *detail;    /* more about the mechanism for the log ("NTLMv2"); static or the
                          * exchange's, or NULL */
  const char *demand;    /* an attribute that who proves must have, with the value "yes"; static */
  char text[160];        /* a reason that somebody else gave */
  char first_text[160];  /* why nobody is called so, as the first directory told */
  struct ptn_call finding, on_behalf, checking;
  char *user_id;                /* which account of its name who proves is; from authorize on;
                                 owned */
  struct ptn_identity identity; /* after attempt_find; lives as long as the attempt */
};

void attempt_init (struct attempt *, struct auth *, const struct ptn_sasl_request *);
void attempt_clear (struct attempt *); /* also while PENDING */

/* Waits its turn, and finds who `login` is and whom `authzid` (NULL: nobody else) names.  PTN_OK
 * also when no directory knows the name: `nobody` is set, and whatever is asked below does the same
 * work as for a user.  If the mechanism `tells`, a mailbox that is nobody's is wrong only after the
 * proof.  PTN_E_TEMPORARY, PTN_E_TOO_MANY, with `reason`. */
ptn_status attempt_find (struct attempt *, struct ptn_task *, const char *login,
                         const char *authzid);
/* The same for a name that may be meant in another way: `other` is looked for if no directory
 * knows `login`. */
ptn_status attempt_find_either (struct attempt *, struct ptn_task *, const char *login,
                                const char *other, const char *authzid);

/* The user in one spelling for all logins that mean them, or would if there were such a user: what
 * is invented of who has no keys comes from it.  Of the attempt; after attempt_find. */
const char *attempt_spelling (struct attempt *);

/* The three below ask the sources of the user's directory in order, until one knows the user, and
 * tell what it said: PTN_OK, PTN_E_AUTHENTICATION, PTN_E_PASSWORD_EXPIRED, PTN_E_DISABLED (both:
 * the proof was right), PTN_E_NOT_FOUND (nobody, or none has what is wanted), PTN_E_TEMPORARY.
 * They count nothing: attempt_verdict does.  After attempt_find. */
ptn_status attempt_password (struct attempt *, struct ptn_task *, struct ptn_bytes password);
/* `use` is called as ptn_credentials.with_secret says: with one secret after the other until it
 * returns something else than PTN_E_AUTHENTICATION. */
ptn_status attempt_secret (struct attempt *, struct ptn_task *, const char *scheme,
                           ptn_use_secret *use, void *argument);
ptn_status attempt_ntlm (struct attempt *, struct ptn_task *, const struct ptn_ntlm_response *,
                         struct ptn_ntlm_proof *);

/* What becomes of the login, now that the proof is judged: counts failures, applies what was
 * wrong with the authorization identity.  Once an attempt.  proof: what the functions above
 * returned, or PTN_OK and PTN_E_AUTHENTICATION of the mechanism's own judgement, or PTN_E_INVALID
 * for a malformed response.  PTN_OK: `identity` says who asks for whose mailbox.
 * PTN_E_AUTHENTICATION, PTN_E_PASSWORD_EXPIRED, PTN_E_TEMPORARY, PTN_E_INVALID, with `reason`. */
ptn_status attempt_verdict (struct attempt *, struct ptn_task *, ptn_status proof);

/* For whoever proved an identity in another way: finds its directory and names. */
ptn_status attempt_adopt (struct attempt *, struct ptn_task *, const struct ptn_identity *);
/* For whoever failed to: the name it claimed (NULL: it told none), for the log and the count. */
void attempt_claim (struct attempt *, const char *claimed);

void attempt_failed (struct attempt *); /* counts, once there is a name */
void attempt_succeeded (struct attempt *);

#endif
