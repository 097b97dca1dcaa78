/* SPDX-License-Identifier: Apache-2.0 */
/* derivation.h - is a SCRAM proof right with one of these passwords?  Milliseconds of hashing, on
 * the lane "password", as a job that owns all it touches: the session may go away meanwhile.
 *
 * Belongs to an exchange; called in its task. */
#ifndef AUTH_SCRAM_DERIVATION_H
#define AUTH_SCRAM_DERIVATION_H

#include "dialogue.h"

enum { SCRAM_PASSWORDS = 4 }; /* of one user that are tried */

struct scram_derivation;

/* The dialogue has its final message.  idle: the most iterations that are done on nothing; keys may
 * be stored with a hundred times as many, and whoever guesses must not have them done for him. */
struct scram_derivation *scram_derivation_new (const struct scram_dialogue *, unsigned idle);
void scram_derivation_free (struct scram_derivation **); /* also while it works */

/* A copy.  Those beyond SCRAM_PASSWORDS, or of more than 1024 octets, are not tried. */
void scram_derivation_add (struct scram_derivation *, struct ptn_bytes password);

/* Begins; with nothing to try, the work is done on nothing.  PTN_E_LIMIT: the lane is full. */
ptn_status scram_derivation_start (struct scram_derivation *, const struct ptn_host *,
                                   struct ptn_task *);
/* Is it over? */
bool scram_derivation_done (struct scram_derivation *);
/* Then: the keys of the password that was right; NULL: none was. */
const struct scram_keys *scram_derivation_keys (const struct scram_derivation *);
/* Is this the one? */
bool scram_derivation_was (const struct scram_derivation *, struct ptn_bytes password);

#endif
