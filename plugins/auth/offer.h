/* SPDX-License-Identifier: Apache-2.0 */
/* offer.h - which mechanisms a listener offers on a connection: those it is configured for, that
 * the sources of some directory can verify, and that work here.
 *
 * In the task of the session. */
#ifndef AUTH_OFFER_H
#define AUTH_OFFER_H

#include "auth.h"

/* Names in the order of the configuration; room for AUTH_MECHANISM_LIMIT.  How many. */
size_t offer_list (struct auth *, const struct roster *, const struct ptn_sasl_request *,
                   const char **names);
/* The one of this name if it is offered, else NULL; *why then says why not, for the log. */
const struct auth_mechanism *offer_find (struct auth *, const struct roster *,
                                         const struct ptn_sasl_request *, const char *name,
                                         const char **why);
/* Is it one of those that `integrated_windows_authentication` switches? */
bool offer_is_integrated (const char *name);
/* Are USER/PASS and LOGIN commands of use here? */
bool offer_passwords (struct auth *, const struct roster *, const struct ptn_sasl_request *);

#endif
