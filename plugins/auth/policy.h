/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what holds for all directories once somebody is proved and authorized.
 *
 * In the task of the login. */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "attempt.h"

/* Before authorize: what `posternctl delegate` granted. */
void policy_grant (struct attempt *);
/* After it.  NULL: welcome; else why not, for the log. */
const char *policy_refusal (const struct attempt *);

#endif
