/* SPDX-License-Identifier: Apache-2.0 */
/* response.h - is this the right answer to the challenge ([MS-NLMP] 3.3), and the keys that follow
 * from it.
 *
 * No state; any thread.  Keys and hashes are the caller's to wipe. */
#ifndef AUTH_NTLM_RESPONSE_H
#define AUTH_NTLM_RESPONSE_H

#include "text.h"
#include "wire.h"

typedef enum {
  NTLM_NO_RESPONSE, /* anonymous, or only the LM field, which is never looked at */
  NTLM_V1,          /* 3.3.1, with 24 octets of DES */
  NTLM_V1_SESSION,  /* the same with NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY: "NTLM2 session" */
  NTLM_V2           /* 3.3.2 */
} ntlm_version;

/* Which of them the client sent: told by its form, as some clients do not send flags. */
ntlm_version ntlm_version_of (const struct ntlm_authenticate *, guint32 negotiated);
const char *ntlm_version_name (ntlm_version); /* static */

/* nt_hash: NTOWFv1, MD4 of the password.  The time does not depend on it.  true: right, and
 * session_base_key is filled. */
bool ntlm_response_is_right (const struct ntlm_authenticate *, ntlm_version,
                             const unsigned char challenge[8], const unsigned char nt_hash[16],
                             unsigned char session_base_key[16]);

/* Of NTLM_V1_SESSION: our challenge and the client's, mixed; the response is then one of NTLM_V1 to
 * that. */
bool ntlm_session_challenge (const struct ntlm_authenticate *, const unsigned char challenge[8],
                             unsigned char mixed[8]);

/* 3.2.5.1.2: the message integrity code over all three messages, in the third. */
bool ntlm_mic_is_right (const struct ntlm_authenticate *, struct ptn_bytes negotiate,
                        struct ptn_bytes challenge, const unsigned char session_base_key[16]);

/* What MsvAvChannelBindings must hold: the MD5 of a gss_channel_bindings_struct (RFC 2744) with
 * the application data "TYPE:" and the octets of the binding (RFC 5929 section 2).  false: no MD5
 * here. */
bool ntlm_binding_hash (const char *type, struct ptn_bytes binding, unsigned char hash[16]);

/* The parts, for the tests. */
/* NTOWFv2 of the user in capitals as `how` makes them, and the domain as it is. */
bool ntlm_ntowf_v2 (const unsigned char nt_hash[16], const char *user, ntlm_case how,
                    const char *domain, unsigned char key[16]);
bool ntlm_desl (const unsigned char key[16], const unsigned char data[8], unsigned char out[24]);
void ntlm_rc4 (const unsigned char key[16], const unsigned char *in, size_t size,
               unsigned char *out);

#endif
