/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.c - see verdict.h.  Owns nothing. */
#include "verdict.h"

#include <glib.h>
#include <ldap.h>
#include <string.h>

/* Win32 error codes behind "data", in hexadecimal ([MS-ERREF] section 2.2).  Active Directory
 * compares the password first and tells all but 525, 52e and 775 only to who knew it; of those the
 * lockout alone is told to everybody. */
static const struct {
  const char *code;
  struct verdict verdict;
} codes[] = {
  { "525", { PTN_E_AUTHENTICATION, "no such user at the directory server (525)" } },
  { "52e", { PTN_E_AUTHENTICATION, "wrong password (52e)" } },
  { "52f", { PTN_E_DISABLED, "account is restricted (52f)" } },
  { "530", { PTN_E_DISABLED, "not at this time of day (530)" } },
  { "531", { PTN_E_DISABLED, "not at this workstation (531)" } },
  { "532", { PTN_E_PASSWORD_EXPIRED, "password has expired (532)" } },
  { "533", { PTN_E_DISABLED, "account is disabled (533)" } },
  { "568", { PTN_E_DISABLED, "user is in too many groups (568)" } },
  { "701", { PTN_E_DISABLED, "account has expired (701)" } },
  { "773", { PTN_E_PASSWORD_EXPIRED, "password must be changed (773)" } },
  { "775", { PTN_E_DISABLED, "account is locked (775)" } },
};

/* "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v2580" */
static const struct verdict *
find_code (const char *text) {
  const char *data = text ? strstr (text, "data ") : NULL;
  if (!data)
    return NULL;
  data += strlen ("data ");
  const size_t length = strspn (data, "0123456789abcdefABCDEF");
  for (size_t i = 0; i < G_N_ELEMENTS (codes); i++)
    if (length == strlen (codes[i].code) && g_ascii_strncasecmp (data, codes[i].code, length) == 0)
      return &codes[i].verdict;
  return NULL;
}

static struct verdict
of_success (int policy) {
  if (policy == PP_changeAfterReset)
    return (struct verdict){ PTN_E_PASSWORD_EXPIRED, "password must be changed" };
  if (policy == PP_passwordExpired) /* a grace login: the right one, for a last few times */
    return (struct verdict){ PTN_E_PASSWORD_EXPIRED, "password has expired" };
  return (struct verdict){ PTN_OK, "" };
}

/* The overlay of OpenLDAP says "expired" only when the password was right. */
static struct verdict
of_refusal (const char *text, int policy) {
  if (policy == PP_passwordExpired)
    return (struct verdict){ PTN_E_PASSWORD_EXPIRED, "password has expired" };
  if (policy == PP_changeAfterReset)
    return (struct verdict){ PTN_E_PASSWORD_EXPIRED, "password must be changed" };
  if (policy == PP_accountLocked)
    return (struct verdict){ PTN_E_DISABLED, "account is locked" };
  const struct verdict *known = find_code (text);
  return known ? *known : (struct verdict){ PTN_E_AUTHENTICATION, "wrong password" };
}

struct verdict
verdict_of (int result, const char *text, int policy) {
  switch (result) {
  case LDAP_SUCCESS:
    return of_success (policy);
  case LDAP_INVALID_CREDENTIALS:
    return of_refusal (text, policy);
  case LDAP_CONSTRAINT_VIOLATION: /* 389 Directory Server: "Exceed password retry limit" */
    return (struct verdict){ PTN_E_DISABLED, "account is locked" };
  case LDAP_INAPPROPRIATE_AUTH:
  case LDAP_NO_SUCH_OBJECT:
  case LDAP_INVALID_DN_SYNTAX:
    return (struct verdict){ PTN_E_AUTHENTICATION, "no password is stored for this user" };
  case LDAP_CONFIDENTIALITY_REQUIRED:
  case LDAP_STRONG_AUTH_REQUIRED:
    return (struct verdict){ PTN_E_TEMPORARY,
                             "the directory server refuses passwords without TLS" };
  default:
    return (struct verdict){ PTN_E_TEMPORARY, "the directory server could not judge the password" };
  }
}
