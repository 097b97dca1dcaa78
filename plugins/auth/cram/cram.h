/* SPDX-License-Identifier: Apache-2.0 */
/* cram.h - the row of CRAM-MD5 in the table of mechanisms; see README.md. */
#ifndef AUTH_CRAM_CRAM_H
#define AUTH_CRAM_CRAM_H

#include "mechanism.h"

extern const struct mechanism auth_cram_md5;

#endif
