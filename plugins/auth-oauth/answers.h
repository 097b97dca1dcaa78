/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h - remembers for a while what issuers said of tokens, as a keyed hash of the token and the
 * name of the user.  Bounded: the oldest goes first.
 *
 * Any thread; one short lock. */
#ifndef OAUTH_ANSWERS_H
#define OAUTH_ANSWERS_H

#include "claims.h"

#define ANSWERS_LIMIT 8192

struct answers;

struct answers *answers_new (void); /* NULL: no random octets to be had */
void answers_free (struct answers **);
void answers_flush (struct answers *);

/* now_ns: monotonic.  true: *grant is filled, the caller's. */
bool answers_find (struct answers *, struct ptn_bytes token, gint64 now_ns, struct grant *);
void answers_add (struct answers *, struct ptn_bytes token, gint64 until_ns, const struct grant *);

#endif
