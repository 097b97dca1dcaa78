/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - what becomes of a login once it is known which password was right: shared by
 * credentials.c and secrets.c.  [task] */
#ifndef DIRECTORY_FILE_VERDICT_H
#define DIRECTORY_FILE_VERDICT_H

#include "directory.h"

/* Would this password, if it is right, let the account in here and now?  PTN_OK, PTN_E_DISABLED,
 * PTN_E_PASSWORD_EXPIRED, PTN_E_DENIED; *why is a static text. */
ptn_status verdict_of (struct directory *, const struct ptn_sasl_request *, const struct account *,
                       const struct password *, const char **why);
/* The same, told to the task; of an app password that lets in the use is noted. */
ptn_status verdict_settle (struct directory *, struct ptn_task *, const struct ptn_sasl_request *,
                           const struct account *, const struct password *);

#endif
