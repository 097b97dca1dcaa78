/* SPDX-License-Identifier: Apache-2.0 */
/* external.h - the row of EXTERNAL in the table of mechanisms; see README.md. */
#ifndef AUTH_EXTERNAL_EXTERNAL_H
#define AUTH_EXTERNAL_EXTERNAL_H

#include "mechanism.h"

extern const struct mechanism auth_external;

#endif
