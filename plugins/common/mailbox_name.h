/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox_name.h - paths of mailboxes: UTF-8, levels divided by '/'.
 *
 * Pure functions; what they return belongs to the caller (g_free). */
#ifndef PLUGINS_COMMON_MAILBOX_NAME_H
#define PLUGINS_COMMON_MAILBOX_NAME_H

#include <stdbool.h>

enum { PATH_MAX_OCTETS = 1000 };

/* A path as it is kept: INBOX in capitals (also as the first of several levels).  NULL: NULL, empty,
 * an empty level, control characters (they would end up in protocol lines), not UTF-8, or too
 * long. */
char *path_canonical (const char *path);
/* Does an RFC 9051 LIST pattern (section 6.3.9) match a canonical path?  Time in proportion to the
 * product of both lengths, whatever the client wrote. */
bool path_matches (const char *pattern, const char *path);

#endif
