/* SPDX-License-Identifier: Apache-2.0 */
/* folders.h - names of mailboxes and of their folders, and the subscriptions file.
 *
 * A path ("Lists/C&C.old", UTF-8, levels divided by '/') is the folder ".Lists.C&-C\2eold" of
 * the Maildir++ layout: each level in modified UTF-7 (RFC 3501 section 5.1.3), levels divided by
 * '.'.  A '.' in a level, which has no place there, is written "\2e", as Dovecot's listescape
 * plugin does.  INBOX is the top: "".  Pure functions. */
#ifndef STORAGE_MAILDIR_FOLDERS_H
#define STORAGE_MAILDIR_FOLDERS_H

#include "common/mailbox_name.h"

#include <glib.h>
#include <stdbool.h>

/* The folder of a canonical path; NULL: too long for a name on disk.  g_free it. */
char *folder_of (const char *path);
/* The path of a folder; NULL: no name that we would write, or INBOX.  g_free it. */
char *folder_path (const char *folder);

/* The paths of a subscriptions file, of both versions, as keys of the set; lines that are no
 * names are passed over. */
void subscriptions_parse (const char *text, GHashTable *paths);
char *subscriptions_format (GHashTable *paths); /* version 2; g_free it */

#endif
