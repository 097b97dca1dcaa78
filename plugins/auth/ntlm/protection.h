/* SPDX-License-Identifier: Apache-2.0 */
/* protection.h - extended protection: is the client's proof bound to this TLS channel ([MS-NLMP]
 * 3.2.5.1.2, RFC 5929 tls-server-end-point)?
 *
 * No state; in the task of the attempt. */
#ifndef AUTH_NTLM_PROTECTION_H
#define AUTH_NTLM_PROTECTION_H

#include "mechanism.h"

/* Where the listener requires it: is there a channel to bind to? */
bool ntlm_protection_is_possible (const struct auth *, const struct ptn_sasl_request *);

/* bindings: MsvAvChannelBindings; data NULL: none, as before NTLMv2.  NULL: it may go on; else
 * why not, static. */
const char *ntlm_protection_refusal (const struct attempt *, struct ptn_bytes bindings);

#endif
