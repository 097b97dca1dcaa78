/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.h - LIST patterns and levels of names.  Pure functions. */
#ifndef IMAP4_MAILBOX_PATTERN_H
#define IMAP4_MAILBOX_PATTERN_H

#include <stdbool.h>

/* Could a name below the prefix, or the prefix itself, match the pattern?  It looks at what stands before
 * the first wildcard: false is certain, true is not. */
bool pattern_may_reach (const char *pattern, const char *prefix);
/* Does it name the prefix, or something below it, before its first wildcard? */
bool pattern_names (const char *pattern, const char *prefix);
/* What stands behind "prefix/"; "" for the prefix itself; NULL: not below it, or no prefix. */
const char *below_prefix (const char *name, const char *prefix);

#endif
