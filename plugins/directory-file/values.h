/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - what can stand behind the '=' of a line in the accounts file.
 *
 * A fault is a static text that goes on from the value ("'x' is neither yes nor no"), or NULL.
 * No state; any thread. */
#ifndef DIRECTORY_FILE_VALUES_H
#define DIRECTORY_FILE_VALUES_H

#include <glib.h>

/* Without white space at both ends, NUL-terminated in place: *end is overwritten. */
char *value_trim (char *text, char *end);

/* Words divided by commas and white space; cuts them out of *rest in place. */
char *value_next_word (char **rest);
size_t value_count_words (const char *text);

const char *value_boolean (const char *text, gboolean *value);
/* yes, no, or a date: milliseconds since 1970, G_MININT64 or G_MAXINT64. */
const char *value_expiry (const char *text, gint64 *expires_ms);
const char *value_protocols (const char *text, guint32 *protocols);
/* 500M, 2 GiB, unlimited (G_MAXINT64). */
const char *value_size (const char *text, gint64 *octets);

/* An attribute that we know: quotas become plain numbers, in `number`, to which *value then
 * points; "" says that there is no limit.  Others pass as they are. */
const char *value_attribute (const char *key, const char **value, char number[32]);

/* The word of `known` that `text` is likely to have meant, or NULL. */
const char *value_nearest (const char *text, const char *const *known, size_t count);

#endif
