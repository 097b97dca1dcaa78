/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - the commands that only look: user list, user show, user app-password list.
 *
 * All in the task of a command.  Rows go through a slow reader: what is listed stays with the
 * call. */
#ifndef DIRECTORY_FILE_LISTING_H
#define DIRECTORY_FILE_LISTING_H

#include "directory.h"

#define LISTING_USER_COLUMNS \
  "account address name aliases protocols state quota delegates readers app-passwords"
#define LISTING_SHOW_COLUMNS "key value"
#define LISTING_APP_COLUMNS "account label password protocols networks expires created used"

typedef ptn_status listing_command (void *instance, struct ptn_call *, struct ptn_strings typed,
                                    struct ptn_bytes secret, struct ptn_report *);
listing_command listing_users, listing_user;

/* Of one account, or NULL of all. */
ptn_status listing_apps (struct directory *, struct ptn_call *, const char *account,
                         struct ptn_report *);
/* One row of it, with the password that was just made, or "". */
ptn_status listing_app (struct directory *, struct ptn_task *, const struct account *,
                        const struct app *, const char *password, struct ptn_report *);

#endif
