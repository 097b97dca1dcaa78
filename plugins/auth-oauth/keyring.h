/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.h - the keys of the issuer that hold now: from a file, which is looked at again once a
 * second, or from a URL, which is fetched in the lane.
 *
 * Fetched keys are good for keys_time.  Then they are fetched again beside the work, and after twice
 * that time logins wait for it.  A key id that is not among them has them fetched too, once a minute
 * at most.  When fetching fails the old ones stay.  An exchange waits for one fetch and no longer. */
#ifndef OAUTH_KEYRING_H
#define OAUTH_KEYRING_H

#include "keys.h"
#include "rules.h"

struct keyring;
struct oauth;

struct keyring *keyring_new (struct oauth *);
void keyring_free (struct keyring **); /* no job is left */

struct keyring_wait { /* zeroed; one of an exchange */
  guint64 armed;      /* which fetch will wake the task */
  guint64 era;        /* of the settings that it was begun with */
};

/* anew: the ones there are did not do.  PTN_OK: *keys (a reference); *doubtful: they are older than
 * they should be, because the last fetch failed, or one is under way.  PTN_PENDING; PTN_E_TEMPORARY: there are none. [task] */
ptn_status keyring_get (struct keyring *, struct ptn_task *, struct rules *, bool anew,
                        struct keyring_wait *, struct keys **keys, bool *doubtful);

/* Other settings: what was read by the old ones is forgotten. */
void keyring_forget (struct keyring *);

#endif
