/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - one run of PAM: authentication, then account management.
 *
 * Blocks: lanes only.  Holds no state between runs. */
#ifndef DIRECTORY_PAM_CHECK_H
#define DIRECTORY_PAM_CHECK_H

#include "people.h"

#define CHECK_REASON 160

struct check {
  const struct rules *rules;
  const char *user;     /* as the system spells it */
  const char *password; /* NUL-terminated; the caller wipes it */
  const char *service;  /* "imap" ...: PAM_TTY */
  const char *peer;     /* PAM_RHOST; "" if nobody knows */
  /* What came of it. */
  ptn_status status;
  bool broken; /* a fault of the configuration or the system: worth a line of the log */
  char reason[CHECK_REASON];
};

/* PTN_OK, PTN_E_AUTHENTICATION, PTN_E_NOT_FOUND (PAM knows no such user), PTN_E_DISABLED and
 * PTN_E_PASSWORD_EXPIRED (both only of a right password), PTN_E_TEMPORARY. */
void check_run (struct check *);

#endif
