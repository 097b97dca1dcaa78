/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - is this token good: which issuer it is for, whether its signature is right, what the
 * issuer says of it.
 *
 * Belongs to an exchange; in its task. */
#ifndef OAUTH_JUDGE_H
#define OAUTH_JUDGE_H

#include "check.h"
#include "inquiry.h"

typedef enum {
  JUDGE_NEW,
  JUDGE_SIGNATURE,
  JUDGE_ANEW, /* the key was not among those there were */
  JUDGE_ASKING,
  JUDGE_SETTLED
} judge_state;

struct judge { /* zeroed; cleared with judge_clear */
  judge_state state;
  struct oauth *issuer; /* NULL: not known yet, or nobody's */
  struct rules *rules;  /* of the issuer, as they were when it was found */
  struct jwt jwt;       /* leads into the token */
  struct keyring_wait wait;
  bool doubtful; /* the keys are older than they should be */
  struct check *check;
  struct inquiry *inquiry;
};

/* issuers: the one with the mechanisms.  PTN_OK: *grant, the caller's, says whether it is good.
 * PTN_PENDING: call again with the same token.  PTN_E_TEMPORARY: it cannot be told. */
ptn_status judge_run (struct judge *, const struct oauth *issuers, struct ptn_task *,
                      struct ptn_bytes token, struct grant *grant);
void judge_clear (struct judge *); /* also while PENDING */

#endif
