/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts.h - remembers which passwords were right and which were wrong, so that whoever comes
 * back is compared in the step and not hashed in a lane, or asked of another machine.
 *
 * An entry is an HMAC, under a key that this process drew and keeps, over what the verdict depends
 * on and the password: it tells nobody anything, and what depends on something else is simply not
 * found.  The table is of fixed size.  Counted; any thread; one short lock. */
#ifndef COMMON_SECRET_VERDICTS_H
#define COMMON_SECRET_VERDICTS_H

#include <stdbool.h>

#include <postern/base.h>

struct verdicts;

typedef enum { VERDICT_NONE, VERDICT_RIGHT, VERDICT_WRONG } verdict;

/* entries: 0 for none.  A verdict is kept for right_ns or wrong_ns; 0: not at all.  NULL: no
 * random octets to be had. */
struct verdicts *verdicts_new (size_t entries, int64_t right_ns, int64_t wrong_ns);
struct verdicts *verdicts_ref (struct verdicts *);
void verdicts_unref (struct verdicts *);
/* Would verdicts_new with these make another? */
bool verdicts_are_like (const struct verdicts *, size_t entries, int64_t right_ns,
                        int64_t wrong_ns);

struct verdict_tag {
  unsigned char octets[32];
};
/* depends_on: a stored hash, or who asks whom for what; `size` octets of it. */
void verdicts_tag (struct verdicts *, struct ptn_bytes depends_on, struct ptn_bytes password,
                   struct verdict_tag *);

verdict verdicts_find (struct verdicts *, const struct verdict_tag *, int64_t now_ns);
/* user: who verdicts_flush may name. */
void verdicts_add (struct verdicts *, const struct verdict_tag *, const char *user, verdict,
                   int64_t now_ns);
void verdicts_flush (struct verdicts *, const char *user); /* NULL: everybody's */

/* For verdicts that come later than they were asked for: what was asked before a flush is not added
 * after it, because it may be what the flush was for.  flushes: of the time of the question. */
uint64_t verdicts_flushes (struct verdicts *);
void verdicts_add_since (struct verdicts *, uint64_t flushes, const struct verdict_tag *,
                         const char *user, verdict, int64_t now_ns);

#endif
