/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - what the answer to a bind as the user says about the password.
 *
 * Pure functions; any thread. */
#ifndef DIRECTORY_LDAP_VERDICT_H
#define DIRECTORY_LDAP_VERDICT_H

#include <postern/base.h>

/* The error of a password policy response (draft-behera-ldap-password-policy-10 section 6.2), and
 * what stands for none. */
#define POLICY_SILENT (-1)

struct verdict {
  ptn_status status;  /* as ptn_credentials.verify_password */
  const char *reason; /* for the log; static */
};

/* result: an LDAP result code.  text: the diagnostic message, or NULL: Active Directory tells there
 * what it was ("... data 532, v4563").  policy: the error of the response control. */
struct verdict verdict_of (int result, const char *text, int policy);

#endif
