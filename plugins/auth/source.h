/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - asks the credentials of a directory's users; see attempt.h for the functions.
 *
 * In the task of the attempt. */
#ifndef AUTH_SOURCE_H
#define AUTH_SOURCE_H

#include "attempt.h"

/* What the other plugin told of its failure: a copy in the attempt, because the next failure takes
 * its place. */
const char *attempt_their_reason (struct attempt *, struct ptn_task *);

/* Can the sources of some directory verify with one of these schemes (words divided by spaces, as
 * ptn_sasl_mechanism.schemes; NULL: it needs none)? [any, from start on] */
bool sources_know (const struct roster *, const char *schemes);

#endif
