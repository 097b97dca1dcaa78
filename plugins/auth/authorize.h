/* SPDX-License-Identifier: Apache-2.0 */
/* authorize.h - may who is proved open this mailbox, and for what?
 *
 * Belongs to a login or a watch, with its attempt; in its task. */
#ifndef AUTH_AUTHORIZE_H
#define AUTH_AUTHORIZE_H

#include "attempt.h"

struct authorization {
  struct ptn_call call;      /* what the identity points to in the end */
  struct ptn_identity found; /* as it was before */
  bool asked;
  bool granted; /* with what `posternctl delegate` gave */
};

/* Settles attempt->identity.  PTN_OK, PTN_PENDING, PTN_E_AUTHENTICATION (no, and it has been counted),
 * PTN_E_ELSEWHERE, PTN_E_CORRUPT, PTN_E_TEMPORARY, with attempt->reason. */
ptn_status authorize (struct authorization *, struct attempt *, struct ptn_task *);
void authorization_clear (struct authorization *, const struct ptn_host *); /* also while PENDING */

#endif
