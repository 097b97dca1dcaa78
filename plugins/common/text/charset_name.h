/* SPDX-License-Identifier: Apache-2.0 */
/* charset_name.h - names of charsets, for charset.c and charset_encode.c alone. */
#ifndef PLUGINS_COMMON_TEXT_CHARSET_NAME_H
#define PLUGINS_COMMON_TEXT_CHARSET_NAME_H

#include "common/text/charset.h"

#include <unicode/ucnv.h>

/* The name in lower case, or the one that stands for it.  False: no name can be that. */
bool charset_name (const char *name, size_t size, char canonical[CHARSET_NAME_MAX]);
/* NULL: ICU does not know it. */
UConverter *charset_icu_open (const char *canonical);

#endif
