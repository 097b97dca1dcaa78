/* SPDX-License-Identifier: Apache-2.0 */
/* gss.h - the calls of libgssapi-krb5 that a server needs, and what its errors mean.
 *
 * No state but what the caller holds; any thread. */
#ifndef AUTH_GSSAPI_GSS_H
#define AUTH_GSSAPI_GSS_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <postern/base.h>

#define FAULT_TEXT_LIMIT 320

/* A failure in words. */
struct fault {
  ptn_status status;           /* PTN_E_INVALID, PTN_E_AUTHENTICATION or PTN_E_TEMPORARY */
  const char *advice;          /* static; NULL: none */
  char text[FAULT_TEXT_LIMIT]; /* what the library says, printable */
};
/* At once after the call that failed, on the same thread. */
void fault_of (OM_uint32 major, OM_uint32 minor, struct fault *);

/* Credentials for tickets to `name`, of Kerberos alone: also within SPNEGO nothing else is
 * negotiated, whatever mechanisms the machine has.  keytab and replay as libkrb5 names them; replay
 * NULL: its default.  service alone: any host; principal instead: that one; both NULL: any key. */
OM_uint32 acceptor_open (const char *keytab, const char *replay, const char *service,
                         const char *principal, gss_cred_id_t *credential, OM_uint32 *minor);

#endif
