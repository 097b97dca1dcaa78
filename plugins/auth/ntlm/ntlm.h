/* SPDX-License-Identifier: Apache-2.0 */
/* ntlm.h - the row of the mechanism NTLM, which Windows calls SPA on mail protocols. */
#ifndef AUTH_NTLM_NTLM_H
#define AUTH_NTLM_NTLM_H

#include "mechanism.h"

extern const struct mechanism auth_ntlm;

#endif
