/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h - what a token says, or the answer of introspection (RFC 7662 section 2.2), held against
 * the rules: who, by whom, for whom, from when until when, for what.
 *
 * Any thread. */
#ifndef OAUTH_CLAIMS_H
#define OAUTH_CLAIMS_H

#include "rules.h"

#include <jansson.h>

#define CLAIMS_USER_LIMIT 512

struct grant {        /* cleared with grant_clear */
  char *user;         /* set as soon as it is known, also of a grant that fails */
  gint64 until_s;     /* seconds since 1970: after which it is no good; G_MAXINT64: not told */
  const char *reason; /* static: why not; NULL: it is good */
  bool narrow;        /* it is good, but does not reach so far: scope */
};

typedef enum { CLAIMS_OF_TOKEN, CLAIMS_OF_ANSWER } claims_kind;

/* now_s: seconds since 1970.  Of a token "iss", "aud" and "exp" are needed; an answer may leave out
 * "iss" and "exp", and must say "active". */
void claims_check (const json_t *claims, claims_kind, const struct rules *, gint64 now_s,
                   struct grant *);
void grant_clear (struct grant *);

/* Does this issuer make tokens with such an "iss"? */
bool claims_are_of (const json_t *claims, const struct rules *);

#endif
