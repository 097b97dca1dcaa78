/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - names of Maildir: folders (Maildir++: ".Sent.2026", in modified UTF-7) and files
 * ("1700000000.M1P2.host:2,FS").
 *
 * Pure functions; results are the caller's, to be freed with g_free. */
#ifndef ADMIN_FOLDER_H
#define ADMIN_FOLDER_H

#include <postern/store.h>

/* ".Sent.2026" -> "Sent/2026"; NULL: no such name. */
char *folder_to_mailbox (const char *folder);
/* "Sent/2026" -> ".Sent.2026"; "INBOX" -> "".  A '.' within a level is written as "&AC4-". */
char *folder_of_mailbox (const char *mailbox);

/* The letters behind ":2,": Draft Flagged Passed(-) Replied Seen Trashed. */
ptn_flag_bits folder_flags (const char *file);
/* In the order that Maildir asks for; 8 octets with NUL. */
const char *folder_letters (ptn_flag_bits, char out[8]);

#endif
