/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - sessions in another's mailbox, which end when they may be there no longer.
 *
 * A watch is the session's, and a task of its own works for it.  What the session's task calls is
 * marked; the rest is the watch's own task. */
#ifndef AUTH_WATCH_H
#define AUTH_WATCH_H

#include "attempt.h"

struct watch;

/* For the authorized attempt.  NULL: it is one's own mailbox, or nobody wants to know. [task] */
struct watch *watch_new (const struct attempt *, struct ptn_task *session);
void watch_end (struct watch *); /* before the session's task ends; NULL is fine [task] */

/* Until the task of the last watch is gone.  [setup] */
void watch_wait (struct auth *);

#endif
