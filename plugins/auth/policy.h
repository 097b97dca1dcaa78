/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what holds for all directories once somebody is proved and authorized.
 *
 * In the task of the login. */
#ifndef AUTH_POLICY_H
#define AUTH_POLICY_H

#include "attempt.h"

/* Has who is proving the attribute that the mechanism demands (attempt->demand)?  From the verdict
 * on nobody asks again: authorize replaces the user's attributes by those of the mailbox. */
bool policy_meets_demand (const struct attempt *);
/* Before authorize: what `posternctl delegate` granted to this user in a mailbox of this name, in
 * identity.access. */
void policy_grant (struct attempt *);
/* After it, when the directory has said which mailbox it is: was this one meant? */
bool policy_grant_holds (const struct attempt *);
/* Which account of its name the attributes are about: "account.id"; "" if they do not tell. */
const char *policy_account_id (const struct ptn_identity *);
/* After it.  NULL: welcome; else why not, for the log. */
const char *policy_refusal (const struct attempt *);

#endif
