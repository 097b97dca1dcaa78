/* SPDX-License-Identifier: Apache-2.0 */
/* kept_name.h - names of annotations and keywords, as every store takes them (abi/postern/store.h,
 * annotate and keyword).  Pure functions, no locks. */
#ifndef PLUGINS_COMMON_KEPT_NAME_H
#define PLUGINS_COMMON_KEPT_NAME_H

#include <stdbool.h>

enum { ANNOTATION_NAME_MAX_OCTETS = 256, KEYWORD_MAX_OCTETS = 200 };

/* '/' and at least one octet more, UTF-8, no control characters.  NULL: no. */
bool annotation_name_valid (const char *name);
/* Is it the identity's own ("/private/", RFC 5464 section 2.1)? */
bool annotation_name_private (const char *name);
/* UTF-8, not empty, no control characters, no space.  NULL: no. */
bool keyword_valid (const char *keyword);

#endif
