/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - checks the signature of a token: in the step where that takes less than the handshake the
 * client has paid for (RSA 0.04 ms, P-256 and Ed25519 0.2 ms), else (P-384, P-521: 1 ms) in the lane of
 * what burns CPU, not in that of what waits for issuers.
 *
 * A check belongs to a judge, in its task; its job is counted and owns copies, which it wipes. */
#ifndef OAUTH_CHECK_H
#define OAUTH_CHECK_H

#include "jwt.h"
#include "oauth.h"

#define CHECK_LANE "password"

struct check;

/* *check: NULL at first.  PTN_OK: *verdict; PTN_PENDING; PTN_E_TEMPORARY: the lane is full.  Called
 * again, it needs neither token nor keys. */
ptn_status check_run (struct check **check, struct oauth *, struct ptn_task *, const struct jwt *,
                      struct keys *, jwt_verdict *verdict);
void check_end (struct check **); /* also while PENDING */

#endif
