/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - what a domain controller says, as statuses of credentials and words for the log.
 *
 * Pure; any thread. */
#ifndef AUTH_WINBIND_VERDICT_H
#define AUTH_WINBIND_VERDICT_H

#include <stdbool.h>

#include <postern/base.h>
#include <wbclient.h>

struct verdict {
  ptn_status status;
  char text[120];                /* why not, for the log; "" with PTN_OK */
  unsigned char session_key[16]; /* UserSessionKey, with PTN_OK of an NTLM response */
};

/* NTSTATUS ([MS-ERREF] 2.3.1) of a refused logon.  Only what says that the proof was looked at is
 * a "wrong"; whatever is not known here is PTN_E_TEMPORARY. */
#define VERDICT_ACCESS_DENIED 0xc0000022u
void verdict_of_nt_status (uint32_t nt_status, struct verdict *);
/* A call that came to no verdict. */
void verdict_of_error (wbcErr, struct verdict *);

/* Whom the directory looked up, and so who must be the one that was proved. */
struct expected {
  const char *user;
  const char *nt_domain;  /* "" if not known */
  const char *dns_domain; /* "" if not known; one of them is */
};
/* Guest, anonymous and anybody but the expected are refused, however right the proof. */
void verdict_of_info (const struct wbcAuthUserInfo *, const struct expected *, struct verdict *);

#endif
