/* SPDX-License-Identifier: Apache-2.0 */
/* scram.h - the rows of SCRAM in the table of mechanisms; see README.md. */
#ifndef AUTH_SCRAM_SCRAM_H
#define AUTH_SCRAM_SCRAM_H

#include "mechanism.h"

extern const struct mechanism auth_scram_sha_256_plus, auth_scram_sha_256, auth_scram_sha_1_plus,
    auth_scram_sha_1;

#endif
