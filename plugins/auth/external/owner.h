/* SPDX-License-Identifier: Apache-2.0 */
/* owner.h - whose is the certificate that a client has shown?
 *
 * In the task of the session. */
#ifndef AUTH_EXTERNAL_OWNER_H
#define AUTH_EXTERNAL_OWNER_H

#include "auth.h"

typedef enum {
  OWNER_NONE,     /* no verified certificate was shown */
  OWNER_UNKNOWN,  /* nothing says whose it is */
  OWNER_SEVERAL,  /* what says so contradicts itself */
  OWNER_USER,     /* *login */
  OWNER_FRONT_END /* of us: it may name any user */
} owner_kind;

/* *login is g_free'd by the caller; NULL but for OWNER_USER. */
owner_kind owner_find (const struct auth *, const struct ptn_sasl_request *, char **login);

#endif
