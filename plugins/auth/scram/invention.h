/* SPDX-License-Identifier: Apache-2.0 */
/* invention.h - the salt that is told of a user of whom no SCRAM key is stored: always the same, so
 * that asking twice, and after a restart, does not tell who exists.
 *
 * It comes from a secret of this installation, in a file of the plugin's own.  Who has a password
 * stored in clear is told the same salt, and it is derived with it. */
#ifndef AUTH_SCRAM_INVENTION_H
#define AUTH_SCRAM_INVENTION_H

#include "keys.h"

enum { SCRAM_SECRET = 32, SCRAM_SALT_INVENTED = 16 };

/* Reads the secret, or makes one and writes it.  NULL, or what was wrong (g_malloc'd): then the
 * secret is a new one, and lasts as long as the process. [setup] */
char *scram_secret_load (const char *folder, unsigned char secret[SCRAM_SECRET]);

/* user: one spelling for all names of a user (attempt_spelling).  Any thread. */
void scram_salt_invent (const unsigned char secret[SCRAM_SECRET], const struct scram_hash *,
                        const char *user, unsigned iterations, struct scram_salt *salt);

#endif
