/* SPDX-License-Identifier: Apache-2.0 */
/* inquiry.h - asks an issuer what a token is (RFC 7662), in the lane, and remembers the answer.
 *
 * An inquiry belongs to the exchange, in its task; the job that asks is counted and owns a copy of
 * the token, which it wipes. */
#ifndef OAUTH_INQUIRY_H
#define OAUTH_INQUIRY_H

#include "oauth.h"

struct inquiry;

/* *inquiry: NULL at first.  PTN_OK: *grant, the caller's, says what the issuer thinks of it.
 * PTN_PENDING; PTN_E_TEMPORARY: it cannot be asked. */
ptn_status inquiry_run (struct inquiry **inquiry, struct oauth *, struct ptn_task *, struct rules *,
                        struct ptn_bytes token, struct grant *grant);
void inquiry_end (struct inquiry **); /* also while PENDING */

#endif
