/* SPDX-License-Identifier: Apache-2.0 */
/* subject.h - the base subject of RFC 5256 section 2.1, by which SORT and THREAD compare.  Pure. */
#ifndef PLUGINS_COMMON_TEXT_SUBJECT_H
#define PLUGINS_COMMON_TEXT_SUBJECT_H

#include <glib.h>
#include <stdbool.h>

/* The base of a Subject field's value (as it stands in the message), in UTF-8, in the case it came
 * in; g_free.  *replied (may be NULL): it was a reply or forward, section 2.1 "is-reply". */
char *subject_base (const char *value, size_t size, bool *replied);

#endif
