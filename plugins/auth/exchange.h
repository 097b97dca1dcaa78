/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h - the dialogues that end in a name and a password: PLAIN, LOGIN, the USER/PASS and
 * LOGIN commands, and APOP.
 *
 * Embedded by who conducts it; called in its task. */
#ifndef AUTH_EXCHANGE_H
#define AUTH_EXCHANGE_H

#include "attempt.h"

typedef enum {
  EXCHANGE_PLAIN,
  EXCHANGE_LOGIN,
  EXCHANGE_PASSWORD, /* user NUL password */
  EXCHANGE_APOP
} exchange_kind;

struct exchange {
  exchange_kind kind;
  struct ptn_sasl_request request; /* a copy */
  struct attempt attempt;
  struct message message; /* leads into the response, and for LOGIN into `name` */
  bool parsed;
  char *name; /* LOGIN: the first answer */
};

void exchange_init (struct exchange *, struct auth *, const struct ptn_sasl_request *,
                    exchange_kind);
void exchange_clear (struct exchange *); /* also while PENDING */

/* As ptn_sasl_mechanism.step; after PTN_END the identity is in attempt.identity. */
ptn_status exchange_step (struct exchange *, struct ptn_task *, struct ptn_bytes response,
                          struct ptn_bytes *challenge);

#endif
