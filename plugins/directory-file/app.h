/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - app passwords: what stands behind `app_password =`, and whether one is good here and now.
 *
 *   LABEL {SCHEME}SECRET... [protocols=imap,smtp] [networks=10.0.0.0/8,::1] [expires=2027-01-31]
 *   [created=2026-11-22]
 *
 * No state; any thread. */
#ifndef DIRECTORY_FILE_APP_H
#define DIRECTORY_FILE_APP_H

#include "accounts.h"

#define APP_SECRETS 4      /* of one app password */
#define APP_NETWORKS 16    /* likewise */
#define APP_LABEL_LIMIT 64 /* octets */
#define ACCOUNT_APPS 32    /* of one account */

/* Cuts the value into pieces in place; networks are memory of the accounts.  secrets gets
 * app->count rows.  Returns a static text of what is wrong, or NULL. */
const char *app_read (struct accounts *, char *value, struct app *,
                      struct password secrets[APP_SECRETS]);
const char *app_label_fault (const char *label);

/* The app password that this password of the account is of; NULL: it is the account's own. */
const struct app *app_of (const struct account *, const struct password *);

/* PTN_OK, or why a right password does not let in here and now; *why is a static text.  peer: the
 * address, "" if it is not known. */
ptn_status app_judge (const struct app *, const char *service, const char *peer, int64_t now_ms,
                      const char **why);

#endif
